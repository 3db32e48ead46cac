"""A year of ten symbols, written and read: our day files and their compacted cache beside freqtrade's feather files and pandas' Parquet.

They do not promise the same: our files are replaced whole and synced to disk, checked by checksum, and readable beside a writer; theirs
are written once and left to the operating system.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.markets import random_grid
from bench.peers.compare import Contest, Entry
from bench.peers.interleave import in_turns
from dataio.bars import Bars
from dataio.compact import compact
from dataio.dataset import Dataset, Series
from dataio.reader import DatasetReader
from dataio.writer import DatasetWriter
from state.accounts import Domain

SYMBOLS, DAYS = 10, 365
FIELDS = ("open", "high", "low", "close", "volume")
READ_WORDS = (
    f"{SYMBOLS} symbols, {DAYS} days of five-minute bars, warm page cache, every column summed, so that it is really read. Ours "
    "verifies a checksum of each column on the way."
)
WRITE_WORDS = (
    "The same rows written once. Ours: a file a day and symbol, each synced before it counts; theirs: a file a symbol, not synced."
)


def _frame(bars: Bars) -> pd.DataFrame:
    """As freqtrade keeps candles: a UTC date and five float columns."""
    return pd.DataFrame({"date": pd.to_datetime(bars.ts, unit="ms", utc=True), **{name: getattr(bars, name) for name in FIELDS}})


def _taken(columns: Any) -> float:
    """Every value touched: a memory map that nobody reads is no read."""
    return float(sum(np.asarray(column).sum() for column in columns))


def storage(folder: Path, rounds: int) -> list[Contest]:
    """Writing, then reading what was written."""
    grid = random_grid(SYMBOLS, DAYS)
    series, bars, frames = [], [], []
    for i, one in enumerate(grid.instruments):
        columns = {name: getattr(grid, name)[i].astype(np.float64) for name in FIELDS}
        series.append(Series("bybit", Domain.CRYPTO, one.symbol, grid.confirm_ms))
        bars.append(Bars(timeframe_ms=grid.confirm_ms, ts=grid.ts, **columns))
        frames.append(_frame(bars[-1]))
    root, feather, parquet = folder / "ours", folder / "feather", folder / "parquet"
    for place in (feather, parquet):
        place.mkdir(parents=True, exist_ok=True)

    def write_ours() -> None:
        shutil.rmtree(root, ignore_errors=True)
        writer = DatasetWriter(Dataset(root))
        for one, rows in zip(series, bars, strict=True):
            writer.write(one, rows)

    def write_feather() -> None:
        for one, frame in zip(series, frames, strict=True):
            frame.to_feather(feather / f"{one.symbol}.feather", compression_level=9, compression="lz4")

    def write_parquet() -> None:
        for one, frame in zip(series, frames, strict=True):
            frame.to_parquet(parquet / f"{one.symbol}.parquet")

    def read_ours() -> float:
        reader = DatasetReader(Dataset(root))
        return sum(_taken(getattr(rows, name) for name in FIELDS) for rows in (reader.bars(one) for one in series))

    def read_feather() -> float:
        read = (pd.read_feather(feather / f"{one.symbol}.feather") for one in series)
        return sum(_taken(frame[name].to_numpy() for name in FIELDS) for frame in read)

    def read_parquet() -> float:
        read = (pd.read_parquet(parquet / f"{one.symbol}.parquet") for one in series)
        return sum(_taken(frame[name].to_numpy() for name in FIELDS) for frame in read)

    rows = SYMBOLS * len(grid.ts)
    versions = f"pandas {pd.__version__}, pyarrow {pa.__version__}"
    writes = in_turns(
        rows, {"ours": write_ours, "freqtrade's feather": write_feather, "pandas to Parquet": write_parquet}, rounds, perf_counter
    )
    for stream in series:
        compact(Dataset(root), stream)
    reads = in_turns(
        rows, {"ours": read_ours, "freqtrade's feather": read_feather, "pandas from Parquet": read_parquet}, rounds, perf_counter
    )
    return [
        Contest(
            name=name,
            unit="rows/s",
            words=words,
            entries=[Entry(who=who, rates=rates, note=versions if who != "ours" else note) for who, rates in found.items()],
        )
        for name, words, found, note in (
            ("Candles written", WRITE_WORDS, writes, f"{DAYS * SYMBOLS:,} files, durable"),
            ("Candles read", READ_WORDS, reads, "from the compacted cache"),
        )
    ]
