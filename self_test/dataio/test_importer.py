"""Import: a data root or a loose file arrives whole, bad rows are counted, foreign files are named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dataio.archive import open_archive
from dataio.bars import Bars
from dataio.compact import compact
from dataio.dataset import Dataset, Series
from dataio.importer import import_file, import_root, read_loose
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.verify import verify
from self_test.dataio.samples import H1, M5, M15, MONDAY, save, save_columns, truncate, walk
from state.accounts import Domain
from utils.errors import Refusal

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path / "data")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "root"
    save(base / "crypto_spot" / "bybit" / "AUSDT_5m.parquet", walk(MONDAY, 400))
    save(base / "crypto_spot" / "binance" / "AUSDT_15m_x.parquet", walk(MONDAY, 100, M15))
    save(base / "crypto_perp" / "bybit" / "BUSDT_5m.parquet", walk(MONDAY, 50, seed=2))
    save(base / "fx" / "mt5" / "EURUSD_1h.parquet", walk(MONDAY, 24, H1))
    return base


def test_a_root_arrives_series_by_series(root: Path, dataset: Dataset) -> None:
    steps: list[tuple[int, int, str]] = []
    done = import_root(open_archive(root), dataset, progress=lambda *step: steps.append(step))
    assert {one.series: (one.rows, one.changed) for one in done} == {
        "bybit/crypto/AUSDT/5m": (400, 400),
        "binance/crypto/AUSDT/15m": (100, 100),
        "bybit/perps/BUSDT/5m": (50, 50),
        "mt5/forex/EURUSD/1h": (24, 24),
    }
    assert [step[:2] for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert DatasetReader(dataset).bars(Series("bybit", Domain.CRYPTO, "AUSDT", M5)).same(walk(MONDAY, 400))
    assert all(one.changed == 0 for one in import_root(open_archive(root), dataset))


def test_kinds_and_symbols_choose(root: Path, dataset: Dataset) -> None:
    archive = open_archive(root)
    assert [one.series for one in import_root(archive, dataset, kinds=["perp"])] == ["bybit/perps/BUSDT/5m"]
    assert len(import_root(archive, dataset, symbols=["AUSDT"])) == 2
    with pytest.raises(Refusal, match=r"unknown symbol NOPE .* there is: AUSDT, BUSDT, EURUSD"):
        import_root(archive, dataset, symbols=["AUSDT", "NOPE"])


def test_a_damaged_file_of_a_root_is_told_and_the_others_arrive(root: Path, dataset: Dataset) -> None:
    bad = root / "crypto_spot" / "bybit" / "AUSDT_5m.parquet"
    truncate(bad)
    archive = open_archive(root, skip_damaged=True)
    done = import_root(archive, dataset)
    assert len(done) == 3
    assert list(archive.damaged) == [bad]


def _csv(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    "header, stamp",
    [
        ("ts,open,high,low,close,volume", str(MONDAY)),
        ("Timestamp,Open,High,Low,Close,Volume", str(MONDAY // 1000)),
        ("open_time,open,high,low,close,volume", str(MONDAY * 1000)),
        ("time,open,high,low,close,volume", str(MONDAY * 1_000_000)),
        ("date,open,high,low,close,volume", "2025-03-10 00:00:00"),
        ("date,open,high,low,close,volume", "2025-03-10T00:00:00Z"),
        ("date,open,high,low,close,volume", "2025-03-10T01:00:00+01:00"),
        ("Open Time,open,high,low,close,volume", str(MONDAY)),
    ],
)
def test_a_csv_with_usual_names_and_times_is_understood(tmp_path: Path, header: str, stamp: str) -> None:
    got = read_loose(_csv(tmp_path / "x.csv", header, [f"{stamp},1,2,0.5,1.5,7"]), M5)
    assert (got.ts.tolist(), got.open.tolist(), got.low.tolist(), got.volume.tolist()) == ([MONDAY], [1.0], [0.5], [7.0])


def test_a_parquet_with_arrow_times_and_other_columns_is_understood(tmp_path: Path) -> None:
    when = pa.array([datetime.fromtimestamp(MONDAY / 1000, UTC)], pa.timestamp("us", "UTC"))
    path = save_columns(
        tmp_path / "x.parquet", {"time": when, "open": [1], "high": [2], "low": [1], "close": [2], "volume": [3], "n": ["?"]}
    )
    assert read_loose(path, M5).ts.tolist() == [MONDAY]


def test_bad_rows_are_left_out_and_counted(tmp_path: Path, dataset: Dataset) -> None:
    lines = [
        f"{MONDAY},1,2,0.5,1.5,7",
        f"{MONDAY + 1},1,2,0.5,1.5,7",
        f"{MONDAY + M5},1,0.9,0.5,1.5,7",
        f"{MONDAY + 2 * M5},0,2,0,1.5,7",
        f"{MONDAY + 3 * M5},1,2,,1.5,7",
        f"{MONDAY + 4 * M5},1,2,0.5,1.5,8",
    ]
    done = import_file(_csv(tmp_path / "x.csv", "ts,open,high,low,close,volume", lines), dataset, BTC)
    assert (done.rows, done.changed) == (6, 2)
    assert done.rejected == {"off_grid": 1, "not_finite": 1, "not_positive": 1, "broken_ohlc": 1}
    assert DatasetReader(dataset).bars(BTC).ts.tolist() == [MONDAY, MONDAY + 4 * M5]


def test_a_long_file_tells_its_progress(tmp_path: Path, dataset: Dataset) -> None:
    daily = Series("bybit", Domain.CRYPTO, "BTCUSDT", 60_000)
    bars = walk(MONDAY, 60_000, 60_000)
    steps: list[tuple[int, int, str]] = []
    done = import_file(save(tmp_path / "x.parquet", bars), dataset, daily, progress=lambda *step: steps.append(step))
    assert done.changed == 60_000
    assert steps == [(50_000, 60_000, str(daily)), (60_000, 60_000, str(daily))]
    assert DatasetReader(dataset).bars(daily).same(bars)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("x.csv", "ts,open,high,low\n1,2,3,4\n", "lacks close, volume"),
        ("x.csv", "a,b\n1,2\n", "lacks a time column, open"),
        ("x.csv", "ts,open,high,low,close,volume\nsoon,1,1,1,1,1\n", "column ts is string, not a time"),
        ("x.csv", "ts,open,high,low,close,volume\n,1,1,1,1,1\n1741564800000,1,1,1,1,1\n", "column ts holds 1 nulls"),
        ("x.csv", "ts,open,high,low,close,volume\n1741564800000,x,1,1,1,1\n", "column open is string, not a number"),
        ("x.csv", "", "not readable"),
        ("x.parquet", "no parquet", "not readable"),
    ],
)
def test_a_file_that_cannot_be_bars_is_named(tmp_path: Path, dataset: Dataset, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DamagedFile, match=rf"{name}: .*{words}"):
        import_file(path, dataset, BTC)
    assert not dataset.root.exists()


def test_no_file_and_another_kind_of_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"no such file"):
        read_loose(tmp_path / "none.csv", M5)
    (tmp_path / "x.xlsx").touch()
    with pytest.raises(Refusal, match=r"a \.parquet or \.csv file is needed"):
        read_loose(tmp_path / "x.xlsx", M5)


@pytest.mark.data
def test_real_bars_make_the_round_trip(market_data: Path, dataset: Dataset) -> None:
    archive = open_archive(market_data)
    perp = Series("bybit", Domain.PERPS, "SOLUSDT", M5)
    want: Bars = archive.bars("perp", "SOLUSDT", M5)
    (done,) = import_root(archive, dataset, kinds=["perp"], symbols=["SOLUSDT"])
    assert (done.rows, done.changed, done.rejected) == (28512, 28512, {})
    report = verify(dataset, perp)
    assert (report.rows, report.findings) == (28512, ())
    assert DatasetReader(dataset).bars(perp).same(want)
    compact(dataset, perp)
    compact(dataset, perp)
    assert DatasetReader(dataset).bars(perp).same(want)
    assert verify(dataset, perp).findings == ()
    close = DatasetReader(dataset).columns(perp, ["close"], int(want.ts[100]), int(want.ts[5000]))["close"]
    assert np.array_equal(close, want.close[100:5000])
