"""Candles on disk: one more bar made durable, and a year of ten symbols read from the compacted cache. Alone: python -m bench.storage."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.markets import random_grid
from bench.measure import Row, rate, share, table, took
from dataio.bars import Bars
from dataio.compact import compact
from dataio.dataset import COLUMNS, Dataset, Series
from dataio.reader import DatasetReader
from dataio.writer import DatasetWriter
from state.accounts import Domain

SYMBOLS, DAYS, BARS, PARTS = 10, 365, 96, 3
STORED_MS, READ = 0.3, 40e6


def stored_row(folder: Path) -> Row:
    """A day of one symbol, bar by bar, each durable before the next (milliseconds a bar)."""
    grid = random_grid(1, 1, seed=2)
    writer, series = DatasetWriter(Dataset(folder)), Series("bybit", Domain.CRYPTO, grid.instruments[0].symbol, grid.confirm_ms)
    found = []
    for k in range(BARS * PARTS):
        o, h, l, c = (float(column[0, k]) / 100 for column in (grid.open, grid.high, grid.low, grid.close))
        begin = time.perf_counter()
        writer.append(series, int(grid.ts[k]), o, h, l, c, float(grid.volume[0, k]))
        writer.flush()
        found.append((time.perf_counter() - begin) * 1e3)
    row = took(
        "one more bar stored, durable", "ms", [share(found[at * BARS :][:BARS], 50) for at in range(PARTS)], STORED_MS, f"{len(found)} bars"
    )
    begin = time.perf_counter()
    writer.fold()
    fold_ms = (time.perf_counter() - begin) * 1e3
    row.note += f", p99 {share(found, 99):.2f} ms; an fsync of the disk in each; then all into their day file in {fold_ms:.1f} ms"
    return row


def read_row(folder: Path, runs: int, days: int) -> Row:
    """Every column of every bar, checksums verified and every value touched (rows a second)."""
    grid = random_grid(SYMBOLS, days)
    dataset = Dataset(folder)
    series = [Series("bybit", Domain.CRYPTO, one.symbol, grid.confirm_ms) for one in grid.instruments]
    writer = DatasetWriter(dataset)
    for i, one in enumerate(series):
        columns = {name: getattr(grid, name)[i].astype(np.float64) for name in ("open", "high", "low", "close", "volume")}
        writer.write(one, Bars(timeframe_ms=grid.confirm_ms, ts=grid.ts, **columns))
        compact(dataset, one)

    def read() -> None:
        reader = DatasetReader(dataset)
        for one in series:
            bars = reader.bars(one)
            for name in COLUMNS:
                getattr(bars, name).sum()

    found = rate(f"a year x {SYMBOLS} symbols read, compacted", "rows/s", grid.bars, read, runs, goal=READ)
    found.note = f"{grid.bars:,} rows in {1e3 * grid.bars / found.median:.0f} ms, checksums verified, every value summed"
    return found


def storage_rows(folder: Path, runs: int, *, quick: bool = False) -> list[Row]:
    """Both; the compacted year is made first (some seconds)."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return [stored_row(Path(place) / "one"), read_row(Path(place) / "year", runs, 20 if quick else DAYS)]


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(storage_rows(Path(folder), 7)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
