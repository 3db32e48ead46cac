"""Where volatility surfaces come from, and the watch that tells the engine of each new one by a journalled event.

A source says what was quoted by a time; the watch asks it at every price of a pair, in venue time, so that who plays a market again hears
of a surface at the same price. Reading files is a task of its own, ahead of time: no price waits for a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import structlog

from forex.options_calendar import DAY_MS
from forex.options_files import POINTS, SPOTS, VOLS, quoted_days, read_surface
from forex.options_generated import REVERSALS, generated_surface
from modules.data.surface_settings import OptionsConfig
from state.accounts import Domain
from state.market import Quote
from state.messages import Event, SurfaceSeen
from state.options import Surface, cut_ts
from state.runtime import RuntimeState
from utils.clock import Clock
from utils.errors import Refusal

log = structlog.get_logger("surfaces")
LOOK_S = 2.0
"""The files are looked at so often (wall time)."""
LACKING = "OPTIONS enters nothing: there is no volatility surface; --set options.surface_dir=FOLDER names one with quotes (docs/options.md)"
AHEAD = 2
"""Days of quotes that are held ready beyond now: a recorded market comes to them."""


class SurfaceSource(Protocol):
    """Answers at once from what it has; `look` may take its time."""

    def newest(self, pair: str, ts: int, spot: float, known: Surface | None) -> Surface | None:
        """The surface of `pair` quoted last at `ts` (ms UTC); None where there is none, or none newer than the one that is `known`."""

    async def look(self, ts: int) -> None:
        """Bring what it has up to date, for the times around `ts`."""


class GeneratedSurfaces:
    """Of the generated market: one for each day of venue time, from its first price on."""

    name = "generated"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def newest(self, pair: str, ts: int, spot: float, known: Surface | None) -> Surface | None:
        """A new one when the day (UTC) is another than that of the `known` one."""
        if pair not in REVERSALS or (known is not None and known.source == self.name and known.ts // DAY_MS >= ts // DAY_MS):
            return None
        return generated_surface(pair, self._seed, ts, spot)

    async def look(self, ts: int) -> None:
        """Nothing to look at."""


class FileSurfaces:
    """A folder of quotes. One that is damaged is refused, loudly and once; what was read before stays, and goes stale by its age."""

    name = "file"

    def __init__(self, folder: Path, pairs: Sequence[str], deposits: Mapping[str, float], say: Callable[[str], None]) -> None:
        self._folder, self._pairs, self._deposits, self._say = folder, tuple(pairs), deposits, say
        self._read: dict[str, dict[date, Surface]] = {pair: {} for pair in pairs}
        self._days: Mapping[str, Sequence[date]] = {}
        self._signs: Sequence[tuple[int, int]] = ()
        self._refused: set[tuple[str, date]] = set()
        """Since the files changed last."""

    def newest(self, pair: str, ts: int, spot: float, known: Surface | None) -> Surface | None:
        """The newest that was read."""
        found = max((one for one in self._read[pair].values() if one.ts <= ts), key=lambda one: one.ts, default=None)
        if found is None or found == known or (known is not None and known.source == self.name and known.ts > found.ts):
            return None
        return found

    async def look(self, ts: int) -> None:
        """Read what is new in the folder, and the days that are near."""
        await asyncio.to_thread(self._look, ts)

    def _look(self, ts: int) -> None:
        signs = [_sign(self._folder / name) for name in (VOLS, POINTS, SPOTS)]
        changed = signs != self._signs
        if changed:
            self._signs, self._refused = signs, set()
            try:
                self._days = quoted_days(self._folder)
            except Refusal as refusal:
                self._loudly(str(refusal))
                return
            for pair in self._pairs:
                if pair not in self._days:
                    self._loudly(f"{self._folder / VOLS} has no quotes of {pair}")
        for pair in self._pairs:
            self._read[pair] = self._near(pair, ts, anew=changed)

    def _near(self, pair: str, ts: int, *, anew: bool) -> dict[date, Surface]:
        """The surfaces of the last day up to `ts` and of the next ones; where that cannot be read, the last one that could."""
        days, held = self._days.get(pair, ()), self._read[pair]
        past, coming = [day for day in days if cut_ts(day) <= ts], [day for day in days if cut_ts(day) > ts]
        found = {}
        for day in (*past[-1:], *coming[:AHEAD]):
            one = held.get(day)
            if (anew or one is None) and (pair, day) not in self._refused:
                one = self._surface(pair, day) or one
            if one is not None:
                found[day] = one
        kept = max((day for day in held if cut_ts(day) <= ts), default=None)
        if kept is not None and not any(cut_ts(day) <= ts for day in found):
            found[kept] = held[kept]
        return found

    def _surface(self, pair: str, day: date) -> Surface | None:
        try:
            return read_surface(self._folder, pair, day, self._deposits)
        except Refusal as refusal:
            self._refused.add((pair, day))
            self._loudly(str(refusal))
            return None

    def _loudly(self, why: str) -> None:
        log.error("volatility surface refused", reason=why)
        self._say(f"OPTIONS: a volatility surface is refused, one from before stays in use until it is stale: {why}")


def _sign(file: Path) -> tuple[int, int]:
    """Size and time of change; what tells that somebody wrote to it."""
    try:
        stat = file.stat()
    except OSError:
        return -1, 0
    return stat.st_size, stat.st_mtime_ns


class SurfaceWatch:
    """Tells the engine of surfaces of the slots of `state`; `source` None: there are none here, and nothing is told."""

    def __init__(
        self, source: SurfaceSource | None, state: RuntimeState, clock: Clock, venue_now: Callable[[], int], put: Callable[[Event], None]
    ) -> None:
        self._source, self._clock, self._now, self._put = source, clock, venue_now, put
        self._slots = {one.key: one for one in state.instruments if one.domain is Domain.OPTIONS}
        self._told = dict(state.surfaces)

    @property
    def notes(self) -> list[str]:
        """What is to be said at a start: why options enter nothing here, with what would help."""
        return [LACKING] if self._slots and self._source is None else []

    def on_quote(self, quote: Quote) -> None:
        """A pair's price: a surface that has been quoted by its time is told."""
        slot = self._slots.get(quote.key)
        if slot is None or self._source is None:
            return
        spot = (quote.bid + quote.ask) / 2 * float(slot.tick)
        found = self._source.newest(slot.symbol, quote.ts, spot, self._told.get(slot.symbol))
        if found is not None:
            self._told[slot.symbol] = found
            log.info("volatility surface", pair=slot.symbol, source=found.source, quoted=found.ts, tenors=len(found.days))
            self._put(SurfaceSeen(quote.ts, found))

    async def run(self) -> None:
        """Look for ever; a source fails on its own, never trading."""
        while self._source is not None and self._slots:
            await self._source.look(self._now())
            await self._clock.sleep(LOOK_S)


async def surfaces_here(
    config: OptionsConfig, state: RuntimeState, simulator: Mapping[str, Any], ts: int, say: Callable[[str], None]
) -> SurfaceSource | None:
    """The folder that is configured, read once; else, where `simulator` says that its market is made up, surfaces that are, too.

    None where there is neither.
    """
    pairs = [one.symbol for one in state.instruments if one.domain is Domain.OPTIONS]
    if config.surface_dir:
        source = FileSurfaces(Path(config.surface_dir), pairs, config.deposits, say)
        await source.look(ts)
        return source
    return GeneratedSurfaces(int(simulator["seed"])) if simulator.get("market") == "generated" else None
