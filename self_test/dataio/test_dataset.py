"""Names and paths of the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataio.dataset import DAY_MS, Dataset, Series, day_name, day_number, encode_day, identity
from self_test.dataio.samples import M5, MONDAY, walk
from state.accounts import Domain
from utils.errors import Refusal
from utils.files import atomic_write

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)


def test_a_series_is_written_as_its_path_and_read_back(tmp_path: Path) -> None:
    assert str(BTC) == "bybit/crypto/BTCUSDT/5m"
    assert Series.parse(str(BTC)) == BTC
    path = Dataset(tmp_path).day_path(BTC, MONDAY // DAY_MS)
    assert path == tmp_path / "bybit" / "crypto" / "BTCUSDT" / "5m" / "2025-03-10.parquet"


@pytest.mark.parametrize(
    "text, words",
    [
        ("bybit/crypto/BTCUSDT", "is not venue/domain/symbol/timeframe"),
        ("bybit/stocks/BTCUSDT/5m", "'STOCKS' is not a valid Domain"),
        ("bybit/crypto/BTCUSDT/5s", "not a timeframe"),
        ("bybit/crypto/BTCUSDT/7m", "divide a day"),
        ("bybit/crypto/BTCUSDT/2d", "divide a day"),
        ("../crypto/BTCUSDT/5m", "venue '..'"),
        (".compact/crypto/BTCUSDT/5m", "venue '.compact'"),
        ("bybit/crypto/btc usdt/5m", "symbol 'btc usdt'"),
        ("bybit/crypto/../5m", "symbol '..'"),
    ],
)
def test_what_is_no_series_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        Series.parse(text)


def test_days_and_series_see_only_their_own_files(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    with pytest.raises(Refusal, match=r"not a folder"):
        Dataset(tmp_path / "none").series()
    assert dataset.series() == ()
    assert dataset.days(BTC) == {}
    folder = dataset.folder(BTC)
    folder.mkdir(parents=True)
    for name in ("2025-03-11.parquet", "2025-03-10.parquet", ".2025-03-12.parquet.tmp", "2025-02-30.parquet", "notes.txt"):
        (folder / name).touch()
    (tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
    (tmp_path / ".compact" / "bybit" / "crypto" / "BTCUSDT").mkdir(parents=True)
    assert dataset.series() == (BTC,)
    assert [path.name for path in dataset.days(BTC).values()] == ["2025-03-10.parquet", "2025-03-11.parquet"]


def test_day_numbers_and_names() -> None:
    assert day_name(MONDAY // DAY_MS) == "2025-03-10"
    assert day_number("2025-03-10.parquet") == MONDAY // DAY_MS
    assert day_number("1970-01-01.parquet") == 0
    assert day_number("2025-03-10.parquet.tmp") is None
    for day in (-1, MONDAY):
        with pytest.raises(ValueError, match=r"are the stamps milliseconds"):
            day_name(day)


def test_a_replaced_file_is_another_version_even_with_equal_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    data = encode_day(walk(MONDAY, 10))
    assert encode_day(walk(MONDAY, 10)) == data
    atomic_write(path, data)
    before = identity(path)
    assert identity(path) == before
    atomic_write(path, data)
    assert identity(path) != before
