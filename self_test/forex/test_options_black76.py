from __future__ import annotations

import random
from math import exp, isnan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forex.options_black76 import CALL, PUT, greeks, greeks76, implied76, implied_vol, premium76, price
from utils.errors import Refusal

futures = st.floats(0.5, 2.0)
vols = st.floats(0.02, 0.8)
years = st.floats(0.01, 2.0)
rates = st.floats(-0.03, 0.10)
rights = st.sampled_from([CALL, PUT])


@given(future=futures, strike=futures, years=years, rate=rates, vol=vols)
def test_a_call_less_its_put_is_the_discounted_way_to_the_strike(
    future: float, strike: float, years: float, rate: float, vol: float
) -> None:
    call, put = (premium76(right, future, strike, years, rate, vol) for right in (CALL, PUT))
    assert call - put == pytest.approx(exp(-rate * years) * (future - strike), abs=1e-14)
    assert call >= 0 and put >= 0


def test_quantlib_agrees_on_a_random_grid() -> None:
    ql = pytest.importorskip("QuantLib")
    rng = random.Random(76)
    for _ in range(2_000):
        future, strike = rng.uniform(0.5, 2), rng.uniform(0.5, 2)
        left, rate, vol = rng.uniform(0.003, 3), rng.uniform(-0.02, 0.1), rng.uniform(0.01, 1)
        for right, kind in ((CALL, ql.Option.Call), (PUT, ql.Option.Put)):
            said = ql.blackFormula(kind, strike, future, vol * sqrt(left), exp(-rate * left))
            assert premium76(right, future, strike, left, rate, vol) == pytest.approx(said, abs=1e-12)
            oracle = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), future, vol * sqrt(left), exp(-rate * left))
            delta, gamma, vega, _, _ = greeks76(right, future, strike, left, rate, vol)
            assert delta == pytest.approx(oracle.deltaForward(), abs=1e-11)
            assert gamma == pytest.approx(oracle.gammaForward(), rel=1e-8, abs=1e-12)
            assert vega == pytest.approx(oracle.vega(left), abs=1e-11)


@given(future=futures, strike=futures, years=years, rate=rates, vol=vols, right=rights)
def test_greeks_are_the_slopes_of_the_price(future: float, strike: float, years: float, rate: float, vol: float, right: int) -> None:
    found = greeks(right, future, strike, years, rate, vol)
    step = 1e-5

    def slope(**shift: float) -> float:
        at = {"future": future, "years": years, "rate": rate, "vol": vol}
        up, down = ({**at, **{name: at[name] + sign * by for name, by in shift.items()}} for sign in (1, -1))
        return (price(right, strike=strike, **up) - price(right, strike=strike, **down)) / (2 * sum(shift.values()))

    assert found.delta == pytest.approx(slope(future=step), abs=2e-5)
    assert found.vega == pytest.approx(slope(vol=step), abs=2e-5)
    assert found.rho == pytest.approx(slope(rate=step), abs=2e-5)
    assert found.theta_year == pytest.approx(-slope(years=step), abs=2e-3)
    assert found.theta_day == found.theta_year / 365


@given(
    future=futures,
    years=st.floats(0.02, 2),
    rate=rates,
    vol=st.floats(0.03, 0.8),
    right=st.sampled_from([CALL, PUT]),
    away=st.floats(-2, 2),
)
def test_the_volatility_of_a_premium_is_found_again(future: float, years: float, rate: float, vol: float, right: int, away: float) -> None:
    strike = future * exp(away * vol * sqrt(years))
    premium = premium76(right, future, strike, years, rate, vol)
    assert implied_vol(right, future, strike, years, rate, premium) == pytest.approx(vol, rel=1e-8)


def test_without_time_or_volatility_it_is_the_discounted_intrinsic_value() -> None:
    assert price(CALL, 1.12, 1.10, 0.5, 0.04, 0.0) == pytest.approx(exp(-0.02) * 0.02)
    assert price(PUT, 1.12, 1.10, 0.5, 0.04, 0.0) == 0
    assert price(PUT, 1.08, 1.10, 0.0, 0.04, 0.2) == price(PUT, 1.08, 1.10, -1.0, 0.04, 0.2) == pytest.approx(0.02)
    expired = greeks(CALL, 1.12, 1.10, 0.0, 0.04, 0.2)
    assert (expired.delta, expired.gamma, expired.vega, expired.theta_year, expired.rho) == (1, 0, 0, 0, 0)
    assert greeks(PUT, 1.12, 1.10, 0.0, 0.04, 0.2).delta == 0


def test_a_premium_that_no_volatility_explains_is_refused_with_the_bounds() -> None:
    with pytest.raises(Refusal, match=r"lies between 0\.01960397"):
        implied_vol(CALL, 1.12, 1.10, 0.5, 0.04, 0.01)
    assert isnan(implied76(CALL, 1.12, 1.10, 0.5, 0.04, 1.2))
    assert isnan(implied76(CALL, 1.12, 1.10, 0.0, 0.04, 0.02))


@pytest.mark.parametrize(
    ("name", "value"), [("right", 0), ("future", -1.0), ("strike", 0.0), ("years", float("nan")), ("rate", float("inf")), ("vol", -0.1)]
)
def test_inputs_that_no_option_has_are_refused_by_name(name: str, value: float) -> None:
    inputs = {"right": CALL, "future": 1.1, "strike": 1.1, "years": 0.1, "rate": 0.04, "vol": 0.1, name: value}
    with pytest.raises(Refusal, match=f"^{name}: "):
        price(**inputs)  # type: ignore[arg-type]
