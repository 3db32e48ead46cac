from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from config import CONFIG
from dataio.archive import open_archive
from modules.engine.grid import Grid, load
from modules.engine.replay import FIELDS, run_engine
from modules.exchange.paper_bars import MarkBars
from modules.learning.research import market_of, run_sweep
from modules.settings import BotConfig
from risk.cost_model import Conditions, CostModel, Source
from self_test.fakes.markets import market
from state.accounts import Domain
from utils.errors import Refusal

ALL = frozenset({0, 1, 2, 3})
COMPARED = (*FIELDS, "funding", "pnl", "r")

BOLD = CONFIG.model_copy(
    update={
        "risk": CONFIG.risk.model_copy(
            update={
                "base": 0.3,
                "pair": 0.9,
                "portfolio": 1.0,
                "loss": 0.05,
                "half_drawdown": 0.02,
                "stop_drawdown": 0.06,
                "max_drawdown": 0.065,
                "daily_loss": 0.05,
                "streak_min_trades": 5,
            }
        )
    }
)
"""Large positions and near limits, so that caps bind, days are stopped and accounts halt."""


def same_trades(grid: Grid, config: BotConfig, balance: int | None = None) -> list[dict[str, Any]]:
    """Both drivers over one grid; returns the trades on which they agree."""
    engine = run_engine(grid, config, ALL, balance)
    swept = run_sweep(grid, config, ALL, balance)
    pairs = [{name: trade[name] for name in COMPARED} for trade in engine.trades]
    assert pairs == [{name: trade[name] for name in COMPARED} for trade in swept.trades]
    assert engine.final_equity == swept.final_equity
    assert engine.bars == swept.bars
    return engine.trades


# Seeds 5, 19 and 22 are here for what they found: a rate set while no bar came, a resting fill that was marked at its price and not
# at its bar's close, a time exit that fell into a gap of all symbols.
@pytest.mark.parametrize(
    "domain, seed, config",
    [
        (Domain.CRYPTO, 2, CONFIG),
        (Domain.CRYPTO, 22, BOLD),
        (Domain.PERPS, 2, CONFIG),
        (Domain.PERPS, 5, BOLD),
        (Domain.PERPS, 19, CONFIG),
        (Domain.PERPS, 19, BOLD),
    ],
)
def test_engine_and_sweep_trade_alike_on_a_generated_market(domain: Domain, seed: int, config: BotConfig) -> None:
    trades = same_trades(market(domain, seed=seed), config)
    assert len(trades) >= 28
    assert {trade["reason"] for trade in trades} >= {"stop", "target", "trail"}


def test_the_generated_markets_reach_every_way_out() -> None:
    trades = [
        trade
        for domain, seed, config in ((Domain.PERPS, 19, BOLD), (Domain.PERPS, 2, CONFIG))
        for trade in run_engine(market(domain, seed=seed), config, ALL).trades
    ]
    assert {trade["reason"] for trade in trades} == {"stop", "trail", "target", "max_hold", "halt"}
    assert {trade["side"] for trade in trades} == {"long", "short"}
    assert {trade["strategy"] for trade in trades} == {"C1", "C2", "C3", "C4"}
    paid = [float(trade["funding"]) for trade in trades]
    assert min(paid) < 0 < max(paid)


def test_finer_bars_change_what_a_bar_with_both_levels_did() -> None:
    grid = market(Domain.PERPS, seed=2, whips=0.001)
    with_fine = same_trades(grid, CONFIG)
    without = same_trades(msgspec.structs.replace(grid, fine={}), CONFIG)
    assert with_fine != without


def test_a_kept_market_pass_gives_the_same_trades() -> None:
    grid = market(Domain.CRYPTO, seed=2)
    kept = market_of(grid, CONFIG)
    assert run_sweep(grid, CONFIG, ALL, market=kept) == run_sweep(grid, CONFIG, ALL)
    assert run_sweep(grid, CONFIG, ALL, market=kept) == run_sweep(grid, CONFIG, ALL, market=kept)


