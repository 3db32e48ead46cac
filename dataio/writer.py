"""Bars into day files: merged with what is there, the newest write of a `ts` wins, the same write twice changes nothing.

A day file is replaced whole (`utils.files.atomic_write`), so a crash leaves the old or the new one; a temporary file left by it is
never read. Writers of one dataset, in several processes too, take turns by a lock per series.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from dataio.bars import Bars, join, make_bars, newest_wins, no_bars
from dataio.dataset import COLUMNS, DAY_MS, Dataset, Series, day_name, encode_day
from dataio.tables import DamagedFile, read_columns
from utils.errors import Refusal
from utils.files import atomic_write

_Row = tuple[int, float, float, float, float, float]


class DatasetWriter:
    """Writes to one dataset. `append` buffers single bars, `flush` (or leaving the `with` block without error) makes them durable."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._buffers: dict[Series, list[_Row]] = {}

    @property
    def buffered(self) -> int:
        """Bars that are not yet durable."""
        return sum(map(len, self._buffers.values()))

    def append(self, series: Series, ts: int, open_: float, high: float, low: float, close: float, volume: float) -> None:
        """Take one closed bar into memory; later rows of an equal `ts` win."""
        self._buffers.setdefault(series, []).append((ts, open_, high, low, close, volume))

    def flush(self) -> int:
        """Write what is buffered; the number of rows that were new or changed. Raises as `write`; what was not written stays buffered."""
        changed = 0
        for series, rows in list(self._buffers.items()):
            changed += self.write(series, make_bars(series.timeframe_ms, *zip(*rows, strict=True)))
            del self._buffers[series]
        return changed

    def write(self, series: Series, bars: Bars) -> int:
        """Merge bars, in any order, into their days and return, when they are durable, how many rows were new or changed.

        ValueError: another timeframe than the series', or stamps outside 1970 to 2099; nothing is written then. DamagedFile: a day file
        that is there cannot be read; it is left as it is, days before it are written. Refusal: the folder cannot be written.
        """
        if bars.timeframe_ms != series.timeframe_ms:
            raise ValueError(f"bars of {bars.timeframe_ms} ms do not belong to {series}")
        if not len(bars):
            return 0
        bars = newest_wins(bars)
        days = bars.ts // DAY_MS
        day_name(int(days[0]))
        day_name(int(days[-1]))
        starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
        ends = np.append(starts[1:], len(bars))
        folder = self.dataset.folder(series)
        changed = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _turn(folder):
                for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
                    path = self.dataset.day_path(series, int(days[first]))
                    changed += _merge(path, bars.take(slice(first, last)))
        except OSError as error:
            raise Refusal(f"cannot write {folder}: {error.strerror or error}") from error
        return changed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.flush()


def read_day(path: Path, timeframe_ms: int) -> Bars:
    """A day file as it is, unchecked but for its schema; DamagedFile when it cannot be read."""
    return Bars(timeframe_ms=timeframe_ms, **read_columns(path, COLUMNS))


def _merge(path: Path, new: Bars) -> int:
    old = no_bars(new.timeframe_ms)
    if path.exists():
        try:
            old = read_day(path, new.timeframe_ms)
        except DamagedFile as error:
            raise DamagedFile(path, f"{error.fault}; it was not touched: move it away and write again") from error
    merged = newest_wins(join([old, new]))
    if merged.same(old):
        return 0
    atomic_write(path, encode_day(merged))
    kept = np.isin(merged.ts, old.ts)
    if not kept.any():
        return len(merged)
    before = newest_wins(old)
    at = np.searchsorted(before.ts, merged.ts[kept])
    equal = np.ones(len(at), np.bool_)
    for name in COLUMNS[1:]:
        ours, theirs = getattr(merged, name)[kept], getattr(before, name)[at]
        equal &= (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return len(merged) - int(equal.sum())


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until no other writer works on this series."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
