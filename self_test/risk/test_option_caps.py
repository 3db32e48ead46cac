"""Options: what one trade may cost, by hand: E = 1,000, a premium of 0.0096 dollars (960 ticks), so a step of 100 units is 0.96."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.engine.decide import plan_entry
from modules.settings import Risk
from risk.admission import affordable, halvable, sized
from risk.caps import capped, check
from risk.facts import Book, Facts, Health
from risk.gate import refusal, review
from risk.option_caps import premium_at_work, too_dear
from risk.rules import Rule
from risk.sizing import notional, steps_for
from self_test.fakes.books import Books, books, coin
from self_test.risk.test_gate import NOW
from state.accounts import Account, Domain, Mode
from state.books import OPEN, PENDING
from state.instruments import Instrument
from state.intents import Approved, ExitPlan, Intent, OrderType, Refused, Side
from strategy.actions import ACTIONS, action_of
from strategy.base import BASE, O1, TIGHT, WIDE
from utils.fixed import MONEY_SCALE

PREMIUM = 960
"""Ticks of 0.00001."""
OPTIONS = Account(Domain.OPTIONS, Mode.PAPER)


def slot(symbol: str, **changes: Any) -> Instrument:
    """The slot of a pair's options on paper."""
    tick = Decimal("0.001") if symbol.endswith("JPY") else Decimal("0.00001")
    plain = {
        "base": symbol[:3],
        "quote": symbol[3:],
        "tick": tick,
        "step": Decimal(100),
        "min_qty": Decimal(100),
        "min_notional": Decimal(0),
    }
    return coin(symbol, Domain.OPTIONS, **{**plain, **changes})


def table(*slots: Instrument, balance: float = 1_000, risk: Risk | None = None) -> Books:
    return books(*(slots or (slot("EURUSD"), slot("GBPUSD"), slot("AUDUSD"))), balance=balance, risk=risk)


def allowed(of: Books, d: float, cost: float = 0.0, factor: float = 1.0, turnover: float = 1e9) -> tuple[Rule, float]:
    rule, units = notional(of.pos, of.inst, of.acct, of.limits, 0, 1, d, cost, turnover, factor, 0)
    return Rule(rule), units / MONEY_SCALE


def plan(of: Books, arm: int, spread: float = 0.0, size: float = 1.0, premium: int = PREMIUM) -> tuple[Rule, int, int, int]:
    """Rule, steps, stop and target of O1 on the first slot at `premium`, as the engine asks: the premium stands in for the ATR."""
    mask, cost = affordable(of.inst, of.acct, of.rules, of.limits, 0, O1, 1, premium, float(premium), spread)
    assert (mask >> arm) & 1
    rule, steps, stop, target = sized(
        of.pos, of.inst, of.acct, of.rules, of.limits, 0, O1, arm, 1, 0, premium, float(premium), 0.0, cost, size
    )  # no turnover at all: options know none
    return Rule(rule), steps, stop, target


@pytest.mark.parametrize(
    "arm, spread, expected",
    [
        pytest.param(TIGHT, 0.0, 13, id="-40 %: 5 / 0.4 = 12.50"),
        pytest.param(BASE, 0.0, 10, id="-50 %: 5 / 0.5 = 10.00"),
        pytest.param(WIDE, 0.0, 8, id="-60 %: 5 / 0.6 = 8.33"),
        pytest.param(BASE, 30 / 960, 9, id="a spread of 1.5 pips each way: 5 / 0.53125 = 9.41"),
    ],
)
def test_the_loss_at_the_stop_sizes_the_premium(arm: int, spread: float, expected: int) -> None:
    stop = {TIGHT: 576, BASE: 480, WIDE: 384}[arm]
    assert plan(table(), arm, spread) == (Rule.OK, expected, stop, 1_920)


