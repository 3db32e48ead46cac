"""Sharpe ratios judged: monotone where they must be, and what luck shows against what the formulas say it shows."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.stats_deflation import (
    dsr,
    dsr_from_returns,
    expected_max_z,
    min_btl_years,
    min_trl,
    min_trl_null_variance,
    pbo_cscv,
    psr,
    psr_from_returns,
    psr_null_variance,
)
from telemetry.stats_sample import moments

ratios = st.floats(-0.5, 0.5)


@given(ratios, ratios, st.integers(2, 2000), st.floats(-1, 1), st.floats(2, 12))
def test_psr_is_a_chance_that_length_makes_surer(sr: float, benchmark: float, n: int, skew: float, kurt: float) -> None:
    for function in (psr, psr_null_variance):
        short, long = function(sr, n, skew, kurt, benchmark), function(sr, n + 100, skew, kurt, benchmark)
        assert short is not None and long is not None and 0 <= short <= 1
        assert long >= short if sr >= benchmark else long <= short
        assert (function(sr, n, skew, kurt, benchmark + 0.1) or 0) <= short or function is psr_null_variance


@given(st.floats(0.01, 0.5), st.integers(10, 500), st.floats(2, 12), st.integers(1, 1000), st.floats(0, 0.01))
def test_more_trials_deflate_more(sr: float, n: int, kurt: float, trials: int, variance: float) -> None:
    one, more = dsr(sr, n, 0, kurt, trials, variance), dsr(sr, n, 0, kurt, trials * 2, variance)
    assert one is not None and more is not None and more <= one <= (psr(sr, n, 0, kurt) or 0)


@given(st.floats(0.02, 0.5), st.floats(-1, 1), st.floats(3, 12), st.floats(0.6, 0.99))
def test_the_minimum_record_is_where_psr_reaches_its_confidence(sr: float, skew: float, kurt: float, confidence: float) -> None:
    n = min_trl(sr, 0.0, skew, kurt, confidence)
    assert n is not None
    if n >= 2:
        assert psr(sr, n, skew, kurt) == pytest.approx(confidence, abs=1e-9)  # type: ignore[arg-type]
    newer = min_trl_null_variance(sr, 0.0, skew, kurt, confidence)
    assert newer is not None
    if newer >= 2:
        assert psr_null_variance(sr, newer, skew, kurt) == pytest.approx(confidence, abs=1e-9)  # type: ignore[arg-type]


def test_what_is_undefined() -> None:
    assert psr(0.1, 1, 0, 3) is None and psr(math.nan, 10, 0, 3) is None and psr(1.0, 10, 2.0, 1.0) is None  # 1 - 2 < 0
    assert psr_null_variance(math.inf, 10, 0, 3) is None and psr_null_variance(0.1, 1, 0, 3) is None
    assert expected_max_z(0) is None and expected_max_z(math.nan) is None
    assert dsr(0.1, 10, 0, 3, 0, 0.1) is None and dsr(0.1, 10, 0, 3, 1, -0.1) is None
    assert min_trl(0.1, 0.2, 0, 3) is None and min_trl(0.1, 0.0, 0, 3, 0.4) is None and min_trl(0.1, 0.0, 0, 3, 1.0) is None
    assert min_trl(5e-324, 0.0, 0, 3) is None and min_trl_null_variance(5e-324, 0.0, 0, 3) is None
    assert min_btl_years(10, 0) is None and min_btl_years(10, 1e-310) is None and min_btl_years(0, 1) is None
    assert dsr_from_returns([0.1, 0.1], 1, 0) is None and dsr_from_returns([0.1, 0.2], 1, -1) is None


def test_the_best_of_n_is_what_chance_shows() -> None:
    dice = random.Random(3)
    measured = sum(max(dice.gauss(0, 1) for _ in range(100)) for _ in range(2000)) / 2000
    assert expected_max_z(100) == pytest.approx(measured, abs=0.04)
    values = [expected_max_z(n) or 0.0 for n in (1, 1.5, 2, 10, 1e6, 1e30)]
    assert values == sorted(values) and values[0] == 0


def test_a_sample_explains_some_variance_by_itself() -> None:
    dice = random.Random(4)
    returns = [dice.gauss(0.001, 0.01) for _ in range(90)]
    found = moments(returns)
    assert found is not None
    assert dsr_from_returns(returns, 1, 0.0) == psr_from_returns(returns)
    assert dsr_from_returns(returns, 5, 0.0) == dsr(found.sharpe, 90, found.skew, found.kurt, 5, 1 / 89)
    assert dsr_from_returns(returns, 5, 0.5) == dsr(found.sharpe, 90, found.skew, found.kurt, 5, 0.5)


def test_psr_is_calibrated_where_there_is_no_edge() -> None:
    dice = random.Random(6)
    above = sum((psr_from_returns([dice.gauss(0, 0.01) for _ in range(60)]) or 0) >= 0.95 for _ in range(1000))
    assert 25 <= above <= 80  # 5 % of 1000, three standard errors and the approximation


def grid(seed: int, periods: int, edge: float) -> list[list[float]]:
    dice = random.Random(seed)
    return [[dice.gauss(edge if k == 2 else 0.0, 0.01) for k in range(6)] for _ in range(periods)]


def test_overfitting_is_seen_and_an_edge_is_not_called_so() -> None:
    assert (pbo_cscv(grid(1, 240, 0.01), 8) or {"pbo": 9})["pbo"] == 0
    lucky = [found["pbo"] for seed in range(12) if (found := pbo_cscv(grid(seed, 96, 0.0), 6))]
    assert 0.35 <= sum(lucky) / len(lucky) <= 0.75


@given(st.permutations(range(6)))
def test_the_order_of_configurations_does_not_matter(order: list[int]) -> None:
    table = grid(7, 24, 0.002)
    found, again = pbo_cscv(table, 4), pbo_cscv([[row[k] for k in order] for row in table], 4)
    assert found is not None and again is not None
    assert again["pbo"] == found["pbo"] and again["mean_logit"] == pytest.approx(found["mean_logit"])


def test_the_oldest_rows_are_dropped() -> None:
    table = grid(8, 24, 0.0)
    assert pbo_cscv([[9.0] * 6, *table], 4) == pbo_cscv(table, 4)


def test_no_table_no_answer() -> None:
    table = grid(9, 12, 0.0)
    assert pbo_cscv([], 2) is None and pbo_cscv(table, 3) is None and pbo_cscv(table, 0) is None and pbo_cscv(table, 14) is None
    assert pbo_cscv([row[:1] for row in table], 2) is None and pbo_cscv([*table, [0.1]], 2) is None
    assert pbo_cscv([[math.nan, *row[1:]] for row in table], 2) is None
    assert pbo_cscv([[0.0, *row[1:]] for row in table], 2) is None  # never traded: no ratio
    assert pbo_cscv(table[:2], 2) is None
    with pytest.raises(ValueError, match="metric"):
        pbo_cscv(table, 2, "median")
