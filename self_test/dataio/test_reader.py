"""Reading: ranges, columns, the cache where it is current, and damage that is named or reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataio.bars import FIELDS, Bars
from dataio.compact import compact
from dataio.dataset import DAY_MS, Dataset, Series
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.writer import DatasetWriter
from self_test.dataio.samples import M5, MONDAY, save, save_columns, truncate, walk
from state.accounts import Domain
from utils.errors import Refusal

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)
TODAY = MONDAY // DAY_MS


@pytest.fixture
def bars() -> Bars:
    return walk(MONDAY, 4 * 288)


@pytest.fixture(params=["days", "cache", "stale cache"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path, bars: Bars) -> Dataset:
    """Four days, read from day files, from a current cache, or from a cache in which one day is old and one is missing."""
    made = Dataset(tmp_path)
    writer = DatasetWriter(made)
    if request.param == "stale cache":
        writer.write(BTC, walk(MONDAY + DAY_MS, 2 * 288, seed=9))
        writer.write(BTC, bars.between(MONDAY + 2 * DAY_MS, MONDAY + 3 * DAY_MS))
        compact(made, BTC)
    writer.write(BTC, bars)
    if request.param == "cache":
        compact(made, BTC)
    return made


@pytest.mark.parametrize(
    "start, end",
    [(None, None), (0, 1), (100, 800), (288, 576), (287, 289), (-50, 10), (1000, 9999), (500, 400), (300, 300)],
)
def test_a_range_is_exactly_the_bars_that_open_in_it(dataset: Dataset, bars: Bars, start: int | None, end: int | None) -> None:
    first, last = None if start is None else MONDAY + start * M5, None if end is None else MONDAY + end * M5
    got = DatasetReader(dataset).bars(BTC, first, last)
    assert got.same(bars.between(first, last))
    assert all(getattr(got, name).flags.writeable and getattr(got, name).flags.c_contiguous for name in ("ts", *FIELDS))


def test_only_the_asked_columns_come(dataset: Dataset, bars: Bars) -> None:
    got = DatasetReader(dataset).columns(BTC, ["close"], MONDAY + M5, None)
    assert list(got) == ["close"]
    assert np.array_equal(got["close"], bars.close[1:])


def test_a_removed_day_is_gone_although_the_cache_held_it(dataset: Dataset, bars: Bars) -> None:
    dataset.day_path(BTC, TODAY + 1).unlink()
    got = DatasetReader(dataset).bars(BTC)
    assert np.array_equal(got.ts, bars.ts[(bars.ts // DAY_MS) != TODAY + 1])


def test_a_damaged_cache_is_passed_by_and_told(dataset: Dataset, bars: Bars) -> None:
    path = dataset.cache_path(BTC)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"nonsense")
    reader = DatasetReader(dataset)
    assert reader.bars(BTC).same(bars)
    assert "not a compacted cache" in reader.damaged[path]


@pytest.mark.parametrize("damage", ["truncated", "columns", "other day"])
def test_a_damaged_day_is_named_or_skipped_and_reported(tmp_path: Path, bars: Bars, damage: str) -> None:
    dataset = Dataset(tmp_path)
    DatasetWriter(dataset).write(BTC, bars)
    path = dataset.day_path(BTC, TODAY + 2)
    if damage == "truncated":
        truncate(path)
    elif damage == "columns":
        save_columns(path, {"time": [1], "price": [2.0]})
    else:
        save(path, walk(MONDAY, 288))
    words = {"truncated": "not readable as parquet", "columns": "no column ts", "other day": "holds rows of another day"}[damage]
    strict = DatasetReader(dataset)
    with pytest.raises(DamagedFile, match=rf"2025-03-12\.parquet: {words}"):
        strict.bars(BTC)
    assert len(strict.bars(BTC, None, MONDAY + 2 * DAY_MS)) == 2 * 288
    lenient = DatasetReader(dataset, skip_damaged=True)
    assert len(lenient.bars(BTC)) == 3 * 288
    assert list(lenient.damaged) == [path]


def test_an_untidy_day_is_read_sorted_with_the_last_of_equal_stamps(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    rows = walk(MONDAY, 4).take(np.array([2, 0, 1, 3, 1]))
    rows.close[4] = 123.0
    save(dataset.day_path(BTC, TODAY), rows)
    got = DatasetReader(dataset).bars(BTC)
    assert got.ts.tolist() == [MONDAY + index * M5 for index in range(4)]
    assert got.close[1] == 123.0


def test_an_unknown_series_is_refused_with_what_there_is(dataset: Dataset) -> None:
    with pytest.raises(Refusal, match=r"no bybit/crypto/NOPE/5m .* there is: bybit/crypto/BTCUSDT/5m"):
        DatasetReader(dataset).bars(Series("bybit", Domain.CRYPTO, "NOPE", M5))
