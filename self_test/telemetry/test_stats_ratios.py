"""Ratios: what scaling, repeating and adding does to them."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telemetry.stats_ratios import (
    calmar,
    kelly_continuous,
    kelly_fraction,
    lo_eta,
    max_drawdown,
    max_drawdown_r,
    profit_factor,
    sharpe,
    sharpe_per_trade,
    sharpe_se_iid,
    sortino,
)

returns = st.lists(st.floats(-0.2, 0.2).map(lambda x: round(x, 6)), min_size=3, max_size=60)


@given(returns, st.floats(0.1, 10))
def test_leverage_changes_no_ratio(values: list[float], scale: float) -> None:
    scaled = [value * scale for value in values]
    for ratio in (sharpe, sortino):
        found = ratio(values, 365)
        assert (found is None) == (ratio(scaled, 365) is None)
        if found is not None:
            assert ratio(scaled, 365) == pytest.approx(found, rel=1e-9, abs=1e-9)
    assert profit_factor(scaled) == (None if profit_factor(values) is None else pytest.approx(profit_factor(values), rel=1e-9))


@given(returns)
def test_sign_and_size_of_ratios(values: list[float]) -> None:
    found = sharpe(values, 1)
    if found is not None:
        assert found == -(sharpe([-value for value in values], 1) or 0.0)
        assert sharpe(values, 4) == pytest.approx(2 * found) and sharpe_per_trade(values, 4) == sharpe(values, 4)
        better = sharpe([value + 0.01 for value in values], 1)
        assert better is not None and better > found


@given(returns, st.floats(-0.2, 0.2))
def test_drawdown_is_a_fraction_that_only_grows(values: list[float], more: float) -> None:
    before, after = max_drawdown(values), max_drawdown([*values, more])
    assert before is not None and after is not None and 0 <= before <= after <= 1
    assert after >= -min(*values, more) - 1e-12
    assert (before == 0) == all(value >= 0 for value in values)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_drawdown_in_r(values: list[float]) -> None:
    found = max_drawdown_r(values)
    assert found is not None and found >= max(0.0, -min(values)) - 1e-9
    assert found <= -math.fsum(value for value in values if value < 0) + 1e-9


def test_ruin_is_final() -> None:
    assert max_drawdown([-1.0, 5.0]) == 1.0 and max_drawdown([-3.0, -3.0]) == 1.0
    assert calmar([-1.0, 5.0], 365) is None


@pytest.mark.parametrize("periods", [0, -365, math.nan, math.inf])
def test_a_year_has_periods(periods: float) -> None:
    for ratio in (sharpe, sharpe_per_trade, sortino, calmar):
        assert ratio([0.01, -0.02, 0.03], periods) is None


def test_calmar_of_a_year_that_overflows_is_none() -> None:
    assert calmar([50.0, -0.5, 50.0], 365) is None


@given(st.integers(1, 50), st.floats(-0.9, 0.9))
def test_positive_autocorrelation_costs_sharpe(q: int, rho: float) -> None:
    found = lo_eta(q, [rho**k for k in range(1, q)])
    assume(found is not None)
    assert found is not None
    if rho >= 0:
        assert found <= math.sqrt(q) * (1 + 1e-12)
    else:
        assert found >= math.sqrt(q) * (1 - 1e-12)


def test_lags_must_fit() -> None:
    assert lo_eta(0, []) is None and lo_eta(3, [0.1]) is None and lo_eta(2, [1.5]) is None and lo_eta(2, [math.nan]) is None
    assert lo_eta(1, []) == 1.0


def test_the_error_of_a_sharpe_ratio_shrinks() -> None:
    errors = [sharpe_se_iid(0.1, n) or 0.0 for n in (2, 10, 100)]
    assert errors == sorted(errors, reverse=True) and all(errors)
    assert sharpe_se_iid(0.1, 1) is None and sharpe_se_iid(math.nan, 10) is None


@given(st.floats(0, 1), st.floats(0.01, 10))
def test_kelly_maximises_growth(p: float, b: float) -> None:
    best = kelly_fraction(p, b)
    assert best is not None and 0 <= best <= 1

    def growth(share: float) -> float:
        return p * math.log1p(share * b) + (1 - p) * math.log1p(-share)

    for other in (best * 0.9, best * 0.9 + 0.05):
        if best < 0.999 and other < 1:
            assert growth(best) >= growth(other) - 1e-12


def test_kelly_of_nonsense() -> None:
    assert kelly_fraction(1.1, 1) is None and kelly_fraction(0.6, 0) is None and kelly_fraction(math.nan, 1) is None
    assert kelly_continuous(0.1, 0) is None and kelly_continuous(0.1, -1) is None and kelly_continuous(1e90, 1e-300) is None
