from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from risk.admission import affordable, arm_rule, objection, sellable, sized, standing
from risk.rules import Rule
from self_test.fakes.books import Books, books, coin
from state.accounts import Domain
from state.books import OPEN, PENDING
from strategy.base import C1, C2, C3, C4, DEMO

NOW = 1_700_000_000_000
SPOT_COST, PERP_COST = 0.0024, 0.0015


Change = Callable[[Books], object]


def _halt(table: Books) -> None:
    table.acct[0]["halted"] = 1


def _level(level: int) -> Change:
    def change(table: Books) -> None:
        table.acct[0]["level"] = level

    return change


def _day(table: Books) -> None:
    table.acct[0]["day_stopped"] = 1


def _pause(until: int, style: int) -> Change:
    def change(table: Books) -> None:
        table.acct[0]["pause_until"][style] = until

    return change


def _status(status: int) -> Change:
    def change(table: Books) -> None:
        table.pos[0]["status"] = status

    return change


@pytest.mark.parametrize(
    "change, side, expected",
    [
        (lambda _: None, 1, Rule.OK),
        (lambda _: None, -1, Rule.SIDE_NOT_ALLOWED),
        (_status(PENDING), 1, Rule.POSITION_OPEN),
        (_status(OPEN), 1, Rule.POSITION_OPEN),
        (_halt, 1, Rule.HALTED),
        (_level(3), 1, Rule.HALTED),
        (_level(2), 1, Rule.DRAWDOWN),
        (_level(1), 1, Rule.OK),
        (_day, 1, Rule.DAILY_LOSS),
        (_pause(NOW + 1, 0), 1, Rule.COOLDOWN),
        (_pause(NOW, 0), 1, Rule.OK),
        (_pause(NOW + 1, 1), 1, Rule.OK),  # the other style's pause
    ],
)
def test_each_standing_rule_refuses_for_its_own_reason(change: Change, side: int, expected: Rule) -> None:
    table = books()
    change(table)
    assert standing(table.pos, table.inst, table.acct, table.rules, table.limits, 0, C1, side, NOW) == expected


def test_perps_may_be_short() -> None:
    table = books(coin("AAAUSDT", Domain.PERPS))
    assert standing(table.pos, table.inst, table.acct, table.rules, table.limits, 0, C1, -1, NOW) == Rule.OK


@pytest.mark.parametrize(
    "s, arm, atr_share, cost, expected",
    [
        # Stop caps: swing 8 %, scalp 3 %; d is what the arm's multiple of ATR comes to.
        pytest.param(C1, 1, 0.02, SPOT_COST, Rule.STOP_TOO_WIDE, id="d = 12 % on crypto is too wide"),
        pytest.param(C1, 1, 0.0133, SPOT_COST, Rule.OK, id="d = 7.98 % is not"),
        pytest.param(C1, 1, 0.0134, SPOT_COST, Rule.STOP_TOO_WIDE, id="d = 8.04 % is"),
        pytest.param(C3, 1, 0.0099, PERP_COST, Rule.OK, id="scalp d = 2.97 %"),
        pytest.param(C3, 1, 0.0101, PERP_COST, Rule.STOP_TOO_WIDE, id="scalp d = 3.03 %"),
        # Cost gate: swing 0.15, scalp 0.20 of the stop distance.
        pytest.param(C1, 0, 0.0041, SPOT_COST, Rule.OK, id="spot swing needs d >= 1.6 %"),
        pytest.param(C1, 0, 0.0039, SPOT_COST, Rule.COST_TOO_HIGH, id="spot swing d = 1.56 %"),
        pytest.param(C2, 0, 0.0026, PERP_COST, Rule.OK, id="perp swing needs d >= 1.0 %"),
        pytest.param(C2, 0, 0.0024, PERP_COST, Rule.COST_TOO_HIGH, id="perp swing d = 0.96 %"),
        pytest.param(C4, 0, 0.0061, SPOT_COST, Rule.OK, id="spot scalp needs d >= 1.2 %"),
        pytest.param(C4, 0, 0.0059, SPOT_COST, Rule.COST_TOO_HIGH, id="spot scalp d = 1.18 %"),
        pytest.param(DEMO, 1, 0.01, 0.05, Rule.OK, id="the demo has no cost gate"),
        pytest.param(C1, 1, 0.0, SPOT_COST, Rule.COST_TOO_HIGH, id="without range there is no stop distance"),
    ],
)
def test_arm_rule(s: int, arm: int, atr_share: float, cost: float, expected: Rule) -> None:
    table = books()
    assert arm_rule(table.inst, table.rules, table.limits, 0, s, arm, 1_000_000, atr_share * 1_000_000, cost)[0] == expected


