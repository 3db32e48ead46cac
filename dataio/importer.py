"""Bars from elsewhere into the dataset: a whole data root, or one loose parquet or CSV file; what is wrong is counted and left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from dataio.archive import Archive, Kind
from dataio.bars import FIELDS, Bars, Int64s, make_bars
from dataio.dataset import Dataset, Series
from dataio.tables import DamagedFile
from dataio.verify import bad_rows
from dataio.writer import DatasetWriter
from state.accounts import Domain
from utils.errors import Refusal

Progress = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what was just done)."""
DOMAINS: dict[Kind, Domain] = {"spot": Domain.CRYPTO, "perp": Domain.PERPS, "fx": Domain.FOREX}
TIME_NAMES = ("ts", "timestamp", "time", "open_time", "opentime", "start_time", "datetime", "date")
_SECONDS_BELOW = 100_000_000_000
_MILLISECONDS_BELOW = 100_000_000_000_000
_MICROSECONDS_BELOW = 100_000_000_000_000_000
_CHUNK_ROWS = 50_000


class Imported(msgspec.Struct, frozen=True):
    """What became of one series of a source."""

    series: str
    rows: int
    """Rows that were read."""
    changed: int
    """Rows that were new or different in the dataset."""
    rejected: dict[str, int]
    """Rows left out, by kind of fault (one row may have several)."""


def import_root(
    archive: Archive,
    dataset: Dataset,
    *,
    kinds: Sequence[Kind] = ("spot", "perp", "fx"),
    symbols: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Imported]:
    """Every bar file of the chosen kinds and symbols (None: all), each source as its own venue.

    Refusal: a symbol that none of the kinds has. A damaged file raises DamagedFile, or, in an archive opened with `skip_damaged`, is left
    out and stands in `archive.damaged` afterwards.
    """
    plan: dict[Series, tuple[Kind, str]] = {}
    for kind in kinds:
        for symbol in archive.symbols(kind) if symbols is None else [one for one in symbols if one in archive.symbols(kind)]:
            for stretch in archive.stretches(kind, symbol):
                plan[Series(stretch.source, DOMAINS[kind], symbol, stretch.timeframe_ms)] = (kind, symbol)
    known = {symbol for kind in kinds for symbol in archive.symbols(kind)}
    unknown = [symbol for symbol in symbols or () if symbol not in known]
    if unknown:
        raise Refusal(f"unknown symbol {', '.join(unknown)} in {archive.root}; there is: {', '.join(sorted(known)) or 'none'}")
    done = []
    for index, (series, (kind, symbol)) in enumerate(plan.items()):
        bars = archive.bars(kind, symbol, series.timeframe_ms, source=series.venue)
        done.append(store(dataset, series, bars))
        if progress is not None:
            progress(index + 1, len(plan), f"{series}: {len(bars)} bars")
    return done


def import_file(path: Path, dataset: Dataset, series: Series, *, progress: Progress | None = None) -> Imported:
    """One parquet or CSV file with a time column (`TIME_NAMES`) and open, high, low, close, volume (any case, other columns are ignored).

    Times: int seconds, milliseconds, microseconds or nanoseconds (told by their size), or dates with time, UTC where they name no zone.
    Refusal: no such file or another kind of file. DamagedFile: not readable, or a column missing, empty or not a number.
    """
    bars = read_loose(path, series.timeframe_ms)
    return store(dataset, series, bars, progress=progress)


def store(dataset: Dataset, series: Series, bars: Bars, *, progress: Progress | None = None) -> Imported:
    """Write the good rows of `bars`, tell about the others."""
    faults = bad_rows(bars)
    good = bars.take(~np.logical_or.reduce(list(faults.values()))) if faults else bars
    writer = DatasetWriter(dataset)
    changed = 0
    for first in range(0, len(good), _CHUNK_ROWS):
        changed += writer.write(series, good.take(slice(first, first + _CHUNK_ROWS)))
        if progress is not None:
            progress(min(first + _CHUNK_ROWS, len(good)), len(good), str(series))
    rejected = {kind: int(mask.sum()) for kind, mask in faults.items()}
    return Imported(str(series), len(bars), changed, rejected)


def read_loose(path: Path, timeframe_ms: int) -> Bars:
    """The rows of a loose file as they are; raises as `import_file`."""
    if not path.is_file():
        raise Refusal(f"{path}: no such file")
    ending = path.suffix.lower()
    try:
        if ending == ".parquet":
            with pq.ParquetFile(path) as file:
                table = file.read()
        elif ending in {".csv", ".gz", ".txt"}:
            table = pv.read_csv(path)
        else:
            raise Refusal(f"{path}: a .parquet or .csv file is needed")
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(path, f"not readable ({str(error).splitlines()[0]})") from error
    by_name = {name.lower().strip().replace(" ", "_"): name for name in reversed(table.schema.names)}
    time_name = next((by_name[name] for name in TIME_NAMES if name in by_name), None)
    missing = [name for name in FIELDS if name not in by_name]
    if time_name is None or missing:
        lacking = [*([] if time_name else ["a time column"]), *missing]
        raise DamagedFile(path, f"lacks {', '.join(lacking)} (it has {', '.join(table.schema.names)})")
    columns = [_numbers(path, by_name[name], table.column(by_name[name])) for name in FIELDS]
    return make_bars(timeframe_ms, _stamps(path, time_name, table.column(time_name)), *columns)


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DamagedFile(path, f"column {name} is {column.type}, not a number")
    return np.array(pc.fill_null(pc.cast(column, pa.float64()), float("nan")).to_numpy(), np.float64)


def _stamps(path: Path, name: str, column: pa.ChunkedArray) -> Int64s:
    if column.null_count:
        raise DamagedFile(path, f"column {name} holds {column.null_count} nulls")
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return np.array(pc.cast(pc.cast(column, pa.timestamp("ms", tz="UTC"), safe=False), pa.int64()).to_numpy(), np.int64)
    if not pa.types.is_integer(column.type):
        raise DamagedFile(path, f"column {name} is {column.type}, not a time (int ms UTC or YYYY-MM-DD HH:MM:SS)")
    stamps = np.array(column.to_numpy(), np.int64)
    largest = int(np.abs(stamps).max(initial=0))
    if largest < _SECONDS_BELOW:
        return stamps * 1000
    if largest < _MILLISECONDS_BELOW:
        return stamps
    return stamps // (1000 if largest < _MICROSECONDS_BELOW else 1_000_000)
