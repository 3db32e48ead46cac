"""Win rates: bounds in order, tighter with more trades, and evidence that holds under looking after every trade."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.stats_winrate import (
    breakeven_win_rate,
    clopper_pearson_interval,
    luck_p_value,
    wilson_interval,
    wilson_min_n,
    win_loss_means,
    winrate_evalue,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.floats(0.6, 0.999)
Interval = Callable[..., Any]
INTERVALS: list[Interval] = [wilson_interval, clopper_pearson_interval]


@pytest.mark.parametrize("interval", INTERVALS)
@given(count=counts, confidence=confidences)
def test_bounds_are_in_order(interval: Interval, count: tuple[int, int], confidence: float) -> None:
    wins, n = count
    one, two = interval(wins, n, confidence, 1), interval(wins, n, confidence, 2)
    assert 0 <= two[0] <= one[0] <= wins / n <= one[1] <= two[1] <= 1
    mirrored = interval(n - wins, n, confidence, 2)
    assert mirrored == pytest.approx((1 - two[1], 1 - two[0]), abs=1e-9)


@pytest.mark.parametrize("interval", INTERVALS)
@given(count=counts, times=st.integers(2, 20), confidence=confidences)
def test_more_trades_at_the_same_rate_are_tighter(interval: Interval, count: tuple[int, int], times: int, confidence: float) -> None:
    wins, n = count
    few, many = interval(wins, n, confidence, 1), interval(wins * times, n * times, confidence, 1)
    assert many[0] >= few[0] - 1e-12 and many[1] <= few[1] + 1e-12


@given(count=counts)
def test_the_exact_interval_is_the_wider_one_where_it_should(count: tuple[int, int]) -> None:
    wins, n = count
    lower, upper = clopper_pearson_interval(wins, n, 0.95, 1) or (0, 0)
    if 0 < wins < n:  # its definition: the tail beyond the observed count is exactly 5 % at each bound
        assert luck_p_value(wins, n, lower) == pytest.approx(0.05, rel=1e-8)
        assert luck_p_value(n - wins, n, 1 - upper) == pytest.approx(0.05, rel=1e-8)


@given(st.integers(51, 99), st.integers(1, 50))
def test_the_smallest_n_is_the_smallest(percent: int, target: int) -> None:
    found = wilson_min_n(percent / 100, target / 100)
    assert found is not None
    step = 100 // math.gcd(percent, 100)
    for n, wanted in ((found, True), (found - step, False)):
        if n > 0:
            assert n % step == 0
            assert ((wilson_interval(n * percent // 100, n, 0.95, 1) or (0, 0))[0] >= target / 100) is wanted


def test_no_n_is_enough() -> None:
    assert wilson_min_n(0.6, 0.6) is None and wilson_min_n(0.5, 0.6) is None and wilson_min_n(1.1, 0.5) is None
    assert wilson_min_n(0.7, 0.7 - 1e-9) is None  # more than a billion trades
    assert wilson_min_n(math.nan, 0.5) is None and wilson_min_n(0.7, 0.6, 1.0) is None


@pytest.mark.parametrize("wins, n", [(1, 0), (-1, 5), (6, 5), (math.nan, 5), (1, math.inf)])
def test_counts_that_cannot_be(wins: int, n: int) -> None:
    assert wilson_interval(wins, n) is None and clopper_pearson_interval(wins, n) is None
    assert winrate_evalue(wins, n, 0.5) is None and luck_p_value(wins, n, 0.5) is None


@pytest.mark.parametrize("interval", INTERVALS)
def test_arguments_that_cannot_be(interval: Interval) -> None:
    assert interval(1, 2, 1.0) is None and interval(1, 2, 0.0) is None
    with pytest.raises(ValueError, match="sides"):
        interval(1, 2, 0.95, 3)
    with pytest.raises(ValueError, match="sides"):
        wilson_min_n(0.7, 0.6, 0.95, 0)


@pytest.mark.parametrize("p0", [0.0, 1.0, -0.1, math.nan])
def test_a_null_rate_must_be_inside(p0: float) -> None:
    assert winrate_evalue(3, 4, p0) is None and luck_p_value(3, 4, p0) is None


@given(counts, st.floats(0.05, 0.95))
def test_evidence_and_luck_grow_apart_with_wins(count: tuple[int, int], p0: float) -> None:
    wins, n = count
    if wins:
        assert (winrate_evalue(wins, n, p0) or 0) >= (winrate_evalue(wins - 1, n, p0) or 0) * (1 - 1e-9)
        assert (luck_p_value(wins, n, p0) or 0) <= (luck_p_value(wins - 1, n, p0) or 0)


@given(st.integers(1, 40), st.floats(0.05, 0.95))
def test_the_e_value_is_fair_under_luck(n: int, p0: float) -> None:
    fair = math.fsum(math.comb(n, w) * p0**w * (1 - p0) ** (n - w) * (winrate_evalue(w, n, p0) or 0) for w in range(n + 1))
    assert fair == pytest.approx(1, rel=1e-8)


def test_looking_after_every_trade_finds_evidence_in_luck_seldom() -> None:
    dice = random.Random(5)
    found = 0
    for _ in range(200):
        wins = 0
        for n in range(1, 151):
            wins += dice.random() < 2 / 3
            if (winrate_evalue(wins, n, 2 / 3) or 0) >= 20:
                found += 1
                break
    assert found <= 16  # 5 % of 200 is 10; two standard errors more


def test_evidence_beyond_floats_is_capped() -> None:
    assert winrate_evalue(10_000, 10_000, 0.5) == pytest.approx(1e300)
    assert winrate_evalue(0, 100_000, 0.9) == pytest.approx(1 / 100_001)


@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=2, max_size=40))
def test_at_the_break_even_rate_the_expectancy_is_zero(results: list[float]) -> None:
    means = win_loss_means(results)
    if means is None:
        assert all(r <= 0 for r in results) or all(r >= 0 for r in results)
        return
    rate = breakeven_win_rate(*means)
    assert rate is not None and 0 < rate < 1
    assert rate * means[0] - (1 - rate) * means[1] == pytest.approx(0, abs=1e-9)
    observed = sum(r > 0 for r in results) / len(results)
    if abs(sum(results)) > 1e-6:
        assert (observed > rate) == (sum(results) > 0)


def test_a_payoff_needs_both() -> None:
    assert win_loss_means([1.0, 2.0]) is None and win_loss_means([-1.0]) is None and win_loss_means([1.0, 0.0]) is None
    assert breakeven_win_rate(0, 1) is None and breakeven_win_rate(1, -1) is None and breakeven_win_rate(math.nan, 1) is None
