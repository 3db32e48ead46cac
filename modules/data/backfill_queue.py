"""Candles that are still owed: ranges that live candles went past, fetched one after the other when nothing else needs the venue.

A feed fills its own short gaps, because live candles wait behind them. What it had to go on without is asked for here: ranges of one
instrument and timeframe are merged, fetched a page at a time at `Urgency.BACKFILL`, tried until the venue answers, and given to whoever
reads that instrument now. What is owed is kept in a small file, so it survives the process; what was fetched but not yet crossed
off there is fetched again: receivers know a candle that they had.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import structlog

from marketdata.candles import ceil_start, find_gaps, floor_start
from modules.data.backfill import Klines
from modules.data.together import together
from state.instruments import Instrument
from state.market import Candle
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Rejected, Transient
from utils.files import atomic_write, quarantine
from utils.frames import FrameError
from utils.outage import Outages
from utils.throttle import Banned, Urgency

log = structlog.get_logger("backfill")

FILE = "backfill_queue.json"
SCHEMA = 1
CAPACITY = 1000
"""So many ranges at most; with more the longest waiting are given up, with a warning."""
PAGE = 1000
"""Candles fetched at a time, so that a long range neither blocks the others nor starts over after a crash."""
OWED = "candles owed"
"""What is out while they cannot be asked for."""
BACKOFF = Backoff(base_s=1.0, cap_s=60.0)

Receiver = Callable[[list[Candle]], None]
"""Takes candles of one instrument, ascending; may have had some of them."""


class Owed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The candles of `key` that start in [start, end), both on the timeframe's grid."""

    key: str
    timeframe_ms: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.timeframe_ms < 1 or not 0 <= self.start < self.end or self.start % self.timeframe_ms or self.end % self.timeframe_ms:
            raise ValueError(f"no range of candles: {self.key} {self.timeframe_ms} ms [{self.start}, {self.end})")

    def touches(self, other: Owed) -> bool:
        """The two are one range, or would be."""
        return self.series == other.series and self.start <= other.end and other.start <= self.end

    @property
    def series(self) -> tuple[str, int]:
        """What it is a range of."""
        return self.key, self.timeframe_ms


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    owed: list[Owed]


