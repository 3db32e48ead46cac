from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.settings import Risk
from risk.admission import affordable, objection
from risk.gate import review
from risk.liquidation import room, too_near
from risk.rules import Rule
from self_test.fakes.books import PERP, books, coin
from self_test.risk.test_gate import FINE, INTENT, book
from state.accounts import Domain
from state.intents import Approved, ExitPlan, Intent, Refused
from strategy.base import C1

SHARE = st.floats(0.0, 1.0)
PERPETUAL = coin("AAAUSDT", Domain.PERPS)


# 1/3 - 2 % = 31.3 %: three stops of 10.44 % reach it.
@pytest.mark.parametrize("leverage, distance, near", [(3, 0.1044, False), (3, 0.1045, True), (2, 0.1599, False), (2, 0.1601, True)])
def test_three_stop_distances_lie_before_liquidation(leverage: int, distance: float, near: bool) -> None:
    table = books(PERPETUAL)
    table.inst[0]["leverage"] = leverage
    assert room(table.inst, 0) == pytest.approx(1 / leverage - 0.02)
    assert too_near(table.inst, table.limits, 0, distance) is near


@given(SHARE, SHARE)
def test_a_wider_stop_is_refused_whenever_a_nearer_one_is(one: float, other: float) -> None:
    table = books(PERPETUAL)
    near, far = sorted((one, other))
    assert too_near(table.inst, table.limits, 0, near) <= too_near(table.inst, table.limits, 0, far)


@given(SHARE)
def test_nothing_is_liquidated_on_spot(distance: float) -> None:
    table = books()
    assert not too_near(table.inst, table.limits, 0, distance)


def test_a_profile_too_near_to_liquidation_gives_way_and_is_named_when_none_is_left() -> None:
    table = books(PERPETUAL, risk=Risk(liquidation_stops=6.0))  # 31.3 % / 6 = 5.2 %
    mask, cost = affordable(table.inst, table.acct, table.rules, table.limits, 0, C1, 1, 1_000_000, 8_000.0, 0.0)
    assert mask == 0b011  # stops of 3.2 %, 4.8 % and 6.4 %
    rule, figure = objection(table.inst, table.rules, table.limits, 0, C1, 2, 1_000_000, 8_000.0, cost)
    assert rule == Rule.LIQUIDATION_NEAR and figure == pytest.approx(0.064)


def entry(stop: int) -> Intent:
    exits = ExitPlan(stop=stop, target=13_000, atr=50.0, trail_atr=12.0, max_hold_ms=1)
    return Intent(
        **{name: getattr(INTENT, name) for name in INTENT.__struct_fields__ if name not in {"exits", "steps", "account", "key"}},
        exits=exits,
        steps=100,
        account=PERP,
        key=PERPETUAL.key,
    )


def test_the_gate_looks_once_more() -> None:
    table = books(PERPETUAL)
    assert isinstance(review(entry(8_957), book(table), FINE), Approved)
    refused = review(entry(8_954), book(table), FINE)
    assert isinstance(refused, Refused) and refused.rule == "liquidation_near"
