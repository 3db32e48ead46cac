"""OANDA's price stream as events: when its time passes a close, the candles are asked for; quotes go to the paper venue.

The stream has no candles, only prices and a heartbeat. When its time passes the end of a confirm bar, every pair is asked for what closed
since the last candle had: normally one candle, after a loss as many as were missed. So filling a hole and hearing a close are one act; what
closed earlier than that moment goes out as late. A time without a price has no candle, and no event. Candles are those of the bid: what is
recorded is the bid, so replay and life decide on the same bars.

Two instruments may be one pair: a currency pair and the slot of its options. Then both hear the same prices, and, on the same timeframe,
the same candles: the stream is opened and the history asked once.

While the market is shut nothing closes and nothing is asked; a stream that is lost then is no outage until the market opens without it.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec
import structlog

from forex.oanda_parse import Beat, Priced
from forex.sessions import is_open
from modules.data.feeds import FILL_RETRY_S, MARKET, FeedEvent
from modules.data.together import together
from state.instruments import Instrument
from state.market import Candle, Quote
from state.messages import BarsClosed, FeedDown, FeedUp
from utils.clock import MS, Clock
from utils.errors import Rejected, Transient
from utils.frames import Down, FrameError, Malformed, Up
from utils.outage import Outages

log = structlog.get_logger("feed")

QUOTE_AGE_MS = 15_000
"""An older quote (transport time) is not attached: nothing may be entered on it (definitions, "Feed health")."""
SIDE = "B"
AGAIN_S = 0.25
"""A candle of a time in which there was a price is asked for so far apart: the venue completes it a moment after its end."""
TOGETHER, TRIES = 8, 32
"""How often: so often all wait for all, to decide together; then what is there goes out, and who is missing comes by itself."""
OPEN_LOOK_S = 1.0
"""How often a lost stream looks whether the market has opened."""

Item = Priced | Beat | Up | Down | Malformed


class Prices(Protocol):
    """An endless stream of items in which Up and Down alternate (`forex.oanda_stream.pricing_stream`)."""

    def items(self) -> AsyncGenerator[Item, None]:
        """Everything the stream says."""


class Candles(Protocol):
    """The part of the broker's REST client that is used here (`forex.oanda_rest.OandaRest`)."""

    async def candles(self, instrument: Instrument, timeframe_ms: int, start_ms: int, end_ms: int, price: str = "B") -> list[Candle]:
        """Complete candles that start at or after `start_ms` and have closed by `end_ms`, ascending and unique."""


