"""What is measured is what it says: markets cut to size, positions that are really held, listeners that really take."""

from __future__ import annotations

import numpy as np
import pytest

from bench.markets import random_grid
from bench.scaling_work import bars_of, engine_over, first_days, first_symbols, holding_engine, running, sweep_of, told
from state.books import OPEN, Rows
from state.messages import BarsClosed


def test_a_market_is_cut_in_time_and_in_breadth() -> None:
    grid = random_grid(3, 4)
    shorter, narrower = first_days(grid, 2), first_symbols(grid, 2)
    assert shorter.close.shape == shorter.volume.shape == (3, 576) and len(shorter.ts) == 576
    assert shorter.close.flags["C_CONTIGUOUS"] and np.array_equal(shorter.close, grid.close[:, :576])
    assert narrower.instruments == grid.instruments[:2] and narrower.high.shape == (2, 1152)


def test_positions_are_held_and_no_bar_closes_them() -> None:
    grid = random_grid(5, 1)
    bars = bars_of(grid, 200)
    assert [len(event.candles) for event in bars] == [5] * 200 and isinstance(bars[0], BarsClosed)
    for held in (0, 3, 5):
        engine = holding_engine(grid, held)
        engine_over(engine, bars)()
        assert int((engine.state.pos["status"] == OPEN).sum()) == held
        assert int(engine.state.market["last_ts"][0]) == int(grid.ts[199])
        assert [int(mark) for mark in engine.state.pos["mark"][:held]] == grid.close[:held, 199].tolist()


def test_a_running_engine_takes_one_piece_after_the_other_until_there_is_no_more() -> None:
    piece = running(random_grid(2, 1), 1, 200, 40)
    piece()()
    piece()()
    with pytest.raises(IndexError, match="too short"):
        piece()


def test_a_sweep_trades_with_all_strategies() -> None:
    found = sweep_of(random_grid(3, 90))()
    assert isinstance(found, tuple)
    trades: Rows = found[0]
    assert len(set(trades["strategy"].tolist())) > 1


def test_every_notice_is_taken_by_every_listener() -> None:
    work = told(4, 300)  # more than a listener has room for: who did not take would lose some
    work()
    assert work.__closure__ is not None
    held = {name: cell.cell_contents for name, cell in zip(work.__code__.co_freevars, work.__closure__, strict=True)}
    assert [(watch.waiting, watch.dropped) for watch in held["watches"]] == [(0, 0)] * 4