def test_engine_and_sweep_stay_out_after_the_same_jumps() -> None:
    grid = market(Domain.PERPS, seed=2)
    strict = CONFIG.model_copy(update={"risk": CONFIG.risk.model_copy(update={"max_move": 4.0})})
    assert run_engine(grid, strict, ALL).refused["price_jump"] > 5
    free = CONFIG.model_copy(update={"risk": CONFIG.risk.model_copy(update={"max_move": 0.0})})
    assert same_trades(grid, strict) != same_trades(grid, free)
    assert "price_jump" not in run_engine(grid, free, ALL).refused


def test_only_chosen_strategies_trade() -> None:
    grid = market(Domain.PERPS, seed=2)
    only = frozenset({2})
    engine, swept = run_engine(grid, CONFIG, only), run_sweep(grid, CONFIG, only)
    assert {trade["strategy"] for trade in engine.trades} == {"C3"}
    assert [trade["pnl"] for trade in engine.trades] == [trade["pnl"] for trade in swept.trades]


def test_a_grid_without_trading_days_is_no_error() -> None:
    grid = market(Domain.CRYPTO, days=3, first_day=3, holes=False)
    assert same_trades(grid, CONFIG) == []
    assert run_engine(grid, CONFIG, ALL).final_equity == "1000"


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "domain, symbols, window, balance, least",
    [
        (Domain.CRYPTO, ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"), ("2025-01-01", "2025-07-01"), None, 200),
        (Domain.PERPS, ("BTCUSDT", "ETHUSDT"), ("2025-07-01", "2026-01-01"), 10_000, 150),
    ],
)
def test_engine_and_sweep_trade_alike_on_real_bars(
    market_data: Path, domain: Domain, symbols: tuple[str, ...], window: tuple[str, str], balance: int | None, least: int
) -> None:
    start, end = map(_ms, window)
    grid = load(open_archive(market_data), domain, symbols, CONFIG.domains[domain], (start, end))
    assert int(grid.ts[grid.start]) == start
    trades = same_trades(grid, CONFIG, balance)
    assert len(trades) >= least
    assert {trade["reason"] for trade in trades} >= {"stop", "target", "trail", "max_hold"}
    assert all(start <= trade["entry_ts"] <= trade["exit_ts"] <= end for trade in trades)
    if domain is Domain.PERPS:
        assert any(trade["funding"] != "0" for trade in trades)


def by_mark(config: BotConfig) -> BotConfig:
    return config.model_copy(update={"risk": config.risk.model_copy(update={"trigger": "mark"})})


def with_marks(grid: Grid) -> Grid:
    """The grid with marks that swing around the last price, and not where it has a bar to itself."""
    marks = {}
    for i, one in enumerate(grid.instruments):
        last = [np.where(column[i] > 0, column[i], 0) for column in (grid.open, grid.high, grid.low, grid.close)]
        away = 1.0 + 0.002 * np.sin(np.arange(len(grid.ts)) / 50.0 + i)
        opened, high, low, close = (np.floor(column * away + 0.5).astype(np.int64) for column in last)
        marks[one.key] = MarkBars(grid.ts, opened, high, low, close)
    return msgspec.structs.replace(grid, mark=marks)


@pytest.mark.parametrize("seed, config", [(2, CONFIG), (19, BOLD)])
def test_engine_and_sweep_trigger_by_the_same_marks(seed: int, config: BotConfig) -> None:
    grid = with_marks(market(Domain.PERPS, seed=seed))
    by_last, marked = same_trades(grid, config), same_trades(grid, by_mark(config))
    assert marked != by_last and len(marked) >= 20
    assert {trade["reason"] for trade in marked} >= {"stop", "target", "trail"}


def test_marks_that_are_the_last_price_change_nothing_but_what_finer_bars_tell() -> None:
    grid = msgspec.structs.replace(market(Domain.PERPS, seed=5), fine={})
    last = {one.key: MarkBars(grid.ts, grid.open[i], grid.high[i], grid.low[i], grid.close[i]) for i, one in enumerate(grid.instruments)}
    assert same_trades(msgspec.structs.replace(grid, mark=last), by_mark(BOLD)) == same_trades(grid, BOLD)


