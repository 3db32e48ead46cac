"""The newest bars of a dataset, of all series in one file, before they come into day files: appended, and durable by one fsync for all.

`root/.tail` is a row of records of 160 bytes (`RECORD`): the series by name, six numbers, a CRC-32. A record that does not check was
never acknowledged (a crash came between), or the disk has rotted: it is passed by. What a crash left of a record at the end is cut off
before the next one comes. Records are newer than day files: theirs is the last word on a `ts`.

Who writes takes `turn` first. Who reads needs none if the tail is read before the day files: what has left it by then is in them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dataio.bars import Bars, make_bars, newest_wins
from dataio.dataset import COLUMNS, Series
from dataio.tables import DamagedFile
from utils.files import PRIVATE_FILE, atomic_write, fsync_folder, private_opener

NAME, LOCK = ".tail", ".lock"
RECORD = np.dtype([("series", "S100"), *((name, "<i8" if name == "ts" else "<f8") for name in COLUMNS), ("spare", "S8"), ("crc32", "<u4")])
_CHECKED = RECORD.itemsize - 4

Row = tuple[int, float, float, float, float, float]
Records = npt.NDArray[Any]


class Tail:
    """What the file held when it was read."""

    def __init__(self, path: Path, records: Records) -> None:
        self.path = path
        self._records = records

    def series(self) -> tuple[Series, ...]:
        """Series that have records which check."""
        good = self._records[_intact(self._records)]
        return tuple(Series.parse(name.decode("ascii")) for name in np.unique(good["series"]).tolist())

    def bars(self, series: Series) -> Bars:
        """What checks of one series, sorted, the newest of equal stamps."""
        mine = self._of(series)
        mine = mine[_intact(mine)]
        return newest_wins(make_bars(series.timeframe_ms, *(mine[name] for name in COLUMNS)))

    def bad(self, series: Series) -> int:
        """How many records that bear this name do not check."""
        return int((~_intact(self._of(series))).sum())

    def remove(self, done: Collection[Series]) -> None:
        """Take the records of these series, which day files hold now, out of the file, durably. In `turn` only. OSError."""
        left = self._records[_intact(self._records)]
        left = left[~np.isin(left["series"], np.array([_name(one) for one in done], RECORD["series"]))]
        if len(left):
            atomic_write(self.path, left.tobytes())
        else:
            self.path.unlink(missing_ok=True)
            fsync_folder(self.path.parent)

    def _of(self, series: Series) -> Records:
        mine: Records = self._records[self._records["series"] == _name(series)]
        return mine


def read_tail(root: Path) -> Tail:
    """The tail of a dataset, empty where there is none; DamagedFile when it cannot be read."""
    path = root / NAME
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        data = b""
    except OSError as error:
        raise DamagedFile(path, f"not readable ({error.strerror})") from error
    return Tail(path, np.frombuffer(data, RECORD, len(data) // RECORD.itemsize))


def append_rows(root: Path, rows: Mapping[Series, Sequence[Row]]) -> int:
    """Make rows durable at the end of the file, by one fsync for all; how many records it has now. In `turn` only. OSError."""
    new = np.zeros(sum(map(len, rows.values())), RECORD)
    at = 0
    for series, mine in rows.items():
        part = new[at : at + len(mine)]
        part["series"] = _name(series)
        for name, column in zip(COLUMNS, zip(*mine, strict=True), strict=True):
            part[name] = column
        at += len(mine)
    new["crc32"] = _sums(new)
    path, data = root / NAME, new.tobytes()
    made = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
    try:
        size = os.fstat(file).st_size
        whole = size // RECORD.itemsize * RECORD.itemsize
        if whole != size:
            os.ftruncate(file, whole)
        if os.pwrite(file, data, whole) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(file)
    finally:
        os.close(file)
    if made:
        fsync_folder(root)
    return (whole + len(data)) // RECORD.itemsize


@contextmanager
def turn(root: Path) -> Iterator[None]:
    """Wait until nobody else, in this process or another, writes to the dataset. OSError where its folder cannot be written."""
    with open(root / LOCK, "ab", opener=private_opener) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _name(series: Series) -> bytes:
    return str(series).encode("ascii")


def _sums(records: Records) -> list[int]:
    data, step = memoryview(records.tobytes()), RECORD.itemsize
    return [zlib.crc32(data[at : at + _CHECKED]) for at in range(0, len(data), step)]


def _intact(records: Records) -> npt.NDArray[np.bool_]:
    good: npt.NDArray[np.bool_] = np.array(_sums(records), np.uint32) == records["crc32"]
    return good
