"""A series keeps what is appended, writes numbers as the venue does, and forgets only when it is far too long."""

from __future__ import annotations

import numpy as np
import pytest

from modules.simulator import bar_rows
from modules.simulator.bar_rows import index_of
from modules.simulator.market import Series
from self_test.modules.simulator import toy


def test_blocks_are_joined() -> None:
    whole = toy.saw(50)
    one = toy.series(whole[:0])
    for begin in range(0, 50, 7):
        one.append(whole[begin : begin + 7])
    assert np.array_equal(one.bars, whole)
    assert one.first_ts == toy.START


def test_an_endless_series_forgets_its_oldest_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_rows, "KEEP_BARS", 10)
    one = toy.series(toy.saw(0))
    whole = toy.saw(60)
    for begin in range(0, 60, 3):
        one.append(whole[begin : begin + 3])
        assert len(one.bars) <= 24
    assert np.array_equal(one.bars, whole[-len(one.bars) :])


def test_numbers_are_written_on_the_grid() -> None:
    one = toy.series()
    assert one.price(7_946_670) == "79466.70"
    assert one.size(1) == "0.000001"
    doge = toy.series(symbol="DOGEUSDT")
    assert doge.price(12_345) == "0.12345"
    assert doge.size(37) == "3.7"


def test_the_oldest_bar_may_be_a_coarse_one() -> None:
    fine = toy.saw(10)
    early = toy.saw(4, start=toy.START - 4 * 900_000, tf_ms=900_000)
    one = Series(toy.series().listing, toy.FIVE, fine, ((900_000, early),))
    assert one.first_ts == toy.START - 3_600_000


def test_a_time_is_found_among_packed_rows() -> None:
    rows = toy.saw(50)
    stamps = rows["ts"].copy()
    for ts in (0, int(stamps[0]), int(stamps[7]), int(stamps[7]) + 1, int(stamps[-1]) + 1):
        assert index_of(rows["ts"], ts) == int(np.searchsorted(stamps, ts, side="left"))
