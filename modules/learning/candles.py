"""The candles of a run on disk, because labels need what came after each decision: day files under `data/`, settlements in `funding.csv`.

The observer only takes notes; writing happens when it is told to, off the loop, and comes to rest in day files now and then and at a stop.
What was not written when the process died is a hole, and a decision whose way leads over it has no label.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from dataio.bars import Bars, no_bars
from dataio.dataset import Dataset, Series
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.writer import DatasetWriter
from modules.engine.grid import Grid, build
from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle, FundingRate
from state.messages import BarsClosed, Command, Event
from utils.errors import Refusal
from utils.files import quarantine

log = structlog.get_logger("learning")

FOLDER, FUNDING = "data", "funding.csv"
VENUE = "bybit"

Ints = npt.NDArray[np.int64]


class CandleStore:
    """Takes closed candles and settlements from the engine's events; `flush` writes them."""

    def __init__(self, folder: Path, instruments: Mapping[Instrument, int]) -> None:
        """`folder`: of the state; `instruments` with the length of their candles (ms)."""
        self._folder = folder / FOLDER
        self._ticks = {one.key: float(one.tick) for one in instruments}
        self._series = {one.key: Series(VENUE, one.domain, one.symbol, bar_ms) for one, bar_ms in instruments.items()}
        self._candles: list[Candle] = []
        self._funding: list[FundingRate] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """A stop flushes, too, while the flush of a thread may still be at it."""

    def observe(self, _seq: int, event: Event, _commands: list[Command]) -> None:
        """An observer of the runner."""
        if isinstance(event, BarsClosed):
            with self._lock:
                self._candles.extend(event.candles)
                self._funding.extend(event.funding)

    def flush(self) -> int:
        """Write what was noted; how many candles. Refusal when the disk refuses, and then nothing is forgotten.

        A day file that cannot be read is moved aside, so that what comes now is kept: its own candles are a hole then.
        """
        with self._writing:
            return _past_damage(self._flush)

    def settle(self) -> None:
        """As `flush`, and all of it is in day files then: what any program reads, an older one too."""
        with self._writing:
            _past_damage(self._flush)
            _past_damage(DatasetWriter(Dataset(self._folder)).fold)

    def _flush(self) -> int:
        with self._lock:
            candles, funding = list(self._candles), list(self._funding)
        writer = DatasetWriter(Dataset(self._folder))
        for one in candles:
            tick = self._ticks[one.key]
            prices = (one.open * tick, one.high * tick, one.low * tick, one.close * tick)
            writer.append(self._series[one.key], one.ts, *prices, one.volume)
        writer.flush()
        if funding:
            try:
                with (self._folder / FUNDING).open("a", encoding="ascii") as file:
                    file.write("".join(f"{one.key},{one.ts},{one.rate_e8}\n" for one in funding))
            except OSError as error:
                raise Refusal(f"cannot write {self._folder / FUNDING}: {error.strerror}") from error
        with self._lock:
            del self._candles[: len(candles)], self._funding[: len(funding)]
        return len(candles)


def _past_damage(write: Callable[[], int]) -> int:
    """The result of `write`, which is tried again as long as it finds a damaged file, and that is moved aside."""
    while True:
        try:
            return write()
        except DamagedFile as error:
            log.warning("stored candles are damaged and moved aside", file=str(error.path), fault=error.fault)
            quarantine(error.path, error.fault)


def read_grid(
    folder: Path, instruments: Sequence[Instrument], domain: Domain, confirm_ms: int, window: tuple[int, int]
) -> tuple[Grid, dict[str, int]]:
    """What is stored of a domain's instruments in [from, to) (ms UTC), and the row of each key; Refusal when there is nothing.

    A grid has one length of candles: instruments that are traded on another are not in it.
    """
    reader = DatasetReader(Dataset(folder / FOLDER), skip_damaged=True)
    series: list[tuple[Instrument, Bars]] = []
    for one in instruments:
        if one.domain is domain:
            try:
                bars = reader.bars(Series(VENUE, domain, one.symbol, confirm_ms), *window)
            except Refusal:
                bars = no_bars(confirm_ms)
            if len(bars):
                series.append((one, bars))
    settled = read_funding(folder)
    funding = {one.key: settled[one.key] for one, _ in series if one.key in settled}
    grid = build(series, None, funding)
    return grid, {one.key: i for i, (one, _) in enumerate(series)}


def read_funding(folder: Path) -> Mapping[str, tuple[Ints, Ints]]:
    """Settlement times and rates x 1e8 by instrument; a line that a crash cut short is left out, the last of equal times wins."""
    found: dict[str, dict[int, int]] = {}
    try:
        text = (folder / FOLDER / FUNDING).read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    for line in text.splitlines(keepends=True):
        parts = line.rstrip("\n").split(",")
        if line.endswith("\n") and len(parts) == 3 and parts[1].isdigit() and parts[2].lstrip("-").isdigit():
            found.setdefault(parts[0], {})[int(parts[1])] = int(parts[2])
    return {
        key: (np.array(sorted(rates), np.int64), np.array([rates[ts] for ts in sorted(rates)], np.int64)) for key, rates in found.items()
    }


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run's experience lies and what it was gathered with: all that the trainer's process must be told once."""

    folder: str
    """Of the state."""
    instruments: tuple[Instrument, ...]
    config: str
    """`BotConfig` as JSON."""
