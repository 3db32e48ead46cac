"""Writing: newest wins whatever the order, the same write twice changes nothing, a crash or a bad file loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataio.bars import make_bars
from dataio.compact import compact
from dataio.dataset import COLUMNS, DAY_MS, Dataset, Series, encode_day, identity
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.tail import read_tail
from dataio.verify import verify
from dataio.writer import FOLD_RECORDS, DatasetWriter, read_day
from self_test.conftest import REPO
from self_test.dataio.samples import H1, M5, MONDAY, save, truncate, walk
from state.accounts import Domain
from utils.errors import Refusal

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)
HOURLY = Series("bybit", Domain.CRYPTO, "BTCUSDT", H1)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path / "data")


def test_bars_are_split_by_utc_day_and_read_back(dataset: Dataset) -> None:
    bars = walk(MONDAY + DAY_MS - 2 * M5, 5)
    assert DatasetWriter(dataset).write(BTC, bars) == 5
    assert [len(read_day(path, M5)) for path in dataset.days(BTC).values()] == [2, 3]
    assert DatasetReader(dataset).bars(BTC).same(bars)


def test_the_newest_write_wins_and_the_count_tells_what_changed(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    old, new = walk(MONDAY, 10, seed=1), walk(MONDAY + 5 * M5, 10, seed=2)
    writer.write(BTC, old)
    assert writer.write(BTC, new) == 10
    got = DatasetReader(dataset).bars(BTC)
    assert got.between(None, MONDAY + 5 * M5).same(old.between(None, MONDAY + 5 * M5))
    assert got.between(MONDAY + 5 * M5, None).same(new)
    touched = new.take(slice(None))
    touched.close[3] = touched.open[3]
    assert writer.write(BTC, touched) == 1


def test_the_same_write_twice_touches_no_file(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    bars = walk(MONDAY, 600)
    writer.write(BTC, bars)
    before = {path: identity(path) for path in dataset.days(BTC).values()}
    assert writer.write(BTC, bars) == 0
    assert {path: identity(path) for path in dataset.days(BTC).values()} == before


def test_appended_bars_are_durable_after_flush(dataset: Dataset) -> None:
    with DatasetWriter(dataset) as writer:
        for index in range(3):
            writer.append(BTC, MONDAY + index * M5, 1, 2, 0.5, 1.5, 10 + index)
        writer.append(BTC, MONDAY, 1, 2, 0.5, 1.75, 99)
        assert writer.buffered == 4
        assert not dataset.days(BTC)
    assert writer.buffered == 0
    got = DatasetReader(dataset).bars(BTC)
    assert (got.close.tolist(), got.volume.tolist()) == ([1.75, 1.5, 1.5], [99, 11, 12])
    assert writer.flush() == 0


def test_bars_of_one_close_are_made_durable_by_one_sync(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = DatasetWriter(dataset)
    synced: list[str] = []

    def told(name: str) -> None:
        sync = getattr(os, name)

        def noted(file: int) -> None:
            synced.append(name)
            sync(file)

        monkeypatch.setattr(os, name, noted)

    told("fsync")
    told("fdatasync")
    symbols = [Series("bybit", Domain.CRYPTO, f"S{i}USDT", M5) for i in range(20)]
    for k in range(3):
        synced.clear()
        for one in symbols:
            writer.append(one, MONDAY + k * M5, 1, 2, 0.5, 1.5, k)
        assert writer.flush() == 20
    assert synced == ["fdatasync"]
    assert all(DatasetReader(dataset).bars(one).volume.tolist() == [0, 1, 2] for one in symbols)


def test_a_tail_that_is_long_comes_into_day_files_by_itself(dataset: Dataset) -> None:
    writer, bars = DatasetWriter(dataset), walk(MONDAY, FOLD_RECORDS + 3)
    for first, last in ((0, FOLD_RECORDS - 1), (FOLD_RECORDS - 1, FOLD_RECORDS), (FOLD_RECORDS, FOLD_RECORDS + 3)):
        for ts, *row in zip(*(getattr(bars, name)[first:last].tolist() for name in COLUMNS), strict=True):
            writer.append(BTC, ts, *row)
        assert writer.flush() == last - first
        assert (len(dataset.days(BTC)) > 0) == (last >= FOLD_RECORDS)
        assert DatasetReader(dataset).bars(BTC).same(bars.take(slice(0, last)))
    assert len(read_tail(dataset.root).bars(BTC)) == 3


def test_a_later_write_has_the_last_word_over_what_was_appended(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    for price in (1.0, 2.0):
        writer.append(BTC, MONDAY, price, price, price, price, price)
        writer.append(HOURLY, MONDAY, price, price, price, price, price)
        writer.flush()
    assert writer.write(BTC, make_bars(M5, [MONDAY], *[[3.0]] * 5)) == 1
    assert (DatasetReader(dataset).bars(BTC).close.tolist(), DatasetReader(dataset).bars(HOURLY).close.tolist()) == ([3.0], [2.0])
    writer.append(BTC, MONDAY, 4.0, 4.0, 4.0, 4.0, 4.0)
    writer.flush()
    assert DatasetReader(dataset).columns(BTC, ["close"])["close"].tolist() == [4.0]
    compact(dataset, BTC)
    assert DatasetReader(dataset).bars(BTC).close.tolist() == [4.0]
    assert read_tail(dataset.root).series() == (HOURLY,)


def test_a_block_that_fails_does_not_flush(dataset: Dataset) -> None:
    def fail(writer: DatasetWriter) -> None:
        with writer:
            writer.append(BTC, MONDAY, 1, 2, 0.5, 1.5, 1)
            raise KeyError

    writer = DatasetWriter(dataset)
    with pytest.raises(KeyError):
        fail(writer)
    assert (writer.buffered, dataset.days(BTC)) == (1, {})


def test_a_torn_temporary_file_of_a_crash_is_ignored_and_replaced(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    bars = walk(MONDAY, 20)
    writer.write(BTC, bars.take(slice(0, 10)))
    path = dataset.day_path(BTC, MONDAY // DAY_MS)
    torn = path.with_name(f".{path.name}.tmp")
    torn.write_bytes(encode_day(bars)[:300])
    assert len(DatasetReader(dataset).bars(BTC)) == 10
    writer.write(BTC, bars)
    assert DatasetReader(dataset).bars(BTC).same(bars)
    assert not torn.exists()


def test_a_damaged_day_is_named_and_left_alone_and_what_belongs_there_stays_in_the_tail(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    writer.write(BTC, walk(MONDAY, 288))
    path = dataset.day_path(BTC, MONDAY // DAY_MS)
    truncate(path)
    left = path.read_bytes()
    writer.append(BTC, MONDAY, 1, 2, 0.5, 1.5, 1)
    writer.append(HOURLY, MONDAY, 1, 2, 0.5, 1.5, 1)
    assert writer.flush() == 2
    words = r"2025-03-10\.parquet: not readable .* was not touched"
    with pytest.raises(DamagedFile, match=words):
        writer.fold()
    with pytest.raises(DamagedFile, match=words):
        writer.write(BTC, walk(MONDAY, 3))
    assert (path.read_bytes(), read_tail(dataset.root).series()) == (left, (BTC,))
    assert len(dataset.days(HOURLY)) == 1
    assert DatasetReader(dataset, skip_damaged=True).bars(BTC).close.tolist() == [1.5]
    path.unlink()
    assert writer.fold() == 1
    assert writer.fold() == 0
    assert DatasetReader(dataset).bars(BTC).close.tolist() == [1.5]


def test_an_unsorted_file_with_repeats_is_healed_by_the_next_write(dataset: Dataset) -> None:
    path = dataset.day_path(BTC, MONDAY // DAY_MS)
    rows = walk(MONDAY, 4).take(np.array([2, 0, 1, 1]))
    save(path, rows)
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 4).take(np.array([3])))
    assert read_day(path, M5).same(walk(MONDAY, 4))


def test_what_does_not_belong_is_refused_before_anything_is_written(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    with pytest.raises(ValueError, match=r"do not belong to bybit/crypto/BTCUSDT/5m"):
        writer.write(BTC, walk(MONDAY, 3, H1))
    with pytest.raises(ValueError, match=r"are the stamps milliseconds"):
        writer.write(BTC, make_bars(M5, [MONDAY, MONDAY * 1000], *[[1, 1]] * 5))
    assert writer.write(BTC, walk(MONDAY, 0)) == 0
    assert not dataset.root.exists()


def test_an_unwritable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, no folder")
    with pytest.raises(Refusal, match=r"cannot write .*bybit/crypto/BTCUSDT/5m"):
        DatasetWriter(Dataset(tmp_path / "data")).write(BTC, walk(MONDAY, 3))


def test_writers_at_the_same_time_lose_nothing(dataset: Dataset) -> None:
    bars = walk(MONDAY, 40)

    def write(row: int) -> None:
        writer = DatasetWriter(dataset)
        if row % 2:
            writer.write(BTC, bars.take(slice(row, row + 1)))
        else:
            writer.append(BTC, *(getattr(bars, name)[row].item() for name in COLUMNS))
            writer.flush()
        if row % 8 == 0:
            writer.fold()

    threads = [threading.Thread(target=write, args=(row,)) for row in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert DatasetReader(dataset).bars(BTC).same(bars)


WRITES_FOR_EVER = """
import sys
from dataio.dataset import COLUMNS, Dataset, Series
from dataio.writer import DatasetWriter
from self_test.conftest import REPO
from self_test.dataio.samples import M5, MONDAY, walk
from state.accounts import Domain
bars, writer = walk(MONDAY, 4000), DatasetWriter(Dataset(sys.argv[1]))
series = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)
for row in range(0, 4000, 2):
    if sys.argv[2] == "write":
        writer.write(series, bars.take(slice(row, row + 2)))
    else:
        for k in (row, row + 1):
            writer.append(series, *(getattr(bars, name)[k].item() for name in COLUMNS))
        writer.flush()
        if sys.argv[2] == "fold":
            writer.fold()
    print(row + 2, flush=True)
