"""The common rule, worked by hand: each switch where it matters."""

from __future__ import annotations

import numpy as np
import pytest

from bench.peers.rule import OURS, Convention, breakout

PPM = (20_000, 40_000, 1_000)


def trades(rows: list[tuple[int, int, int, int]], how: Convention = OURS) -> list[tuple[int, int, int, int]]:
    """Trades over bars (open, high, low, close) that follow three quiet ones, with a range of three bars."""
    quiet = [(10_000, 10_000, 10_000, 10_000)] * 3
    o, h, low, c = (np.array(column, np.int64) for column in zip(*quiet, *rows, strict=True))
    found = breakout((o, h, low, c), 3, PPM, how, unit=1)
    return [(int(one["entry"]), int(one["exit"]), int(one["entry_t"]), int(one["exit_t"])) for one in found]


UP = (10_000, 10_100, 10_000, 10_100)
"""Bar 3: closes above."""


def test_bought_at_the_next_open_sold_at_the_target() -> None:
    assert trades([UP, (10_200, 10_250, 10_150, 10_200), (10_200, 10_700, 10_200, 10_600)]) == [(4, 5, 10_200, 10_608)]


def test_a_close_at_the_highest_high_is_no_breakout() -> None:
    assert trades([(10_000, 10_000, 9_900, 10_000), (10_000, 12_000, 9_000, 10_000)]) == []


def test_the_stop_comes_first_where_a_bar_holds_both() -> None:
    assert trades([UP, (10_200, 10_250, 10_150, 10_200), (10_200, 10_900, 9_900, 10_200)]) == [(4, 5, 10_200, 9_996)]


@pytest.mark.parametrize("opened", [9_000, 11_000])
def test_a_gap_beyond_a_leg_fills_at_the_open(opened: int) -> None:
    assert trades([UP, (10_200, 10_250, 10_150, 10_200), (opened, opened, opened, opened)]) == [(4, 5, 10_200, opened)]


def test_the_bar_of_the_entry_may_close_it_or_not() -> None:
    rows = [UP, (10_200, 10_250, 9_900, 10_000), (10_000, 10_050, 9_950, 10_000)]
    assert trades(rows) == [(4, 4, 10_200, 9_996)]
    assert trades(rows, Convention(entry_bar=False)) == [(4, 5, 10_200, 9_996)]


def test_legs_may_count_from_the_signal() -> None:
    rows = [UP, (10_200, 10_250, 10_150, 10_200), (10_200, 10_550, 10_200, 10_500)]
    assert trades(rows) == []
    assert trades(rows, Convention(from_fill=False)) == [(4, 5, 10_200, 10_504)]


def test_filled_at_the_signals_close_the_next_bar_can_close_it() -> None:
    rows = [UP, (10_200, 10_250, 9_800, 10_200)]
    assert trades(rows, Convention(entry_bar=False, at_close=True)) == [(3, 4, 10_100, 9_898)]
