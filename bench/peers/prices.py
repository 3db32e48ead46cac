"""The candles that all tools read: real fifteen-minute bars of one symbol, the longest stretch without a hole, as one Parquet file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from dataio.archive import open_archive
from dataio.bars import Bars, Int64s, roll_up
from utils.errors import Refusal

SYMBOL = "BTCUSDT"
FINE_MS, COARSE_MS = 300_000, 900_000


def longest(ts: Int64s, step_ms: int) -> slice:
    """The longest run of stamps that are `step_ms` apart, the first of equal ones: tools differ in what they make of a hole."""
    breaks = np.flatnonzero(np.diff(ts) != step_ms) + 1
    edges = np.concatenate(([0], breaks, [len(ts)]))
    at = int(np.argmax(np.diff(edges)))
    return slice(int(edges[at]), int(edges[at + 1]))


def stored(data: Path) -> Bars:
    """The symbol's spot candles: stored as such, or made of five-minute ones where these reach further. Refusal: there are none."""
    archive = open_archive(data)
    found = [archive.bars("spot", SYMBOL, ms, None, None) for ms in archive.timeframes("spot", SYMBOL) if ms in (FINE_MS, COARSE_MS)]
    whole = [bars.take(longest(bars.ts, bars.timeframe_ms)) for bars in found]
    coarse = [roll_up(bars, COARSE_MS) for bars in whole]
    if not any(map(len, coarse)):
        raise Refusal(f"{data} has no candles of {SYMBOL} (spot) of five or fifteen minutes")
    return max(coarse, key=len)


def write(path: Path, bars: Bars) -> None:
    """The bars as a plain Parquet file: ts (int ms), open, high, low, close, volume."""
    names = ("ts", "open", "high", "low", "close", "volume")
    parquet.write_table(pa.table({name: getattr(bars, name) for name in names}), path)
