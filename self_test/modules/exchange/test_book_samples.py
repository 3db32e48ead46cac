from __future__ import annotations

import pytest

from modules.exchange.book_samples import BookSampler
from risk.cost_model import Sample
from self_test.scenarios.desk import LEVEL, Desk
from state.market import Quote
from state.messages import BarsClosed, Event

M15 = 900_000
LATENCY = 150


class Watched:
    """A desk whose primary close has just come, and what its sampler has found."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.desk.now = (self.desk.now // (2 * M15) + 1) * 2 * M15 + M15  # an odd close: a buyer
        self.found: list[Sample] = []
        self.sampler = BookSampler(self.desk.engine.state, self.desk.engine.mandate, LATENCY, self.found.append)

    def told(self, event: Event | None = None, spread: int = 4) -> None:
        self.sampler.observe(1, event or self.desk.bars(LEVEL, spread=spread), [])

    def quote(self, after_ms: int, bid: int, ask: int, shown: int = 10**6) -> None:
        self.sampler.on_quote(Quote(self.desk.coin().key, self.desk.now + after_ms, bid, ask, shown, shown))


def test_the_book_that_stands_on_arrival_is_walked_not_the_one_that_ends_it() -> None:
    at = Watched()
    at.told()
    at.quote(100, LEVEL - 1, LEVEL + 5)
    assert at.found == []
    at.quote(5_000, LEVEL - 90, LEVEL + 90)
    (one,) = at.found
    assert one.slip_bp == pytest.approx(5.0) and one.at.spread_bp == pytest.approx(4.0)
    assert one.at.latency_s == pytest.approx(0.15) and one.ts == at.desk.now + LATENCY
    at.quote(9_000, LEVEL - 90, LEVEL + 90)
    assert len(at.found) == 1, "one order, one sample"


def test_a_decision_that_was_told_late_arrives_late() -> None:
    at = Watched()
    at.quote(800, LEVEL - 1, LEVEL + 3)
    at.told()
    at.quote(900, LEVEL - 1, LEVEL + 7)
    assert at.found == []
    at.quote(951, LEVEL, LEVEL + 1)
    (one,) = at.found
    assert one.at.latency_s == pytest.approx(0.95) and one.slip_bp == pytest.approx(7.0)


def test_sides_take_turns() -> None:
    at = Watched()
    for _ in range(2):
        at.told()
        at.quote(100, LEVEL - 9, LEVEL + 3)
        at.quote(5_000, LEVEL - 1, LEVEL + 1)
        at.desk.now += M15
    assert [one.slip_bp for one in at.found] == [pytest.approx(3.0), pytest.approx(9.0)]


@pytest.mark.parametrize("bid, ask, shown", [(LEVEL - 1, LEVEL + 1, 10), (LEVEL + 1, LEVEL, 10**6)])
def test_a_book_too_thin_or_crossed_tells_nothing(bid: int, ask: int, shown: int) -> None:
    at = Watched()
    at.told()
    at.quote(100, bid, ask, shown)
    at.quote(5_000, LEVEL - 1, LEVEL + 1)
    assert at.found == []


def test_only_primary_closes_that_came_in_time_are_decisions() -> None:
    at = Watched()
    late = at.desk.bars(LEVEL)
    at.told(BarsClosed(late.ts, late.candles, late.quotes, (), late=True))
    at.desk.now += 300_000
    at.told()
    at.told(BarsClosed(at.desk.now))
    at.quote(5_000, LEVEL - 1, LEVEL + 1)
    assert at.found == []


def test_a_crossed_quote_and_a_stranger_are_no_decisions() -> None:
    at = Watched()
    bars = at.desk.bars(LEVEL)
    crossed = Quote(at.desk.coin().key, at.desk.now, LEVEL, LEVEL, 1, 1)
    stranger = Quote("CRYPTO:ZZZUSDT", at.desk.now, LEVEL - 1, LEVEL, 1, 1)
    at.told(BarsClosed(bars.ts, bars.candles, (crossed, stranger)))
    at.quote(5_000, LEVEL - 1, LEVEL + 1)
    assert at.found == []
