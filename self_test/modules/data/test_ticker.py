from __future__ import annotations

from modules.data.ticker import EVERY_MS, VenueTicker
from state.market import Quote
from state.messages import Tick


def quote(key: str, ts: int, bid: int = 100) -> Quote:
    return Quote(key, ts, bid, bid + 1, 5, 5)


def test_ticks_when_quotes_pass_a_full_step_and_not_before_the_first() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, wanted=lambda: False, quote_age_ms=5_000)
    for ts in (10, EVERY_MS - 1, EVERY_MS, EVERY_MS + 5, 2 * EVERY_MS - 1, 5 * EVERY_MS + 3, 5 * EVERY_MS + 4):
        ticker.observe(quote("A", ts), 0)
    assert [tick.ts for tick in ticks] == [EVERY_MS, 5 * EVERY_MS + 3], "a gap is one tick, not one for each step missed"
    assert all(tick.quotes == () for tick in ticks)


def test_carries_the_latest_quote_of_every_symbol() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, wanted=lambda: True, quote_age_ms=5_000, every_ms=1_000)
    ticker.observe(quote("A", 1), 0)
    ticker.observe(quote("B", 2), 0)
    ticker.observe(quote("A", 900, 200), 0)
    ticker.observe(quote("B", 1_000, 300), 0)
    assert ticks == [Tick(1_000, (quote("A", 900, 200), quote("B", 1_000, 300)))]


def test_time_that_stands_still_or_goes_back_does_not_tick() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, wanted=lambda: False, quote_age_ms=5_000, every_ms=1_000)
    for ts in (1, 1_000, 1_000, 500, 1_999):
        ticker.observe(quote("A", ts), 0)
    assert [tick.ts for tick in ticks] == [1_000]


def test_a_quote_that_arrived_too_long_ago_stays_out_whatever_its_stamp() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, wanted=lambda: True, quote_age_ms=5_000, every_ms=1_000)
    ticker.observe(quote("OLD", 1), 100)
    ticker.observe(quote("EDGE", 2), 101)
    ticker.observe(quote("A", 1_000), 5_101)
    assert ticks == [Tick(1_000, (quote("EDGE", 2), quote("A", 1_000)))]
    ticker.observe(quote("OLD", 1_001), 5_200)
    ticker.observe(quote("A", 2_000), 5_300)
    assert {one.key for one in ticks[1].quotes} == {"OLD", "A"}, "seen again, it goes along again"


def test_a_forgotten_symbol_has_no_quote_until_it_is_seen_again() -> None:
    ticks: list[Tick] = []
    ticker = VenueTicker(ticks.append, wanted=lambda: True, quote_age_ms=5_000, every_ms=1_000)
    ticker.observe(quote("A", 1), 0)
    ticker.observe(quote("B", 2), 0)
    ticker.forget(["A", "NEVER SEEN"])
    ticker.observe(quote("B", 1_000), 1)
    assert ticks == [Tick(1_000, (quote("B", 1_000),))]
