"""A parquet file is read whole or named with its fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataio.bars import FIELDS, Bars
from dataio.tables import DamagedFile, first_fault, read_bars, read_columns, time_range
from self_test.conftest import REPO
from self_test.dataio.samples import M5, MONDAY, save, save_columns, truncate, walk


def test_reads_back_what_was_saved_in_writable_columns(tmp_path: Path) -> None:
    bars = walk(MONDAY, 50)
    got = read_bars(save(tmp_path / "a.parquet", bars), M5)
    assert got.same(bars)
    assert all(getattr(got, name).flags.writeable and getattr(got, name).flags.c_contiguous for name in ("ts", *FIELDS))


def test_only_the_asked_columns_come(tmp_path: Path) -> None:
    path = save(tmp_path / "a.parquet", walk(MONDAY, 5))
    assert list(read_columns(path, ["ts", "close"])) == ["ts", "close"]


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "gone"])
def test_an_unreadable_file_is_named(tmp_path: Path, damage: str) -> None:
    path = save(tmp_path / "a.parquet", walk(MONDAY, 50))
    if damage == "truncated":
        truncate(path)
    elif damage == "text":
        path.write_text("ts,open\n1,2\n")
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    for read in (lambda: read_bars(path, M5), lambda: time_range(path)):
        with pytest.raises(DamagedFile, match=r"not readable as parquet") as caught:
            read()
        assert caught.value.path == path
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_flipped_bit_in_a_checksummed_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    bars = walk(MONDAY, 500)
    pq.write_table(pa.table({name: getattr(bars, name) for name in ("ts", *FIELDS)}), path, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedFile, match=r"not readable as parquet"):
        read_bars(path, M5)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"close": None}, "no column close"),
        ({"ts": pa.array([1, 2, 3], pa.timestamp("us"))}, r"column ts is timestamp\[us\]"),
        ({"open": pa.array(["1", "2", "3"])}, "column open is string, not a number"),
        ({"low": pa.array([1.0, None, 1.0])}, "column low holds 1 nulls"),
    ],
)
def test_a_foreign_table_is_named_with_its_fault(tmp_path: Path, change: dict[str, object], words: str) -> None:
    bars = walk(MONDAY, 3)
    columns: dict[str, object] = {name: getattr(bars, name) for name in ("ts", *FIELDS)} | change
    path = save_columns(tmp_path / "x.parquet", {name: column for name, column in columns.items() if column is not None})
    with pytest.raises(DamagedFile, match=words):
        read_bars(path, M5)


def _with(bars: Bars, name: str, row: int, value: float) -> Bars:
    getattr(bars, name)[row] = value
    return bars


@pytest.mark.parametrize(
    "name, row, value, words",
    [
        ("ts", 4, MONDAY + 3 * M5, "not later than the row before in row 4"),
        ("ts", 9, MONDAY + 9 * M5 + 1, "off the 5m grid in row 9"),
        ("open", 2, np.nan, "not a positive number in row 2"),
        ("low", 1, 0.0, "not a positive number in row 1"),
        ("high", 5, 50.0, "inside the body in row 5"),
        ("volume", 6, -1.0, "volume that is not a number of at least 0 in row 6"),
    ],
)
def test_the_first_bad_row_is_told(tmp_path: Path, name: str, row: int, value: float, words: str) -> None:
    bars = _with(walk(MONDAY, 10), name, row, value)
    with pytest.raises(DamagedFile, match=words):
        read_bars(save(tmp_path / "a.parquet", bars), M5)


def test_good_bars_have_no_fault() -> None:
    assert first_fault(walk(MONDAY, 300)) is None
    assert first_fault(walk(MONDAY, 0)) is None


def test_time_range_needs_only_the_footer_and_survives_its_lack(tmp_path: Path) -> None:
    bars = walk(MONDAY, 50)
    want = (MONDAY, MONDAY + 49 * M5)
    assert time_range(save(tmp_path / "a.parquet", bars)) == want
    bare = tmp_path / "b.parquet"
    pq.write_table(pa.table({name: getattr(bars, name) for name in ("ts", *FIELDS)}), bare, write_statistics=False)
    assert time_range(bare) == want
    assert time_range(save(tmp_path / "c.parquet", walk(MONDAY, 0))) is None
    with pytest.raises(DamagedFile, match=r"no column ts"):
        time_range(save_columns(tmp_path / "d.parquet", {"x": [1]}))


def test_mark_bars_get_a_zero_volume(tmp_path: Path) -> None:
    bars = walk(MONDAY, 5)
    columns: dict[str, object] = {name: getattr(bars, name) for name in ("ts", "open", "high", "low", "close")}
    got = read_bars(save_columns(tmp_path / "m.parquet", columns), M5, with_volume=False)
    assert got.volume.tolist() == [0.0] * 5
    assert np.array_equal(got.close, bars.close)


def test_files_of_several_row_groups_and_no_rows_are_read(tmp_path: Path) -> None:
    table = pa.table({"ts": pa.array([1, 2, 3, 4, 5], pa.int64()), "close": pa.array([1, 2, 3, 4, 5], pa.int32())})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    pq.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    got = read_columns(tmp_path / "a.parquet", ["ts", "close"])
    assert got["ts"].tolist() == [1, 2, 3, 4, 5] and got["close"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [str(got[name].dtype) for name in ("ts", "close")] == ["int64", "float64"]
    assert [one.shape for one in read_columns(tmp_path / "none.parquet", ["ts", "close"]).values()] == [(0,), (0,)]


def test_pandas_stays_out_of_a_process_that_writes_and_reads(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from dataio.dataset import encode_day
from dataio.tables import read_bars
from self_test.dataio.samples import M5, MONDAY, walk
bars, path = walk(MONDAY, 50), Path(sys.argv[1])
path.write_bytes(encode_day(bars))
assert read_bars(path, M5).same(bars)
sys.exit("pandas was loaded" if "pandas" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.parquet")], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
