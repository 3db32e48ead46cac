"""Currency pairs over weekends, sessions and the moves that are remembered, in engine and sweep alike; the real pairs of 2025."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import CONFIG
from dataio.archive import open_archive
from forex.sessions import hours, is_open
from modules.engine.grid import Grid, load
from modules.engine.replay import run_engine
from modules.learning.labels import ASKED, Labeller, Why
from modules.learning.research import run_sweep
from modules.overrides import apply_overrides
from modules.settings import BotConfig
from self_test.fakes.fx_markets import fx_market
from self_test.strategy.fx_reference import working
from state.accounts import Domain
from strategy.base import F1, F2
from utils.errors import Refusal

FX = frozenset({F1, F2})
M15, HOUR = 900_000, 3_600_000
PAIRS = CONFIG.domains[Domain.FOREX].symbols
FREE = ("risk.half_drawdown=0.3", "risk.stop_drawdown=0.4", "risk.max_drawdown=0.45")
"""Limits so far away that the account trades on to the end of the data."""


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def same_trades(grid: Grid, config: BotConfig) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Both drivers over one grid; the trades on which they agree, and what the engine refused."""
    engine, swept = run_engine(grid, config, FX), run_sweep(grid, config, FX)
    told = ["symbol", "strategy", "side", "qty", "entry_ts", "entry", "exit_ts", "exit", "reason", "fees", "funding", "pnl", "r"]
    assert [{name: trade[name] for name in told} for trade in engine.trades] == [{name: one[name] for name in told} for one in swept.trades]
    assert engine.final_equity == swept.final_equity
    return engine.trades, engine.refused


def inside(trades: list[dict[str, Any]]) -> None:
    """No entry while the market is shut, in the break around its turn, or in the half hour before a week ends."""
    for trade in trades:
        decided = hours(int(trade["decided_ts"]))
        assert not decided.rest_ts <= decided.since < decided.rest_until, trade
        assert decided.since < decided.close_ts - 30 * 60_000, trade
        assert is_open(int(trade["entry_ts"])), trade


def test_in_the_weeks_between_the_clocks_each_market_keeps_its_own_hours() -> None:
    """New York changes on 9 March 2025, London on the 30th: between them they are an hour nearer."""
    grid = fx_market("EURUSD", "GBPUSD", "USDJPY", seed=5, days=50, first_day=12)
    trades, _ = same_trades(grid, apply_overrides(CONFIG, {}, FREE))
    inside(trades)
    between = [one for one in trades if ms("2025-03-09") <= int(one["decided_ts"]) < ms("2025-03-30")]
    assert between and {one["strategy"] for one in trades} >= {"F2"}
    for one in trades:
        if one["strategy"] == "F2":  # armed at an hour's close, confirmed within three quarters of an hour
            assert any(working(int(one["decided_ts"]) - back * M15) for back in (1, 2, 3)), one


@pytest.mark.data
def test_engine_and_sweep_trade_alike_on_the_real_pairs_of_2025(market_data: Path) -> None:
    config = apply_overrides(CONFIG, {}, FREE)
    grid = load(open_archive(market_data), Domain.FOREX, PAIRS, config.domains[Domain.FOREX], (ms("2025-04-24"), ms("2026-01-01")))
    trades, refused = same_trades(grid, config)
    inside(trades)
    assert {trade["symbol"] for trade in trades} == set(PAIRS), "every conversion is in it"
    assert {trade["side"] for trade in trades} == {"long", "short"} and len(trades) > 150
    assert "no_conversion" not in refused, "rates are known after the warm-up"
    assert any(float(trade["funding"]) for trade in trades) or all(not one.financing for one in grid.instruments)


@pytest.mark.data
@pytest.mark.parametrize(
    "symbol, day, window",
    [("GBPUSD", "2016-06-24", ("2016-04-01", "2016-07-16")), ("USDJPY", "2019-01-03", ("2018-10-15", "2019-01-26"))],
)
def test_nothing_is_entered_into_a_crash_nor_outside_the_sessions(
    market_data: Path, symbol: str, day: str, window: tuple[str, str]
) -> None:
    config = apply_overrides(CONFIG, {}, [f"domains.forex.timeframes={symbol}=4h/1h", *FREE])
    settings = config.domains[Domain.FOREX]
    grid = load(open_archive(market_data), Domain.FOREX, (symbol,), settings, (ms(window[0]), ms(window[1])))
    assert grid.confirm_ms == HOUR
    trades, _ = same_trades(grid, config)
    assert trades
    inside(trades)
    crash = ms(f"{day}T00:00") - 2 * HOUR
    assert not [one for one in trades if crash <= int(one["decided_ts"]) < crash + 10 * HOUR], "after a jump it stays out"


