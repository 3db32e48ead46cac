"""Writing: newest wins whatever the order, the same write twice changes nothing, a crash or a bad file loses nothing."""

from __future__ import annotations

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
from dataio.dataset import DAY_MS, Dataset, Series, encode_day, identity
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.verify import verify
from dataio.writer import DatasetWriter, read_day
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


def test_a_damaged_day_is_named_and_left_alone_and_bars_stay_buffered(dataset: Dataset) -> None:
    writer = DatasetWriter(dataset)
    writer.write(BTC, walk(MONDAY, 288))
    path = dataset.day_path(BTC, MONDAY // DAY_MS)
    truncate(path)
    left = path.read_bytes()
    writer.append(BTC, MONDAY, 1, 2, 0.5, 1.5, 1)
    with pytest.raises(DamagedFile, match=r"2025-03-10\.parquet: not readable .* was not touched"):
        writer.flush()
    assert (path.read_bytes(), writer.buffered) == (left, 1)
    path.unlink()
    assert writer.flush() == 1


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
        DatasetWriter(dataset).write(BTC, bars.take(slice(row, row + 1)))

    threads = [threading.Thread(target=write, args=(row,)) for row in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert DatasetReader(dataset).bars(BTC).same(bars)


WRITES_FOR_EVER = """
import sys
from dataio.dataset import Dataset, Series
from dataio.verify import verify
from dataio.writer import DatasetWriter
from self_test.conftest import REPO
from self_test.dataio.samples import M5, MONDAY, walk
from state.accounts import Domain
bars, writer = walk(MONDAY, 4000), DatasetWriter(Dataset(sys.argv[1]))
for row in range(0, 4000, 2):
    writer.write(Series("bybit", Domain.CRYPTO, "BTCUSDT", M5), bars.take(slice(row, row + 2)))
    print(row + 2, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [20, 290, 301])
def test_a_killed_writer_leaves_every_bar_it_acknowledged(dataset: Dataset, acknowledged: int) -> None:
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(dataset.root)]
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
        st.tuples(st.sampled_from(["flush", "compact", "read"]), st.just([])),
    ),
    max_size=10,
)


@settings(max_examples=60)
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
            else:
                check()
            want.update(zip(stamps, prices, strict=True))
        check()
