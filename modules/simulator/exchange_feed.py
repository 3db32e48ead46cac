"""What the market does to the exchange: every path point, funding at its hour, the depth of the book; in one fixed order.

At one instant: points before it, then funding, then whatever is asked or scripted at it. So the exchange is a pure function of market and
commands, and can be made again from them after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from modules.simulator import path
from modules.simulator.book import book_at
from modules.simulator.exchange import Exchange
from modules.simulator.intervals import MINUTE
from modules.simulator.market import Market, Series
from modules.simulator.matching import Ladder, Level, Point
from modules.simulator.order_types import Now
from modules.simulator.point_reader import PointReader, Row

DEPTH = 50
"""Levels that a taker may walk through."""
NAMES = path.POINT.names or ()


def to_point(series: Series, row: Row) -> Point:
    """A path point in money. A perpetual's index is the middle of its touch, as its ticker says; so is its mark, unless recorded."""
    ts, price, size, bid, ask, bid_size, ask_size, buy = row
    tick, step = series.tick_exact, series.step_exact
    last = price * tick
    middle = price if series.listing.category == "spot" else (bid + ask) // 2
    return Point(
        ts=ts, price=last, size=size * step, taker="Buy" if buy else "Sell", bid=bid * tick, bid_size=bid_size * step, ask=ask * tick,
        ask_size=ask_size * step, mark=series.mark(ts, middle) * tick, index=middle * tick,
    )  # fmt: skip


class Ladders:
    """The depth behind a point, from the same book that the streams show."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def __call__(self, key: str, point: Point) -> Ladder:
        """Bids and asks, touch first."""
        series = self._market.series[key]
        row = path.last_point(series, point.ts + 1)
        book = book_at(series, row, DEPTH)
        return _levels(series, book.bids), _levels(series, book.asks)


def _levels(series: Series, side: dict[int, int]) -> list[Level]:
    return [(price * series.tick_exact, size * series.step_exact) for price, size in side.items()]


class ExchangeFeed:
    """Hands market and funding to an exchange. `wall_ms`: the wall clock."""

    def __init__(self, market: Market, exchange: Exchange, wall_ms: Callable[[], int]) -> None:
        self._market, self._exchange, self._wall_ms = market, exchange, wall_ms
        self._then: Callable[[int], int] | None = None
        self._perpetuals = [one for one in market.series.values() if one.listing.category == "linear"]

    def begin(self, now_ms: int) -> None:
        """The market as it stands before the first point: the newest known of each listing."""
        for series in self._market.series.values():
            row = path.last_point(series, now_ms)
            if row is None:
                row = path.points(series, 0, 1)[0]
            self.point(series, row.tolist())

    def point(self, series: Series, row: Row) -> None:
        """The market of a listing moved."""
        self._exchange.on_point(series.listing.key, to_point(series, row), self._at(row[0]))

    def funding(self, now_ms: int) -> None:
        """Settle what is due at this very instant."""
        for series in self._perpetuals:
            if now_ms % (series.listing.instrument.funding_interval_min * MINUTE) == 0:
                for _, rate in self._market.funding(series.listing.key, now_ms, now_ms):
                    self._exchange.on_funding(series.listing.symbol, Decimal(str(rate)), self._at(now_ms))

    def next_funding(self, after_ms: int) -> int:
        """The next instant at which some perpetual settles."""
        steps = {one.listing.instrument.funding_interval_min * MINUTE for one in self._perpetuals}
        return min(((after_ms // step + 1) * step for step in steps), default=after_ms + 1_000_000_000_000)

    def _at(self, ts: int) -> Now:
        return Now(ts, self._wall_ms() if self._then is None else self._then(ts))

    def replay(self, start_ms: int, stop_ms: int, then: Callable[[int], int] | None = None) -> None:
        """Feed all of [start, stop) and the funding up to and at `stop`, as it was published; `then`: the wall time of an instant."""
        self._then = then
        try:
            self._replay(start_ms, stop_ms)
        finally:
            self._then = None

    def _replay(self, start_ms: int, stop_ms: int) -> None:
        readers = [(series, PointReader(series)) for series in self._market.series.values()]
        self._market.extend(stop_ms + MINUTE)
        now = start_ms
        while now < stop_ms:
            until = min(stop_ms, self.next_funding(now))
            due = [(row[0], number, row) for number, (_, reader) in enumerate(readers) for row in reader.take(now, until)]
            due.sort(key=lambda one: one[:2])
            for _, number, row in due:
                self.point(readers[number][0], row)
            now = until
            self.funding(now)
