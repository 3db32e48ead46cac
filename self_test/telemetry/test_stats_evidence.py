"""Evidence on R: fair bets stay fair, bounds hold, and a bootstrap is a function of its data."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.stats_evidence import (
    FRACTIONS,
    bootstrap_drawdown,
    loss_bound_of,
    mean_r_eprocess,
    mean_upper_bound,
    rolling_mean_r_ucb,
)
from telemetry.stats_ratios import max_drawdown

multiples = st.lists(st.floats(-6, 10).map(lambda x: round(x, 3)), min_size=1, max_size=40)


@given(multiples)
def test_no_loss_is_beyond_its_bound(values: list[float]) -> None:
    bound = loss_bound_of(values)
    assert bound is not None and bound >= 4 and bound >= -min(values) - 1e-8 and (bound * 2).is_integer()
    assert bound == 4 or bound - 0.5 < -min(values)


def test_a_fair_game_has_no_edge() -> None:
    # All orders of 6 bets that win 2 R one time in three and lose 1 R else: the average wealth is exactly the stake.
    fair = math.fsum(
        (1 / 3) ** sum(r > 0 for r in path) * (2 / 3) ** sum(r < 0 for r in path) * (mean_r_eprocess(path, 4.0) or 0)
        for path in product((2.0, -1.0), repeat=6)
    )
    assert fair == pytest.approx(1, rel=1e-12)


@given(multiples, st.floats(0.001, 3))
def test_better_trades_are_more_evidence(values: list[float], more: float) -> None:
    before, after = mean_r_eprocess(values, 6.0), mean_r_eprocess([values[0] + more, *values[1:]], 6.0)
    assert before is not None and after is not None and 0 < before < after


def test_gaps_hidden_by_a_narrow_bound_look_like_an_edge() -> None:
    # Wins of 0.6 R nine times in ten, a gap of -5.4 R the tenth: worth nothing. This is why the bound is never below the largest loss.
    dice = random.Random(2)
    fooled = honest = 0
    for _ in range(100):
        path = [0.6 if dice.random() < 0.9 else -5.4 for _ in range(300)]
        fooled += (mean_r_eprocess(path, 1.5) or 0) >= 20
        honest += (mean_r_eprocess(path, loss_bound_of(path) or 0) or 0) >= 20
    assert fooled >= 70 and honest <= 5


def test_evidence_is_capped_and_nonsense_refused() -> None:
    assert mean_r_eprocess([10.0] * 5000, 4.0) == pytest.approx(1e300)
    assert mean_r_eprocess([1.0], 0.0) is None and mean_r_eprocess([1.0], math.nan) is None
    for fractions in ((), (0.0,), (1.0,), (math.nan,)):
        with pytest.raises(ValueError, match="fraction"):
            mean_r_eprocess([1.0], 4.0, fractions)
    assert all(0 < f < 1 for f in FRACTIONS)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=60), st.floats(0.55, 0.9))
def test_the_bound_is_above_the_mean_and_rises_with_confidence(values: list[float], confidence: float) -> None:
    low, high = mean_upper_bound(values, confidence), mean_upper_bound(values, confidence + 0.09)
    if low is not None and high is not None:
        assert math.fsum(values) / len(values) < low < high


def test_the_bound_covers_the_truth_as_often_as_it_says() -> None:
    dice = random.Random(11)
    covered = sum((mean_upper_bound([dice.gauss(0, 1) for _ in range(20)]) or -9) >= 0 for _ in range(1000))
    assert 925 <= covered <= 972


def test_only_the_last_hundred_count() -> None:
    bad = [1.0, -1.5] * 50
    assert rolling_mean_r_ucb(bad[:99]) is None
    assert rolling_mean_r_ucb([5.0] * 400 + bad) == rolling_mean_r_ucb(bad) == mean_upper_bound(bad)
    assert rolling_mean_r_ucb([0.2, -1.2] * 50) == pytest.approx(-0.5 + 1.660391156 * math.sqrt(0.49 * 100 / 99) / 10)
    assert rolling_mean_r_ucb(bad, window=1) is None and mean_upper_bound(bad, 0.5) is None and mean_upper_bound(bad, 1.0) is None


def days(seed: int, n: int = 90, mean: float = 0.0, deviation: float = 0.01) -> list[float]:
    dice = random.Random(seed)
    return [dice.gauss(mean, deviation) for _ in range(n)]


def test_the_bootstrap_repeats_itself_and_knows_its_data() -> None:
    one = bootstrap_drawdown(days(1))
    assert one == bootstrap_drawdown(days(1)) and one != bootstrap_drawdown(days(2))
    assert one is not None and 0 < one < 1


@given(st.integers(0, 10_000))
def test_quantiles_are_in_order(seed: int) -> None:
    sample = days(seed, 40)
    found = [bootstrap_drawdown(sample, q, resamples=100) or -1 for q in (0.05, 0.5, 0.95)]
    assert 0 <= found[0] <= found[1] <= found[2] <= 1


def test_it_is_what_fresh_records_of_the_same_kind_show() -> None:
    dice = random.Random(12)
    fresh = sorted(max_drawdown([dice.gauss(0, 0.01) for _ in range(180)]) or 0 for _ in range(1000))[949]
    found = sorted(bootstrap_drawdown(days(seed, 180)) or 0 for seed in range(15))
    assert 0.5 * fresh < found[7] < 1.5 * fresh


def test_bad_days_in_a_row_stay_in_a_row() -> None:
    clustered = ([0.01] * 5 + [-0.01] * 5) * 18
    assert (bootstrap_drawdown(clustered, block_days=5) or 0) > (bootstrap_drawdown(clustered, block_days=1) or 0)


def test_a_day_that_ruins_is_all_lost() -> None:
    assert bootstrap_drawdown([0.01, -1.2, 0.02, 0.01]) == 1.0


def test_no_bootstrap_of_nothing() -> None:
    assert bootstrap_drawdown([0.01, -0.01], quantile=1.0) is None and bootstrap_drawdown([0.01, -0.01], resamples=0) is None
    assert bootstrap_drawdown([0.01, -0.01], block_days=0) is None
    assert bootstrap_drawdown([0.01, 0.02, 0.03]) == 0.0  # only wins fall nowhere
    assert bootstrap_drawdown([1e99, -0.5] * 10) is None  # beyond the floats
