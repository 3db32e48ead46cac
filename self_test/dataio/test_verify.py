"""Verify: each fault is found, named and counted; good data are not accused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dataio.bars import make_bars
from dataio.compact import _encode, compact
from dataio.dataset import DAY_MS, Dataset, Series
from dataio.verify import SeriesReport, bad_rows, verify
from dataio.writer import DatasetWriter
from self_test.dataio.samples import H1, M5, MONDAY, save, save_columns, truncate, walk
from state.accounts import Domain

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)
EURUSD = Series("mt5", Domain.FOREX, "EURUSD", H1)
TODAY = MONDAY // DAY_MS


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path)


def kinds(report: SeriesReport) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in report.findings:
        counts[one.kind] = counts.get(one.kind, 0) + one.count
    return counts


def test_good_data_have_no_findings_before_and_after_compaction(dataset: Dataset) -> None:
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 700))
    want = SeriesReport(str(BTC), 3, 700, MONDAY, MONDAY + 699 * M5, ())
    assert verify(dataset, BTC) == want
    compact(dataset, BTC)
    assert verify(dataset, BTC) == want


def test_gaps_inside_and_between_days_are_notices(dataset: Dataset) -> None:
    bars = walk(MONDAY, 3 * 288)
    keep = np.ones(len(bars), np.bool_)
    keep[10:13] = False
    keep[280:576] = False
    DatasetWriter(dataset).write(BTC, bars.take(keep))
    report = verify(dataset, BTC)
    assert [(one.kind, one.count, one.ts) for one in report.findings] == [("gap", 3, MONDAY + 10 * M5), ("gap", 296, MONDAY + 280 * M5)]
    assert "3 bar(s) missing from 2025-03-10 00:50 to 2025-03-10 01:05" in report.findings[0].text
    assert report.faults == ()


@pytest.mark.parametrize(
    "kind, column, value",
    [
        ("off_grid", "ts", MONDAY + 5 * M5 + 1),
        ("wrong_day", "ts", MONDAY + DAY_MS),
        ("duplicate", "ts", MONDAY + 4 * M5),
        ("unsorted", "ts", MONDAY + 3 * M5),
        ("not_finite", "close", np.inf),
        ("not_finite", "volume", np.nan),
        ("not_positive", "low", -1.0),
        ("broken_ohlc", "high", 1.0),
        ("broken_ohlc", "low", 1000.0),
        ("negative_volume", "volume", -0.5),
    ],
)
def test_each_fault_of_a_row_is_found(dataset: Dataset, kind: str, column: str, value: float) -> None:
    bars = walk(MONDAY, 6)
    getattr(bars, column)[5] = value
    path = save(dataset.day_path(BTC, TODAY), bars)
    report = verify(dataset, BTC)
    (finding,) = [one for one in report.faults if one.kind == kind]
    assert (finding.path, finding.count) == (str(path), 1)
    assert finding.ts == bars.ts[5]


def test_damaged_and_foreign_files_are_named_and_the_rest_is_read(dataset: Dataset) -> None:
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 3 * 288))
    truncate(dataset.day_path(BTC, TODAY + 1))
    save_columns(dataset.day_path(BTC, TODAY + 9), {"a": [1]})
    (dataset.folder(BTC) / "notes.txt").write_text("?")
    (dataset.folder(BTC) / ".2025-03-10.parquet.tmp").write_bytes(b"torn")
    report = verify(dataset, BTC)
    assert kinds(report) == {"damaged": 2, "foreign": 1, "leftover": 1, "gap": 288}
    assert {Path(one.path).name for one in report.faults} == {"2025-03-11.parquet", "2025-03-19.parquet", "notes.txt"}
    assert (report.days, report.rows) == (4, 2 * 288)


def test_an_empty_or_missing_series_is_reported_empty(dataset: Dataset) -> None:
    assert verify(dataset, BTC) == SeriesReport(str(BTC), 0, 0, None, None, ())


def test_a_damaged_cache_is_a_fault_and_a_stale_one_is_not(dataset: Dataset) -> None:
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 288))
    compact(dataset, BTC)
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 288, seed=2))
    assert verify(dataset, BTC).findings == ()
    truncate(dataset.cache_path(BTC))
    assert kinds(verify(dataset, BTC)) == {"cache": 1}


def test_a_cache_that_lies_is_caught(dataset: Dataset) -> None:
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 288))
    compact(dataset, BTC)
    versions = dataset.versions(BTC)
    dataset.cache_path(BTC).write_bytes(_encode(walk(MONDAY, 288, seed=2), versions))  # right versions and checksums, other rows
    (finding,) = verify(dataset, BTC).faults
    assert "other rows than the day files" in finding.text


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def hours(start: str, count: int) -> list[int]:
    return [at(start) + index * H1 for index in range(count)]


def test_forex_weekends_are_no_gaps_also_when_the_clocks_change(dataset: Dataset) -> None:
    # Friday 2025-03-07 17:00 New York is 22:00 UTC; the clocks go forward on Sunday, so it opens at 21:00 UTC
    stamps = hours("2025-03-07T12:00", 10) + hours("2025-03-09T21:00", 10)
    DatasetWriter(dataset).write(EURUSD, make_bars(H1, stamps, *[[1.1] * 20] * 5))
    assert verify(dataset, EURUSD).findings == ()


def test_forex_hours_missing_next_to_a_weekend_are_gaps(dataset: Dataset) -> None:
    stamps = hours("2025-03-07T12:00", 8) + hours("2025-03-09T23:00", 2)
    DatasetWriter(dataset).write(EURUSD, make_bars(H1, stamps, *[[1.1] * 10] * 5))
    (finding,) = verify(dataset, EURUSD).findings
    assert (finding.kind, finding.count, finding.ts) == ("gap", 4, at("2025-03-07T20:00"))


def test_stamps_of_no_date_are_bad_rows() -> None:
    bars = make_bars(M5, [-M5, MONDAY, 10**15], *[[1, 1, 1]] * 5)
    assert bad_rows(bars)["no_date"].tolist() == [True, False, True]
    assert bad_rows(walk(MONDAY, 10)) == {}
