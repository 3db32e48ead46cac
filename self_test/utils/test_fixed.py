from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.fixed import ceil_steps, exact_count, floor_steps, money, money_units, nearest_ticks, plain, to_decimal, value_unit

GRIDS = st.sampled_from([Decimal(text) for text in ("10", "1", "0.5", "0.25", "0.1", "0.05", "0.01", "0.001", "0.00001", "0.0000001")])
AMOUNTS = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=9)


@pytest.mark.parametrize(
    "price, tick, ticks",
    [(0.25, 0.1, 3), (0.249999, 0.1, 2), (100.0, 0.5, 200), (65_432.1, 0.1, 654_321), (0.3, 0.1, 3), (-0.25, 0.1, -2)],
)
def test_a_price_goes_to_the_nearest_tick_halves_up(price: float, tick: float, ticks: int) -> None:
    assert nearest_ticks(price, tick) == ticks


@given(ticks=st.integers(0, 10**9), tick=st.sampled_from([0.5, 0.1, 0.01, 0.0001, 1e-7]))
def test_property_a_price_on_the_grid_comes_back_to_its_own_tick(ticks: int, tick: float) -> None:
    assert nearest_ticks(ticks * tick, tick) == ticks


@given(quantity=AMOUNTS, step=GRIDS)
def test_property_floor_and_ceil_are_the_tightest_bounds(quantity: Decimal, step: Decimal) -> None:
    exact = Fraction(quantity) / Fraction(step)
    low, high = floor_steps(quantity, step), ceil_steps(quantity, step)
    assert low <= exact < low + 1
    assert high - 1 < exact <= high


def test_floor_never_gives_more_than_is_there_even_beyond_the_decimal_context() -> None:
    almost_two = Decimal("1.99999999999999999999999999999999999")  # more digits than the context's 28
    assert floor_steps(almost_two, Decimal(1)) == 1
    assert ceil_steps(Decimal("1.00000000000000000000000000000000001"), Decimal(1)) == 2


@pytest.mark.parametrize("value, down, up", [("-1.5", -2, -1), ("-2", -2, -2), ("0", 0, 0)])
def test_floor_and_ceil_keep_their_direction_below_zero(value: str, down: int, up: int) -> None:
    assert floor_steps(Decimal(value), Decimal(1)) == down
    assert ceil_steps(Decimal(value), Decimal(1)) == up


@given(count=st.integers(-(10**15), 10**15), grid=GRIDS)
def test_property_counts_and_decimals_are_the_same_thing(count: int, grid: Decimal) -> None:
    assert exact_count(to_decimal(count, grid), grid) == count


@pytest.mark.parametrize(
    "value, grid", [("0.15", "0.1"), ("1", "3"), ("0.00000000001", "0.0000000001"), ("100000000000000000.00000000001", "1")]
)
def test_what_is_not_on_the_grid_is_refused(value: str, grid: str) -> None:
    with pytest.raises(ValueError, match="is not a multiple of"):
        exact_count(Decimal(value), Decimal(grid))


@given(units=st.integers(-(2**62), 2**62))
def test_property_money_is_exact_both_ways(units: int) -> None:
    assert money(units) * 10**10 == units
    assert money_units(money(units)) == units


@pytest.mark.parametrize("amount", ["920000000.01", "-920000001", "Infinity", "NaN"])
def test_money_that_does_not_fit_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        money_units(Decimal(amount))


def test_the_largest_money_fits_int64() -> None:
    assert money_units(Decimal(920_000_000)) < 2**63


@pytest.mark.parametrize(
    "tick, step, unit", [("0.1", "0.001", 1_000_000), ("0.0000001", "1", 1_000), ("0.01", "0.000001", 100), ("0.00001", "0.00001", 1)]
)
def test_one_step_at_one_tick_is_worth_whole_money_units(tick: str, step: str, unit: int) -> None:
    assert value_unit(Decimal(tick), Decimal(step)) == unit


def test_an_instrument_whose_cash_could_not_be_booked_exactly_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a multiple of"):
        value_unit(Decimal("0.00001"), Decimal("0.000001"))


@pytest.mark.parametrize(
    "value, text",
    [
        ("1.2300", "1.23"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0E-8", "0"),
        ("-0.00", "0"),
        ("-1.50", "-1.5"),
        ("1E-10", "0.0000000001"),
        ("10.0", "10"),
    ],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_property_plain_text_means_the_same_number(value: Decimal) -> None:
    assert Decimal(plain(value)) == value
    assert "E" not in plain(value)
