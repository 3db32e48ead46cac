"""What counts as a sample, and its moments against numpy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.stats_sample import finite, mean_of, moments, real, sample, spread


def test_a_sample_is_finite_plain_floats() -> None:
    assert sample(np.array([1, 2])) == [1.0, 2.0] and type((sample(np.array([1.0])) or [0])[0]) is float
    assert sample([]) is None and sample([math.nan]) is None and sample([1.0, -math.inf]) is None and sample([1e101]) is None
    assert finite(math.nan) is None and finite(math.inf) is None and finite(0.0) == 0.0
    assert real(1.0, -2) and not real(1.0, math.nan)


def test_rounding_is_not_variance() -> None:
    assert spread([0.1 + 0.2, 0.3]) is None and spread([5.0]) is None
    assert spread([1.0, 3.0]) == pytest.approx(math.sqrt(2))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_spread_is_numpys(values: list[float]) -> None:
    found = spread(values)
    if found is not None and found > 1e-6:
        assert found == pytest.approx(float(np.std(values, ddof=1)), rel=1e-9)
        assert mean_of(values) == pytest.approx(float(np.mean(values)), abs=1e-12)


def test_moments_by_hand() -> None:
    found = moments([0.0, 0.0, 0.0, 4.0])  # mean 1, deviations -1 -1 -1 3: m2 3, m3 6, m4 21
    assert found is not None and found.n == 4
    assert found.sharpe == pytest.approx(0.5) and found.skew == pytest.approx(6 / 3**1.5) and found.kurt == pytest.approx(21 / 9)
    assert moments([1.0]) is None
