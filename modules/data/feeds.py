"""One market channel of Bybit as events: what closed goes to the engine's inbox, quotes and trades to the paper venue.

The feed is up again only when what it missed has been filled in, in time order, before anything live. If the history cannot be had,
live candles go on (exits need them), the feed stays down (no entries), and the filling is tried until it works. A hole in the live
candles of one symbol is filled the same way, without the feed being down and without the others waiting: the symbol's own candles are
held until what is missing has gone out before them, or cannot be had.

The feed asks for its own gaps at once and side by side, since live candles wait behind them. A hole that live candles went past is
also noted as owed (`modules/data/backfill_queue.py`): a new process starts behind them and would never ask for it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

import structlog

from marketdata.book import OrderBook
from marketdata.bybit_ws import StreamItem
from marketdata.intervals import interval_name
from marketdata.items import BookUpdate, Kline, Ticker
from modules.data.backfill import Fill, Klines, fill_gap
from modules.data.gather import QUOTE_AGE_MS, CloseGatherer
from modules.data.together import together
from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle, Quote, Trade
from state.messages import BarsClosed, FeedDown, FeedUp
from utils.clock import MS, Clock
from utils.errors import Rejected, Transient
from utils.frames import Down, FrameError, Malformed, Up
from utils.outage import Outages

log = structlog.get_logger("feed")

MARKET, CANDLES = "market data", "candles"
"""What of a feed may be out: its stream, and what fills the holes after that."""
FILL_RETRY_S = 5.0
BOOK_DEPTH = 1
HELD_CANDLES = 12
"""So many candles of a symbol wait for its hole to be filled (an hour of 5m); with more they go on without: exits need them."""


FeedEvent = BarsClosed | FeedDown | FeedUp


class Source(Protocol):
    """An endless stream of items in which Up and Down alternate (`marketdata.bybit_ws.BybitStream`)."""

    def items(self) -> AsyncGenerator[StreamItem, None]:
        """Everything the channel says."""

    def resubscribe(self, topic: str) -> None:
        """Ask for a fresh snapshot of one topic."""


class Gaps(Protocol):
    """Where holes are noted that live candles went past (`modules.data.backfill_queue.BackfillQueue`)."""

    def attach(self, instruments: Iterable[Instrument], receive: Callable[[list[Candle]], None]) -> None:
        """What is owed of `instruments` goes to `receive`."""

    def ask(self, key: str, timeframe_ms: int, start_ms: int, end_ms: int) -> None:
        """The candles that start in [start, end) are owed."""

    def had(self, key: str, timeframe_ms: int, start_ms: int, end_ms: int) -> None:
        """They are no longer."""


def feed_topics(instruments: Sequence[Instrument], timeframe_ms: int) -> list[str]:
    """The topics a feed of `instruments` needs: closed candles, best quotes (a spot ticker has none), prints; for perpetuals the ticker."""
    interval = interval_name(timeframe_ms)
    topics = []
    for instrument in instruments:
        kinds = [f"kline.{interval}", f"orderbook.{BOOK_DEPTH}", "publicTrade"] + ["tickers"] * (instrument.domain is Domain.PERPS)
        topics += [f"{kind}.{instrument.symbol}" for kind in kinds]
    return topics


class BybitFeed:
    """The feed `name` over one channel. `emit` takes events for the inbox, the other callbacks take what never goes there."""

    def __init__(
        self,
        name: str,
        instruments: Sequence[Instrument],
        timeframe_ms: int,
        source: Source,
        rest: Klines,
        clock: Clock,
        *,
        emit: Callable[[FeedEvent], None],
        on_quote: Callable[[Quote], None],
        on_trade: Callable[[Trade], None],
        on_ticker: Callable[[Ticker], None] | None = None,
        since: Mapping[str, int] | None = None,
        quote_age_ms: int = QUOTE_AGE_MS,
        gaps: Gaps | None = None,
    ) -> None:
        """`since`: by instrument key the start of the first candle that history did not have; the first Up fills from there."""
        self._name = name
        self._instruments = tuple(instruments)
        self._timeframe_ms = timeframe_ms
        self._source = source
        self._rest = rest
        self._clock = clock
        self._emit = emit
        self._on_quote = on_quote
        self._on_trade = on_trade
        self._on_ticker = on_ticker
        self._frontier = dict(since or {})
        self._gatherer = CloseGatherer([instrument.key for instrument in instruments], timeframe_ms, quote_age_ms=quote_age_ms)
        self._books = {instrument.key: OrderBook(instrument.key, BOOK_DEPTH) for instrument in instruments}
        self._book_topics = {instrument.key: f"orderbook.{BOOK_DEPTH}.{instrument.symbol}" for instrument in instruments}
        self._asked: set[str] = set()
        self._held: list[Candle] = []
        self._holding = False
        self._behind: dict[str, list[Candle]] = {}
        self._given_up: set[str] = set()
        """Symbols with a hole that could not be filled yet: theirs are not held."""
        self._passed: dict[str, int] = {}
        """Of these, the start of the first candle after those that went out beyond the hole."""
        self._gaps = gaps
        self._connected = False
        self._outages = Outages(feed=name)
        self._down = True  # until connected and whole
        self._losses = 0
        self._venue_ts = max(self._frontier.values(), default=0)
        self._gathering = asyncio.Event()
        self._fill_wanted = asyncio.Event()

    async def run(self) -> None:
        """Read the channel for ever. Rejected when the venue refuses a topic."""
        if self._gaps is not None:
            self._gaps.attach(self._instruments, self.take_owed)
        await together([self._read(), self._keep_grace(), self._keep_whole()])

    def take_owed(self, candles: Iterable[Candle]) -> None:
        """Candles of holes, given out late. What no live candle has passed is left to the feed's own filling, which keeps the order."""
        behind = [one for one in candles if one.ts < max(self._frontier.get(one.key, 0), self._passed.get(one.key, 0))]
        self._emit_all(self._gatherer.backfilled(behind))

    async def _read(self) -> None:
        async with aclosing(self._source.items()) as items:
            async for item in items:
                self._take(item)

    def _take(self, item: StreamItem) -> None:
        match item:
            case BookUpdate():
                self._seen(item.ts)
                self._take_book(item)
            case Trade():
                self._seen(item.ts)
                self._on_trade(item)
            case Kline():
                self._seen(item.ts)
                if item.confirmed and item.timeframe_ms == self._timeframe_ms:
                    self._take_candle(item.candle)
            case Ticker():
                self._seen(item.ts)
                if self._on_ticker is not None:
                    self._on_ticker(item)
            case Up():
                log.info("feed connected", feed=self._name)
                self._connected = self._holding = True
                self._fill_wanted.set()
            case Down():
                self._take_down(item)
            case Malformed():
                log.warning("frame dropped", feed=self._name, topic=item.topic, reason=item.reason)

    def _seen(self, ts: int) -> None:
        self._venue_ts = max(self._venue_ts, ts)

    def _take_book(self, update: BookUpdate) -> None:
        key = update.key
        fault = self._books[key].apply(update)
        if fault is None:
            self._asked.discard(key)
            quote = self._books[key].quote()
            if quote is not None:
                self._gatherer.observe(quote, self._now_ms())
                self._on_quote(quote)
            return
        self._gatherer.forget_quote(key)
        if key not in self._asked:
            self._asked.add(key)
            log.warning("book broken, subscribing again", key=key, fault=fault.value)
            self._source.resubscribe(self._book_topics[key])

    def _take_candle(self, candle: Candle) -> None:
        if self._holding:
            self._held.append(candle)
            return
        expected = self._frontier.get(candle.key, candle.ts)
        if candle.ts == expected:
            self._frontier[candle.key] = candle.ts + self._timeframe_ms
        elif candle.ts > expected:
            self._fill_wanted.set()
            if candle.key in self._given_up:
                self._pass(candle)
            else:
                self._hold(candle)
            return
        self._give(candle)

    def _hold(self, candle: Candle) -> None:
        held = self._behind.setdefault(candle.key, [])
        held.append(candle)
        if len(held) > HELD_CANDLES:
            self._give_up([candle.key])

    def _give_up(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._given_up.add(key)
            for candle in sorted(self._behind.pop(key, ()), key=lambda candle: candle.ts):
                self._pass(candle)

    def _pass(self, candle: Candle) -> None:
        """It goes out although candles before it are missing."""
        since = max(self._frontier[candle.key], self._passed.get(candle.key, 0))
        if self._gaps is not None:
            self._gaps.ask(candle.key, self._timeframe_ms, since, candle.ts)
        self._passed[candle.key] = max(since, candle.ts + self._timeframe_ms)
        self._give(candle)

    def _give(self, candle: Candle) -> None:
        self._emit_all(self._gatherer.add(candle, self._now_ms()))
        self._gathering.set()

    def _take_down(self, down: Down) -> None:
        self._outages.begin(MARKET, down.reason)
        self._losses += 1
        self._connected = False
        self._release_held()
        self._emit_all(self._gatherer.flush())
        self._gatherer.forget_quotes()
        self._asked.clear()
        for book in self._books.values():
            book.reset()
        self._down = True
        self._emit(FeedDown(ts=self._venue_ts or down.ts, feed=self._name, reason=down.reason))

    def _release_held(self) -> None:
        self._holding = False
        held, self._held = self._held, []
        for candle in held:
            self._take_candle(candle)

    async def _keep_grace(self) -> None:
        while True:
            deadline = self._gatherer.deadline_ms()
            if deadline is None:
                self._gathering.clear()
                await self._gathering.wait()
            else:
                await self._clock.sleep((deadline - self._now_ms()) / 1000)
                self._emit_all(self._gatherer.due(self._now_ms()))

    async def _keep_whole(self) -> None:
        while True:
            await self._fill_wanted.wait()
            self._fill_wanted.clear()
            if self._connected:
                await self._fill()

    async def _fill(self) -> None:
        losses = self._losses
        asked = [one for one in self._instruments if self._down or one.key in self._behind or one.key in self._given_up]
        try:
            fill = await fill_gap(self._rest, asked, self._timeframe_ms, self._frontier)
        except (Transient, Rejected, FrameError) as error:
            self._outages.begin(CANDLES, str(error))
            if losses == self._losses:
                self._give_up(one.key for one in asked)
                self._release_held()
            await self._clock.sleep(FILL_RETRY_S)
            if losses == self._losses:
                self._fill_wanted.set()
            return
        self._outages.over(CANDLES)
        self._deliver(fill)
        if losses == self._losses:
            if self._down:
                self._down = False
                self._outages.over(MARKET)
                self._emit(FeedUp(ts=self._venue_ts or self._clock.now_ms(), feed=self._name))
            self._release_held()

    def _deliver(self, fill: Fill) -> None:
        """What was missing, in time order with what waited for it (live ones stay live, unless the feed was down meanwhile)."""
        filled = {key for key, start in fill.frontier.items() if start > self._frontier[key]}
        waited = sorted((candle for key in filled for candle in self._behind.pop(key, ())), key=lambda candle: candle.ts)
        for key in filled:
            if self._gaps is not None:
                self._gaps.had(key, self._timeframe_ms, self._frontier[key], fill.frontier[key])
            self._frontier[key] = fill.frontier[key]
            self._passed.pop(key, None)
        self._given_up -= filled
        due = [candle for candle in waited if candle.ts < self._frontier[candle.key]]
        live, late = ([], fill.candles + due) if self._down else (due, fill.candles)
        for ts in sorted({candle.ts for candle in live + late}):
            for candle in live:
                if candle.ts == ts:
                    self._give(candle)
            self._emit_all(self._gatherer.backfilled(candle for candle in late if candle.ts == ts))
        self._give_up(self._behind.keys() & fill.frontier.keys() - filled)  # history does not have it yet
        for candle in waited:
            if candle.ts >= self._frontier[candle.key]:
                self._take_candle(candle)

    def _emit_all(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            self._emit(event)

    def _now_ms(self) -> int:
        return self._clock.monotonic_ns() // MS
