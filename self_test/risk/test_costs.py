from __future__ import annotations

from decimal import ROUND_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.costs import entry_fee_ppm, median_hold_ms, round_trip, slipped
from self_test.fakes.books import books, coin
from state.accounts import Domain
from state.booking import fee_of
from state.books import HOLDS
from state.conversion import mul_div

HOUR_MS = 3_600_000
MARKET, IOC, MAKER = 0, 1, 2


@pytest.mark.parametrize(
    "domain, order_type, spread, expected",
    [
        pytest.param(Domain.CRYPTO, MARKET, 0.0, 0.0024, id="spot: 2 x 10 bp fee + 2 x 2 bp slippage"),
        pytest.param(Domain.PERPS, MARKET, 0.0, 0.0015, id="perp taker: 2 x 5.5 bp + 2 x 2 bp"),
        pytest.param(Domain.PERPS, IOC, 0.0, 0.0015, id="a capped entry takes, too"),
        pytest.param(Domain.PERPS, MAKER, 0.0, 0.00095, id="maker entry: 2 + 5.5 bp + one slipped leg"),
        pytest.param(Domain.CRYPTO, MAKER, 0.0, 0.0022, id="spot has no cheaper maker fee"),
        pytest.param(Domain.PERPS, MARKET, 0.0004, 0.0019, id="the spread counts once for two taking legs"),
        pytest.param(Domain.PERPS, MAKER, 0.0004, 0.00115, id="and half for one"),
    ],
)
def test_what_a_round_trip_costs(domain: Domain, order_type: int, spread: float, expected: float) -> None:
    table = books(coin("AAAUSDT", domain))
    assert round_trip(table.inst, 0, order_type, 1, spread, 30.0 * HOUR_MS) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("spread_bp, extra_bp", [(0.0, 0.0), (2.0, 0.0), (3.0, 0.0), (5.0, 2.0)])
def test_a_spread_that_the_slippage_holds_already_is_not_counted_twice(spread_bp: float, extra_bp: float) -> None:
    table = books(coin("AAAUSDT", Domain.CRYPTO))
    table.inst[0]["spread_ppm"] = 300
    cost = round_trip(table.inst, 0, MARKET, 1, spread_bp / 1e4, 30.0 * HOUR_MS)
    assert cost == pytest.approx(0.0024 + extra_bp / 1e4, rel=1e-9)


@pytest.mark.parametrize(
    "side, rate_e8, extra",
    [(1, 10_000, 3 * 0.0001), (-1, 10_000, 0.0), (1, -10_000, 0.0), (-1, -10_000, 3 * 0.0001), (1, 0, 0.0)],
)
def test_funding_counts_only_against_the_position(side: int, rate_e8: int, extra: float) -> None:
    table = books(coin("AAAUSDT", Domain.PERPS))
    table.inst[0]["funding_e8"] = rate_e8
    assert round_trip(table.inst, 0, MARKET, side, 0.0, 24.0 * HOUR_MS) == pytest.approx(0.0015 + extra, rel=1e-9)


def test_spot_ignores_a_funding_rate() -> None:
    table = books()
    table.inst[0]["funding_e8"] = 1_000_000
    assert round_trip(table.inst, 0, MARKET, 1, 0.0, 24.0 * HOUR_MS) == pytest.approx(0.0024)


def test_holding_time_is_the_prior_until_enough_trades_then_their_median() -> None:
    table = books()
    assert median_hold_ms(table.acct, 0, table.rules, 0, 30) == 30 * HOUR_MS
    table.acct[0]["holds_ms"][0][:29] = HOUR_MS
    table.acct[0]["hold_n"][0] = 29
    assert median_hold_ms(table.acct, 0, table.rules, 0, 30) == 30 * HOUR_MS
    table.acct[0]["holds_ms"][0][29] = 9 * HOUR_MS
    table.acct[0]["hold_n"][0] = 30
    assert median_hold_ms(table.acct, 0, table.rules, 0, 30) == HOUR_MS
    table.acct[0]["hold_n"][0] = HOLDS + 5
    assert median_hold_ms(table.acct, 0, table.rules, 0, 30) == 0  # the other places of a full ring hold zeros here


def test_entry_fee_is_maker_only_for_resting_orders() -> None:
    table = books(coin("AAAUSDT", Domain.PERPS))
    assert [entry_fee_ppm(table.inst, 0, kind) for kind in (MARKET, IOC, MAKER)] == [550, 550, 200]


@given(st.integers(1, 1 << 28), st.integers(0, 100_000), st.sampled_from([1, -1]))
def test_slippage_is_paid_in_whole_ticks_and_never_too_little(price: int, ppm: int, direction: int) -> None:
    paid = direction * (slipped(price, ppm, direction) - price)
    exact = Decimal(price) * ppm / 1_000_000
    assert exact <= paid < exact + 1


@given(st.integers(0, 9_200_000_000_000_000_000), st.integers(0, 100_000))
def test_fee_equals_decimal_round_up(value: int, ppm: int) -> None:
    assert fee_of(value, ppm) == int((Decimal(value) * ppm / 1_000_000).to_integral_value(ROUND_UP))


@given(st.integers(-(10**18), 10**18), st.integers(0, 3_000_000_000), st.integers(1, 3_000_000_000))
def test_mul_div_is_the_floor_of_the_exact_quotient(value: int, factor: int, divisor: int) -> None:
    factor = min(factor, divisor)  # a share of the whole, as it is used
    assert mul_div(value, factor, divisor) == value * factor // divisor


@given(st.integers(0, 9_000_000_000_000_000_000), st.integers(-5_000_000, 5_000_000))
def test_mul_div_takes_funding_rates_of_either_sign(value: int, rate_e8: int) -> None:
    assert mul_div(value, rate_e8, 100_000_000) == value * rate_e8 // 100_000_000


@pytest.mark.parametrize("value, factor, divisor, expected", [(-7, 1, 2, -4), (7, -1, 2, -4), (-1, 1, 3, -1), (0, 5, 7, 0)])
def test_mul_div_rounds_towards_minus_infinity(value: int, factor: int, divisor: int, expected: int) -> None:
    assert mul_div(value, factor, divisor) == expected
