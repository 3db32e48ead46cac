"""One uncompressed cache file per series, for reading years at memory speed: built from the day files, proved equal, then put in place.

The cache (arrow IPC) names the version of every day file it was made from and holds checksums of each column. A day that has changed
since is read from its file, so a stale cache is slow, never wrong; compacting twice, or at any time, changes no row. Its columns are
handed out as private memory maps: writable without copying (a written page is copied then), and the file never sees it.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc

from dataio.bars import Bars, Int64s, join, newest_wins, no_bars
from dataio.dataset import COLUMNS, DAY_MS, SCHEMA, Dataset, Identity, Series, day_number, to_table
from dataio.tables import DamagedFile
from dataio.tail import read_tail
from dataio.writer import DatasetWriter, read_day
from utils.errors import Invariant, Refusal
from utils.files import atomic_write

_FORMAT = 1
_KEY = b"bars"
LANES = 509


class CacheNote(msgspec.Struct, frozen=True):
    """What a cache says of itself: from which versions of which day files (by name), and the checksums of each column."""

    format: int
    timeframe_ms: int
    days: dict[str, Identity]
    crc32: dict[str, int]
    lanes: dict[str, int] | None = None
    """As `lane_sum`; a cache of an older program has none, and is held against its CRC-32."""


class Compacted(msgspec.Struct, frozen=True):
    """What compacting one series did."""

    series: str
    path: str
    days: int
    rows: int
    rewritten: bool
    """False when the cache was already up to date."""


class Cache:
    """An open cache of one series; columns are checked when they are read."""

    def __init__(self, path: Path, source: mmap.mmap | bytes) -> None:
        self.path = path
        self._source = source
        buffer = pa.py_buffer(source)
        self._base = buffer.address
        try:
            self._table = ipc.open_file(buffer).read_all()
            self.note = msgspec.json.decode((self._table.schema.metadata or {})[_KEY], type=CacheNote)
        except (pa.ArrowException, OSError, KeyError, msgspec.DecodeError) as error:
            raise DamagedFile(path, f"not a compacted cache ({str(error).splitlines()[0]})") from error
        if self.note.format != _FORMAT or not self._table.schema.equals(SCHEMA) or self._table.column(0).num_chunks > 1:
            raise DamagedFile(path, "a compacted cache of another format; compact again")

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column, valid as long as it is held; DamagedFile when its checksum is wrong."""
        dtype = np.dtype(np.int64 if name == "ts" else np.float64)
        count = self._table.num_rows
        # numpy is given the place inside the map, because an array made by arrow would be read-only.
        place = self._table.column(name).chunk(0).buffers()[1].address - self._base if count else 0
        values: npt.NDArray[Any] = np.frombuffer(self._source, dtype, count, place) if count else np.empty(0, dtype)
        lanes = self.note.lanes
        intact = zlib.crc32(values.data) == self.note.crc32[name] if lanes is None else lane_sum(values) == lanes[name]
        if not intact:
            raise DamagedFile(self.path, f"column {name} does not match its checksum; compact again")
        return values

    def bars(self) -> Bars:
        """Everything; DamagedFile as `column`."""
        return Bars(timeframe_ms=self.note.timeframe_ms, **{name: self.column(name) for name in COLUMNS})


def open_cache(dataset: Dataset, series: Series) -> Cache | None:
    """The cache of a series, None when there is none; DamagedFile when it is not usable."""
    path = dataset.cache_path(series)
    try:
        with path.open("rb") as file:
            source = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DamagedFile(path, f"not readable ({error})") from error
    cache = Cache(path, source)
    if cache.note.timeframe_ms != series.timeframe_ms:
        raise DamagedFile(path, "a compacted cache of another timeframe; compact again")
    return cache


def compact(dataset: Dataset, series: Series) -> Compacted:
    """Bring the cache of one series up to date, what the tail holds of it included.

    DamagedFile: a day file is bad, the old cache stays. Refusal: no series, unwritable.
    """
    if len(read_tail(dataset.root).bars(series)):
        DatasetWriter(dataset).fold([series])
    # The versions are noted before the files are read: one replaced in between counts as changed, and is then read from its file.
    versions = dataset.versions(series)
    days = dataset.days(series)
    if not days:
        raise Refusal(f"no day files of {series} in {dataset.root}")
    path = dataset.cache_path(series)
    try:
        cache = open_cache(dataset, series)
        if cache is not None and cache.note.days == versions:
            return Compacted(str(series), str(path), len(days), len(cache.bars()), False)
    except DamagedFile:
        pass  # it is replaced below
    bars = newest_wins(join([no_bars(series.timeframe_ms), *(_day(file, day, series) for day, file in days.items())]))
    data = _encode(bars, versions)
    if not Cache(path, data).bars().same(bars):
        raise Invariant(f"{path}: what was encoded does not read back equal")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror or error}") from error
    return Compacted(str(series), str(path), len(days), len(bars), True)


def stale_days(note: CacheNote, versions: Mapping[str, Identity]) -> Int64s:
    """Days that the cache has in another version than the files have now, or that only one of them has."""
    if versions == note.days:
        return np.empty(0, np.int64)
    changed = (day_number(name) for name in versions.keys() | note.days.keys() if versions.get(name) != note.days.get(name))
    return np.array(sorted(day for day in changed if day is not None), np.int64)


def lane_sum(values: npt.NDArray[Any]) -> int:
    """A checksum of a column of 8-byte values, five times as fast as a CRC-32 of them all.

    The k-th values of all rows of `LANES` are added up (modulo 2^64), the CRC-32 is of these sums and of the row that is not full. A
    changed bit, a block that is zero, old or foreign changes a sum; blocks of a disk that changed places do, too, because a prime number
    of lanes puts the same place of two blocks into different ones.
    """
    words = np.ascontiguousarray(values).view(np.uint64)
    full = len(words) // LANES * LANES
    sums = np.add.reduce(words[:full].reshape(-1, LANES), axis=0)
    return zlib.crc32(words[full:].data, zlib.crc32(sums.data))


def _day(path: Path, day: int, series: Series) -> Bars:
    bars = read_day(path, series.timeframe_ms)
    if len(bars) and bool(np.any(bars.ts // DAY_MS != day)):
        raise DamagedFile(path, "holds rows of another day")
    return bars


def _encode(bars: Bars, versions: dict[str, Identity]) -> bytes:
    crc32 = {name: zlib.crc32(getattr(bars, name).data) for name in COLUMNS}
    note = CacheNote(_FORMAT, bars.timeframe_ms, versions, crc32, {name: lane_sum(getattr(bars, name)) for name in COLUMNS})
    table = to_table(bars).replace_schema_metadata({_KEY: msgspec.json.encode(note)})
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema) as file:
        file.write_table(table)
    return bytes(sink.getvalue())
