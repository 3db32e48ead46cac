"""The picture's own arithmetic: how late the loop was between two looks."""

from __future__ import annotations

import msgspec

from bench.soak_picture import mean_lags
from self_test.bench.test_soak import SAMPLE


def test_the_lag_between_two_looks_is_their_difference() -> None:
    looks = [msgspec.structs.replace(SAMPLE, lag_s=s, wakes=n) for s, n in ((1.0, 100), (1.5, 200), (1.5, 200))]
    assert mean_lags(looks) == [5.0, 0.0]
