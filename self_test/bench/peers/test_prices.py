from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from bench.peers.prices import COARSE_MS, FINE_MS, SYMBOL, longest, stored, write
from utils.errors import Refusal

START_MS = 1_741_046_400_000


@pytest.mark.parametrize(
    "ts, first, last",
    [([0], 0, 1), ([0, 5, 10], 0, 3), ([0, 5, 20, 25, 30, 50], 2, 5), ([0, 5, 20, 25], 0, 2), ([0, 20, 25, 30, 35], 1, 5)],
)
def test_the_longest_stretch_without_a_hole(ts: list[int], first: int, last: int) -> None:
    assert longest(np.array(ts, np.int64), 5) == slice(first, last)


def root(folder: Path, *files: tuple[str, int, int]) -> Path:
    """A data root with (timeframe, its ms, bars) of the symbol."""
    place = folder / "crypto_spot" / "binance"
    place.mkdir(parents=True)
    for name, step_ms, count in files:
        flat = np.full(count, 100.0)
        columns = {"ts": START_MS + np.arange(count, dtype=np.int64) * step_ms, **dict.fromkeys(("open", "high", "low", "close"), flat)}
        parquet.write_table(pa.table({**columns, "volume": flat}), place / f"{SYMBOL}_{name}.parquet")
    return folder


@pytest.mark.parametrize("fine, coarse, bars", [(30, 11, 11), (60, 11, 20)])
def test_the_longer_of_stored_and_rolled_up(tmp_path: Path, fine: int, coarse: int, bars: int) -> None:
    found = stored(root(tmp_path, ("5m", FINE_MS, fine), ("15m", COARSE_MS, coarse)))
    assert (len(found), found.timeframe_ms) == (bars, COARSE_MS)


def test_no_candles_of_the_symbol_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=f"no candles of {SYMBOL}"):
        stored(root(tmp_path, ("1h", 3_600_000, 5)))


def test_what_is_written_is_what_every_tool_reads(tmp_path: Path) -> None:
    bars = stored(root(tmp_path, ("15m", COARSE_MS, 7)))
    write(tmp_path / "bars.parquet", bars)
    table = parquet.ParquetFile(tmp_path / "bars.parquet").read()
    assert table.column_names == ["ts", "open", "high", "low", "close", "volume"]
    assert table.column("ts").to_pylist() == bars.ts.tolist()
