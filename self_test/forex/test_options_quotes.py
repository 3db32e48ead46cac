"""Quotes of premiums: the spread is the model's, rounding is against us, expiry is intrinsic."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forex.options_kernels import premium, vega_of
from forex.options_quotes import option_quote
from forex.options_surface import arrays, kind_of, smile_vol
from self_test.forex.smiles import EURUSD, USDJPY
from state.options import Surface

TICKS = {"EURUSD": 1e-5, "USDJPY": 1e-3}
SURFACES = st.sampled_from([EURUSD, USDJPY])
RIGHTS = st.sampled_from([1, -1])
SPOT = 103_180


def quote(surface: Surface, right: int, bid: int, ask: int, strike: int, day: float) -> tuple[int, int, float]:
    return option_quote(*arrays(surface), kind_of(surface.pair), right, bid, ask, strike, day, TICKS[surface.pair])


def test_the_mid_is_the_premium_at_the_smile_and_the_spread_015_vol_points_each_way() -> None:
    bid, ask, mid = quote(EURUSD, 1, SPOT - 1, SPOT + 1, 103_500, 28.0)
    vol = smile_vol(*arrays(EURUSD), 0, 1.0318, 1.035, 28.0)
    inputs = (1.0318, 1.035, 28 / 365, 0.043, 0.0262, vol)
    assert mid * 1e-5 == pytest.approx(premium(1, *inputs), abs=1e-12)
    half = 0.0015 * vega_of(*inputs) * 1e5
    assert half > 10
    assert (bid, ask) == (math.floor(mid - half), math.ceil(mid + half))


def test_a_pip_is_the_least_half_spread_and_a_bid_is_never_below_nothing() -> None:
    """Far out of the money the premium is below the smallest spread: it can be bought for a pip and sold for nothing."""
    assert quote(EURUSD, 1, SPOT, SPOT, 150_000, 14.0)[:2] == (0, 10)
    bid, ask, mid = quote(EURUSD, -1, SPOT, SPOT, 101_000, 1.0)
    assert 0.0 < mid < 10.0
    assert (bid, ask) == (0, math.ceil(mid + 10))


@given(surface=SURFACES, right=RIGHTS, shift=st.integers(-8000, 8000), spread=st.integers(0, 60), day=st.floats(1e-6, 87.0))
def test_bid_is_below_ask_around_the_mid(surface: Surface, right: int, shift: int, spread: int, day: float) -> None:
    spot = round(surface.spot / TICKS[surface.pair])
    bid, ask, mid = quote(surface, right, spot, spot + spread, spot + shift, day)
    assert 0 <= bid < ask
    assert bid <= max(mid - 10, 0)
    assert ask >= mid + 10
    assert mid >= 0


@given(surface=SURFACES, right=RIGHTS, shift=st.integers(-5000, 5000), day=st.floats(0.5, 87.0), moved=st.integers(1, 500))
def test_a_call_rises_and_a_put_falls_with_spot_and_never_by_more_than_it(
    surface: Surface, right: int, shift: int, day: float, moved: int
) -> None:
    spot = round(surface.spot / TICKS[surface.pair])
    before, after = (quote(surface, right, at, at, spot + shift, day)[2] for at in (spot, spot + moved))
    assert -1e-6 <= right * (after - before) <= moved * 1.001


@pytest.mark.parametrize(
    ("right", "strike", "value"), [(1, 103_000, 180), (-1, 103_000, 0), (1, 104_000, 0), (-1, 104_000, 820), (1, SPOT, 0)]
)
def test_from_expiry_on_it_is_the_intrinsic_value_without_a_spread(right: int, strike: int, value: int) -> None:
    for day in (0.0, -0.001, -30.0):
        assert quote(EURUSD, right, SPOT, SPOT, strike, day) == (value, value, float(value))
    assert quote(EURUSD, 1, SPOT, SPOT + 1, 103_000, 0.0) == (180, 180, 180.5)  # half a tick is not paid
