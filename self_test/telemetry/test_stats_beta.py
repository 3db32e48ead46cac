"""The incomplete beta function against binomial sums, symmetries and its own inverse."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.stats_beta import beta_cdf, beta_quantile, log_beta, log_beta_cdf, student_quantile


@given(st.integers(1, 60), st.data(), st.floats(0.01, 0.99))
def test_it_is_a_binomial_tail(n: int, data: st.DataObject, p: float) -> None:
    k = data.draw(st.integers(1, n))
    tail = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    assert beta_cdf(p, k, n - k + 1) == pytest.approx(tail, rel=1e-11)


@given(st.floats(0.5, 500), st.floats(0.5, 500), st.floats(0.001, 0.999))
def test_symmetry(a: float, b: float, x: float) -> None:
    assert beta_cdf(x, a, b) + beta_cdf(1 - x, b, a) == pytest.approx(1, abs=1e-10)


@given(st.floats(0.5, 300), st.floats(0.5, 300), st.floats(0.001, 0.999))
def test_the_quantile_inverts(a: float, b: float, p: float) -> None:
    x = beta_quantile(p, a, b)
    if 1e-12 < x < 1 - 1e-12:
        assert beta_cdf(x, a, b) == pytest.approx(p, abs=1e-9)


def test_the_far_tail_and_the_ends() -> None:
    assert log_beta_cdf(0.5, 2000, 1) == pytest.approx(2000 * math.log(0.5))  # x^a, far below the smallest float
    assert beta_cdf(0, 2, 3) == 0 and beta_cdf(1, 2, 3) == 1 and log_beta_cdf(-1, 1, 1) == -math.inf
    assert log_beta_cdf(1 - 1e-16, 1e-3, 1e3) <= 0
    assert log_beta(2, 3) == pytest.approx(math.log(1 / 12))


@pytest.mark.parametrize("p, df, expected", [(0.95, 1, 6.313751514675), (0.95, 99, 1.660391156017), (0.975, 10, 2.228138851965)])
def test_student_of_the_tables(p: float, df: float, expected: float) -> None:
    assert student_quantile(p, df) == pytest.approx(expected, rel=1e-10)
