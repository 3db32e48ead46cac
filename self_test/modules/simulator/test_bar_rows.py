"""Bars join at the end, the oldest go, and a shift of prices holds for what is there and for what is to come."""

from __future__ import annotations

import numpy as np
import pytest

from modules.simulator import bar_rows
from modules.simulator.bar_rows import BarRows, Bars, index_of

ROW = np.dtype([("ts", "i8"), ("open", "i4"), ("high", "i4"), ("low", "i4"), ("close", "i4")])


def rows(first: int, count: int, price: int = 100) -> Bars:
    made = np.zeros(count, ROW)
    made["ts"] = first + np.arange(count)
    for name in ("open", "high", "low", "close"):
        made[name] = price
    return made


def test_what_joins_comes_after_what_is_there_whatever_room_was_made() -> None:
    series = BarRows(rows(0, 3))
    series.reserve(2)
    for first in (3, 5, 9):
        series.append(rows(first, 2 if first == 3 else 4 if first == 5 else 1))
    assert series.bars["ts"].tolist() == list(range(10))


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_rows, "KEEP_BARS", 4)
    series = BarRows(rows(0, 0))
    for first in range(0, 30, 3):
        series.append(rows(first, 3))
    stamps = series.bars["ts"].tolist()
    assert stamps[-1] == 29 and stamps == list(range(stamps[0], 30)) and len(stamps) <= 2 * 4 + 2 * 3


def test_a_shift_holds_from_its_time_on_also_for_later_bars_and_never_reaches_zero() -> None:
    taken = rows(0, 4)
    taken.flags.writeable = False
    series = BarRows(taken)
    series.shift(2, 1.5)
    series.append(rows(4, 1))
    assert series.bars["close"].tolist() == [100, 100, 150, 150, 150] and taken["close"].tolist() == [100] * 4
    series.shift(4, 0.0)
    assert series.bars["low"].tolist() == [100, 100, 150, 150, 1]


def test_the_index_is_that_of_the_first_not_before() -> None:
    stamps = rows(10, 3)["ts"]
    assert [index_of(stamps, ts) for ts in (0, 10, 11, 12, 13)] == [0, 0, 1, 2, 3]
