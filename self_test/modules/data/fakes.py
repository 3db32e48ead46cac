"""Small honest stand-ins for the venue: a history that obeys the kline rules, and a channel that says what a test puts in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from marketdata.bybit_ws import StreamItem
from marketdata.candles import closed_within
from state.instruments import Instrument
from state.market import Candle
from utils.errors import Transient
from utils.throttle import Urgency


class HistoryFake:
    """Candles by instrument key; the last of each is the one that runs. Fails as often as it is told to."""

    def __init__(self) -> None:
        self.candles: dict[str, list[Candle]] = {}
        self.failures = 0
        self.lost_once: set[tuple[str, int]] = set()
        """(key, start) that the next answer leaves out, as a venue that cuts an answer would."""
        self.asked: list[tuple[str, int, int]] = []
        self.urgencies: set[Urgency] = set()
        self.answering = asyncio.Event()
        self.answering.set()

    async def klines(
        self,
        instrument: Instrument,
        timeframe_ms: int,
        start_ms: int,
        end_ms: int,
        on_page: Callable[[int], None] | None = None,
        urgency: Urgency = Urgency.MARKET,
    ) -> list[Candle]:
        """The closed candles of the range."""
        self.urgencies.add(urgency)
        await self._answer()
        self.asked.append((instrument.key, start_ms, end_ms))
        found = closed_within(self.candles.get(instrument.key, []), timeframe_ms, start_ms, end_ms)
        kept = [candle for candle in found if (candle.key, candle.ts) not in self.lost_once]
        self.lost_once -= {(candle.key, candle.ts) for candle in found}
        if on_page is not None:
            on_page(len(kept))
        return kept

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int | None:
        """Start of the last candle."""
        await self._answer()
        candles = self.candles.get(instrument.key, [])
        return candles[-1].ts if candles else None

    async def _answer(self) -> None:
        await self.answering.wait()
        if self.failures:
            self.failures -= 1
            raise Transient("the venue is overloaded")


class ChannelFake:
    """A channel whose items a test puts in; an exception put in is raised."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[StreamItem | Exception] = asyncio.Queue()
        self.resubscribed: list[str] = []

    def say(self, *items: StreamItem | Exception) -> None:
        """Queue items."""
        for item in items:
            self._items.put_nowait(item)

    async def items(self) -> AsyncGenerator[StreamItem, None]:
        """What was put in, for ever."""
        while True:
            item = await self._items.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def resubscribe(self, topic: str) -> None:
        """Written down."""
        self.resubscribed.append(topic)