"""


@pytest.mark.parametrize("way, acknowledged", [("write", 20), ("write", 290), ("append", 301), ("fold", 60)])
def test_a_killed_writer_leaves_every_bar_it_acknowledged(dataset: Dataset, way: str, acknowledged: int) -> None:
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(dataset.root), way]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = next(int(line) for line in child.stdout if int(line) >= acknowledged)
        child.kill()
    report = verify(dataset, BTC)
    assert report.faults == ()
    assert report.rows >= told
    assert DatasetReader(dataset).bars(BTC).same(walk(MONDAY, 4000).take(slice(0, report.rows)))
    DatasetWriter(dataset).write(BTC, walk(MONDAY, 4000))
    assert DatasetReader(dataset).bars(BTC).same(walk(MONDAY, 4000))


rows = st.tuples(st.integers(0, 60), st.integers(1, 5))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(rows, max_size=12)),
        st.tuples(st.just("append"), st.lists(rows, max_size=4)),
        st.tuples(st.sampled_from(["flush", "compact", "fold", "read"]), st.just([])),
    ),
    max_size=10,
)


@settings(max_examples=40)
@given(operations)
def test_any_order_and_overlap_equals_a_dict_where_the_newest_wins(steps: list[tuple[str, list[tuple[int, int]]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dataset = Dataset(folder)
        writer = DatasetWriter(dataset)
        want: dict[int, float] = {}

        def check() -> None:
            writer.flush()
            if want:
                got = DatasetReader(dataset).bars(HOURLY)
                assert dict(zip(got.ts.tolist(), got.close.tolist(), strict=True)) == want
                assert got.ts.tolist() == sorted(want)

        for kind, given_rows in steps:
            stamps = [MONDAY + hour * H1 for hour, _ in given_rows]
            prices = [float(price) for _, price in given_rows]
            if kind == "write":
                writer.flush()
                writer.write(HOURLY, make_bars(H1, stamps, *[prices] * 5))
            elif kind == "append":
                for ts, price in zip(stamps, prices, strict=True):
                    writer.append(HOURLY, ts, price, price, price, price, price)
            elif kind == "compact":
                writer.flush()
                if want:
                    compact(dataset, HOURLY)
            elif kind == "fold":
                writer.fold()
            else:
                check()
            want.update(zip(stamps, prices, strict=True))
        check()
