"""Reading points ahead: every point once, across chunks, and again when the bars ahead have changed."""

from __future__ import annotations

import pytest

from modules.simulator import path, point_reader
from modules.simulator.point_reader import PointReader
from self_test.modules.simulator import toy


def test_every_point_once_in_any_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_reader, "CHUNK_BARS", 3)
    series = toy.series(toy.saw(20))
    every = path.points(series, 0, 20).tolist()
    for stride in (1_000, 70_000, 300_000, 2_000_000):
        reader, found = PointReader(series), []
        for start in range(toy.START, toy.START + 20 * toy.FIVE, stride):
            found += reader.take(start, start + stride)
            assert reader.next_ts >= start + stride or not reader.take(start + stride, start + stride + 1)
        assert found == every
    reader = PointReader(series)
    assert reader.take(toy.START + 1, toy.START + toy.FIVE) == every[1:4], "from the middle of a bar"
    assert reader.next_ts == toy.START + toy.FIVE
    assert reader.take(toy.START + 100 * toy.FIVE, toy.START + 101 * toy.FIVE) == []


def test_changed_bars_are_read_again() -> None:
    series = toy.series(toy.saw(20))
    reader = PointReader(series)
    before = reader.take(toy.START, toy.START + toy.FIVE)
    series.shift(toy.START + toy.FIVE, 0.5)
    reader.forget()
    after = reader.take(toy.START + toy.FIVE, toy.START + 2 * toy.FIVE)
    assert before[-1][1] // 2 == pytest.approx(after[0][1], rel=0.01)
