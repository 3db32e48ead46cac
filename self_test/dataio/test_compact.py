"""Compaction: equal rows however often it runs, day files untouched, a bad cache replaced, a bad day refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from dataio.bars import Bars
from dataio.compact import compact, lane_sum, open_cache
from dataio.dataset import DAY_MS, Dataset, Series, identity
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.writer import DatasetWriter
from self_test.dataio.samples import H1, M5, MONDAY, save, truncate, walk
from state.accounts import Domain
from utils.errors import Refusal

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)


@pytest.fixture
def bars() -> Bars:
    return walk(MONDAY, 3 * 288)


@pytest.fixture
def dataset(tmp_path: Path, bars: Bars) -> Dataset:
    made = Dataset(tmp_path)
    DatasetWriter(made).write(BTC, bars)
    return made


def test_twice_gives_equal_rows_and_touches_no_day_file(dataset: Dataset, bars: Bars) -> None:
    before = {path: identity(path) for path in dataset.days(BTC).values()}
    first = compact(dataset, BTC)
    assert (first.rewritten, first.rows, first.days) == (True, 864, 3)
    once = DatasetReader(dataset).bars(BTC)
    version = identity(dataset.cache_path(BTC))
    second = compact(dataset, BTC)
    assert (second.rewritten, second.rows) == (False, 864)
    assert identity(dataset.cache_path(BTC)) == version
    assert once.same(bars)
    assert DatasetReader(dataset).bars(BTC).same(bars)
    assert {path: identity(path) for path in dataset.days(BTC).values()} == before


def test_a_changed_day_is_taken_in_next_time(dataset: Dataset) -> None:
    compact(dataset, BTC)
    newer = walk(MONDAY + DAY_MS, 288, seed=7)
    DatasetWriter(dataset).write(BTC, newer)
    assert compact(dataset, BTC).rewritten
    cache = open_cache(dataset, BTC)
    assert cache is not None
    assert cache.bars().between(MONDAY + DAY_MS, MONDAY + 2 * DAY_MS).same(newer)


@pytest.mark.parametrize("damage", ["truncated", "bit", "foreign", "empty"])
def test_a_damaged_cache_is_seen_and_replaced(dataset: Dataset, bars: Bars, damage: str) -> None:
    compact(dataset, BTC)
    path = dataset.cache_path(BTC)
    if damage == "truncated":
        truncate(path)
    elif damage == "bit":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "foreign":
        path.write_text("hello")
    else:
        path.write_bytes(b"")

    def read() -> None:
        cache = open_cache(dataset, BTC)
        assert cache is not None
        cache.bars()

    with pytest.raises(DamagedFile, match=r"5m\.arrow"):
        read()
    assert compact(dataset, BTC).rewritten
    read()
    assert DatasetReader(dataset).bars(BTC).same(bars)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_cache_of_an_older_program_is_read_and_held_against_its_crc(dataset: Dataset, bars: Bars, damaged: bool) -> None:
    compact(dataset, BTC)
    path = dataset.cache_path(BTC)
    table = ipc.open_file(path.read_bytes()).read_all()
    note = msgspec.json.decode(table.schema.metadata[b"bars"])
    del note["lanes"]
    if damaged:
        note["crc32"]["close"] ^= 1
    table = table.replace_schema_metadata({b"bars": msgspec.json.encode(note)})
    with path.open("wb") as file, ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    reader = DatasetReader(dataset)
    assert reader.bars(BTC).same(bars)
    assert reader.damaged == ({path: "column close does not match its checksum; compact again"} if damaged else {})


@given(st.integers(0, 2000), st.data())
def test_the_checksum_of_a_column_sees_a_bit_a_lost_page_and_pages_that_changed_places(rows: int, data: st.DataObject) -> None:
    values = np.random.default_rng(rows).random(rows + 1)
    want = lane_sum(values)
    assert lane_sum(values.copy()) == want
    bit = data.draw(st.integers(0, values.nbytes * 8 - 1))
    changed = values.copy()
    changed.view(np.uint8)[bit // 8] ^= 1 << bit % 8
    assert lane_sum(changed) != want
    if rows >= 1024:
        lost, swapped = values.copy(), values.copy()
        lost[512:1024] = 0
        swapped[:512], swapped[512:1024] = values[512:1024], values[:512]
        assert want not in {lane_sum(lost), lane_sum(swapped)}


def test_a_cache_of_another_timeframe_is_not_used(dataset: Dataset) -> None:
    hourly = Series("bybit", Domain.CRYPTO, "BTCUSDT", H1)
    DatasetWriter(dataset).write(hourly, walk(MONDAY, 24, H1))
    compact(dataset, hourly)
    dataset.cache_path(hourly).rename(dataset.cache_path(BTC))
    with pytest.raises(DamagedFile, match=r"another timeframe"):
        open_cache(dataset, BTC)


def test_a_damaged_day_is_named_and_the_old_cache_stays(dataset: Dataset, bars: Bars) -> None:
    compact(dataset, BTC)
    version = identity(dataset.cache_path(BTC))
    path = dataset.day_path(BTC, MONDAY // DAY_MS + 1)
    truncate(path)
    with pytest.raises(DamagedFile, match=r"2025-03-11\.parquet"):
        compact(dataset, BTC)
    assert identity(dataset.cache_path(BTC)) == version
    save(path, bars.between(MONDAY, MONDAY + DAY_MS))
    with pytest.raises(DamagedFile, match=r"rows of another day"):
        compact(dataset, BTC)


def test_nothing_to_compact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"no day files of bybit/crypto/BTCUSDT/5m"):
        compact(Dataset(tmp_path), BTC)
    assert open_cache(Dataset(tmp_path), BTC) is None


def test_a_day_file_without_rows_is_no_trouble(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    save(dataset.day_path(BTC, MONDAY // DAY_MS), walk(MONDAY, 0))
    assert compact(dataset, BTC).rows == 0
    assert compact(dataset, BTC).rewritten is False
    assert len(DatasetReader(dataset).bars(BTC)) == 0


def test_an_unwritable_cache_folder_is_one_clear_line(dataset: Dataset) -> None:
    (dataset.root / ".compact").write_text("in the way")
    with pytest.raises(Refusal, match=r"cannot write"):
        compact(dataset, BTC)
