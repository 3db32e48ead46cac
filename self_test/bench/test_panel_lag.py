"""The figures of the loop's lag are read from the daemon's own text, and judged by the bucket of the 99th percentile."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from bench.panel_lag import buckets, judged
from telemetry.metrics import MetricsObserver
from utils.clock import FakeClock


def text(*lags_s: float) -> str:
    metrics = MetricsObserver(CollectorRegistry(), FakeClock(), environment="simulated", version="0", feeds=[])
    for one in lags_s:
        metrics.lag(one)
    return metrics.text().decode()


def test_one_late_wake_in_a_hundred_is_within_the_goal_and_two_are_not() -> None:
    before = buckets(text(0.5))
    good, bad = (judged("x", before, buckets(text(0.5, *[0.002] * 98, last, 0.2))) for last in (0.002, 0.02))
    assert (good.samples, good.above_goal, good.p99_below_s, good.highest_below_s, good.met) == (100, 1, 0.003, 0.3, True)
    assert (bad.above_goal, bad.p99_below_s, bad.met) == (2, 0.03, False)


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no sample"):
        judged("x", buckets(text()), buckets(text()))
