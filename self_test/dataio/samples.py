"""Small made-up bars and files for the tests of dataio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataio.bars import Bars, make_bars

M5 = 300_000
M15 = 900_000
H1 = 3_600_000
DAY = 86_400_000
MONDAY = 1_741_564_800_000
"""2025-03-10 00:00 UTC."""


def walk(start_ms: int, count: int, timeframe_ms: int = M5, seed: int = 1) -> Bars:
    """A consistent random walk on the grid, no holes."""
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.002, count))), 4)
    open_ = np.concatenate([[100.0], close[:-1]])[:count]
    high = np.maximum(open_, close) + 0.1
    low = np.minimum(open_, close) - 0.1
    ts = start_ms + np.arange(count, dtype=np.int64) * timeframe_ms
    return make_bars(timeframe_ms, ts, open_, high, low, close, np.round(rng.uniform(1, 9, count), 3))


def save(path: Path, bars: Bars) -> Path:
    """A parquet file as a data root holds it."""
    columns = {name: getattr(bars, name) for name in ("ts", "open", "high", "low", "close", "volume")}
    return save_columns(path, columns)


def save_columns(path: Path, columns: dict[str, object]) -> Path:
    """Any table as parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, compression="zstd")
    return path


def truncate(path: Path) -> None:
    """Cut a file in half, as a full disk or a torn copy does."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
