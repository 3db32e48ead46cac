"""One parquet file in, numpy columns out, or a `DamagedFile` that names the file and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dataio.bars import FIELDS, Bars, timeframe_name, utc_text
from utils.errors import Refusal


class DamagedFile(Refusal):
    """A file that is not what its place says: truncated, foreign, or with impossible rows. `path` and `fault` say which and what."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path}: {fault}")
        self.path = path
        self.fault = fault


def read_columns(path: Path, columns: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The named columns: `ts` as int64, all others as float64, fresh and writable.

    Raises DamagedFile when the file is not readable parquet (page checksums are verified), lacks a column, or holds nulls or other types.
    """
    table = read_table(path, columns)
    return {name: _column(path, table, name) for name in columns}


def read_table(path: Path, columns: Sequence[str]) -> Any:
    """The arrow table with exactly these columns; DamagedFile when the file cannot be read or lacks one."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            missing = [name for name in columns if name not in file.schema_arrow.names]
            if missing:
                raise DamagedFile(path, f"no column {', '.join(missing)} (it has {', '.join(file.schema_arrow.names)})")
            return file.read(columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(path, f"not readable as parquet ({_first_line(error)})") from error


def time_range(path: Path) -> tuple[int, int] | None:
    """First and last `ts` of a file from its footer alone, None when it has no rows; DamagedFile as `read_columns`."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(path, f"not readable as parquet ({_first_line(error)})") from error
    names = metadata.schema.names
    if "ts" not in names:
        raise DamagedFile(path, f"no column ts (it has {', '.join(names)})")
    if not metadata.num_rows:
        return None
    index = names.index("ts")
    statistics = [metadata.row_group(group).column(index).statistics for group in range(metadata.num_row_groups)]
    if all(one is not None and one.has_min_max and isinstance(one.min, int) for one in statistics):
        return min(int(one.min) for one in statistics), max(int(one.max) for one in statistics)
    stamps = read_columns(path, ["ts"])["ts"]
    return int(stamps.min()), int(stamps.max())


def read_bars(path: Path, timeframe_ms: int, *, with_volume: bool = True) -> Bars:
    """The bars of one file, checked; without volume (mark prices) that column is 0. DamagedFile names the first bad row."""
    wanted = ("ts", *FIELDS) if with_volume else ("ts", *FIELDS[:4])
    columns = read_columns(path, wanted)
    if not with_volume:
        columns["volume"] = np.zeros(len(columns["ts"]))
    bars = Bars(timeframe_ms=timeframe_ms, **columns)
    fault = first_fault(bars)
    if fault is not None:
        raise DamagedFile(path, fault)
    return bars


def first_fault(bars: Bars) -> str | None:
    """What is wrong with the first bad row in words, None when all are in order, on the grid, positive and consistent."""
    steps = np.diff(bars.ts)
    low, high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    checks = (
        ("ts not later than the row before", np.append(False, steps <= 0)[: len(bars)]),
        (f"ts off the {timeframe_name(bars.timeframe_ms)} grid", bars.ts % bars.timeframe_ms != 0),
        ("a price that is not a positive number", ~np.all(np.isfinite(prices) & (prices > 0), axis=0)),
        ("a volume that is not a number of at least 0", ~(np.isfinite(bars.volume) & (bars.volume >= 0))),
        ("high or low inside the body", (bars.low > low) | (bars.high < high)),
    )
    found = [(int(np.argmax(bad)), words) for words, bad in checks if bad.any()]
    if not found:
        return None
    row, words = min(found)
    return f"{words} in row {row} (ts {int(bars.ts[row])}, {utc_text(int(bars.ts[row]))})"


def _column(path: Path, table: Any, name: str) -> npt.NDArray[Any]:
    column = table.column(name)
    if column.null_count:
        raise DamagedFile(path, f"column {name} holds {column.null_count} nulls")
    if name == "ts":
        if not pa.types.is_int64(column.type):
            raise DamagedFile(path, f"column ts is {column.type}, not int64 milliseconds")
        return _values(column, np.int64)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DamagedFile(path, f"column {name} is {column.type}, not a number")
    return _values(column, np.float64)


def _values(column: Any, kind: type[np.generic]) -> npt.NDArray[Any]:
    """A column of numbers without nulls, fresh. `to_numpy` would load pandas: half a second, and 50 MB of a daemon that never uses it."""
    parts = [
        np.frombuffer(chunk.buffers()[1], chunk.type.to_pandas_dtype())[chunk.offset : chunk.offset + len(chunk)]
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.empty(0, kind)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