class OandaFeed:
    """The feed `name` over one price stream. `emit` takes events for the inbox, the other callbacks take what never goes there."""

    def __init__(
        self,
        name: str,
        instruments: Sequence[Instrument],
        confirm_ms: Mapping[str, int],
        source: Prices,
        rest: Candles,
        clock: Clock,
        *,
        emit: Callable[[FeedEvent], None],
        on_quote: Callable[[Quote], None],
        on_halt: Callable[[str], None],
        venue_now: Callable[[], int],
        since: Mapping[str, int] | None = None,
        quote_age_ms: int = QUOTE_AGE_MS,
    ) -> None:
        """`confirm_ms`: by instrument key the timeframe of its candles. `since`: the start of the first one that history did not have.

        `on_halt`: a pair stopped trading.
        """
        self._name, self._instruments, self._confirm_ms = name, tuple(instruments), dict(confirm_ms)
        self._pair = {one.key: pair_keys(instruments, one) for one in instruments}
        """Everything that has the same prices, itself included."""
        series: dict[tuple[str, int], list[Instrument]] = defaultdict(list)
        for one in instruments:
            series[one.symbol, confirm_ms[one.key]].append(one)
        self._asked = tuple(group[0] for group in series.values())
        """Whose candles are asked for: one of a pair and timeframe, for all of them."""
        self._heard_by = {group[0].key: tuple(one.key for one in group) for group in series.values()}
        self._step_ms = math.gcd(*confirm_ms.values())
        self._source, self._rest, self._clock = source, rest, clock
        self._emit, self._on_quote, self._on_halt, self._venue_now = emit, on_quote, on_halt, venue_now
        self._frontier = dict(since or {})
        self._quote_age_ms = quote_age_ms
        self._quotes: dict[str, tuple[Quote, int]] = {}
        self._priced: dict[str, tuple[int, ...]] = {}
        """The starts of each pair's last two bars with a price it could be traded at: that of the next may come before a close is asked."""
        self._connected = False
        self._outages = Outages(feed=name)
        self._down = True  # until connected and whole
        self._losses = 0
        self._venue_ts = max(self._frontier.values(), default=0)
        self._wanted = self._checked = 0
        """The newest close that the stream's time has passed, and the newest one whose candles have been given out."""
        self._news, self._lost = asyncio.Event(), asyncio.Event()
        self._reason = ""

    async def run(self) -> None:
        """Read the stream for ever."""
        await together([self._read(), self._keep_whole(), self._tell_losses()])

    def caught_up(self, ts: int) -> bool:
        """Nothing is still to come of the closes up to `ts` (venue ms), as far as this feed hears anything at all."""
        return self._down or self._checked >= ts // self._step_ms * self._step_ms

    async def _read(self) -> None:
        async with aclosing(self._source.items()) as items:
            async for item in items:
                self._take(item)

    def _take(self, item: Item) -> None:
        match item:
            case Priced(quote, tradeable):
                self._take_price(quote, tradeable=tradeable)
                self._passed(quote.ts)
            case Beat(ts):
                self._passed(ts)
            case Up():
                log.info("feed connected", feed=self._name)
                self._connected = True
                self._news.set()
            case Down():
                self._lose(item.reason)
            case Malformed():
                log.warning("line dropped", feed=self._name, topic=item.topic, reason=item.reason)

    def _take_price(self, quote: Quote, *, tradeable: bool) -> None:
        for key in self._pair[quote.key]:
            one = quote if key == quote.key else msgspec.structs.replace(quote, key=key)
            if tradeable and not quote.crossed:
                self._quotes[key] = one, self._now_ms()
                self._note_priced(one)
                self._on_quote(one)
            elif self._quotes.pop(key, None) is not None:
                self._on_halt(key)

    def _note_priced(self, quote: Quote) -> None:
        length, bars = self._confirm_ms[quote.key], self._priced.get(quote.key, ())
        opened = quote.ts // length * length
        if opened not in bars:
            self._priced[quote.key] = (*bars[-1:], opened)

    def _passed(self, ts: int) -> None:
        self._venue_ts = max(self._venue_ts, ts)
        close = self._venue_ts // self._step_ms * self._step_ms
        if close > self._wanted:
            self._wanted = close
            self._news.set()

    def _lose(self, reason: str) -> None:
        if is_open(self._venue_now()):
            self._outages.begin(MARKET, reason)
        self._losses += 1
        self._connected = False
        self._quotes.clear()
        self._reason = reason
        self._lost.set()

    async def _tell_losses(self) -> None:
        """A loss is told at once while the market is open; one while it is shut when it opens, if it lasts so long."""
        while True:
            await self._lost.wait()
            if self._connected or self._down:
                self._lost.clear()
            elif is_open(self._venue_now()):
                self._go_down(self._reason)
            else:
                await self._clock.sleep(OPEN_LOOK_S)

    def _go_down(self, reason: str) -> None:
        self._outages.begin(MARKET, reason)
        if not self._down:
            self._down = True
            self._emit(FeedDown(ts=self._venue_ts or self._clock.now_ms(), feed=self._name, reason=reason))

    async def _keep_whole(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._connected:
                await self._fill()

    async def _fill(self) -> None:
        """Everything that closed up to the newest close heard of. Late whatever closed before it, or comes while the feed is down.

        A pair whose candle takes longer comes by itself: the decisions on the others' do not wait for it.
        """
        target, losses = self._wanted, self._losses
        if target > self._checked or self._down:
            try:
                await self._ask(target)
            except (Transient, Rejected, FrameError) as error:
                self._go_down(f"its candles cannot be had: {error}")
                await self._clock.sleep(FILL_RETRY_S)
                self._news.set()
                return
            self._checked = target
        if losses == self._losses and self._down and target:
            self._down = False
            self._outages.over(MARKET)
            self._emit(FeedUp(ts=self._venue_ts, feed=self._name))

    async def _ask(self, target: int) -> None:
        """Give out the candles since each frontier. One that must be there, because there was a price, is waited for."""
        found: dict[str, list[Candle]] = {}
        left = [one for one in self._asked if self._down or not self._rests(one.key, target)]
        quoted = self._asked
        for go in range(TRIES + 1):
            if go:
                await self._clock.sleep(AGAIN_S)
            answers = await together(self._since(one, target) for one in left)
            found |= {one.key: answer for one, answer in zip(left, answers, strict=True)}
            left = [one for one in left if self._due(one.key, found[one.key], target)]
            ended = not left or self._down or self._wanted > target
            if ended or go >= TOGETHER:
                self._give([candle for series in found.values() for candle in series], target, quoted)
                found, quoted = {}, tuple(left)
            if ended:
                break

    async def _since(self, instrument: Instrument, target: int) -> list[Candle]:
        length = self._confirm_ms[instrument.key]
        end = target // length * length
        start = min(self._frontier.get(key, end - length) for key in self._heard_by[instrument.key])
        return await self._rest.candles(instrument, length, start, end, SIDE) if start < end else []

    def _rests(self, key: str, target: int) -> bool:
        """Nothing of it can have closed then: none of its bars ends there, or the market was shut and no price came."""
        length = self._confirm_ms[key]
        if target % length:
            return True
        opened = target - length
        return not is_open(opened) and not is_open(target - 1) and self._priced.get(key, (0,))[-1] < opened

    def _due(self, key: str, series: Sequence[Candle], target: int) -> bool:
        """Its candle that ends at `target` is missing, although there was a price."""
        length = self._confirm_ms[key]
        opened = target - length
        had = series[-1].ts if series else self._frontier.get(key, 0) - length
        return target % length == 0 and opened in self._priced.get(key, ()) and had < opened

    def _give(self, candles: Iterable[Candle], target: int, quoted: Iterable[Instrument]) -> None:
        order = {one.key: place for place, one in enumerate(self._instruments)}
        groups: dict[int, list[Candle]] = {}
        for candle in candles:
            close = candle.ts + self._confirm_ms[candle.key]
            for key in self._heard_by[candle.key]:
                if candle.ts >= self._frontier.get(key, 0):  # what one of a pair has had already is the other's news alone
                    groups.setdefault(close, []).append(candle if key == candle.key else msgspec.structs.replace(candle, key=key))
                    self._frontier[key] = close
        for close in sorted(groups):
            late = self._down or close < target or self._wanted > target
            ordered = tuple(sorted(groups[close], key=lambda one: order[one.key]))
            self._emit(BarsClosed(ts=close, candles=ordered, quotes=() if late else self._fresh(quoted), late=late))

    def _fresh(self, quoted: Iterable[Instrument]) -> tuple[Quote, ...]:
        now = self._now_ms()
        seen = (self._quotes.get(key) for one in quoted for key in self._heard_by[one.key])
        return tuple(quote for quote, at in filter(None, seen) if now - at <= self._quote_age_ms)

    def _now_ms(self) -> int:
        return self._clock.monotonic_ns() // MS


def pair_keys(instruments: Iterable[Instrument], one: Instrument) -> tuple[str, ...]:
    """The keys among `instruments` that are the same pair as `one`, in their order."""
    return tuple(other.key for other in instruments if other.symbol == one.symbol)


def subscribed(instruments: Iterable[Instrument]) -> tuple[Instrument, ...]:
    """One of each pair: what a price stream is opened for."""
    found: dict[str, Instrument] = {}
    for one in instruments:
        found.setdefault(one.symbol, one)
    return tuple(found.values())
