"""The stability index: a distance between histograms, undefined where it would be infinite."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy.drift import psi

histograms = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(*(st.lists(st.integers(1, 1000), min_size=bins, max_size=bins) for _ in range(2)))
)


@given(histograms)
def test_it_is_symmetric_and_zero_only_for_the_same(pair: tuple[list[int], list[int]]) -> None:
    left, right = pair
    found = psi(left, right)
    assert found is not None and found >= -1e-15 and found == pytest.approx(psi(right, left), abs=1e-12)
    assert psi(left, left) == 0


@given(histograms, st.data(), st.integers(2, 9))
def test_order_and_scale_do_not_matter(pair: tuple[list[int], list[int]], data: st.DataObject, times: int) -> None:
    left, right = pair
    order = data.draw(st.permutations(range(len(left))))
    assert psi([left[k] * times for k in order], [right[k] for k in order]) == pytest.approx(psi(left, right), abs=1e-12)


def test_the_further_the_larger() -> None:
    found = [psi([0.5, 0.5], [0.5 - d, 0.5 + d]) or 0.0 for d in (0.0, 0.1, 0.2, 0.4)]
    assert found == sorted(found) and found[0] == 0 and found[1] == pytest.approx(0.1 * math.log(1.5))


@pytest.mark.parametrize(
    "expected, actual",
    [([], []), ([1], [1]), ([1, 2], [1, 2, 3]), ([1, 0], [1, 1]), ([1, 1], [0, 1]), ([0, 0], [1, 1]), ([1, -1], [1, 1])]
    + [([1, bad], [1, 1]) for bad in (math.nan, math.inf)],
)
def test_no_index(expected: list[float], actual: list[float]) -> None:
    assert psi(expected, actual) is None


def test_a_bin_that_is_empty_in_both_is_no_bin() -> None:
    assert psi([1, 0, 3], [2, 0, 2]) == psi([1, 3], [2, 2])
