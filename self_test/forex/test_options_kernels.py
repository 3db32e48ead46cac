"""The kernels of option pricing: limits where time or deviation ends, tails, roots, and what they answer where there is no answer."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forex.options_kernels import (
    FORWARD,
    FORWARD_ADJUSTED,
    GREEKS,
    SPOT,
    SPOT_ADJUSTED,
    d1_of,
    delta_of,
    greeks_of,
    implied_stddev,
    norm_cdf,
    norm_inverse,
    premium,
    prices_with_greeks,
    strike_of_delta,
    vega_of,
)

KINDS = (SPOT, FORWARD, SPOT_ADJUSTED, FORWARD_ADJUSTED)


def test_the_normal_distribution_to_the_last_digits() -> None:
    exact = NormalDist()
    for p in (1e-300, 1e-20, 1e-5, 0.02, 0.02425, 0.1, 0.3, 0.5, 0.7, 0.97575, 0.999, 1 - 1e-12):
        assert norm_inverse(p) == pytest.approx(exact.inv_cdf(p), rel=4e-16 * 4, abs=1e-15)
    # Abramowitz and Stegun, table 26.1 and 26.2: Q(1) and Q(10).
    assert norm_cdf(-1.0) == pytest.approx(0.158655253931457, rel=1e-14)
    assert norm_cdf(-10.0) == pytest.approx(7.61985302416e-24, rel=1e-11)
    assert norm_cdf(math.inf) == 1.0
    assert norm_cdf(-math.inf) == 0.0
    assert all(math.isnan(norm_inverse(p)) for p in (0.0, 1.0, -0.1, 1.1, math.nan))


def test_without_deviation_the_premium_is_the_discounted_intrinsic_value_of_the_forward() -> None:
    spot, strike, years, rd, rf = 1.10, 1.05, 0.5, 0.04, 0.01
    worth = spot * math.exp(-rf * years) - strike * math.exp(-rd * years)
    assert premium(1, spot, strike, years, rd, rf, 0.0) == pytest.approx(worth, abs=1e-16)
    assert premium(-1, spot, strike, years, rd, rf, 0.0) == 0.0
    assert vega_of(spot, strike, years, rd, rf, 0.0) == 0.0
    assert delta_of(FORWARD, 1, spot, strike, years, rd, rf, 0.0) == 1.0
    assert delta_of(FORWARD, -1, spot, strike, years, rd, rf, 0.0) == 0.0


def test_where_forward_and_strike_meet_without_deviation_the_step_is_halfway() -> None:
    assert d1_of(1.1, 1.1, 0.0) == 0.0
    found = dict(zip(GREEKS, greeks_of(1, 1.1, 1.1, 0.5, 0.02, 0.02, 0.0), strict=True))
    assert found["price"] == 0.0
    assert found["delta_forward"] == 0.5
    assert found["gamma"] == 0.0
    assert found["elasticity"] == 0.0


@pytest.mark.parametrize("years", [0.0, -0.1])
@pytest.mark.parametrize("right", [1, -1])
@pytest.mark.parametrize("spot", [1.0, 1.1, 1.2])
def test_from_expiry_on_the_premium_is_the_intrinsic_value(years: float, right: int, spot: float) -> None:
    worth = max(right * (spot - 1.1), 0.0)
    assert premium(right, spot, 1.1, years, 0.05, 0.01, 0.1) == pytest.approx(worth, abs=1e-16)
    found = dict(zip(GREEKS, greeks_of(right, spot, 1.1, years, 0.05, 0.01, 0.1), strict=True))
    assert all(math.isfinite(value) for value in found.values())
    assert found["price"] == pytest.approx(worth, abs=1e-16)
    assert found["vega"] == found["rho_dom"] == 0.0


def test_many_at_once_are_the_single_ones() -> None:
    rng = np.random.default_rng(3)
    n = 200
    rights, spots, strikes = rng.choice([-1, 1], n), 1 + rng.random(n), 1 + rng.random(n)
    years, rd, rf, vols = rng.random(n), rng.random(n) * 0.1 - 0.02, rng.random(n) * 0.1 - 0.02, rng.random(n) * 0.4
    table = prices_with_greeks(rights, spots, strikes, years, rd, rf, vols)
    assert table.shape == (n, len(GREEKS))
    for i in range(n):
        assert tuple(table[i]) == greeks_of(rights[i], spots[i], strikes[i], years[i], rd[i], rf[i], vols[i])


@given(
    kind=st.sampled_from(KINDS),
    right=st.sampled_from((1, -1)),
    moneyness=st.floats(-3.0, 3.0),
    years=st.floats(0.01, 3.0),
    rd=st.floats(-0.03, 0.12),
    rf=st.floats(-0.03, 0.12),
    vol=st.floats(0.03, 0.6),
)
def test_the_strike_of_a_delta_has_that_delta(
    kind: int, right: int, moneyness: float, years: float, rd: float, rf: float, vol: float
) -> None:
    """There and back; of an adjusted call's two strikes the outer one, so the way back is at or beyond where it started."""
    strike = 1.1 * math.exp((rd - rf) * years + moneyness * vol * math.sqrt(years))
    delta = delta_of(kind, right, 1.1, strike, years, rd, rf, vol)
    found = strike_of_delta(kind, delta, 1.1, years, rd, rf, vol)
    assert delta_of(kind, right, 1.1, found, years, rd, rf, vol) == pytest.approx(delta, rel=1e-11)
    if right == 1 and kind in {SPOT_ADJUSTED, FORWARD_ADJUSTED}:
        assert found >= strike * (1 - 1e-6)
    else:
        assert found == pytest.approx(strike, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_delta_that_no_strike_has(kind: int) -> None:
    assert math.isnan(strike_of_delta(kind, 1.2, 1.1, 0.5, 0.02, 0.01, 0.1))
    assert math.isnan(strike_of_delta(kind, 0.0, 1.1, 0.5, 0.02, 0.01, 0.1))


def test_an_adjusted_calls_delta_has_a_largest_value_and_a_puts_has_none() -> None:
    assert math.isnan(strike_of_delta(FORWARD_ADJUSTED, 0.95, 1.1, 1.0, 0.02, 0.01, 0.3))
    found = strike_of_delta(FORWARD_ADJUSTED, -1.4, 1.1, 1.0, 0.02, 0.01, 0.3)
    assert delta_of(FORWARD_ADJUSTED, -1, 1.1, found, 1.0, 0.02, 0.01, 0.3) == pytest.approx(-1.4, rel=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_without_deviation_every_deltas_strike_is_the_forward(kind: int) -> None:
    assert strike_of_delta(kind, 0.25, 1.1, 0.5, 0.04, 0.01, 0.0) == pytest.approx(1.1 * math.exp(0.015), rel=1e-15)


def test_an_implied_deviation_exists_between_the_bounds_only() -> None:
    assert implied_stddev(1, 0.05, 1.10, 1.05) == 0.0  # the bound; 1.10 − 1.05 is a little more in floats
    assert implied_stddev(-1, 0.0, 1.10, 1.05) == 0.0
    assert math.isnan(implied_stddev(1, 0.049, 1.10, 1.05))
    assert math.isnan(implied_stddev(1, 1.10, 1.10, 1.05))
    assert math.isnan(implied_stddev(-1, 1.05, 1.10, 1.05))
    assert implied_stddev(1, 1.0999999, 1.10, 1.05) > 9.0
