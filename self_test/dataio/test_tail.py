"""The tail: what was acknowledged is read whatever a crash left behind it, and what does not check is passed by and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataio.dataset import Dataset, Series
from dataio.reader import DatasetReader
from dataio.tables import DamagedFile
from dataio.tail import NAME, RECORD, Row, append_rows, read_tail
from dataio.verify import verify
from dataio.writer import DatasetWriter
from self_test.dataio.samples import M5, MONDAY
from state.accounts import Domain

BTC, ETH = (Series("bybit", Domain.CRYPTO, f"{coin}USDT", M5) for coin in ("BTC", "ETH"))


def row(k: int, price: float = 1.0) -> Row:
    return MONDAY + k * M5, price, price, price, price, 7.0


def test_rows_come_back_by_series_and_the_newest_of_a_stamp_wins(tmp_path: Path) -> None:
    assert read_tail(tmp_path).series() == ()
    assert append_rows(tmp_path, {BTC: [row(1), row(0)], ETH: [row(5, 9.0)]}) == 3
    assert append_rows(tmp_path, {BTC: [row(1, 2.0)]}) == 4
    tail = read_tail(tmp_path)
    assert tail.series() == (BTC, ETH)
    assert (tail.bars(BTC).ts.tolist(), tail.bars(BTC).close.tolist()) == ([MONDAY, MONDAY + M5], [1.0, 2.0])
    assert tail.bars(ETH).open.tolist() == [9.0]
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", [1, 80, RECORD.itemsize - 1])
def test_half_a_record_that_a_crash_left_is_not_read_and_not_glued_to_the_next(tmp_path: Path, left: int) -> None:
    append_rows(tmp_path, {BTC: [row(0), row(1)]})
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole + whole[:left])
    assert len(read_tail(tmp_path).bars(BTC)) == 2
    append_rows(tmp_path, {BTC: [row(2)]})
    assert len(read_tail(tmp_path).bars(BTC)) == 3
    assert (tmp_path / NAME).stat().st_size == 3 * RECORD.itemsize


def test_records_that_do_not_check_are_passed_by_and_told(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    append_rows(tmp_path, {BTC: [row(k) for k in range(4)], ETH: [row(0)]})
    data = bytearray((tmp_path / NAME).read_bytes())
    data[2 * RECORD.itemsize + 120] ^= 4
    (tmp_path / NAME).write_bytes(bytes(data) + bytes(2 * RECORD.itemsize))
    tail = read_tail(tmp_path)
    assert tail.series() == (BTC, ETH)
    assert (tail.bars(BTC).ts.tolist(), tail.bad(BTC), tail.bad(ETH)) == ([row(k)[0] for k in (0, 1, 3)], 1, 0)
    report = verify(dataset, BTC)
    assert (report.rows, [(one.kind, one.count) for one in report.faults]) == (3, [("damaged", 1)])
    assert DatasetWriter(dataset).fold() == 4
    assert (verify(dataset, BTC).faults, verify(dataset, ETH).rows) == ((), 1)
    assert not (tmp_path / NAME).exists()


def test_what_came_into_day_files_leaves_and_the_rest_stays(tmp_path: Path) -> None:
    append_rows(tmp_path, {BTC: [row(0)], ETH: [row(0), row(1)]})
    assert DatasetWriter(Dataset(tmp_path)).fold([BTC]) == 1
    tail = read_tail(tmp_path)
    assert (tail.series(), len(tail.bars(ETH))) == ((ETH,), 2)
    assert len(DatasetReader(Dataset(tmp_path)).bars(BTC)) == 1


def test_a_tail_that_cannot_be_read_is_named_or_skipped_and_reported(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path)
    append_rows(tmp_path, {BTC: [row(0)]})
    DatasetWriter(dataset).fold()
    (tmp_path / NAME).mkdir()
    with pytest.raises(DamagedFile, match=r"\.tail: not readable"):
        DatasetReader(dataset).bars(BTC)
    lenient = DatasetReader(dataset, skip_damaged=True)
    assert len(lenient.bars(BTC)) == 1
    assert list(lenient.damaged) == [tmp_path / NAME]
    assert [one.kind for one in verify(dataset, BTC).faults] == ["damaged"]
