"""The public topics: how their names read, and for each kind its living state and what it sends."""

from __future__ import annotations

from typing import Literal

import msgspec

from modules.simulator import frames, intervals, path, tickers
from modules.simulator.book import Book, book_at, changes
from modules.simulator.candles import one
from modules.simulator.hub import Client, Hub
from modules.simulator.market import Series
from modules.simulator.point_reader import PointReader, Row
from modules.simulator.venue import Venue

BOOK_INTERVAL_S = {"50": 0.020, "200": 0.100, "1000": 0.200}
KLINE_INTERVAL_S = 1.0
SILENCE_S = 3.0
FIRST_U = 1000
"""Book update numbers begin here: u = 1 would mean that the exchange restarted."""

Kind = Literal["kline", "publicTrade", "tickers", "orderbook", "allLiquidation"]


class Topic(msgspec.Struct, frozen=True):
    """A parsed topic name."""

    name: str
    kind: Kind
    argument: str
    """Interval of a kline, depth of a book, else empty."""
    symbol: str


def parse_topic(name: str) -> Topic | None:
    """The topic of this name, None when there is no such kind (the symbol is not looked at)."""
    parts = name.split(".")
    match parts:
        case ["publicTrade" | "tickers" | "allLiquidation" as kind, symbol] if symbol:
            return Topic(name, kind, "", symbol)
        case ["kline", interval, symbol] if interval in intervals.INTERVALS and symbol:
            return Topic(name, "kline", interval, symbol)
        case ["orderbook", depth, symbol] if (depth == "1" or depth in BOOK_INTERVAL_S) and symbol:
            return Topic(name, "orderbook", depth, symbol)
    return None


class KlineTopic:
    """One interval of one symbol: running candles about once a second, the closed one once."""

    def __init__(self, topic: Topic, series: Series, subscribers: set[Client], venue: Venue) -> None:
        self.subscribers = subscribers
        self._topic, self._series, self._venue = topic, series, venue
        self._start = intervals.floor_start(venue.now_ms, topic.argument)
        self.closes_ms = intervals.shift(self._start, topic.argument, 1)
        self._next_s = 0.0
        self._sent: tuple[int, float] | None = None

    def confirm(self, hub: Hub) -> None:
        """Publish the candle that just closed (none if nothing traded in it) and go on to the next."""
        candle = one(self._series, self._topic.argument, self._start, self.closes_ms)
        if candle is not None:
            hub.publish(
                self.subscribers, frames.kline(self._topic.name, self._series, self._topic.argument, candle, self.closes_ms, confirm=True)
            )
        self._start = self.closes_ms
        self.closes_ms = intervals.shift(self._start, self._topic.argument, 1)

    def pulse(self, hub: Hub, wall_s: float) -> None:
        """Publish the running candle when a second has passed and it has moved."""
        if not self.subscribers or wall_s < self._next_s:
            return
        self._next_s = wall_s + KLINE_INTERVAL_S
        candle = one(self._series, self._topic.argument, self._start, self._venue.now_ms)
        if candle is None or not candle.volume[0] or (state := (int(candle.ts[0]), float(candle.volume[0]))) == self._sent:
            return
        self._sent = state
        hub.publish(
            self.subscribers, frames.kline(self._topic.name, self._series, self._topic.argument, candle, self._venue.now_ms, confirm=False)
        )


class BookTopic:
    """A deeper book: one published state for all its subscribers, deltas from there."""

    def __init__(self, topic: Topic, series: Series, subscribers: set[Client], venue: Venue) -> None:
        self.subscribers = subscribers
        self._topic, self._series, self._venue = topic, series, venue
        self._depth = int(topic.argument)
        self._interval_s = BOOK_INTERVAL_S[topic.argument]
        self._book: Book = book_at(series, venue.last(series), self._depth)
        self._u = FIRST_U
        self._next_s = 0.0

    def refresh(self, hub: Hub) -> None:
        """Publish the difference to the book as it stands now, if there is one."""
        point = self._venue.last(self._series)
        if int(point["ts"]) == self._book.ts:
            return
        book = book_at(self._series, point, self._depth)
        bids, asks = changes(self._book.bids, book.bids), changes(self._book.asks, book.asks)
        self._book = book
        if bids or asks:
            self._u += 1
            hub.publish(
                self.subscribers, frames.book(self._topic.name, "delta", self._series, self._venue.now_ms, book.ts, bids, asks, self._u)
            )

    def snapshot(self) -> bytes:
        """The published state, for a new subscriber."""
        book = self._book
        return frames.book(self._topic.name, "snapshot", self._series, self._venue.now_ms, book.ts, book.bids, book.asks, self._u)

    def pulse(self, hub: Hub, wall_s: float) -> None:
        """Publish the difference when the depth's interval has passed."""
        if self.subscribers and wall_s >= self._next_s:
            self._next_s = wall_s + self._interval_s
            self.refresh(hub)


