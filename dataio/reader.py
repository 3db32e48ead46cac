"""Ranges of stored bars: from the compacted cache where it is current, else from day files, the newest from the tail; columns by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dataio.bars import Bars, no_bars
from dataio.compact import open_cache, stale_days
from dataio.dataset import COLUMNS, DAY_MS, Dataset, Identity, Series
from dataio.tables import DamagedFile, read_columns
from dataio.tail import read_tail
from utils.errors import Refusal

_Columns = dict[str, npt.NDArray[Any]]


class DatasetReader:
    """Reads one dataset. A bad day file is an error, or with `skip_damaged` left out; a bad cache is passed by. Both are in `damaged`."""

    def __init__(self, dataset: Dataset, *, skip_damaged: bool = False) -> None:
        self.dataset = dataset
        self.damaged: dict[Path, str] = {}
        self._skip_damaged = skip_damaged

    def bars(self, series: Series, start_ms: int | None = None, end_ms: int | None = None) -> Bars:
        """Bars opening in [start_ms, end_ms), in fresh columns. Raises as `columns`."""
        return Bars(timeframe_ms=series.timeframe_ms, **self.columns(series, COLUMNS, start_ms, end_ms))

    def columns(self, series: Series, names: Sequence[str], start_ms: int | None = None, end_ms: int | None = None) -> _Columns:
        """The named columns of the bars opening in [start_ms, end_ms), sorted by `ts`, the last of equal ones.

        Refusal: the series is not there (what is, is listed). DamagedFile: file and fault.
        """
        newest = self._tail(series)  # before the day files: what leaves the tail is in them by then
        versions = self.dataset.versions(series)
        if not versions and not len(newest):
            there = ", ".join(map(str, self.dataset.series())) or "nothing"
            raise Refusal(f"no {series} in {self.dataset.root}; there is: {there}")
        wanted = tuple(dict.fromkeys(("ts", *names)))
        parts, stale = self._cached(series, versions, wanted, start_ms, end_ms)
        if stale is None or stale:
            days = self.dataset.days(series)
            for day in days if stale is None else stale:
                if day in days and not _outside(day, start_ms, end_ms) and (part := self._day(days[day], day, wanted)) is not None:
                    parts.append(_cut(part, start_ms, end_ms))
        merged = _join(parts, wanted)
        if len(newest := newest.between(start_ms, end_ms)):
            merged = _over(merged, newest)
        return {name: merged[name] for name in names}

    def _tail(self, series: Series) -> Bars:
        try:
            return read_tail(self.dataset.root).bars(series)
        except DamagedFile as error:
            if not self._skip_damaged:
                raise
            self.damaged[error.path] = error.fault
            return no_bars(series.timeframe_ms)

    def _cached(
        self, series: Series, versions: dict[str, Identity], wanted: Sequence[str], start_ms: int | None, end_ms: int | None
    ) -> tuple[list[_Columns], list[int] | None]:
        """Rows of the days that the cache holds as they are now, and the other days; None for them: no usable cache."""
        try:
            cache = open_cache(self.dataset, series)
            if cache is None:
                return [], None
            part = _cut({name: cache.column(name) for name in wanted}, start_ms, end_ms)
        except DamagedFile as error:
            self.damaged[error.path] = error.fault
            return [], None
        stale = stale_days(cache.note, versions)
        if len(stale):
            fresh = ~np.isin(part["ts"] // DAY_MS, stale)
            return [{name: column[fresh] for name, column in part.items()}], stale.tolist()
        return [part], []

    def _day(self, path: Path, day: int, wanted: Sequence[str]) -> _Columns | None:
        try:
            part = read_columns(path, wanted)
            if np.any(part["ts"] // DAY_MS != day):
                raise DamagedFile(path, "holds rows of another day")
        except DamagedFile as error:
            if not self._skip_damaged:
                raise
            self.damaged[path] = error.fault
            return None
        steps = np.diff(part["ts"])
        if bool(np.all(steps > 0)):
            return part
        order = np.argsort(part["ts"], kind="stable")
        last = np.append(np.diff(part["ts"][order]) != 0, True)
        return {name: column[order[last]] for name, column in part.items()}


def _outside(day: int, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is not None and (day + 1) * DAY_MS <= start_ms) or (end_ms is not None and day * DAY_MS >= end_ms)


def _cut(part: _Columns, start_ms: int | None, end_ms: int | None) -> _Columns:
    first = 0 if start_ms is None else int(np.searchsorted(part["ts"], start_ms))
    last = len(part["ts"]) if end_ms is None else max(first, int(np.searchsorted(part["ts"], end_ms)))
    return {name: column[first:last] for name, column in part.items()}


def _join(parts: Sequence[_Columns], wanted: Sequence[str]) -> _Columns:
    """Parts of different days as one, sorted."""
    if not parts:
        return {name: np.empty(0, np.int64 if name == "ts" else np.float64) for name in wanted}
    if len(parts) == 1:
        return parts[0]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    if not bool(np.all(np.diff(joined["ts"]) > 0)):
        order = np.argsort(joined["ts"], kind="stable")
        joined = {name: column[order] for name, column in joined.items()}
    return joined


def _over(merged: _Columns, newest: Bars) -> _Columns:
    """Sorted rows with newer ones laid over them."""
    kept = ~np.isin(merged["ts"], newest.ts) if len(merged["ts"]) and newest.ts[0] <= merged["ts"][-1] else slice(None)
    return _join([{name: column[kept] for name, column in merged.items()}, {name: getattr(newest, name) for name in merged}], tuple(merged))
