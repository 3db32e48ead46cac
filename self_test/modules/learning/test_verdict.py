from __future__ import annotations

import numpy as np
import pytest

from modules.learning.objective import Score, Tail, pack
from modules.learning.search_settings import Optimize
from modules.learning.spaces import Axis, Values
from modules.learning.verdict import Trial, centre_of, fold_centres, judge, lower_bound, overfitting
from telemetry.stats_beta import student_quantile

SPACE = (Axis("a", 0.0, 4.0, 1.0), Axis("b", 0.0, 2.0, 1.0))
FOLDS, DAYS = 6, 240
OLD = {"a": 0.0, "b": 0.0}


def worth(values: Values, edge: float) -> float:
    """Nothing at the old parameters, `edge` around a = 3."""
    return edge * max(0.0, 1.0 - abs(values["a"] - 3.0) / 3.0)


def a_score(values: Values, edge: float, noise: float = 0.3) -> Score:
    rng = np.random.default_rng(int(values["a"] * 10 + values["b"]))
    mean = worth(values, edge)
    tests = [Tail(rng.normal(mean, noise, 40).tolist(), list(range(40))) for _ in range(FOLDS)]
    train: list[float | None] = [mean + 0.001 * values["b"]] * FOLDS
    return Score(train=train, counts=[40] * FOLDS, tests=tests, daily=pack(rng.normal(mean, noise, DAYS)), trades=400, mean_r=mean)


def trials(edge: float) -> list[Trial]:
    found = []
    for number, values in enumerate({"a": float(a), "b": float(b)} for a in range(5) for b in range(3)):
        rng = np.random.default_rng(100 + number)
        score = a_score(values, edge)
        found.append(Trial(number, values, score.objective, tuple(score.train), rng.normal(worth(values, edge), 0.3, DAYS), True))
    return found


def test_the_centre_is_the_median_of_the_best_fifth_and_not_the_best() -> None:
    scored = [({"a": float(a), "b": 0.0}, value) for a, value in ((0, 9.0), (3, 8.0), (3, 7.9), (4, 7.8), (3, 7.7))]
    filler = [({"a": 1.0, "b": 2.0}, 0.0)] * 20
    assert centre_of(SPACE, scored + filler, 0.2) == {"a": 3.0, "b": 0.0}
    assert centre_of(SPACE, scored[:1], 0.2) == {"a": 0.0, "b": 0.0}
    assert centre_of(SPACE, [], 0.2) == {}


def test_a_fold_chooses_by_its_own_training_and_among_the_blind() -> None:
    def one(number: int, a: float, train: tuple[float | None, ...], blind: bool = True) -> Trial:
        return Trial(number, {"a": a, "b": 0.0}, 0.0, train, np.zeros(3), blind)

    pool = [one(0, 1.0, (5.0, 0.0, None)), one(1, 2.0, (0.0, 5.0, None)), one(2, 4.0, (9.0, 9.0, 9.0), blind=False)]
    pool.append(Trial(3, {"a": 0.0, "b": 0.0}, None, (), np.zeros(0), True))  # failed
    assert fold_centres(SPACE, pool, 3, 0.2) == [{"a": 1.0, "b": 0.0}, {"a": 2.0, "b": 0.0}, {}]


def test_the_lower_bound_clusters_by_day() -> None:
    r = [1.0, -0.5, 0.25, 0.75]
    n, mean, bound = lower_bound([Tail(r, [1, 2, 3, 4])], 0.8)
    error = np.std(r, ddof=1) / 2
    assert (n, mean) == (4, 0.375)
    assert bound == pytest.approx(0.375 - student_quantile(0.8, 3) * error)
    _, _, doubled = lower_bound([Tail(r * 10, [1, 2, 3, 4] * 10)], 0.8)
    assert doubled == pytest.approx(bound)  # ten coins that do the same thing are one
    assert lower_bound([Tail([1.0, 2.0], [5, 5])], 0.8) == (2, 1.5, None)
    assert lower_bound([], 0.8) == (0, None, None)


def test_a_planted_edge_is_accepted() -> None:
    found = judge(SPACE, Optimize(), trials(0.3), OLD, lambda values: a_score(values, 0.3), FOLDS, 15)
    assert found.accepted and found.reasons == ()
    assert found.centre["a"] == 3.0
    assert found.oos_trades == 40 * FOLDS and found.oos_bound_r is not None and found.oos_bound_r > 0
    assert found.pbo is not None and found.pbo < 0.1
    assert found.dsr is not None and found.dsr > 0.99


def test_without_an_edge_the_old_parameters_stay() -> None:
    found = judge(SPACE, Optimize(), trials(-0.2), OLD, lambda values: a_score(values, -0.2), FOLDS, 15)
    assert not found.accepted
    assert "lower bound of mean R" in " ".join(found.reasons)


def test_noise_shows_a_high_probability_of_overfitting_and_a_large_count_costs() -> None:
    rng = np.random.default_rng(3)
    noise = [Trial(n, {"a": float(n % 5), "b": float(n // 5)}, 0.1, (0.1,) * FOLDS, rng.normal(0, 1, DAYS), True) for n in range(15)]
    pbo = overfitting(noise, 10)
    assert pbo is not None and pbo > 0.3
    few = judge(SPACE, Optimize(), noise, OLD, lambda values: a_score(values, 0.0), FOLDS, 15)
    many = judge(SPACE, Optimize(), noise, OLD, lambda values: a_score(values, 0.0), FOLDS, 15_000)
    assert few.luck_sharpe is not None and many.luck_sharpe is not None and many.luck_sharpe > few.luck_sharpe + 1
    assert few.dsr is not None and many.dsr is not None and many.dsr < few.dsr
    assert "the probability of overfitting is" in " ".join(few.reasons)


def test_values_tried_twice_are_one_column_and_too_few_cannot_be_judged() -> None:
    one = trials(0.3)
    assert overfitting(one + one, 10) == overfitting(one, 10)
    assert overfitting(one[:1] * 5, 10) is None
    nothing = judge(SPACE, Optimize(), [], OLD, lambda values: a_score(values, 0.0), FOLDS, 0)
    assert nothing.reasons == ("no parameters had 30 trades in every fold",) and nothing.centre == {}


def test_a_centre_that_is_in_force_already_changes_nothing() -> None:
    found = judge(SPACE, Optimize(), trials(0.3), {"a": 3.0, "b": 1.0}, lambda values: a_score(values, 0.3), FOLDS, 15)
    assert found.centre == {"a": 3.0, "b": 1.0}
    assert found.reasons == ("the centre is what is in force",)
