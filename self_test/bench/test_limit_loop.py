from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.limit_loop import COLUMNS, Limit
from config import CONFIG
from modules.engine.desk import chosen_strategies
from modules.learning.research import market_of, sweep_trades
from modules.settings import BotConfig
from self_test.fakes.markets import market
from self_test.modules.learning.test_parity import BOLD
from state.accounts import Domain

ALL = chosen_strategies(None)
NEAR_HALT = BOLD.model_copy(update={"risk": BOLD.risk.model_copy(update={"stop_drawdown": 0.055, "max_drawdown": 0.056})})
"""Positions are open when the account is halted."""


@pytest.mark.timeout(600)  # the first to ask compiles
@pytest.mark.parametrize("seed, config", [(2, CONFIG), (19, BOLD), (22, NEAR_HALT)])
def test_the_limit_finds_the_signals_and_trades_of_the_sweep(seed: int, config: BotConfig) -> None:
    grid = msgspec.structs.replace(market(Domain.CRYPTO, seed=seed, whips=0.01), fine={})
    limit, kept = Limit(grid, config, ALL), market_of(grid, config)
    signals = limit.signals()
    for column, name in enumerate(("k", "i", "code", "regime")):
        assert np.array_equal(signals[0][:, column], kept.signals[name]), name
    for column, name in enumerate(("atr", "turnover", "move")):
        assert np.array_equal(signals[1][:, column], kept.signals[name]), name
    swept, _ = sweep_trades(grid, config, ALL, market=kept)
    found = limit.trades(signals)
    assert len(found) == len(swept) >= 10
    for column, name in enumerate(COLUMNS):
        assert np.array_equal(found[:, column], swept[name]), name
    assert np.array_equal(limit.trades(signals), found)


def test_a_market_that_the_loop_does_not_know_is_refused() -> None:
    grid = market(Domain.CRYPTO, days=32)
    with pytest.raises(ValueError, match="knows spot coins"):
        Limit(grid, CONFIG, ALL)
    with pytest.raises(ValueError, match="knows spot coins"):
        Limit(msgspec.structs.replace(market(Domain.PERPS, days=32), fine={}, funding={}), CONFIG, ALL)
