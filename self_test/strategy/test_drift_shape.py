"""Shapes against their own history."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from strategy.drift_shape import (
    ALONE,
    CELLS,
    LEAST,
    NEW_DAYS,
    REFERENCE_DAYS,
    SHAPES,
    Beyond,
    Shapes,
    ShapeState,
    cells_of,
    index_of,
    limit_of,
)
from strategy.features import INDEX, SIZE

FIRST = NEW_DAYS + REFERENCE_DAYS + NEW_DAYS
"""Whole days before the first index that counts as history."""


def day_of(rng: np.random.Generator, shift: float, n: int = 48) -> NDArray[np.float64]:
    return rng.standard_normal((n, SIZE)) * 0.3 + shift


def run(shapes: Shapes, days: range, seed: int, changed: int | None = None) -> list[tuple[int, list[Beyond]]]:
    told = []
    for day in days:
        rng = np.random.default_rng([seed, day])
        for row in day_of(rng, 0.25 if changed is not None and day >= changed else 0.0):
            found = shapes.add(day, cells_of(row))
            if found:
                told.append((day, found))
    return told


def test_the_first_fifteen_features_of_an_observation_and_their_cells() -> None:
    assert [INDEX[name] for name in SHAPES] == list(range(15))
    low, middle, high = (cells_of(np.full(SIZE, x)) for x in (-9.0, 0.0, 9.0))
    assert set(low) == {0} and set(middle) == {CELLS // 2} and set(high) == {CELLS - 1}


def test_the_index_of_the_same_is_small_and_of_another_shape_large() -> None:
    rng = np.random.default_rng(1)
    counts = [np.bincount(np.clip(rng.normal(at, 8, 3_000), 0, 63).astype(int), minlength=CELLS) for at in (32, 32, 40)]
    assert index_of(counts[0], counts[1]) < 0.02 and index_of(counts[0], counts[2]) > 0.5
    one = np.zeros(CELLS, np.int64)
    one[3] = 100
    assert index_of(one, one) == 0.0


@pytest.mark.parametrize(
    "history, limit",
    [([0.1] * (LEAST - 1), None), ([0.1] * (LEAST - 1) + [0.4], pytest.approx(0.6)), ([0.1] * 199 + [0.5], pytest.approx(0.102))],
)
def test_a_limit_needs_history(history: list[float], limit: float | None) -> None:
    assert limit_of(history) == limit


def test_nothing_is_said_before_there_is_history_and_little_after() -> None:
    told = run(Shapes(), range(FIRST + LEAST + 40), seed=1)
    assert not [day for day, _ in told if day < FIRST + LEAST] and all(len(found) < ALONE for _, found in told)
    assert sum(len(found) for _, found in told) <= 0.03 * 40 * len(SHAPES)


def test_another_shape_is_seen_within_the_new_days() -> None:
    change = FIRST + LEAST + 5
    told = run(Shapes(), range(change + 20), seed=2, changed=change)
    assert told and change < told[0][0] <= change + 15 and len(told[-1][1]) >= 10
    assert "limit" in str(told[0][1][0])


def test_as_numbers_and_back_it_goes_on_the_same() -> None:
    change = FIRST + LEAST + 5
    one = Shapes()
    run(one, range(change - 2), seed=3)
    one.add(change - 2, cells_of(np.zeros(SIZE)))  # in the middle of a day
    again = Shapes(msgspec.json.decode(msgspec.json.encode(one.state()), type=ShapeState))
    told = run(one, range(change - 2, change + 15), seed=3, changed=change)
    assert told and told == run(again, range(change - 2, change + 15), seed=3, changed=change) and one.state() == again.state()
