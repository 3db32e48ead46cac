from __future__ import annotations

from modules.data.ticker import EVERY_MS, VenueTicker
from state.market import Quote
from state.messages import Tick


def quote(key: str, ts: int, bid: int = 100) -> Quote:
    return Quote(key, ts, bid, bid + 1, 5, 5)


def test_ticks_when_quotes_pass_a_full_step_and_not_before_the_first() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, quotes=False)
    for ts in (10, EVERY_MS - 1, EVERY_MS, EVERY_MS + 5, 2 * EVERY_MS - 1, 5 * EVERY_MS + 3, 5 * EVERY_MS + 4):
        ticker.observe(quote("A", ts))
    assert [tick.ts for tick in ticks] == [EVERY_MS, 5 * EVERY_MS + 3], "a gap is one tick, not one for each step missed"
    assert all(tick.quotes == () for tick in ticks)


def test_carries_the_latest_quote_of_every_symbol() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, quotes=True, every_ms=1_000)
    ticker.observe(quote("A", 1))
    ticker.observe(quote("B", 2))
    ticker.observe(quote("A", 900, 200))
    ticker.observe(quote("B", 1_000, 300))
    assert ticks == [Tick(1_000, (quote("A", 900, 200), quote("B", 1_000, 300)))]


def test_time_that_stands_still_or_goes_back_does_not_tick() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, quotes=False, every_ms=1_000)
    for ts in (1, 1_000, 1_000, 500, 1_999):
        ticker.observe(quote("A", ts))
    assert [tick.ts for tick in ticks] == [1_000]
