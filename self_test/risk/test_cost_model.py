from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.cost_model import PRIOR, Conditions, CostModel, Source, cost_bp, slip_ppm, slippage_bp, spread_ppm, stress_bp

AT = Conditions(spread_bp=2.0, sigma_bp=60.0, share=0.0001, latency_s=0.36)
MODEL = CostModel(key="CRYPTO:AAAUSDT", taker_ppm=1_000, maker_ppm=200, usual=AT, source=Source.LIVE)


def test_the_prior_is_half_the_spread_the_impact_and_a_tenth_of_the_volatility_of_the_delay() -> None:
    assert slippage_bp(MODEL, AT) == pytest.approx(0.5 * 2.0 + 60.0 * 0.01 + 0.1 * 60.0 * 0.01)


def test_a_leg_costs_its_fee_and_a_resting_one_nothing_more() -> None:
    assert cost_bp(MODEL, AT) == pytest.approx(10.0 + 1.66)
    assert cost_bp(MODEL, AT, maker=True) == 2.0


def test_rows_get_whole_ppm_never_too_little_slippage_nor_too_much_spread() -> None:
    assert (slip_ppm(MODEL), spread_ppm(MODEL)) == (166, 200)
    odd = msgspec.structs.replace(MODEL, usual=Conditions(spread_bp=1.999))
    assert (slip_ppm(odd), spread_ppm(odd)) == (100, 199)


def test_stress_is_the_ninetieth_percentile_and_at_least_half_as_much_again() -> None:
    assert stress_bp(MODEL) == pytest.approx(1.5 * 1.66)
    assert stress_bp(msgspec.structs.replace(MODEL, p90_bp=4.0)) == 4.0


def test_only_samples_make_a_model_measured() -> None:
    assert not CostModel(key="x").measured and MODEL.measured
    assert CostModel(key="x").coefficients == PRIOR


@given(st.floats(0, 50), st.floats(0, 500), st.floats(0, 0.1), st.floats(0, 60), st.floats(1.0, 3.0))
def test_worse_conditions_never_cost_less(spread: float, sigma: float, share: float, latency: float, worse: float) -> None:
    at = Conditions(spread_bp=spread, sigma_bp=sigma, share=share, latency_s=latency)
    less = slippage_bp(MODEL, at)
    assert less >= 0.0
    for name in Conditions.__struct_fields__:
        assert slippage_bp(MODEL, msgspec.structs.replace(at, **{name: getattr(at, name) * worse})) >= less
