"""Engine and sweep over currency pairs: weekends, conversions, financing and caps, trade for trade."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config import CONFIG
from dataio.archive import open_archive
from forex.sessions import hours, next_close_ts
from modules.engine.grid import Grid, load
from modules.engine.replay import FIELDS, run_engine
from modules.learning.research import run_sweep
from modules.settings import BotConfig, Swap
from self_test.fakes.fx_markets import M15, WORTH, fx_market
from self_test.fakes.pairs import ALL
from state.accounts import Domain
from strategy.base import F1, F2
from utils.errors import Refusal

BOTH = frozenset({F1, F2})
COMPARED = (*FIELDS, "funding", "pnl", "r")
SWAP = {name: Swap(long=-0.031, short=0.012) for name in ALL}


def config(swap: dict[str, Swap] = SWAP, **risk: Any) -> BotConfig:
    forex = CONFIG.domains[Domain.FOREX].model_copy(update={"swap": swap})
    return CONFIG.model_copy(update={"domains": {**CONFIG.domains, Domain.FOREX: forex}, "risk": CONFIG.risk.model_copy(update=risk)})


def same_trades(grid: Grid, told: BotConfig, balance: int | None = None) -> list[dict[str, Any]]:
    """Both drivers over one grid; returns the trades on which they agree."""
    engine, swept = run_engine(grid, told, BOTH, balance), run_sweep(grid, told, BOTH, balance)
    assert [{name: trade[name] for name in COMPARED} for trade in engine.trades] == [
        {name: trade[name] for name in COMPARED} for trade in swept.trades
    ]
    assert engine.final_equity == swept.final_equity
    return engine.trades


@pytest.fixture(scope="module")
def grid() -> Grid:
    return fx_market(*ALL)


@pytest.mark.parametrize("weekend", ["close", "tighten", "carry"])
def test_engine_and_sweep_keep_the_same_weekends(grid: Grid, weekend: str) -> None:
    trades = same_trades(grid, config(weekend=weekend))
    assert len(trades) >= 25
    for trade in trades:
        now = hours(trade["entry_ts"] - M15)
        assert not now.rest_ts <= trade["entry_ts"] - M15 < now.rest_until, "no entry is decided in a rest"
    over = [trade for trade in trades if hours(trade["entry_ts"]).close_ts < trade["exit_ts"]]
    closed = [trade for trade in trades if trade["reason"] == "weekend"]
    assert bool(over) == (weekend != "close") and bool(closed) == (weekend == "close")
    for trade in closed:
        assert 0 < next_close_ts(trade["exit_ts"]) - trade["exit_ts"] <= 30 * 60_000


def test_a_tightened_weekend_is_not_a_carried_one(grid: Grid) -> None:
    assert run_sweep(grid, config(weekend="tighten"), BOTH).trades != run_sweep(grid, config(weekend="carry"), BOTH).trades


def test_every_currency_is_traded_and_financed_and_booked_in_dollars(grid: Grid) -> None:
    trades = same_trades(grid, config(weekend="carry"), 100_000)
    assert {trade["symbol"] for trade in trades} == set(ALL)
    paid = {trade["side"]: [Decimal(one["funding"]) for one in trades if one["side"] == trade["side"]] for trade in trades}
    assert any(paid["long"]) and all(amount >= 0 for amount in paid["long"]), "long pays"
    assert any(paid["short"]) and all(amount <= 0 for amount in paid["short"]), "short receives"
    free = run_engine(grid, config({}, weekend="carry"), BOTH, 100_000).trades
    assert all(trade["funding"] == "0" for trade in free)
    for trade in trades:
        units, moved = Decimal(trade["qty"]), Decimal(trade["exit"]) - Decimal(trade["entry"])
        quote = units * moved if trade["side"] == "long" else -units * moved
        home = Decimal(trade["pnl"]) + Decimal(trade["fees"]) + Decimal(trade["funding"])
        if quote:
            worth = WORTH[trade["symbol"][3:]]
            assert 0.8 * worth < float(home / quote) < 1.25 * worth, trade


def test_caps_that_bind_bind_alike(grid: Grid) -> None:
    told = config(fx_pair_gross=0.4, fx_gross=0.9, fx_currency=0.5, weekend="carry")
    trades = same_trades(grid, told)
    refused = run_engine(grid, told, BOTH).refused
    assert trades and refused.get("currency_limit", 0) + refused.get("account_gross", 0) > 3, refused


def test_the_account_halts_alike(grid: Grid) -> None:
    wide: dict[str, Any] = {"fx_pair_gross": 20.0, "fx_gross": 50.0, "fx_currency": 20.0, "base": 0.5, "pair": 0.9, "portfolio": 1.0}
    trades = same_trades(grid, config(loss=0.05, half_drawdown=0.02, stop_drawdown=0.04, max_drawdown=0.045, **wide))
    assert "halt" in {trade["reason"] for trade in trades}


def test_a_cross_alone_cannot_be_replayed_and_is_told_what_it_needs(grid: Grid) -> None:
    with pytest.raises(Refusal, match="USDJPY"):
        run_engine(fx_market("EURUSD", "EURJPY", days=3, first_day=1), config(), BOTH)


def test_stored_bars_come_with_the_turns_of_their_days(grid: Grid) -> None:
    assert {int(count) for count in grid.funding["FOREX:EURUSD"][1]} == {1, 3}
    times, counts = grid.funding["FOREX:USDCAD"]
    triple = int(times[counts == 3][0])
    assert (hours(triple - 1).close_ts - triple) // 3_600_000 == 24, "Thursday: a dollar against Canada's is settled in one day"


@pytest.mark.data
def test_swap_on_the_real_pairs_of_2025_is_what_the_days_held_say(market_data: Path) -> None:
    """Carried over weekends, every trade's swap is a sum of its own turns; a pair that is never held over one pays nothing."""
    told = config(CONFIG.domains[Domain.FOREX].swap, weekend="carry", half_drawdown=0.3, stop_drawdown=0.4, max_drawdown=0.45)
    window = (1_751_328_000_000, 1_764_547_200_000)  # July to November
    grid = load(open_archive(market_data), Domain.FOREX, ALL, told.domains[Domain.FOREX], window)
    trades = same_trades(grid, told)
    over = 0
    for trade in trades:
        times, counts = grid.funding[f"FOREX:{trade['symbol']}"]
        rates = told.domains[Domain.FOREX].swap[trade["symbol"]]
        before = int(counts[(times > trade["entry_ts"]) & (times < trade["exit_ts"])].sum())
        # A stop inside the bar that ends with the turn was gone by then; a close at the open of the next one was not.
        days = before + (int(counts[times == trade["exit_ts"]].sum()) if trade["reason"] in {"max_hold", "halt"} else 0)
        rate = rates.long if trade["side"] == "long" else rates.short
        worth = float(trade["qty"]) * float(trade["entry"]) * WORTH[trade["symbol"][3:]]
        assert float(trade["funding"]) == pytest.approx(-worth * rate * days / 365, rel=0.15, abs=1e-9), trade
        over += days > 0
    assert over >= 20