def test_affordable_masks_arms_one_by_one() -> None:
    table = books()
    # ATR 0.35 %: tight 1.4 % (too costly at 0.24 %), base 2.1 %, wide 2.8 %
    mask, cost = affordable(table.inst, table.acct, table.rules, table.limits, 0, C1, 1, 1_000_000, 3_500.0, 0.0)
    assert (mask, cost) == pytest.approx((0b110, SPOT_COST))
    # ATR 1.2 %: tight 4.8 %, base 7.2 %, wide 9.6 % (too wide)
    mask, _ = affordable(table.inst, table.acct, table.rules, table.limits, 0, C1, 1, 1_000_000, 12_000.0, 0.0)
    assert mask == 0b011


def test_objection_tells_the_figure_that_was_judged() -> None:
    table = books()
    rule, figure = objection(table.inst, table.rules, table.limits, 0, C1, 1, 1_000_000, 20_000.0, SPOT_COST)
    assert (rule, figure) == pytest.approx((Rule.STOP_TOO_WIDE, 0.12))
    rule, figure = objection(table.inst, table.rules, table.limits, 0, C1, 0, 1_000_000, 3_000.0, SPOT_COST)
    assert (rule, figure) == pytest.approx((Rule.COST_TOO_HIGH, 0.2))
    rule, figure = objection(table.inst, table.rules, table.limits, 0, C1, 0, 1_000_000, 0.0, SPOT_COST)
    assert (rule, figure) == (Rule.COST_TOO_HIGH, math.inf)


def plan(
    table: Books, regime: int = 1, atr: float = 50.0, s: int = C1, arm: int = 1, side: int = 1, size: float = 1.0
) -> tuple[Rule, int, int, int]:
    rule, steps, stop, target = sized(
        table.pos, table.inst, table.acct, table.rules, table.limits, 0, s, arm, side, regime, 10_000, atr, 1e9, SPOT_COST, size
    )
    return Rule(rule), steps, stop, target


def test_a_plan_has_size_stop_and_target() -> None:
    assert plan(books()) == (Rule.OK, 5_000, 9_700, 11_200)  # 50 / 100 in steps of 0.0001; 6 and 24 ATR of 50 ticks


@pytest.mark.parametrize("size, steps", [(1.0, 5_000), (0.5, 2_500), (0.0, 0), (7.0, 5_000), (-1.0, 0)])
def test_a_policy_can_shrink_and_never_grow(size: float, steps: int) -> None:
    rule, found, stop, target = plan(books(), size=size)
    assert (found, stop, target) == (steps, 9_700, 11_200) and (rule is Rule.OK) == (steps > 0)


def test_size_is_halved_in_a_volatile_regime_and_at_the_first_drawdown_step() -> None:
    assert plan(books(), regime=3)[1] == 2_500
    table = books()
    table.acct[0]["level"] = 1
    assert plan(table)[1] == 2_500
    assert plan(table, regime=3)[1] == 1_250


def test_too_small_for_the_venue_names_the_cap_that_made_it_so() -> None:
    assert plan(books(balance=90))[0] is Rule.BELOW_MIN_ORDER
    table = books()
    table.hold(1, 148)
    table.hold(2, 148)
    assert plan(table)[:2] == (Rule.PORTFOLIO_LIMIT, 0)


def test_valid_at_entry_but_not_at_the_stop_is_skipped() -> None:
    # 103 of equity: 5.15 at entry, 4.89 at a stop 5 % lower; the least order is 5.
    assert plan(books(balance=103), atr=83.0)[:2] == (Rule.BELOW_MIN_ORDER, 0)
    assert plan(books(balance=103), atr=33.0)[0] is Rule.OK


@pytest.mark.parametrize("atr", [2_000.0, 0.0001])
def test_a_plan_whose_exits_are_no_prices_is_refused(atr: float) -> None:
    rule, steps, _, _ = plan(books(), atr=atr)
    assert rule is not Rule.OK
    assert steps == 0


@pytest.mark.parametrize(
    "steps, price, expected",
    [
        (500, 10_000, False),  # 5.00 bought, 4.99 left after its fee of a step
        (501, 10_000, True),
        (516, 9_700, False),
        (517, 9_700, True),
        (0, 10_000, False),
    ],
)
def test_what_a_fee_in_the_coin_leaves_must_be_an_order_too(steps: int, price: int, expected: bool) -> None:
    table = books()
    assert int(table.inst[0]["taker_ppm"]) == 1_000
    assert sellable(table.inst, 0, steps, price) is expected
