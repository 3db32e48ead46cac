"""Research runs over a grid: what the command line, the optimiser and the tests call to sweep."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import numpy as np

from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid
from modules.engine.replay import Outcome, sweep_rows
from modules.learning.passes import MarketPass, run_market, run_portfolio
from modules.settings import BotConfig
from risk.cost_model import CostModel
from state.books import Rows
from strategy.registry import STRATEGIES
from utils.fixed import money, plain


def market_of(grid: Grid, config: BotConfig) -> MarketPass:
    """The market pass of a grid, to be kept for any number of portfolio passes."""
    engine, _ = fresh_engine(config, grid.instruments, frozenset(), 0, quotes=False)
    return run_market(grid, engine.state.market, engine.mandate.params)


def sweep_trades(
    grid: Grid,
    config: BotConfig,
    chosen: frozenset[int],
    balance: int | None = None,
    market: MarketPass | None = None,
    costs: Iterable[CostModel] = (),
) -> tuple[Rows, Rows]:
    """Closed trades (TRADE rows) and account rows of one sweep; `market` is a kept market pass of the same grid.

    `costs` as for `run_engine`.
    """
    start_ts = int(grid.ts[min(grid.start, len(grid.ts) - 1)])
    engine, _ = fresh_engine(config, grid.instruments, chosen, start_ts, quotes=False, balance=balance, costs=costs)
    state, mandate = engine.state, engine.mandate
    passed = market if market is not None else run_market(grid, state.market, mandate.params)
    allowed = np.zeros(len(STRATEGIES), np.int64)
    for s in mandate.allowed[state.accounts[0]]:
        allowed[s] = 1
    books = (state.pos, state.inst, state.acct)
    trades = run_portfolio(grid, passed, books, mandate.rules, mandate.limits, allowed, frames=mandate.option_frames)
    return trades, state.acct


def run_sweep(
    grid: Grid,
    config: BotConfig,
    chosen: frozenset[int],
    balance: int | None = None,
    market: MarketPass | None = None,
    costs: Iterable[CostModel] = (),
) -> Outcome:
    """Sweep the grid, told in the words of a replay."""
    trades, acct = sweep_trades(grid, config, chosen, balance, market, costs)
    equity = sum((money(int(row["equity"])) for row in acct), Decimal(0))
    return Outcome(trades=sweep_rows(grid, trades), final_equity=plain(equity), bars=grid.bars)
