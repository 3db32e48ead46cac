from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.settings import Risk
from risk.rules import Rule
from risk.sizing import available, notional, steps_for
from self_test.fakes.books import Books, books, coin
from state.accounts import Domain
from state.booking import gross_of
from state.books import PENDING
from utils.fixed import MONEY_SCALE

PLENTY = 1e9
"""Turnover of a market in which nothing of ours is large."""
CANARY = Risk(base=0.02, loss=0.0025)
ROOMY_PAIR = Risk(pair=0.30)


def allowed(table: Books, d: float, cost: float, turnover: float = PLENTY, factor: float = 1.0, i: int = 0) -> tuple[Rule, float]:
    rule, units = notional(table.pos, table.inst, table.acct, table.limits, i, 1, d, cost, turnover, factor, 0)
    return Rule(rule), units / MONEY_SCALE


@pytest.mark.parametrize(
    "limits, d, cost, pair_has, others_have, expected, rule",
    [
        # The worked cases of the definitions, E = 1000.
        pytest.param(None, 0.02, 0.0015, 0, 0, 50.0, Rule.BELOW_MIN_ORDER, id="base 5 % of E binds"),
        pytest.param(CANARY, 0.02, 0.0015, 0, 0, 20.0, Rule.BELOW_MIN_ORDER, id="canary: 2 % of E"),
        pytest.param(None, 0.02, 0.0015, 130, 0, 20.0, Rule.PAIR_LIMIT, id="pair already 130 of 150"),
        pytest.param(None, 0.02, 0.0015, 0, 290, 10.0, Rule.PORTFOLIO_LIMIT, id="portfolio already 290 of 300"),
        # The edges around them.
        pytest.param(None, 0.10, 0.0, 0, 0, 50.0, Rule.BELOW_MIN_ORDER, id="loss limit and base meet at d = 10 %"),
        pytest.param(None, 0.15, 0.05, 0, 0, 25.0, Rule.BELOW_MIN_ORDER, id="loss at stop counts costs: 5 / 0.20"),
        pytest.param(CANARY, 0.15, 0.05, 0, 0, 12.5, Rule.BELOW_MIN_ORDER, id="canary loss at stop: 2.5 / 0.20"),
        pytest.param(None, 0.02, 0.0015, 150, 0, 0.0, Rule.PAIR_LIMIT, id="pair full"),
        pytest.param(None, 0.02, 0.0015, 160, 0, 0.0, Rule.PAIR_LIMIT, id="pair beyond its limit is no negative size"),
        pytest.param(None, 0.02, 0.0015, 0, 300, 0.0, Rule.PORTFOLIO_LIMIT, id="portfolio full"),
        pytest.param(ROOMY_PAIR, 0.02, 0.0015, 140, 150, 10.0, Rule.PORTFOLIO_LIMIT, id="the pair's own share counts in the portfolio"),
    ],
)
def test_notional_is_the_smallest_of_the_caps(
    limits: Risk | None, d: float, cost: float, pair_has: float, others_have: float, expected: float, rule: Rule
) -> None:
    table = books(risk=limits)
    if pair_has:
        table.hold(0, pair_has)
    if others_have:
        table.hold(1, others_have / 2)
        table.hold(2, others_have / 2)
    found_rule, found = allowed(table, d, cost)
    assert found == pytest.approx(expected, abs=1e-6)
    assert found_rule is rule


def test_the_forex_case_with_a_limits_row_of_its_own() -> None:
    # 5 % of E is margin there: with 30 : 1 that is 1.5 E of notional, so the loss at the stop binds: 5 / 0.0052 = 961.5 units.
    table = books(coin("EURUSD", Domain.PERPS, tick=Decimal("0.00001"), step=Decimal(1), min_qty=Decimal(1), min_notional=Decimal(0)))
    limits = table.limits[0]
    limits["base"], limits["pair"], limits["portfolio"] = 0.05 * 30, 2.0, 4.0
    table.inst[0]["leverage"] = 30
    _, units = notional(table.pos, table.inst, table.acct, table.limits, 0, 1, 0.005, 0.0002, PLENTY, 1.0, 0)
    assert units / MONEY_SCALE == pytest.approx(961.538, abs=1e-3)
    assert steps_for(table.inst, 0, units, 100_000, 99_500) == 961


def test_btc_perp_at_95_000_with_a_step_of_a_thousandth_is_skipped() -> None:
    table = books(coin("BTCUSDT", Domain.PERPS, tick=Decimal("0.10"), step=Decimal("0.001"), min_qty=Decimal("0.001")))
    _, units = notional(table.pos, table.inst, table.acct, table.limits, 0, 1, 0.02, 0.0015, PLENTY, 1.0, 0)
    assert units / MONEY_SCALE == pytest.approx(50.0)
    assert steps_for(table.inst, 0, units, 950_000, 931_000) == 0


