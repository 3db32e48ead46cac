from __future__ import annotations

from config import CONFIG
from modules.learning.research import market_of, run_sweep, sweep_trades
from self_test.fakes.markets import market
from state.accounts import Domain


def test_a_kept_market_pass_saves_the_first_loop_and_changes_nothing() -> None:
    grid = market(Domain.CRYPTO, seed=2)
    chosen = frozenset({0, 1})
    fresh = run_sweep(grid, CONFIG, chosen, 2_000)
    kept = run_sweep(grid, CONFIG, chosen, 2_000, market_of(grid, CONFIG))
    assert kept == fresh
    assert {trade["strategy"] for trade in kept.trades} <= {"C1", "C2"}


def test_a_strategy_that_is_not_chosen_or_not_of_the_domain_does_not_trade() -> None:
    grid = market(Domain.CRYPTO, seed=2)
    assert len(sweep_trades(grid, CONFIG, frozenset())[0]) == 0