def test_to_trade_by_a_mark_that_is_not_there_is_refused_by_name() -> None:
    grid = market(Domain.PERPS, days=3, first_day=1, seed=2)
    for run in (run_engine, run_sweep):
        with pytest.raises(Refusal, match=f"{grid.instruments[0].symbol}.*risk.trigger=last"):
            run(grid, by_mark(CONFIG), ALL)


def test_liquidation_near_keeps_engine_and_sweep_out_alike() -> None:
    grid = market(Domain.PERPS, seed=2)
    strict = CONFIG.model_copy(update={"risk": CONFIG.risk.model_copy(update={"liquidation_stops": 20.0})})  # stops above 1.6 %
    assert run_engine(grid, strict, ALL).refused["liquidation_near"] > 0
    assert same_trades(grid, strict) != same_trades(grid, CONFIG)


@pytest.mark.parametrize("trigger", ["last", "mark"])
@pytest.mark.parametrize(
    "symbols, window, least",
    [
        (("BTCUSDT", "ETHUSDT"), ("2025-01-01", "2026-01-01"), 300),
        (("SOLUSDT",), ("2025-09-24", "2026-01-01"), 20),
    ],
)
def test_real_perpetuals_with_funding_at_the_mark(
    market_data: Path, symbols: tuple[str, ...], window: tuple[str, str], least: int, trigger: str
) -> None:
    start, end = map(_ms, window)
    archive = open_archive(market_data)
    grid = load(archive, Domain.PERPS, symbols, CONFIG.domains[Domain.PERPS], (start, end))
    config = by_mark(CONFIG) if trigger == "mark" else CONFIG
    trades = same_trades(grid, config, 10_000)
    assert len(trades) >= least
    # Each trade's funding once more, from the files as they are: size x mark at the settlement x rate, a long pays a positive one.
    paid = 0
    for trade in trades:
        symbol, side = trade["symbol"], 1 if trade["side"] == "long" else -1
        times, rates = archive.funding(symbol)
        mark = archive.mark(symbol)
        opens = dict(zip(mark.ts.tolist(), mark.open.tolist(), strict=True))
        settled = {
            ts: side * Decimal(trade["qty"]) * Decimal(str(opens[ts])) * Decimal(str(rate))
            for ts, rate in zip(times.tolist(), rates.tolist(), strict=True)
            if trade["entry_ts"] <= ts <= trade["exit_ts"]
        }
        sure = {ts for ts in settled if trade["entry_ts"] < ts < trade["exit_ts"]}
        # What is left within a bar bears its close as its time: a settlement at that very time found nothing any more.
        edges = [sure, *(sure | {ts} for ts in settled.keys() - sure)]
        away = min(abs(Decimal(trade["funding"]) - sum((settled[ts] for ts in held), Decimal(0))) for held in edges)
        assert away < Decimal("0.0001"), trade  # rates are kept to 1e-8
        paid += len(sure)
    assert paid > len(trades) / 2


def test_a_symbol_without_bars_is_refused_by_name(market_data: Path) -> None:
    with pytest.raises(Refusal, match="NOSUCHUSDT"):
        load(open_archive(market_data), Domain.CRYPTO, ("NOSUCHUSDT",), CONFIG.domains[Domain.CRYPTO], (None, None))


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
def test_both_trade_alike_under_measured_costs_and_otherwise_than_under_the_configured_ones(domain: Domain) -> None:
    grid = market(domain, seed=2)
    usual = Conditions(spread_bp=6.0, sigma_bp=80.0, share=0.001, latency_s=1.0)
    costs = [CostModel(key=one.key, source=Source.LIVE, usual=usual, taker_ppm=750, maker_ppm=100, fee_ts=1) for one in grid.instruments]
    engine, swept = run_engine(grid, CONFIG, ALL, costs=costs), run_sweep(grid, CONFIG, ALL, costs=costs)
    assert [{name: trade[name] for name in COMPARED} for trade in engine.trades] == [
        {name: trade[name] for name in COMPARED} for trade in swept.trades
    ]
    assert len(engine.trades) > 10 and engine.final_equity == swept.final_equity != run_sweep(grid, CONFIG, ALL).final_equity
