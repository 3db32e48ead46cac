"""Bars into a dataset: merged with what is there, the newest write of a `ts` wins, the same write twice changes nothing.

Single bars, as they close, go to the tail (`dataio/tail.py`): one fsync for all that were appended. Many go into their day files, and the
tail does when it has `FOLD_RECORDS`. A day file is replaced whole (`utils.files.atomic_write`), so a crash leaves the old or the new one;
a temporary file left by it is never read. Writers of one dataset, in several processes too, take turns.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from dataio.bars import Bars, join, newest_wins, no_bars
from dataio.dataset import COLUMNS, DAY_MS, Dataset, Series, day_name, encode_day
from dataio.tables import DamagedFile, read_columns
from dataio.tail import Row, Tail, append_rows, read_tail, turn
from utils.errors import Refusal
from utils.files import atomic_write, fsync_folder

FOLD_RECORDS = 4096
"""A day of fourteen symbols in candles of 5 minutes: every reader looks through them."""


class DatasetWriter:
    """Writes to one dataset. `append` buffers single bars, `flush` (or leaving the `with` block without error) makes them durable."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._buffers: dict[Series, list[Row]] = {}

    @property
    def buffered(self) -> int:
        """Bars that are not yet durable."""
        return sum(map(len, self._buffers.values()))

    def append(self, series: Series, ts: int, open_: float, high: float, low: float, close: float, volume: float) -> None:
        """Take one closed bar into memory; later rows of an equal `ts` win."""
        self._buffers.setdefault(series, []).append((ts, open_, high, low, close, volume))

    def flush(self) -> int:
        """Make what is buffered durable; how many rows that were.

        ValueError: stamps outside 1970 to 2099. Refusal: the folder cannot be written. With either everything stays buffered. DamagedFile:
        it is durable, but a day file that the tail should come into cannot be read (`fold`).
        """
        rows = self._buffers
        if not rows:
            return 0
        for mine in rows.values():
            for ts in {row[0] // DAY_MS for row in mine}:
                day_name(ts)
        root = self.dataset.root
        try:
            for series in rows:
                _make_durable(self.dataset.folder(series))
            with turn(root):
                records = append_rows(root, rows)
                done = self.buffered
                self._buffers = {}
                if records >= FOLD_RECORDS:
                    self._fold(read_tail(root))
        except OSError as error:
            raise Refusal(f"cannot write {root}: {error.strerror or error}") from error
        return done

    def fold(self, series: Collection[Series] | None = None) -> int:
        """Bring what the tail holds (of these series alone, when given) into day files; how many rows were new or changed there.

        DamagedFile: a day file that is there cannot be read; what belongs to its series stays in the tail, all else is done. Refusal: the
        folder cannot be written.
        """
        root = self.dataset.root
        if not read_tail(root).series():
            return 0
        try:
            with turn(root):
                return self._fold(read_tail(root), series)
        except OSError as error:
            raise Refusal(f"cannot write {root}: {error.strerror or error}") from error

    def _fold(self, tail: Tail, chosen: Collection[Series] | None = None) -> int:
        done: list[Series] = []
        damage: DamagedFile | None = None
        changed = 0
        for series in tail.series():
            if chosen is None or series in chosen:
                try:
                    changed += self._merge(series, tail.bars(series))
                except DamagedFile as error:
                    damage = damage or error
                else:
                    done.append(series)
        if done:
            tail.remove(done)
        if damage is not None:
            raise damage
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
        day_name(int(bars.ts.min()) // DAY_MS)
        day_name(int(bars.ts.max()) // DAY_MS)
        folder = self.dataset.folder(series)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with turn(self.dataset.root):
                self._fold(read_tail(self.dataset.root), [series])  # else its older rows had the last word
                return self._merge(series, newest_wins(bars))
        except OSError as error:
            raise Refusal(f"cannot write {folder}: {error.strerror or error}") from error

    def _merge(self, series: Series, bars: Bars) -> int:
        """Sorted bars into their day files."""
        days = bars.ts // DAY_MS
        starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
        ends = np.append(starts[1:], len(bars))
        changed = 0
        for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
            path = self.dataset.day_path(series, int(days[first]))
            path.parent.mkdir(parents=True, exist_ok=True)
            changed += _merge(path, bars.take(slice(first, last)))
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


def _make_durable(folder: Path) -> None:
    """Make a folder and its parents so that a loss of power leaves them there."""
    if not folder.is_dir():
        _make_durable(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