class BackfillQueue:
    """Asked by feeds, worked off by `run`. Nothing is written or fetched while that does not run."""

    def __init__(self, rest: Klines, clock: Clock, rng: random.Random, folder: Path, capacity: int = CAPACITY) -> None:
        """Takes up what `folder` says is still owed; a damaged file is moved aside with a warning."""
        self._rest = rest
        self._clock = clock
        self._rng = rng
        self._path = folder / FILE
        self._capacity = capacity
        self._receivers: dict[str, tuple[Instrument, Receiver]] = {}
        self._owed: list[Owed] = []
        self._outages = Outages()
        for one in _load(self._path):
            self._merge(one)
        self._bound()
        self._unsaved = asyncio.Event()
        self._wanted = asyncio.Event()

    def attach(self, instruments: Iterable[Instrument], receive: Receiver) -> None:
        """From now on candles of `instruments` go to `receive`; ranges of instruments that nobody reads wait."""
        for instrument in instruments:
            self._receivers[instrument.key] = (instrument, receive)
        self._wanted.set()

    def ask(self, key: str, timeframe_ms: int, start_ms: int, end_ms: int) -> None:
        """The candles that start in [start, end) are owed. Ranges that overlap or touch become one, in the place of the first."""
        start, end = ceil_start(start_ms, timeframe_ms), floor_start(end_ms, timeframe_ms)
        if start < end:
            self._merge(Owed(key, timeframe_ms, start, end))
            self._bound()
            self._changed()

    def had(self, key: str, timeframe_ms: int, start_ms: int, end_ms: int) -> None:
        """The candles of a range came by another way, or never will: they are no longer owed."""
        left: list[Owed] = []
        for one in self._owed:
            if one.series != (key, timeframe_ms) or end_ms <= one.start or one.end <= start_ms:
                left.append(one)
                continue
            first, last = floor_start(start_ms, timeframe_ms), ceil_start(end_ms, timeframe_ms)
            left += [msgspec.structs.replace(one, end=first)] if one.start < first else []
            left += [msgspec.structs.replace(one, start=last)] if last < one.end else []
        if left != self._owed:
            self._owed = left
            self._changed()

    def owed(self) -> Sequence[Owed]:
        """What is still missing, in the order of service."""
        return tuple(self._owed)

    async def run(self) -> None:
        """Fetch what is owed, for ever. OSError when the file cannot be written; what is owed is kept, it may be run again."""
        self._unsaved.set()
        await together([self._keep_saved(), self._serve()])

    async def _keep_saved(self) -> None:
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            if self._owed or self._path.exists():
                atomic_write(self._path, msgspec.json.format(msgspec.json.encode(_File(SCHEMA, self._owed)), indent=1))

    async def _serve(self) -> None:
        failures = 0
        while True:
            page = self._next()
            if page is None:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            try:
                await self._fetch(page)
                failures = 0
                self._outages.over(OWED)
            except Transient as error:
                failures += 1
                pause_s = BACKOFF.delay_s(failures, self._rng)
                if isinstance(error, Banned):
                    pause_s = max(pause_s, error.retry_after_s)
                self._outages.begin(OWED, str(error))
                self._to_the_end(page)
                await self._clock.sleep(pause_s)

    def _next(self) -> Owed | None:
        """The first page of the first range that somebody reads."""
        for one in self._owed:
            if one.key in self._receivers:
                return msgspec.structs.replace(one, end=min(one.end, one.start + PAGE * one.timeframe_ms))
        return None

    async def _fetch(self, page: Owed) -> None:
        instrument, _ = self._receivers[page.key]
        try:
            candles = await self._rest.klines(instrument, page.timeframe_ms, page.start, page.end, None, Urgency.BACKFILL)
        except (Rejected, FrameError) as error:
            log.warning("candles cannot be had", key=page.key, first=page.start, end=page.end, error=str(error))
        else:
            for gap in find_gaps(candles, page.timeframe_ms, page.start, page.end):
                log.warning("candles missing", key=page.key, first=gap.first, last=gap.last, count=gap.count(page.timeframe_ms))
            _, receive = self._receivers[page.key]  # who reads it now, not who did when it was asked
            receive(candles)
        self.had(page.key, page.timeframe_ms, page.start, page.end)

    def _to_the_end(self, page: Owed) -> None:
        """What failed does not stand in the way of the others."""
        for one in self._owed:
            if one.series == page.series and one.start <= page.start < one.end:
                self._owed.remove(one)
                self._owed.append(one)
                break

    def _merge(self, new: Owed) -> None:
        alike = [one for one in self._owed if one.touches(new)]
        place = self._owed.index(alike[0]) if alike else len(self._owed)
        alike.append(new)
        whole = msgspec.structs.replace(new, start=min(one.start for one in alike), end=max(one.end for one in alike))
        self._owed[place : place + 1] = [whole]
        self._owed = [one for one in self._owed if one is whole or not any(one is other for other in alike)]

    def _bound(self) -> None:
        over = len(self._owed) - self._capacity
        if over > 0:
            log.warning("too many ranges of candles are owed, the oldest are given up", count=over, first=self._owed[0].key)
            del self._owed[:over]

    def _changed(self) -> None:
        self._unsaved.set()
        self._wanted.set()


def _load(path: Path) -> list[Owed]:
    """What the file says is owed; nothing without one, or when it is not what was written: then it is moved aside."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    try:
        found = msgspec.json.decode(data, type=_File)
        if found.schema != SCHEMA:
            raise msgspec.ValidationError(f"schema {found.schema} is not {SCHEMA}")
    except msgspec.DecodeError as error:
        aside = quarantine(path, str(error))
        log.warning("the list of owed candles is damaged and was moved aside", error=str(error), file=aside.name)
        return []
    return found.owed
