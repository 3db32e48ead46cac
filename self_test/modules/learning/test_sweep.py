from __future__ import annotations

import numpy as np

from config import CONFIG
from modules.learning.research import market_of, sweep_trades
from modules.learning.sweep import SIGNAL, TRADE
from self_test.fakes.markets import market
from state.accounts import Domain

ALL = frozenset({0, 1, 2, 3})


def test_signals_come_in_time_order_and_only_from_the_first_trading_bar_on() -> None:
    grid = market(Domain.PERPS, seed=2)
    signals = market_of(grid, CONFIG).signals
    assert signals.dtype == SIGNAL
    assert len(signals) > 50
    places = list(zip(signals["k"].tolist(), signals["i"].tolist(), strict=True))
    assert places == sorted(set(places))
    assert places[0][0] >= grid.start
    assert np.all(grid.open[signals["i"], signals["k"]] > 0)


def test_trades_are_written_in_order_of_closing_and_add_up_to_the_wallet() -> None:
    grid = market(Domain.PERPS, seed=2)
    trades, acct = sweep_trades(grid, CONFIG, ALL, 1_000)
    assert trades.dtype == TRADE
    assert np.all(np.diff(trades["exit_ts"]) >= 0)
    assert np.all(trades["entry_ts"] <= trades["exit_ts"])
    assert np.all(trades["net"] == trades["side"] * (trades["exit_value"] - trades["entry_value"]) - trades["fees"] - trades["funding"])
    still_open = int(acct[0]["cash"]) - 1_000 * 10**10 - int(trades["net"].sum())
    # What the closed trades do not explain is the entry fees and funding of positions still held.
    assert abs(still_open) < 10**10