@pytest.mark.parametrize("equity, day_start, expected", [(1_000, 1_000, 50.0), (1_200, 1_000, 50.0), (900, 1_000, 45.0)])
def test_the_base_is_the_smaller_of_equity_now_and_at_the_days_start(equity: int, day_start: int, expected: float) -> None:
    table = books()
    table.acct[0]["equity"], table.acct[0]["day_start"] = equity * MONEY_SCALE, day_start * MONEY_SCALE
    assert allowed(table, 0.02, 0.0015)[1] == pytest.approx(expected)


def test_resting_and_in_flight_entries_count_as_exposure() -> None:
    table = books()
    table.hold(0, 130)
    table.pos[0]["status"] = PENDING
    table.pos[0]["working"], table.pos[0]["steps"] = table.pos[0]["steps"], 0
    assert allowed(table, 0.02, 0.0015) == pytest.approx((Rule.PAIR_LIMIT, 20.0))


def test_another_accounts_positions_do_not_count() -> None:
    table = books()
    table.hold(1, 290)
    table.inst[1]["account"] = 7
    assert allowed(table, 0.02, 0.0015)[1] == pytest.approx(50.0)


def test_a_thin_market_allows_a_hundredth_of_its_turnover() -> None:
    assert allowed(books(), 0.02, 0.0015, turnover=1_200.0) == pytest.approx((Rule.THIN_MARKET, 12.0))


def test_the_volatile_factor_halves_what_is_left_after_every_cap() -> None:
    table = books()
    assert allowed(table, 0.02, 0.0015, factor=0.5)[1] == pytest.approx(25.0)
    table.hold(0, 130)
    assert allowed(table, 0.02, 0.0015, factor=0.5)[1] == pytest.approx(10.0)


def test_spot_spends_only_the_cash_that_other_entries_leave() -> None:
    table = books()
    table.acct[0]["cash"] = 40 * MONEY_SCALE
    assert available(table.pos, table.inst, table.acct, 0) == 40 * MONEY_SCALE
    rule, found = allowed(table, 0.02, 0.0024)
    assert (rule, found) == pytest.approx((Rule.NO_BALANCE, 40 / 1.0024))
    table.hold(1, 30)
    table.pos[1]["status"], table.pos[1]["working"], table.pos[1]["steps"] = PENDING, table.pos[1]["steps"], 0
    assert available(table.pos, table.inst, table.acct, 0) == pytest.approx(10 * MONEY_SCALE)


def test_perps_hold_margin_back_and_count_a_loss_but_not_a_gain() -> None:
    table = books(coin("AAAUSDT", Domain.PERPS), coin("BBBUSDT", Domain.PERPS))
    table.hold(0, 300)
    assert available(table.pos, table.inst, table.acct, 0) / MONEY_SCALE == pytest.approx(900)
    table.pos[0]["mark"] = 9_000
    assert available(table.pos, table.inst, table.acct, 0) / MONEY_SCALE == pytest.approx(870)
    table.pos[0]["mark"] = 11_000
    assert available(table.pos, table.inst, table.acct, 0) / MONEY_SCALE == pytest.approx(900)


@given(
    price=st.integers(1_000, 50_000_000),
    drop=st.floats(0.0, 0.5),
    quote=st.floats(0.0, 5_000.0),
    tick=st.sampled_from(["0.1", "0.01", "0.0001", "0.00001"]),
    step=st.sampled_from(["1", "0.1", "0.001", "0.00001"]),
    least=st.sampled_from([1, 5, 10]),
    side=st.sampled_from([1, -1]),
)
def test_steps_are_rounded_down_and_valid_at_entry_and_at_the_stop(
    price: int, drop: float, quote: float, tick: str, step: str, least: int, side: int
) -> None:
    one = coin(
        "AAAUSDT", tick=Decimal(tick), step=Decimal(step), min_qty=Decimal(step) * 3, max_qty=Decimal(10) ** 9, min_notional=Decimal(least)
    )
    table = books(one)
    stop = max(1, price - side * int(price * drop))
    steps = steps_for(table.inst, 0, quote * MONEY_SCALE, price, stop)
    assert isinstance(steps, int)
    bought = Decimal(steps) * one.step
    if steps == 0:
        most = int(Decimal(quote) / (one.price(price) * one.step)) * one.step
        # Nothing was given away: even the largest size within the money misses a minimum.
        assert most < one.min_qty or most * one.price(min(price, stop)) < least
        return
    assert bought * one.price(price) <= Decimal(quote) * (1 + Decimal("1e-12"))
    if steps < int(table.inst[0]["max_steps"]):  # the largest order, and the largest that shares of it can be booked exactly
        assert (bought + one.step) * one.price(price) > Decimal(quote) * (1 - Decimal("1e-12"))
    assert bought >= one.min_qty
    assert bought * one.price(price) >= least
    assert bought * one.price(stop) >= least


