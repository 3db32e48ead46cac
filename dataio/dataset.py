"""Where stored bars lie: `root/venue/domain/symbol/timeframe/YYYY-MM-DD.parquet`, one file per UTC day, and what such a file holds.

Day files: parquet, zstd, page checksums, `ts` int64 ms UTC (open time) and float64 OHLCV, sorted, unique. What was appended bar by bar
lies in `root/.tail` (`dataio/tail.py`) until it comes into them; the two are the truth. Beside them, under `root/.compact/`, lies at most
one cache per series (`dataio/compact.py`); deleting it loses nothing.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataio.bars import FIELDS, Bars, Floats, Int64s, parse_timeframe, timeframe_name
from state.accounts import Domain
from utils.errors import Refusal

DAY_MS = 86_400_000
COLUMNS = ("ts", *FIELDS)
SCHEMA = pa.schema([("ts", pa.int64()), *((name, pa.float64()) for name in FIELDS)])
CACHE_FOLDER = ".compact"
END_MS = 4_102_444_800_000
"""2100-01-01: stamps from 0 up to here can be stored."""
_VENUE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,39}")
_DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet")


class Series(msgspec.Struct, frozen=True, order=True):
    """One stored stream of bars. Refusal when a part could not be a folder name or the timeframe does not divide a day."""

    venue: str
    """Lower case: the source of the numbers, e.g. bybit."""
    domain: Domain
    symbol: str
    timeframe_ms: int

    def __post_init__(self) -> None:
        if not _VENUE.fullmatch(self.venue):
            raise Refusal(f"venue {self.venue!r}: use lower-case letters, digits, - and _")
        if not _SYMBOL.fullmatch(self.symbol):
            raise Refusal(f"symbol {self.symbol!r}: use capital letters, digits, -, _ and .")
        if self.timeframe_ms <= 0 or self.timeframe_ms % 60_000 or DAY_MS % self.timeframe_ms:
            raise Refusal(f"timeframe {self.timeframe_ms} ms: use whole minutes that divide a day")

    def __str__(self) -> str:
        return f"{self.venue}/{self.domain.lower()}/{self.symbol}/{timeframe_name(self.timeframe_ms)}"

    @classmethod
    def parse(cls, text: str) -> Series:
        """The series written as `venue/domain/symbol/timeframe`; Refusal otherwise."""
        parts = text.split("/")
        if len(parts) != 4:
            raise Refusal(f"{text!r} is not venue/domain/symbol/timeframe, e.g. bybit/crypto/BTCUSDT/5m")
        try:
            return cls(parts[0], Domain(parts[1].upper()), parts[2], parse_timeframe(parts[3]))
        except ValueError as error:
            raise Refusal(f"{text!r}: {error}") from error


Identity = tuple[int, int, int]
"""Size, mtime (ns) and inode tell one version of a file from another: a replaced file has another inode, even within one tick of the clock.
A bare tuple, because a read makes one of every day file."""


class Dataset:
    """The paths of one dataset; creating it touches no disk."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def folder(self, series: Series) -> Path:
        """Folder of a series' day files."""
        return self.root / str(series)

    def day_path(self, series: Series, day: int) -> Path:
        """File of one day, counted in days since 1970-01-01 (`ts // DAY_MS`)."""
        return self.folder(series) / f"{day_name(day)}.parquet"

    def cache_path(self, series: Series) -> Path:
        """Where the compacted cache of a series lies, if there is one."""
        return self.root / CACHE_FOLDER / f"{series}.arrow"

    def series(self) -> tuple[Series, ...]:
        """Every series that has a folder, sorted; folders with other names are left alone. Refusal when the root is no folder."""
        if not self.root.is_dir():
            raise Refusal(f"no dataset at {self.root}: not a folder")
        return tuple(sorted(self._series()))

    def days(self, series: Series) -> dict[int, Path]:
        """Day files by day number, ascending; files of other names (temporary ones of a crash too) are not day files."""
        folder = self.folder(series)
        if not folder.is_dir():
            return {}
        found = ((day_number(path.name), path) for path in folder.iterdir())
        return dict(sorted((day, path) for day, path in found if day is not None))

    def versions(self, series: Series) -> dict[str, Identity]:
        """Version of every day file by file name: one pass over the folder, cheap enough for every read."""
        try:
            folder = os.open(self.folder(series), os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        found = {}
        try:
            # By name in the open folder: the system need not walk the whole path of each file.
            for name in os.listdir(folder):  # noqa: PTH208
                if day_number(name) is not None:
                    try:
                        known = os.stat(name, dir_fd=folder)
                    except FileNotFoundError:  # removed meanwhile
                        continue
                    found[name] = (known.st_size, known.st_mtime_ns, known.st_ino)
        finally:
            os.close(folder)
        return found

    def _series(self) -> Iterator[Series]:
        for path in self.root.glob("*/*/*/*"):
            name = path.relative_to(self.root)
            if path.is_dir() and name.parts[0] != CACHE_FOLDER:
                try:
                    yield Series.parse(name.as_posix())
                except Refusal:
                    continue


def identity(path: Path) -> Identity:
    """Version of a file as it is now; OSError when it is gone."""
    known = path.stat()
    return known.st_size, known.st_mtime_ns, known.st_ino


def day_name(day: int) -> str:
    """`2025-03-10` of a day number; ValueError outside 1970 to 2099 (then the stamps were not milliseconds)."""
    if not 0 <= day * DAY_MS < END_MS:
        raise ValueError(f"day {day} is outside 1970 to 2099: are the stamps milliseconds?")
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


@lru_cache(maxsize=1 << 14)
def day_number(file_name: str) -> int | None:
    """Day number of a day file's name, None when it is no such name."""
    match = _DAY_FILE.fullmatch(file_name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1]).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None


def to_table(bars: Bars) -> pa.Table:
    """Bars as an arrow table in the stored schema."""
    return pa.table([_column(field.type, getattr(bars, field.name)) for field in SCHEMA], schema=SCHEMA)


def _column(kind: pa.DataType, values: Int64s | Floats) -> pa.Array:
    """`pa.array` would load pandas to see whether the array is one of its: half a second, and 50 MB of a daemon that never uses it."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def encode_day(bars: Bars) -> bytes:
    """The bytes of a day file."""
    sink = io.BytesIO()
    pq.write_table(to_table(bars), sink, compression="zstd", use_dictionary=False, write_page_checksum=True)
    return sink.getvalue()
