"""Engine and sweep over slots of options, trade for trade: made-up markets, real spot, and every way in which a contract settles."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from dataio.archive import open_archive
from modules.engine.frozen_surface import frozen_surfaces
from modules.engine.grid import Grid, load
from modules.engine.replay import FIELDS, run_engine
from modules.learning.research import run_sweep
from modules.settings import BotConfig
from self_test.fakes.fx_markets import M15
from self_test.fakes.option_markets import FREE, by_engine, by_sweep, entry_for, far_exits, ms, nothing, option_market, still_market
from self_test.forex.smiles import USDJPY
from state.accounts import Domain
from state.books import Rows
from state.options import OptionContract, cut_ts
from strategy.base import O1
from utils.fixed import money as of_units

ONLY = frozenset({O1})
COMPARED = (*FIELDS, "funding", "pnl", "r")
DAY = 86_400_000


def same_trades(grid: Grid, config: BotConfig, balance: int | None = None) -> list[dict[str, Any]]:
    """Both drivers over one grid; returns the trades on which they agree."""
    engine, swept = run_engine(grid, config, ONLY, balance), run_sweep(grid, config, ONLY, balance)
    assert [{name: trade[name] for name in COMPARED} for trade in engine.trades] == [
        {name: trade[name] for name in COMPARED} for trade in swept.trades
    ]
    assert engine.final_equity == swept.final_equity
    return engine.trades


def risk(**changes: Any) -> BotConfig:
    return CONFIG.model_copy(update={"risk": CONFIG.risk.model_copy(update=changes)})


@pytest.fixture(scope="module")
def grid() -> Grid:
    return option_market("EURUSD", "USDJPY", days=140)


@pytest.mark.parametrize(
    "config", [CONFIG, risk(option_exit_days=0.0), risk(option_base=0.01, option_total=0.011), risk(half_drawdown=0.01)]
)
def test_engine_and_sweep_trade_options_alike_on_a_generated_market(grid: Grid, config: BotConfig) -> None:
    trades = same_trades(grid, config)
    assert len(trades) >= 8
    contracts = [OptionContract.parse(trade["symbol"]) for trade in trades]
    assert {one.pair for one in contracts} == {"EURUSD", "USDJPY"} and {int(one.right) for one in contracts} == {1, -1}
    assert all(trade["side"] == "long" and trade["fees"] == "0" and int(trade["qty"]) % 100 == 0 for trade in trades)
    lead = config.risk.option_exit_days * DAY
    for trade, one in zip(trades, contracts, strict=True):
        assert 14 <= (one.expiry_ts - trade["entry_ts"]) / DAY <= 42
        assert trade["exit_ts"] <= one.expiry_ts - lead or trade["exit_ts"] <= next_bar(grid, int(one.expiry_ts - lead))


def next_bar(grid: Grid, ts: int) -> int:
    return int(grid.ts[min(int(grid.ts.searchsorted(ts)), len(grid.ts) - 1)]) + 3 * DAY  # over a weekend at most


def test_small_wallets_skip_what_one_step_is_too_much_for() -> None:
    grid = option_market("EURUSD", days=90)
    outcome = run_engine(grid, CONFIG, ONLY, 10)
    assert not outcome.trades and outcome.refused.get("below_min_order", 0) > 0
    assert not run_sweep(grid, CONFIG, ONLY, 10).trades


def test_without_a_surface_nothing_is_entered_by_either(grid: Grid) -> None:
    bare = msgspec.structs.replace(grid, surfaces={})
    outcome = run_engine(bare, CONFIG, ONLY)
    assert not outcome.trades and outcome.refused["no_surface"] > 5 and not run_sweep(bare, CONFIG, ONLY).trades


@pytest.mark.data
def test_engine_and_sweep_trade_options_alike_on_real_spot(market_data: Path) -> None:
    """EURUSD under the real surface of 2025-02-10; USDJPY, of which there are no quotes, under a made-up one."""
    settings, archive = CONFIG.domains[Domain.OPTIONS], open_archive(market_data)
    real = frozen_surfaces(market_data, ("EURUSD",), CONFIG.options.deposits)
    alone = load(archive, Domain.OPTIONS, ("EURUSD",), settings, (None, None), real)
    trades = same_trades(alone, CONFIG)
    assert len(trades) >= 50 and {trade["reason"] for trade in trades} >= {"stop", "target"}
    both = load(archive, Domain.OPTIONS, ("EURUSD", "USDJPY"), settings, (ms("2024-09-01"), None), {**real, "USDJPY": USDJPY})
    trades = same_trades(both, risk(half_drawdown=0.3, stop_drawdown=0.4, max_drawdown=0.45), 10_000)
    assert len(trades) >= 45 and {trade["symbol"][:6] for trade in trades} == {"EURUSD", "USDJPY"}
    assert {trade["reason"] for trade in trades} >= {"stop", "target", "max_hold"}


CUTS = {
    "the Thursday before Good Friday": ("2025-04-17", "14:00", "2025-04-23"),
    "after New York's change, before Europe's": ("2025-03-14", "14:00", "2025-03-18"),
    "before New York's change": ("2025-03-07", "15:00", "2025-03-11"),
    "after Europe's change": ("2025-04-04", "14:00", "2025-04-08"),
    "Europe has changed back, New York has not": ("2025-10-31", "14:00", "2025-11-04"),
    "New York has changed back": ("2025-11-07", "15:00", "2025-11-12"),
}
"""Expiry date, its cut in UTC, delivery."""


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("money", ["in", "at", "out"])
@pytest.mark.parametrize("when", CUTS)
def test_a_contract_settles_at_its_cut(when: str, money: str, direction: int) -> None:
    day, cut, delivery = CUTS[when]
    expiry = ms(f"{day}T{cut}")
    assert expiry == cut_ts(OptionContract.parse(f"EURUSD-{day.replace('-', '')}-C-1.05000").expiry_day)
    entry, spot, strike = entry_for("EURUSD", expiry, direction)
    worth = {"in": 1_234, "at": 0, "out": -777}[money]

    def price(ts: int) -> int:
        """Far in the money until the cut, so that nothing but the cut ends it."""
        if ts < entry:
            return spot
        return strike + direction * (3_000 if ts < expiry else worth)

    grid = still_market("EURUSD", entry - 2 * DAY, expiry + DAY // 2, price)
    played = by_engine(grid, {entry: direction}, FREE, far_exits)
    swept, equity = by_sweep(grid, {entry: direction}, FREE, far_exits)
    (trade,) = played.trades
    assert [{name: one[name] for name in COMPARED} for one in played.trades] == [{name: one[name] for name in COMPARED} for one in swept]
    assert played.equity == equity
    assert trade["symbol"] == f"EURUSD-{day.replace('-', '')}-{'C' if direction > 0 else 'P'}-1.0{strike % 10_000:04d}"
    assert (trade["exit_ts"], trade["reason"]) == (expiry, "exercised" if money == "in" else "expired")
    assert float(trade["exit"]) == pytest.approx(max(worth, 0) / 1e5) and trade["fees"] == "0"
    assert float(trade["pnl"]) == pytest.approx(int(trade["qty"]) * (max(worth, 0) / 1e5 - float(trade["entry"])))
    (told,) = [one.text for one in played.reports if one.what == "settled"]
    assert f"fixing {(strike + direction * worth) / 1e5:.5f}" in told and told.endswith(f"delivery {delivery}")


@pytest.mark.parametrize("direction", [1, -1])
def test_a_premium_in_yen_gains_what_the_wallet_does_though_the_yen_moves(direction: int) -> None:
    """Bought at one rate, settled at another, then one more that is sold: what the trades made is what the wallet has more, exactly."""
    first, second = ms("2025-03-14T14:00"), ms("2025-04-18T14:00")
    entry, spot, strike = entry_for("USDJPY", first, direction)

    def price(ts: int) -> int:
        return spot if ts < entry else strike + direction * (9_000 + ts // M15 % 500)

    grid = still_market("USDJPY", entry - 2 * DAY, second, price)
    orders = {entry: direction, first + DAY // 8: -direction}
    played, (swept, equity) = by_engine(grid, orders, FREE, far_exits), by_sweep(grid, orders, FREE, far_exits)
    assert [{name: one[name] for name in COMPARED} for one in played.trades] == [{name: one[name] for name in COMPARED} for one in swept]
    assert len(played.trades) == 2 and played.equity == equity
    made = sum((Decimal(trade["pnl"]) for trade in played.trades), Decimal(0))
    assert made == of_units(equity[0]) - FREE.domains[Domain.OPTIONS].paper_balance
    won = played.trades[0]
    paid, brought = (int(won["qty"]) * float(won[name]) * 1e3 / rate for name, rate in (("entry", spot), ("exit", price(first - M15))))
    assert won["reason"] == "exercised" and float(won["pnl"]) == pytest.approx(brought - paid, abs=1e-5), "each at its own rate"


def test_a_bid_of_nothing_is_sold_for_nothing_and_books() -> None:
    """Days before the cut, far out of the money: the bid is 0, below the stop; the fill at price 0 books in both drivers."""
    expiry = ms("2025-04-04T14:00")
    entry, spot, strike = entry_for("EURUSD", expiry, 1)
    grid = still_market("EURUSD", entry - DAY, expiry, lambda ts: spot if ts < entry + DAY else strike - 12_000)
    played, (swept, equity) = by_engine(grid, {entry: 1}, FREE, far_exits), by_sweep(grid, {entry: 1}, FREE, far_exits)
    (trade,) = played.trades
    assert (trade["exit"], trade["reason"], trade["r"]) == ("0", "stop", pytest.approx(-1.0, abs=0.01))
    assert swept[0]["exit"] == "0" and swept[0]["pnl"] == trade["pnl"] and played.equity == equity


@pytest.mark.parametrize("edit, reason", [(far_exits, "max_hold"), (nothing, "target")])
def test_three_days_before_its_expiry_it_is_sold(edit: Callable[[Rows], None], reason: str) -> None:
    expiry = ms("2025-04-04T14:00")
    entry, spot, strike = entry_for("EURUSD", expiry, 1)
    grid = still_market("EURUSD", entry - DAY, expiry, lambda ts: spot if ts < entry + DAY else strike + 3_000)
    config = FREE.model_copy(update={"risk": FREE.risk.model_copy(update={"option_exit_days": 3.0})})
    played, (swept, equity) = by_engine(grid, {entry: 1}, config, edit), by_sweep(grid, {entry: 1}, config, edit)
    (trade,) = played.trades
    assert trade["reason"] == reason and played.equity == equity
    assert {name: trade[name] for name in COMPARED} == {name: swept[0][name] for name in COMPARED}
    if reason == "max_hold":
        assert trade["exit_ts"] == expiry - 3 * DAY
        left = [one.text for one in played.reports if one.what == "timeframe"]
        rungs = [("4h/1h" in text, "1h/15m" in text, "15m/5m" in text) for text in left]
        assert rungs == [(True, True, False), (False, True, True)], left


def test_a_premium_is_marked_at_its_own_timeframe_s_closes() -> None:
    expiry = ms("2025-04-04T14:00")
    entry, spot, _ = entry_for("EURUSD", expiry, 1)
    assert expiry - entry > 22 * DAY
    grid = still_market("EURUSD", entry - DAY, expiry - 20 * DAY, lambda ts: spot + (ts // M15) % 7 * 20)
    marks = by_engine(grid, {entry: 1}, FREE, far_exits).marks
    for before, after in pairwise(sorted(marks)):
        if marks[before] != marks[after]:
            assert after % (4 * M15) == 0 or expiry - after <= 21 * DAY, "above 21 days by closes of one hour"
    late = [marks[ts] for ts in sorted(marks) if expiry - ts <= 21 * DAY]
    early = [marks[ts] for ts in sorted(marks) if expiry - ts > 21 * DAY]
    assert sum(a != b for a, b in pairwise(late)) > 0.7 * len(late)
    assert 0 < sum(a != b for a, b in pairwise(early)) < 0.3 * len(early)