@pytest.mark.parametrize(
    "d, cost, others, expected, rule",
    [
        pytest.param(0.5, 0.0, 0, 10.0, Rule.BELOW_MIN_ORDER, id="loss at the stop: 5 / 0.5"),
        pytest.param(0.2, 0.0, 0, 20.0, Rule.BELOW_MIN_ORDER, id="a nearer stop would allow 25: 2 % binds"),
        pytest.param(0.5, 0.0, 95, 5.0, Rule.PORTFOLIO_LIMIT, id="95 of 100 held: 5 left of 10 %"),
        pytest.param(0.5, 0.0, 100, 0.0, Rule.PORTFOLIO_LIMIT, id="10 % is full"),
        pytest.param(0.5, 0.0, 130, 0.0, Rule.PORTFOLIO_LIMIT, id="premium that has risen beyond it is no negative size"),
    ],
)
def test_two_percent_a_trade_and_ten_in_all(d: float, cost: float, others: float, expected: float, rule: Rule) -> None:
    of = table()
    for i in (1, 2):
        if others:
            of.hold(i, others / 2, price=500)
    found_rule, found = allowed(of, d, cost)
    assert found == pytest.approx(expected, abs=0.5 if others else 1e-9) and found_rule is rule


def test_orders_in_flight_count_and_other_accounts_do_not() -> None:
    of = table()
    of.hold(1, 48)
    of.pos[1]["status"], of.pos[1]["working"], of.pos[1]["steps"] = PENDING, of.pos[1]["steps"], 0
    held = premium_at_work(of.pos, of.inst, 0)
    assert held == of.pos[1]["working"] * 10_000 * int(of.inst[1]["unit"]) > 0
    of.inst[1]["account"] = 7
    assert premium_at_work(of.pos, of.inst, 0) == 0


def test_neither_the_pair_nor_the_portfolio_nor_turnover_binds() -> None:
    tight = table(risk=Risk(base=0.001, pair=0.001, portfolio=0.001))
    assert allowed(tight, 0.2, turnover=0.0) == (Rule.BELOW_MIN_ORDER, 20.0)


@pytest.mark.parametrize(
    "limits, d, expected",
    [
        pytest.param(None, 0.5, 5.0, id="0.25 % of E at the stop: 2.5 / 0.5"),
        pytest.param(None, 0.1, 20.0, id="canary base and option base are both 2 %"),
        pytest.param(Risk(canary_base=0.01), 0.1, 10.0, id="the smaller of the two"),
        pytest.param(Risk(option_base=0.005), 0.1, 5.0, id="whichever it is"),
    ],
)
def test_a_canary(limits: Risk | None, d: float, expected: float) -> None:
    of = table(risk=limits)
    of.acct[0]["canary"] = 1
    assert allowed(of, d)[1] == pytest.approx(expected)


def test_a_canarys_premium_of_0_0096_is_five_steps() -> None:
    of = table()
    of.acct[0]["canary"] = 1
    assert plan(of, BASE)[:2] == (Rule.OK, 5)


def test_less_than_one_step_is_skipped_and_never_rounded_up() -> None:
    # 5 / 0.5 = 10 dollars: a premium of 0.1001 costs 10.01 a step
    assert plan(table(), BASE, premium=10_000)[:2] == (Rule.OK, 1)
    assert plan(table(), BASE, premium=10_010)[:2] == (Rule.BELOW_MIN_ORDER, 0)
    assert plan(table(balance=50), BASE)[:2] == (Rule.BELOW_MIN_ORDER, 0), "0.5 dollars do not buy 0.96"


def test_half_of_one_step_is_nothing_and_half_of_three_is_one() -> None:
    assert plan(table(), BASE, premium=10_000, size=0.5)[:2] == (Rule.BELOW_MIN_ORDER, 0)
    assert plan(table(), BASE, premium=3_200)[:2] == (Rule.OK, 3)
    assert plan(table(), BASE, premium=3_200, size=0.5)[:2] == (Rule.OK, 1)


