from __future__ import annotations

import numpy as np

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.learning.passes import flat, run_market, run_portfolio
from self_test.fakes.markets import market
from state.accounts import Domain
from strategy.actions import ACTIONS
from strategy.registry import STRATEGIES


def test_arrays_end_to_end_say_where_each_part_begins() -> None:
    (first, second), at = flat([(np.array([1, 2]), np.array([3, 4])), (np.zeros(0), np.zeros(0)), (np.array([5]), np.array([6]))], 2)
    assert (first.tolist(), second.tolist(), at.tolist()) == ([1, 2, 5], [3, 4, 6], [0, 2, 2, 3])


def test_a_policy_that_sees_nothing_in_anything_enters_nothing_and_the_static_one_does() -> None:
    grid = market(Domain.PERPS, seed=2)
    allowed = np.ones(len(STRATEGIES), np.int64)
    counts = []
    for learned in (False, True):
        engine, _ = fresh_engine(CONFIG, grid.instruments, frozenset({0, 1, 2, 3}), int(grid.ts[0]), quotes=False)
        state, mandate = engine.state, engine.mandate
        passed = run_market(grid, state.market, mandate.params)
        values = np.zeros((len(passed.signals), len(STRATEGIES), ACTIONS), np.float32) if learned else None
        books = (state.pos, state.inst, state.acct)
        counts.append(len(run_portfolio(grid, passed, books, mandate.rules, mandate.limits, allowed, values)))
    assert counts[0] > 10 and counts[1] == 0
