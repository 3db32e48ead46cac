"""The figures of an entry: its limit, its words, the demo's size. What is entered and what refused is told in the scenarios."""

from __future__ import annotations

import pytest

from modules.engine.decide import demo_steps, entry_limit, plan_entry
from modules.engine.weigh import NO_VALUES
from risk.rules import Rule
from self_test.scenarios.desk import LEVEL, STOP, TARGET, Desk, kinds, only, refused
from state.intents import Side
from state.messages import Place, Report
from strategy.base import C1, DEMO
from utils.fixed import MONEY_SCALE


@pytest.mark.parametrize(
    "order_type, side, touch, limit",
    [
        (0, 1, 10_001, 10_022),  # the ask and 0.2 %, rounded away
        (0, -1, 9_999, 9_979),
        (0, 1, 0, 11_199),  # over bars: anything short of the target
        (0, -1, 0, 11_201),
        (1, 1, 10_001, 10_003),  # 3 bp of the confirming close, whatever the touch
        (1, -1, 9_999, 9_997),
        (2, 1, 10_001, LEVEL),
        (2, -1, 9_999, LEVEL),
    ],
)
def test_the_worst_price_of_each_kind_of_order(order_type: int, side: int, touch: int, limit: int) -> None:
    assert entry_limit(order_type, side, LEVEL, TARGET, touch, 300, 2_000) == limit


def test_a_capped_limit_rounds_towards_the_close() -> None:
    assert entry_limit(1, 1, 9_999, TARGET, 0, 300, 0) == 9_999 + 2


@pytest.mark.parametrize("atr, words", [(5.0, "cost 0.87 R, limit 0.15 R"), (200.0, "stop 12.0% away, cap 8.0%")])
def test_the_report_of_a_refusal_names_strategy_side_rule_and_figure(atr: float, words: str) -> None:
    report = only(Report, Desk().signal(atr=atr))
    assert report.text.startswith(f"C1 long AAAUSDT skipped: {report.rule}, ") and words in report.text


def test_a_spread_counts_as_cost() -> None:
    desk = Desk()
    assert kinds(desk.signal(atr=30.0), Place)
    assert refused(Desk().signal(atr=30.0, quote=Desk().quote(spread=60))) == "cost_too_high"


@pytest.mark.parametrize("regime, arm", [(0, "base"), (1, "wide"), (2, "tight"), (3, "base")])
def test_the_regime_chooses_the_exit_profile(regime: int, arm: str) -> None:
    order = Desk().enter(regime=regime)
    assert order.intent.arm == arm
    distance = {"tight": 200, "base": 300, "wide": 400}[arm]
    assert order.intent.exits.stop == LEVEL - distance


def test_a_volatile_market_gets_half_the_size() -> None:
    assert Desk().enter(regime=3).intent.steps * 2 == Desk().enter(regime=0).intent.steps


def test_an_entry_leaves_its_whole_plan_in_the_row() -> None:
    desk = Desk()
    intent = desk.enter(regime=2, side=Side.LONG).intent
    row = desk.pos()
    found = [int(row[name]) for name in ("strategy", "arm", "regime", "side", "working", "reference", "limit", "decided_ts", "expires_ts")]
    assert found == [C1, 0, 2, 1, intent.steps, intent.reference, intent.limit, desk.now, desk.now + 300_000]
    assert (row["stop"], row["target"], row["atr"], row["trail_k"]) == (
        intent.exits.stop,
        intent.exits.target,
        50.0,
        intent.exits.trail_atr,
    )
    assert row["max_hold_ms"] == intent.exits.max_hold_ms and row["mark"] == LEVEL


def test_the_plan_of_a_refused_entry_is_no_size() -> None:
    desk = Desk()
    state, mandate = desk.engine.state, desk.engine.mandate
    state.acct[0]["halted"] = 1
    plan = plan_entry(
        state.pos, state.inst, state.acct, mandate.rules, mandate.limits, 0, C1, 1, 0, desk.now, LEVEL, 50.0, 1e7, 0.0, NO_VALUES, 0, 1.0
    )
    assert plan == (int(Rule.HALTED), 0, 0, 0, 0, 0.0)


@pytest.mark.parametrize("reference, stop", [(LEVEL, STOP), (LEVEL, 2 * LEVEL - STOP), (123, 120)])
def test_a_demo_order_is_valid_at_entry_and_at_its_stop_and_hardly_more(reference: int, stop: int) -> None:
    desk = Desk(demo=True)
    steps = demo_steps(desk.engine.state, desk.engine.mandate, 0, reference, stop)
    unit = desk.coin().unit
    assert 5 * MONEY_SCALE <= steps * min(reference, stop) * unit <= 1.25 * 5 * MONEY_SCALE


def test_the_venues_least_quantity_counts_for_the_demo_too() -> None:
    desk = Desk(demo=True)
    desk.engine.state.inst[0]["min_steps"] = 9_000
    assert demo_steps(desk.engine.state, desk.engine.mandate, 0, LEVEL, STOP) == 10_800
    assert desk.engine.mandate.strategies[DEMO].confirmed is False