class Tape:
    """The path points of one listing in order (`points`), and its trade, ticker and level-1 topics."""

    def __init__(self, series: Series, venue: Venue, hub: Hub) -> None:
        key = series.listing.key
        symbol, category = series.listing.symbol, series.listing.category
        self.series, self._venue, self._hub = series, venue, hub
        self._series = series
        self._salt = path.salt_of(key)
        self._names = (f"publicTrade.{symbol}", f"tickers.{symbol}", f"orderbook.1.{symbol}")
        self._trades, self._tickers, self._touches = (hub.subscribers(category, name) for name in self._names)
        self.points = PointReader(series)
        self._u = FIRST_U
        self._last: Row = self._row(venue.last(series))
        self._ticker: dict[str, str] = {}
        self._tick_direction = "ZeroPlusTick"
        self._touch_s = 0.0

    @property
    def wanted(self) -> bool:
        """Whether anybody listens to it."""
        return bool(self._trades or self._tickers or self._touches)

    def publish(self, row: Row) -> None:
        """Send one point as trade, level-1 book and ticker, to those who want each."""
        series = self._series
        ts, price, size, *_, buy = row
        before = self._last[1]
        if price != before:
            self._tick_direction = "PlusTick" if price > before else "MinusTick"
        elif not self._tick_direction.startswith("Zero"):
            self._tick_direction = "Zero" + self._tick_direction
        self._last = row
        if self._trades and size:
            self._hub.publish(
                self._trades, frames.trade(self._names[0], series, self._salt, ts, series.price(price), size, buy, self._tick_direction)
            )
        if self._touches:
            self._u += 1
            self._hub.publish(self._touches, self._touch())
            self._touch_s = -1.0
        if self._tickers:
            self._send_ticker()

    def _touch(self) -> bytes:
        ts, _, _, bid, ask, bid_size, ask_size, _ = self._last
        text, size = self._series.price, self._series.size
        return frames.level_one(
            self._names[2], self._series.listing.symbol, ts, (text(bid), size(bid_size)), (text(ask), size(ask_size)), self._u
        )

    def _fields(self) -> dict[str, str]:
        ts, price, _, bid, ask, bid_size, ask_size, _ = self._last
        return tickers.row(self._venue, self._series, ts, price, bid, ask, bid_size, ask_size)

    def _send_ticker(self) -> None:
        fields = self._fields()
        if self._series.listing.category == "spot":
            self._hub.publish(self._tickers, frames.ticker(self._names[1], "snapshot", self._last[0], fields))
            return
        known = self._ticker
        delta = {name: value for name, value in fields.items() if known.get(name) != value}
        self._ticker = fields
        if delta:
            self._hub.publish(
                self._tickers, frames.ticker(self._names[1], "delta", self._last[0], {"symbol": self._series.listing.symbol} | delta)
            )

    def first_message(self, topic: Topic) -> bytes | None:
        """What a new subscriber gets at once: the ticker or the touch as last published; nothing for trades."""
        if not self.wanted:
            self._last = self._row(self._venue.last(self._series))
        if topic.kind in ("publicTrade", "allLiquidation"):
            return None
        if topic.kind == "orderbook":
            return self._touch()
        if not self._tickers or self._series.listing.category == "spot":
            self._ticker = self._fields()
        return frames.ticker(topic.name, "snapshot", self._last[0], self._ticker)

    def pulse(self, wall_s: float) -> None:
        """Repeat the touch, same u, after three seconds without a new one."""
        if not self._touches:
            return
        if self._touch_s < 0.0:
            self._touch_s = wall_s + SILENCE_S
        elif wall_s >= self._touch_s:
            self._touch_s = wall_s + SILENCE_S
            self._hub.publish(self._touches, self._touch())

    @staticmethod
    def _row(point: object) -> Row:
        return tuple(point.tolist())  # type: ignore[attr-defined]  # a record of dtype POINT