@pytest.mark.parametrize(
    "premium, lot, arms", [(PREMIUM, 0, 0b111), (10_000, 0, 0), (5_000, 0, 0b011), (4_000, 0, 0b111), (PREMIUM, 5, 0b011)]
)
def test_half_the_size_is_offered_from_two_steps_on(premium: int, lot: int, arms: int) -> None:
    # tight, base and wide allow 12.50, 10.00 and 8.33 dollars: of 0.05 (5 dollars a step) two, two and one step
    of = table()
    of.inst[0]["lot_steps"] = lot
    found = halvable(of.pos, of.inst, of.acct, of.rules, of.limits, 0, O1, 1, 0, premium, float(premium), 0.0, 0.0, 1.0)
    assert found == arms


@pytest.mark.parametrize(
    "premium, expected",
    [
        pytest.param(PREMIUM, (BASE, 5), id="ten steps: half of them, as the policy likes best"),
        pytest.param(5_000, (BASE, 1), id="two steps: one"),
        pytest.param(10_000, (BASE, 1), id="one step: half of it is masked, the whole is next best"),
    ],
)
def test_a_policy_that_likes_half_gets_the_whole_where_half_is_masked(premium: int, expected: tuple[int, int]) -> None:
    of = table()
    values = np.full(ACTIONS, -1.0, np.float32)
    values[0], values[action_of(BASE, 0.5)], values[action_of(BASE, 1.0)] = 0.0, 0.4, 0.3
    planned = plan_entry(of.pos, of.inst, of.acct, of.rules, of.limits, 0, O1, 1, 0, NOW, premium, float(premium), 0.0, 0.0, values, 1, 1.0)
    assert (Rule(planned[0]), planned[1:3]) == (Rule.OK, expected)


def test_a_policy_that_likes_nothing_but_half_of_one_step_skips() -> None:
    of = table()
    values = np.full(ACTIONS, -1.0, np.float32)
    values[0], values[action_of(BASE, 0.5)] = 0.0, 0.4
    planned = plan_entry(of.pos, of.inst, of.acct, of.rules, of.limits, 0, O1, 1, 0, NOW, 10_000, 1e4, 0.0, 0.0, values, 1, 1.0)
    assert Rule(planned[0]) is Rule.POLICY_SKIP


@pytest.mark.parametrize("lot, expected", [(0, 10), (1, 10), (3, 9), (10, 10), (11, 0)])
def test_an_order_is_whole_lots_rounded_down(lot: int, expected: int) -> None:
    of = table()
    of.inst[0]["lot_steps"] = lot
    assert steps_for(of.inst, 0, 10.0 * MONEY_SCALE, PREMIUM, 480) == expected


def test_a_premium_in_yen_is_counted_in_dollars() -> None:
    of = table(slot("USDJPY"), slot("EURUSD"))
    of.inst[0]["rate_e9"] = round(1e9 / 150)
    # 1.200 yen a dollar on 100 dollars: 120 yen, 0.80 dollars a step; 10 dollars buy 12
    assert plan(of, BASE, premium=1_200)[:2] == (Rule.OK, 12)
    of.pos[0]["status"], of.pos[0]["steps"], of.pos[0]["mark"] = OPEN, 12, 1_200
    assert premium_at_work(of.pos, of.inst, 0) / MONEY_SCALE == pytest.approx(9.6, abs=1e-6)


