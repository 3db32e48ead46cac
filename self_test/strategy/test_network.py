from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from strategy.actions import ACTIONS, SKIP
from strategy.features import SIZE
from strategy.network import Ensemble
from utils.errors import Refusal


def tensors(members: int = 4, widths: tuple[int, ...] = (SIZE, 64, 64, ACTIONS), seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {}
    for k in range(members):
        for layer, (n, m) in enumerate(itertools.pairwise(widths)):
            found[f"{k}.{layer}.weight"] = rng.normal(0, n**-0.5, (m, n)).astype(np.float32)
            found[f"{k}.{layer}.bias"] = rng.normal(0, 0.1, m).astype(np.float32)
    return found


def plainly(stored: dict[str, np.ndarray], x: np.ndarray, k: int) -> np.ndarray:
    depth = sum(name.startswith(f"{k}.") for name in stored) // 2
    for layer in range(depth):
        x = stored[f"{k}.{layer}.weight"].astype(float) @ x + stored[f"{k}.{layer}.bias"]
        x = np.maximum(x, 0.0) if layer < depth - 1 else x
    return x


X = np.random.default_rng(3).normal(size=SIZE).astype(np.float32)


@pytest.mark.parametrize("widths", [(SIZE, 64, 64, ACTIONS), (SIZE, ACTIONS), (SIZE, 5, 80, 9, ACTIONS)])
def test_the_numbers_are_those_of_plain_matrices(widths: tuple[int, ...]) -> None:
    stored = tensors(widths=widths)
    policy = Ensemble.from_tensors("n", stored, caution=0.7, scale=2.0)
    q = np.array([plainly(stored, X, k) for k in range(4)])
    assert policy.q(X) == pytest.approx(q, abs=1e-5)
    over = q - q[:, :1]
    assert policy.values(X, 0, 1, 1) == pytest.approx(2.0 * (over.mean(0) - 0.7 * over.std(0)), abs=1e-5)
    assert policy.values(X, 0, 1, 1)[SKIP] == 0 and policy.values(X, 0, 1, 1).dtype == np.float32


def test_members_that_disagree_count_against_trading() -> None:
    stored = tensors()
    for k in range(4):
        stored[f"{k}.2.bias"][3] += 10.0 if k == 0 else 0.0
    bold, shy = (Ensemble.from_tensors("n", stored, caution).values(X, 0, 1, 1)[3] for caution in (0.0, 1.0))
    assert bold > 2.0 and shy < 0.0


def test_without_an_observation_it_knows_nothing() -> None:
    found = Ensemble.from_tensors("n", tensors()).values(None, 0, 1, 1)
    assert found[SKIP] == 0 and np.isnan(found[1:]).all()


def test_the_same_weights_answer_with_the_same_bits_and_come_back_as_stored() -> None:
    policy = Ensemble.from_tensors("n", tensors())
    again = Ensemble.from_tensors("n", policy.tensors())
    assert policy.values(X, 0, 1, 1).tobytes() == again.values(X, 0, 1, 1).tobytes()
    assert all(np.array_equal(one, tensors()[name]) for name, one in policy.tensors().items())


def bad() -> list[dict[str, np.ndarray]]:
    found = [{}, tensors(17), tensors(widths=(SIZE - 1, ACTIONS)), tensors(widths=(SIZE, ACTIONS + 1))]
    uneven, wide, broken, gone, more = tensors(), tensors(), tensors(), tensors(), tensors()
    uneven["1.0.weight"] = uneven["1.0.weight"][:63]
    wide["2.1.bias"] = wide["2.1.bias"].astype(np.float64)
    broken["3.2.weight"][0, 0] = np.nan
    del gone["0.0.bias"]
    more["optimizer"] = more["0.0.bias"]
    return [*found, uneven, wide, broken, gone, more]


@pytest.mark.parametrize("stored", bad())
def test_what_is_no_ensemble_is_refused(stored: dict[str, np.ndarray]) -> None:
    with pytest.raises(Refusal):
        Ensemble.from_tensors("n", stored)


@pytest.mark.parametrize("settings", [{"caution": -1.0}, {"caution": np.nan}, {"scale": 0.0}, {"scale": np.inf}])
def test_settings_that_would_embolden_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(Refusal):
        Ensemble.from_tensors("n", tensors(), **settings)


def test_asking_takes_microseconds() -> None:
    """The bench has the figure; here only that it stays in that order of magnitude on a machine that does other things."""
    policy = Ensemble.from_tensors("n", tensors())
    policy.values(X, 0, 1, 1)
    best = 1e9
    for _ in range(200):
        start = time.perf_counter()
        policy.values(X, 0, 1, 1)
        best = min(best, time.perf_counter() - start)
    assert best < 100e-6
