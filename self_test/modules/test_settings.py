from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from config import CONFIG
from forex.options_chain import ENTRY_DAYS
from modules.overrides import apply_overrides
from modules.settings import (
    MOST_STEPS,
    BotConfig,
    DomainSettings,
    Http,
    Paper,
    Risk,
    instrument_rows,
    limit_rows,
    rule_rows,
)
from modules.timeframes import BY_DAYS
from self_test.fakes.books import M15, coin
from state.accounts import Domain
from state.books import LIMITS
from strategy.base import C1, C3, C4, DEMO, O1
from utils.errors import Refusal

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    "kind, field, value",
    [
        (Risk, "base", 0.0),
        (Risk, "base", 1.5),
        (Risk, "loss", 0.06),
        (Risk, "max_drawdown", -0.1),
        (Risk, "max_drawdown", 0.6),
        (Risk, "min_amend_ticks", 0),
        (Risk, "max_spread_ratio", 0.5),
        (Risk, "nonsense", 1),
        (Paper, "latency_ms", -1),
        (Http, "port", 70_000),
    ],
)
def test_a_wrong_value_is_refused_by_name(kind: Any, field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        kind(**{field: value})


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
def test_leverage_on_coins_is_capped_at_three(domain: Domain) -> None:
    with pytest.raises(Refusal, match=r"costs\.leverage 4 is above 3"):
        apply_overrides(CONFIG, {}, [f"domains.{domain}.costs.leverage=4"])
    assert CONFIG.domains[Domain.FOREX].costs.leverage == 30


def test_a_pair_may_have_timeframes_of_its_own() -> None:
    config = apply_overrides(CONFIG, {}, ["domains.forex.timeframes=EURUSD=4h/1h, usdjpy=30m/15m"])
    forex = config.domains[Domain.FOREX]
    assert [str(forex.frames(symbol)) for symbol in ("EURUSD", "USDJPY", "GBPUSD")] == ["4h/1h", "30m/15m", "1h/15m"]
    again = apply_overrides(config, {}, ["risk.max_move=0"])
    assert again.domains[Domain.FOREX].timeframes == forex.timeframes


def test_coins_share_their_timeframes() -> None:
    with pytest.raises(Refusal, match="only pairs of FOREX"):
        apply_overrides(CONFIG, {}, ["domains.crypto.timeframes=BTCUSDT=1h/15m"])


@pytest.mark.parametrize("written", ["EURUSD", "EURUSD=1h", "EURUSD=15m/1h", "EURUSD=1h/1m", "EURUSD=7h/1h", "EURUSD=1h/1h", "EURUSD=x/y"])
def test_timeframes_that_are_none_are_refused(written: str) -> None:
    with pytest.raises(Refusal, match="timeframes"):
        apply_overrides(CONFIG, {}, [f"domains.forex.timeframes={written}"])


def test_options_have_timeframes_by_the_days_to_their_expiry() -> None:
    config = apply_overrides(CONFIG, {}, ["domains.options.by_days=>30:4h/1h, >=0:1h/15m"])
    assert config.domains[Domain.OPTIONS].by_days == (">30:4h/1h", ">=0:1h/15m")
    assert CONFIG.domains[Domain.OPTIONS].by_days == BY_DAYS
    assert apply_overrides(config, {}, ["risk.max_move=0"]).domains == config.domains


@pytest.mark.parametrize(
    "asked, why",
    [
        ("domains.options.by_days=>21:4h/1h", "the last of them must be >=0"),
        ("domains.options.by_days=>=0:1h/1m", "is not one of"),
        ("domains.options.by_days=>=0:7h/1h", "does not divide the day"),
        ("domains.options.by_days=1h/15m", "is not >DAYS:primary/confirm"),
        ("domains.options.by_days=", "is not >DAYS:primary/confirm"),
        ("domains.options.timeframes=EURUSD=4h/1h", "timeframes are of pairs of FOREX"),
        ("domains.forex.by_days=>=0:1h/15m", "only OPTIONS have an expiry"),
    ],
)
def test_a_map_of_days_that_leaves_something_out_is_refused(asked: str, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        apply_overrides(CONFIG, {}, [asked])


@pytest.mark.parametrize("symbols", ["GBPUSD", "EURUSD,USDCAD"])
def test_options_on_a_pair_that_lists_none_are_refused_with_those_there_are(symbols: str) -> None:
    with pytest.raises(Refusal, match=f"no options are listed on {symbols[-6:]}; there are on EURUSD, USDJPY"):
        apply_overrides(CONFIG, {}, [f"domains.options.symbols={symbols}"])


def test_every_contract_that_may_be_bought_is_held_for_some_days() -> None:
    longest = apply_overrides(CONFIG, {}, ["risk.option_exit_days=10"]).risk.option_exit_days
    assert ENTRY_DAYS[0] - longest >= 4.0
    with pytest.raises(Refusal, match="option_exit_days"):
        apply_overrides(CONFIG, {}, ["risk.option_exit_days=10.1"])


def test_values_cannot_be_changed_behind_the_programs_back() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CONFIG.risk.base = 0.5  # type: ignore[misc]


def test_the_shipped_values_are_those_of_the_definitions() -> None:
    risk = CONFIG.risk
    assert (risk.base, risk.loss, risk.pair, risk.portfolio, risk.volume) == (0.05, 0.005, 0.15, 0.30, 0.01)
    assert (risk.half_drawdown, risk.stop_drawdown, risk.max_drawdown, risk.daily_loss) == (0.08, 0.12, 0.15, 0.03)
    assert (risk.min_amend_r, risk.min_amend_ticks, risk.streak_low, risk.streak_high, risk.streak_min_trades) == (0.1, 2, 5, 8, 30)
    crypto, perps = CONFIG.domains[Domain.CRYPTO], CONFIG.domains[Domain.PERPS]
    assert len(crypto.symbols) == 8
    assert "BTCUSDT" not in perps.symbols
    assert (crypto.confirm_ms, crypto.primary_ms, crypto.paper_balance, perps.paper_balance) == (300_000, M15, 1_000, 1_000)
    assert (perps.costs.leverage, crypto.warmup_days, perps.warmup_days) == (3, 40, 40)
    assert isinstance(crypto, DomainSettings)
    assert isinstance(CONFIG, BotConfig)


def test_every_limit_reaches_its_row() -> None:
    row = limit_rows(Risk(half_drawdown=0.07, stop_drawdown=0.11, max_drawdown=0.13, base=0.04))[0]
    assert (row["half_at"], row["stop_at"], row["halt_at"], row["base"]) == (0.07, 0.11, 0.13, 0.04)
    assert all(row[name] > 0 for name in LIMITS.names or () if name != "by_mark")
    assert not row["by_mark"] and limit_rows(Risk(trigger="mark"))[0]["by_mark"]


def test_rules_hold_the_table_of_exits() -> None:
    rules = rule_rows(M15)
    assert rules[C1]["stop_k"].tolist() == [4, 6, 8]
    assert rules[C1]["trail_k"].tolist() == [6, 12, 16]
    assert rules[C1]["target_k"].tolist() == [24, 24, 24]
    assert rules[C3]["target_k"].tolist() == [4, 6, 8]
    assert rules[C3]["trail_k"].tolist() == [0, 0, 0]
    assert [int(rules[s]["order_type"]) for s in (C1, C3, C4)] == [0, 1, 2]
    assert [int(rules[s]["style"]) for s in (C1, C3)] == [0, 1]
    assert [int(rules[s]["prior_hold_ms"]) for s in (C1, C3)] == [30 * HOUR_MS, 6 * HOUR_MS]
    assert [int(rules[s]["free"]) for s in (C1, DEMO)] == [0, 1]
    assert rules[DEMO]["stop_k"].tolist() == [1, 1, 1]  # of one fraction, which stands in for the ATR
    assert rules[O1]["stop_k"].tolist() == [0.4, 0.5, 0.6] and rules[O1]["target_k"].tolist() == [1, 1, 1]  # of the premium
    assert not rules[O1]["trail_k"].any() and not rules[DEMO]["trail_k"].any()


def test_an_instruments_filters_become_whole_numbers() -> None:
    one = coin("AAAUSDT", Domain.PERPS, min_qty=Decimal("0.00015"), max_qty=Decimal("0.00099"))
    row = instrument_rows((one,), [(2, 0)], CONFIG.domains)[0]
    assert (int(row["min_steps"]), int(row["max_steps"])) == (2, 9)  # never below the least, never above the most
    assert (int(row["account"]), int(row["spot"]), int(row["leverage"])) == (2, 0, 3)
    assert (int(row["min_notional"]), int(row["unit"]), int(row["funding_interval_ms"])) == (5 * 10**10, 10_000, 8 * HOUR_MS)


def test_orders_stay_small_enough_for_exact_shares() -> None:
    row = instrument_rows((coin("AAAUSDT", max_qty=Decimal(10) ** 12),), [(0, 0)], CONFIG.domains)[0]
    assert int(row["max_steps"]) == MOST_STEPS
    assert MOST_STEPS**2 < 2**63


def test_a_grid_too_fine_to_book_is_refused() -> None:
    fine = coin("AAAUSDT", tick=Decimal("0.0000001"), step=Decimal("0.0001"))
    with pytest.raises(ValueError, match="not a multiple"):
        instrument_rows((fine,), [(0, 0)], CONFIG.domains)
