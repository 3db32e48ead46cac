"""Funding of perpetuals as it is settled: the rates for the engine, with the bars they belong to, and the settlements of paper positions.

The ticker only says when a settlement came; its rate, and the mark price it is paid at, are asked for, so that what is told is what the
venue keeps in its history and what a replay will read. What was missed while nobody listened is asked for in the same way: rates since
the newest one known, and settlements since a position was opened. A question is repeated until it is answered; rates then come later, and
no candle waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from marketdata.items import Ticker
from modules.exchange.paper_funding import Holding, Owed
from state.instruments import Instrument
from state.market import FundingRate
from state.messages import BarsClosed, FundingPaid
from state.observed import RATES
from utils.clock import Clock
from utils.errors import Rejected, Transient
from utils.frames import FrameError
from utils.outage import Outages

MINUTE_MS = 60_000
FIRST_TRY_S, LAST_TRY_S = 0.2, 30.0
"""Between two questions: the venue publishes a rate a moment after its time; doubled each time."""


class Settlements(Protocol):
    """The part of a venue's REST client that is used here (`marketdata.bybit_rest.BybitRest`)."""

    async def funding_history(self, instrument: Instrument, start_ms: int, end_ms: int) -> list[FundingRate]:
        """Settled rates in [start, end], ascending."""

    async def mark_open(self, instrument: Instrument, timeframe_ms: int, ts: int) -> int | None:
        """Mark price (ticks) at which the bar opened at `ts`; None when it is not there yet."""


class FundingWatch:
    """One per feed of perpetuals, new with each start of it; `owed` outlives it."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        timeframe_ms: int,
        rest: Settlements,
        clock: Clock,
        owed: Owed,
        *,
        known: Mapping[str, int],
        now_ms: Callable[[], int],
        held: Callable[[str], Holding | None],
        pay: Callable[[list[FundingPaid]], None],
    ) -> None:
        """`known`: by instrument key the time of the newest rate that the engine has (0: none). `now_ms`: venue time. `held`: paper's."""
        self._instruments = {one.key: one for one in instruments}
        self._timeframe_ms, self._rest, self._clock, self._owed = timeframe_ms, rest, clock, owed
        self._now_ms, self._held, self._pay = now_ms, held, pay
        self._told = {key: known.get(key, 0) for key in self._instruments}
        self._next: dict[str, int] = {}
        self._due: dict[str, int] = dict.fromkeys(self._instruments, 0)
        """Instruments to ask about -> the settlement that the answer has to hold."""
        self._unpaid: dict[str, list[FundingRate]] = {}
        self._rates: list[FundingRate] = []
        self._news = asyncio.Event()
        self._outages = Outages()
        self._fresh = False

    @property
    def idle(self) -> bool:
        """Nothing has come that was not asked about once."""
        return not self._fresh

    def on_ticker(self, ticker: Ticker) -> None:
        """A frame of the ticker: notes when the next settlement is due, and that one came."""
        key, said = ticker.key, ticker.next_funding_ts
        known = self._next.get(key, said)
        if known is None:
            return
        if ticker.ts >= known or (said is not None and said > known):
            self._passed(key, known)
            interval_ms = self._instruments[key].funding_interval_min * MINUTE_MS
            known = said if said is not None and said > known else known + interval_ms
        elif said is not None and said > ticker.ts:
            known = said
        self._next[key] = known

    def _passed(self, key: str, ts: int) -> None:
        self._owed.note(key, ts, self._held(key))
        self._due[key] = ts
        self._fresh = True
        self._news.set()

    def attach(self, event: BarsClosed) -> BarsClosed:
        """`event` with the rates that were settled before its bars opened and have not been told, as a replay would tell them."""
        opened = event.ts - self._timeframe_ms
        ripe = tuple(sorted((rate for rate in self._rates if rate.ts <= opened), key=lambda rate: rate.ts))
        if not ripe:
            return event
        self._rates = [rate for rate in self._rates if rate.ts > opened]
        return msgspec.structs.replace(event, funding=event.funding + ripe)

    async def catch_up(self) -> None:
        """Ask once for everything that is missing; what cannot be had now is asked for again by `run`."""
        await self._look()

    async def run(self) -> None:
        """Ask about every settlement, for ever."""
        wait_s = FIRST_TRY_S
        while True:
            if not self._due and not self._unpaid:
                self._news.clear()
                await self._news.wait()
            if await self._look():
                wait_s = FIRST_TRY_S
            else:
                await self._clock.sleep(wait_s)
                wait_s = min(2.0 * wait_s, LAST_TRY_S)

    async def _look(self) -> bool:
        """Ask about all that is open; whether nothing is left."""
        for key in dict.fromkeys((*self._due, *self._unpaid)):
            try:
                if key in self._due:
                    await self._ask(key)
                await self._settle(key)
            except (Transient, Rejected, FrameError) as error:
                self._outages.begin(f"funding of {key}", str(error))
            else:
                self._outages.over(f"funding of {key}")
        self._fresh = False
        return not self._due and not self._unpaid

    async def _ask(self, key: str) -> None:
        instrument, due = self._instruments[key], self._due[key]
        end = max(self._now_ms(), due)
        start = self._told[key] + 1
        if not self._told[key]:
            start = end - RATES * instrument.funding_interval_min * MINUTE_MS
        since = self._owed.since(key)
        rates = await self._rest.funding_history(instrument, start if since is None else min(start, since), end)
        new = [rate for rate in rates if rate.ts > self._told[key]]
        self._rates += new
        self._told[key] = max([self._told[key], *(rate.ts for rate in new)])
        open_ = [rate for rate in rates if self._owed.wants(rate)]
        if open_:
            self._unpaid[key] = open_
        elif rates:
            self._owed.forget(key, rates[-1].ts)
        if self._told[key] >= due and self._due[key] == due:
            del self._due[key]

    async def _settle(self, key: str) -> None:
        for rate in self._unpaid.get(key, ()):
            mark = await self._rest.mark_open(self._instruments[key], self._timeframe_ms, rate.ts)
            if mark is None:
                return
            self._pay(self._owed.settle(rate, mark))
            self._unpaid[key] = [one for one in self._unpaid[key] if one.ts > rate.ts]
        if key in self._unpaid and not self._unpaid[key]:
            del self._unpaid[key]