def test_no_order_is_larger_than_the_venue_takes() -> None:
    table = books(coin("AAAUSDT", max_qty=Decimal("0.2")))
    assert steps_for(table.inst, 0, 50.0 * MONEY_SCALE, 10_000, 9_000) == 2_000


@given(
    equity=st.floats(100, 100_000),
    d=st.floats(0.001, 0.08),
    cost=st.floats(0.0005, 0.01),
    held=st.lists(st.floats(0, 0.2), min_size=3, max_size=3),
)
def test_no_cap_is_ever_passed(equity: float, d: float, cost: float, held: list[float]) -> None:
    table = books(balance=equity)
    for i, share in enumerate(held):
        if share:
            table.hold(i, share * equity)
    gross = [gross_of(table.pos, table.inst, i) / MONEY_SCALE for i in range(3)]
    _, found = allowed(table, d, cost)
    exact = 1e-9 * equity
    assert found <= 0.05 * equity + exact
    assert found * (d + cost) <= 0.005 * equity + exact
    if found > 0:
        assert found + gross[0] <= 0.15 * equity + exact
        assert found + sum(gross) <= 0.30 * equity + exact


def canary(table: Books, a: int = 0) -> Books:
    """The account is live, on probation, and the venue lets it bind all its cash."""
    table.acct[a]["live"] = 1
    table.acct[a]["canary"] = 1
    table.acct[a]["free"] = table.acct[a]["cash"]
    return table


@pytest.mark.parametrize(
    "d, cost, pair_has, factor, expected",
    [
        pytest.param(0.02, 0.0015, 0, 1.0, 20.0, id="the definitions: d = 2 % -> 2 % of E"),
        pytest.param(0.15, 0.05, 0, 1.0, 12.5, id="loss at the stop: 0.25 % of E / 0.20"),
        pytest.param(0.02, 0.0015, 140, 1.0, 10.0, id="the pair's headroom is everybody's"),
        pytest.param(0.02, 0.0015, 0, 0.5, 10.0, id="one shrink factor"),
        pytest.param(0.02, 0.0015, 0, 0.25, 10.0, id="two of them: the product is not below a half"),
        pytest.param(0.02, 0.0015, 140, 0.25, 5.0, id="of what the caps left"),
    ],
)
def test_a_canary_is_smaller_and_shrinks_no_further_than_half(
    d: float, cost: float, pair_has: float, factor: float, expected: float
) -> None:
    table = canary(books())
    if pair_has:
        table.hold(0, pair_has)
    assert allowed(table, d, cost, factor=factor)[1] == pytest.approx(expected, abs=1e-6)


def test_after_its_probation_a_live_account_has_the_normal_size_and_shrinks_as_any() -> None:
    table = canary(books())
    table.acct[0]["canary"] = 0
    assert allowed(table, 0.02, 0.0015) == pytest.approx((Rule.BELOW_MIN_ORDER, 50.0))
    assert allowed(table, 0.02, 0.0015, factor=0.25)[1] == pytest.approx(12.5)


def test_the_canary_beside_says_nothing_of_paper() -> None:
    table = books()
    canary(table)
    table.inst["account"] = 1
    other = table.acct.copy()
    other["live"] = other["free"] = 0
    other["canary"] = 0
    table.acct = np.concatenate([table.acct, other])
    assert allowed(table, 0.02, 0.0015)[1] == pytest.approx(50.0)
    table.inst[0]["account"] = 0
    assert allowed(table, 0.02, 0.0015)[1] == pytest.approx(20.0)


@pytest.mark.parametrize(
    "live, venue_free, expected",
    [(1, 12, 12), (1, 0, 0), (1, -3, -3), (1, 1_000, 40), (0, 12, 40)],
    ids=["less", "none", "debt", "more", "paper"],
)
def test_a_live_account_spends_no_more_than_its_venue_says_is_free(live: int, venue_free: int, expected: int) -> None:
    table = books()
    table.acct[0]["live"], table.acct[0]["cash"], table.acct[0]["free"] = live, 40 * MONEY_SCALE, venue_free * MONEY_SCALE
    assert available(table.pos, table.inst, table.acct, 0) == expected * MONEY_SCALE
    rule, found = allowed(table, 0.02, 0.0)
    assert found == pytest.approx(max(0, expected)) and rule is Rule.NO_BALANCE


def test_what_the_venue_does_not_know_of_yet_is_held_back_too() -> None:
    table = canary(books())
    table.acct[0]["cash"] = table.acct[0]["free"] = 40 * MONEY_SCALE
    table.hold(1, 30)
    table.pos[1]["status"], table.pos[1]["working"], table.pos[1]["steps"] = PENDING, table.pos[1]["steps"], 0
    assert available(table.pos, table.inst, table.acct, 0) == pytest.approx(10 * MONEY_SCALE)