def decided(grid: Grid, at: str, strategy: int, atr: int) -> Any:
    """A long decided at the close of a bar, with this ATR (ticks)."""
    k = int(np.searchsorted(grid.ts, ms(at))) - 1
    asked = np.zeros(1, ASKED)
    asked[0] = (ms(at), 0, strategy, 1, 1, int(grid.close[0, k]), float(atr))
    return asked


@pytest.mark.data
def test_a_stop_that_a_weekend_jumped_over_fills_at_the_opening(market_data: Path) -> None:
    """GBPUSD closed the week of the referendum at 1.36303 and opened the next at 1.34226: a stop between them fills at the opening."""
    config = apply_overrides(CONFIG, {}, ["domains.forex.timeframes=GBPUSD=4h/1h", "risk.weekend=carry", "risk.max_move=0"])
    window = (ms("2016-06-20"), ms("2016-07-08"))
    grid = load(open_archive(market_data), Domain.FOREX, ("GBPUSD",), config.domains[Domain.FOREX], window)
    found = Labeller(grid, config).label(decided(grid, "2016-06-24T20:00", F1, 200))
    assert found.why.tolist() == [Why.LABELLED]
    for arm, k in ((0, 3), (1, 4)):
        trade = found.trades[0, arm]
        stop = int(grid.open[0, int(np.searchsorted(grid.ts, ms("2016-06-24T20:00")))]) - k * 200
        assert 134_226 < stop < 136_303
        assert int(trade["exit_ts"]) == ms("2016-06-26T21:00"), "the first bar of the week"
        left = int(trade["exit_value"]) / (int(trade["steps"]) * grid.instruments[0].unit)
        assert left == 134_226 - -(-134_226 * 100 // 1_000_000), "the opening less the slippage of 1 bp, not the stop"
        assert float(found.r[0, arm]) < -1.0


@pytest.mark.data
def test_a_stop_inside_the_bar_of_a_crash_fills_at_its_level(market_data: Path) -> None:
    """USDJPY fell from 108.87 to 104.72 within the hour that begins at 17:00 New York, in which nothing may be entered."""
    config = apply_overrides(CONFIG, {}, ["domains.forex.timeframes=USDJPY=4h/1h"])
    window = (ms("2018-12-27"), ms("2019-01-12"))
    grid = load(open_archive(market_data), Domain.FOREX, ("USDJPY",), config.domains[Domain.FOREX], window)
    held = Labeller(grid, config).label(decided(grid, "2019-01-02T21:00", F1, 150))
    trade = held.trades[0, 0]
    entered = int(grid.open[0, int(np.searchsorted(grid.ts, ms("2019-01-02T21:00")))])
    assert int(trade["exit_ts"]) == ms("2019-01-02T23:00")
    left = int(trade["exit_value"]) / (int(trade["steps"]) * grid.instruments[0].unit)
    assert entered - 3 * 150 - 40 < left < entered - 3 * 150
    late = Labeller(grid, config).label(decided(grid, "2019-01-02T22:00", F1, 150))
    assert late.why.tolist() == [Why.NOT_ENTERED], "the daily break"


@pytest.mark.data
def test_pairs_on_other_timeframes_are_read_apart(market_data: Path) -> None:
    config = apply_overrides(CONFIG, {}, ["domains.forex.timeframes=EURUSD=4h/1h"])
    with pytest.raises(Refusal, match="EURUSD on 4h/1h; GBPUSD on 1h/15m"):
        load(open_archive(market_data), Domain.FOREX, ("EURUSD", "GBPUSD"), config.domains[Domain.FOREX], (None, None))
    with pytest.raises(Refusal, match="add USDJPY"):
        grid = load(
            open_archive(market_data), Domain.FOREX, ("EURJPY",), CONFIG.domains[Domain.FOREX], (ms("2025-06-01"), ms("2025-06-10"))
        )
        run_sweep(grid, CONFIG, FX)
