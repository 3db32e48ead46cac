from __future__ import annotations

from pathlib import Path

from bench.storage import BARS, PARTS, SYMBOLS, read_row, stored_row
from dataio.dataset import Dataset
from dataio.reader import DatasetReader


def test_each_bar_is_there_when_its_time_is_taken(tmp_path: Path) -> None:
    row = stored_row(tmp_path)
    (series,) = Dataset(tmp_path).series()
    assert len(DatasetReader(Dataset(tmp_path)).bars(series)) == BARS * PARTS
    assert row.less and 0 < row.lowest <= row.median <= row.highest


def test_what_is_read_was_compacted(tmp_path: Path) -> None:
    row = read_row(tmp_path, 1, 2)
    dataset = Dataset(tmp_path)
    assert len(dataset.series()) == SYMBOLS and all(dataset.cache_path(one).exists() for one in dataset.series())
    assert row.note.startswith("5,760 rows in ") and row.median > 0