def intent(steps: int, premium: int = PREMIUM) -> Intent:
    return Intent(
        ts=NOW,
        account=OPTIONS,
        key="OPTIONS:EURUSD",
        strategy="O1",
        arm="base",
        side=Side.LONG,
        steps=steps,
        order_type=OrderType.MARKET,
        reference=premium,
        limit=premium + 2,
        expires_ts=NOW + 900_000,
        exits=ExitPlan(stop=premium // 2, target=2 * premium, atr=float(premium), trail_atr=0.0, max_hold_ms=1),
    )


def book(of: Books) -> Book:
    return Book(pos=of.pos, inst=of.inst, acct=of.acct, rules=of.rules, limits=of.limits, i=0, s=O1)


def test_the_last_look_counts_premium_too() -> None:
    of = table()
    assert check(intent(20), book(of)) is Rule.OK  # 19.20 of 20
    assert check(intent(21), book(of)) is Rule.PAIR_LIMIT
    of.hold(1, 48, price=500)
    of.hold(2, 48, price=500)
    verdict = review(intent(10), book(of), Health())
    assert isinstance(verdict, Refused) and verdict.rule == Rule.PORTFOLIO_LIMIT.label
    assert isinstance(review(intent(4), book(of), Health()), Approved)
    of.acct[0]["canary"] = 1
    of.limits[0]["canary_base"] = 0.003
    assert check(intent(4), book(of)) is Rule.PAIR_LIMIT


def test_refusals_name_the_limits_of_options() -> None:
    of = table()
    of.hold(1, 96, price=500)
    facts = Facts(book=book(of), health=Health(), instrument=of.instruments[0], ts=NOW)
    assert refusal(Rule.PORTFOLIO_LIMIT, facts).reason.endswith("(9.6% of equity held or ordered, limit 10%)")
    assert refusal(Rule.PAIR_LIMIT, facts).reason.endswith("(0.0% of equity held or ordered, limit 2%)")


@given(
    held=st.lists(st.floats(0, 120), min_size=2, max_size=2),
    canary=st.booleans(),
    d=st.floats(0.1, 0.65),
    cost=st.floats(0.0, 0.1),
    premium=st.integers(5, 20_000),
)
def test_no_cap_of_premium_is_ever_passed(held: list[float], canary: bool, d: float, cost: float, premium: int) -> None:
    of = table()
    of.acct[0]["canary"] = int(canary)
    for i, worth in enumerate(held, start=1):
        of.hold(i, worth, price=1_000)
    before = premium_at_work(of.pos, of.inst, 0)
    rule, units = notional(of.pos, of.inst, of.acct, of.limits, 0, 1, d, cost, 0.0, 1.0, 0)
    steps = steps_for(of.inst, 0, units, premium, premium // 2)
    value = steps * premium * int(of.inst[0]["unit"])
    equity = 1_000 * MONEY_SCALE
    assert value <= 0.02 * equity and value * (d + cost) <= (0.0025 if canary else 0.005) * equity * (1 + 1e-9)
    assert value == 0 or before + value <= 0.10 * equity
    assert Rule(rule) in {Rule.BELOW_MIN_ORDER, Rule.PORTFOLIO_LIMIT, Rule.NO_BALANCE}
    if steps:
        assert check(msgspec.structs.replace(intent(steps, premium)), book(of)) is Rule.OK
    assert capped(of.pos, of.inst, of.acct, of.limits, 0, 1, 0, 1e9 * MONEY_SCALE)[1] <= 0.02 * equity


def test_what_is_too_dear_is_told_by_its_figures() -> None:
    of = table(balance=50)
    of.inst[0]["max_steps"] = 1_000
    book = Book(pos=of.pos, inst=of.inst, acct=of.acct, rules=of.rules, limits=of.limits, i=0, s=O1)
    plain = Facts(book=book, health=Health(), instrument=of.instruments[0], ts=NOW)
    assert too_dear(plain) == "minimum 100 EUR", "no price was looked at"
    priced = msgspec.structs.replace(plain, reference=PREMIUM, stop=PREMIUM // 2, judged=0.1)
    assert too_dear(priced) == (
        "100 EUR cost 0.96 USD; 2.00% of the wallet (50.00 USD) is 1.00 USD, and 0.50% of it lost at the stop allows 0.42 USD; "
        "the smallest wallet that could buy them has 115.20 USD"
    )
    near = msgspec.structs.replace(priced, stop=PREMIUM * 9 // 10, judged=0.0)
    assert too_dear(near).endswith("the smallest wallet that could buy them has 48.00 USD"), "2 % binds"
    of.inst[0]["max_steps"] = 0
    assert too_dear(priced) == "options on EURUSD are not bought on this account"
