from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy.windows import (
    HIGHEST,
    LOWEST,
    advance,
    bucket,
    bucket_middle,
    fine_log,
    push_count,
    push_max,
    push_min,
    walk,
    zscore,
)

TICKS = st.integers(1, 1 << 28)


@given(st.lists(TICKS, min_size=1, max_size=200), st.integers(2, 40))
def test_rolling_extremes_equal_brute_force(values: list[int], width: int) -> None:
    highs, lows = np.full(width, LOWEST, np.int32), np.full(width, HIGHEST, np.int32)
    position, high_prefix, low_prefix = 0, LOWEST, HIGHEST
    for k, x in enumerate(values):
        high, high_prefix = push_max(highs, position, high_prefix, x)
        low, low_prefix = push_min(lows, position, low_prefix, x)
        position = advance(position, width)
        window = values[max(0, k - width + 1) : k + 1]
        assert (high, low) == (max(window), min(window))


@given(st.lists(TICKS, min_size=2, max_size=96))
def test_zscore_equals_the_textbook(values: list[int]) -> None:
    total, squares = sum(values), sum(x * x for x in values)
    if squares * len(values) >= 1 << 63:
        return  # the wrapping case has its own test
    deviation = float(np.std(np.array(values, dtype=np.float64) - values[0], ddof=1))
    expected = (values[-1] - total / len(values)) / deviation if deviation > 0 else 0.0
    assert zscore(values[-1], len(values), total, squares) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_zscore_of_equal_values_is_zero() -> None:
    assert zscore(7, 96, 7 * 96, 49 * 96) == 0.0


def test_zscore_survives_sums_that_wrap_round() -> None:
    rng = np.random.default_rng(1)
    values = (1 << 28) - rng.integers(1, 100_000, 96)
    with np.errstate(over="ignore"):
        total, squares = int(values.sum()), int((values * values).sum())
    assert 96 * squares >= 1 << 63, "the case must wrap"
    shifted = values - values[0]
    expected = (shifted[-1] - shifted.mean()) / shifted.std(ddof=1)
    assert zscore(int(values[-1]), 96, total, squares) == pytest.approx(expected, rel=1e-9)


@given(st.floats(1e-9, 1e12))
def test_fixed_point_logarithm(x: float) -> None:
    assert fine_log(x) / (1 << 20) == pytest.approx(math.log(x), abs=5e-7)


@given(st.floats(2.0**-19, 2.0**11))
def test_a_bucket_is_within_half_a_percent(x: float) -> None:
    number = bucket(x, -20, 32 * 128)
    assert bucket_middle(number, -20) == pytest.approx(x, rel=0.004)


@pytest.mark.parametrize("x, number", [(0.0, 0), (-1.0, 0), (1e-30, 0), (2.0**-20, 0), (2.0**-19, 128), (1e30, 2559)])
def test_buckets_are_clipped_at_both_ends(x: float, number: int) -> None:
    assert bucket(x, -20, 2560) == number


@pytest.mark.parametrize("width, every", [(1, 1), (7, 1), (64, 1), (64, 5), (500, 37)])
def test_walking_median_is_exact_in_buckets(width: int, every: int) -> None:
    rng = np.random.default_rng(width)
    values = np.exp(np.cumsum(rng.normal(0, 0.05, 3_000)) + rng.normal(0, 0.3, 3_000)) * 1e-3
    counts, ring = np.zeros(2_560, np.int16), np.zeros(width, np.int16)
    position = index = below = 0
    for k, x in enumerate(values):
        below = push_count(counts, ring, position, k >= width, index, below, bucket(x, -20, 2_560))
        position = advance(position, width)
        if k % every:
            continue  # walking seldom must give the same as walking always
        window = np.sort(values[max(0, k - width + 1) : k + 1])
        index, below = walk(counts, index, below, len(window))
        assert bucket_middle(index, -20) == pytest.approx(window[(len(window) - 1) // 2], rel=0.005)
    assert counts.sum() == width
