"""The detectors: river's own answers, few false alarms on what does not change, quick ones on what does."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from river.drift import ADWIN
from river.drift import PageHinkley as RiverPageHinkley

from strategy.drift_streams import KEPT, PH_DELTA, PH_THRESHOLD, Adwin, Family, PageHinkley, Stream, measure

CHANGE = 2_000


def series(kind: str, n: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    if kind == "t3":
        return np.asarray(rng.standard_t(3, n) / math.sqrt(3.0))
    x = rng.standard_normal(n)
    if kind == "ar":
        for i in range(1, n):
            x[i] += 0.5 * x[i - 1]
    return x


def fed(values: NDArray[np.float64], stream: Stream | None = None) -> tuple[Stream, list[tuple[int, Family, str]]]:
    stream = Stream("x", warmup=500, whiten=True, squares=True) if stream is None else stream
    return stream, [(one.ts, one.family, one.part) for i, value in enumerate(values) for one in stream.add(i, float(value))]


@pytest.mark.parametrize("seed", range(3))
def test_the_detectors_are_rivers(seed: int) -> None:
    x = np.concatenate([series("iid", 3_000, seed), series("iid", 1_500, seed + 50) + 0.7, series("t3", 1_500, seed + 90) - 0.5])
    ours, theirs = Adwin(), cast(Any, ADWIN)(delta=0.0002)
    second, original = PageHinkley(), cast(Any, RiverPageHinkley)(delta=PH_DELTA, threshold=PH_THRESHOLD)
    told = []
    for value in x.tolist():
        theirs.update(value)
        original.update(value)
        found = (ours.update(value), second.update(value))
        assert found == (theirs.drift_detected, original.drift_detected)
        told.append(found)
    assert sum(one for one, _ in told) >= 2 and sum(two for _, two in told) >= 2


@pytest.mark.parametrize("kind, most", [("iid", 1), ("t3", 1), ("ar", 2)])
def test_what_does_not_change_raises_at_most_so_many_in_10_000(kind: str, most: int) -> None:
    for seed in range(8):
        _, told = fed(series(kind, 10_000, seed))
        each = Counter((family, part) for _, family, part in told)
        assert max(each.values(), default=0) <= most and len(told) <= most, (seed, told)


@pytest.mark.parametrize("shift, within", [(0.5, 250), (-0.5, 250), (0.25, 800)])
def test_a_change_of_the_mean_is_found_in_time(shift: float, within: int) -> None:
    for seed in range(8):
        x = series("iid", CHANGE + within + 1, 100 + seed)
        x[CHANGE:] += shift
        after = [ts - CHANGE for ts, _, part in fed(x)[1] if ts >= CHANGE and part == "mean"]
        assert after and after[0] <= within, (seed, after)


def test_adwin_alone_finds_half_a_deviation_in_time() -> None:
    delays = []
    for seed in range(9):
        x = series("iid", CHANGE + 1_500, 100 + seed)
        x[CHANGE:] += 0.5
        delays.append(next(ts for ts, family, part in fed(x)[1] if ts >= CHANGE and family is Family.ADWIN and part == "mean") - CHANGE)
    assert np.median(delays) <= 250


def test_a_doubled_variance_is_found_by_the_squares_alone() -> None:
    for seed in range(5):
        x = series("iid", CHANGE + 400, 100 + seed)
        x[CHANGE:] *= math.sqrt(2.0)
        found = fed(x)[1]
        assert any(part == "variance" and ts - CHANGE <= 300 for ts, _, part in found), (seed, found)
    blind = Stream("x", warmup=500, whiten=True, squares=False)
    assert all(part == "mean" for _, _, part in fed(x, blind)[1])


def test_whitening_takes_dependence_away() -> None:
    x = series("ar", 10_000, 3)
    scale = measure(x[:500], whiten=True)
    assert scale is not None and 0.35 < scale.phi < 0.65
    raw = Stream("x", warmup=500, whiten=False, squares=False)
    assert len(fed(x, raw)[1]) > len(fed(x)[1])


@pytest.mark.parametrize("at", [300, 1_700, 2_050, KEPT + 900])
def test_fed_again_it_is_the_same(at: int) -> None:
    """A restart in mid-stream: what is kept makes a stream that goes on as the old one."""
    x = np.concatenate([series("iid", CHANGE, 1), series("iid", KEPT, 2) + 0.4, series("iid", 3_000, 3) - 0.4])
    one, _ = fed(x[:at])
    again = Stream("x", warmup=500, whiten=True, squares=True)
    for ts, value in one.values:
        again.add(ts, value)
    tail = list(enumerate(x[at : at + 3_000].tolist(), start=at))
    assert [one.add(ts, v) for ts, v in tail] == [again.add(ts, v) for ts, v in tail]
    assert one.values == again.values


def test_it_never_keeps_more_than_so_many() -> None:
    stream, _ = fed(series("iid", KEPT + 10, 5))
    assert len(stream.values) == KEPT // 2 + 10 and stream.scale is not None


def test_values_that_are_all_alike_or_no_numbers_say_nothing() -> None:
    stream = Stream("x", warmup=20, whiten=True, squares=True)
    assert [stream.add(i, 3.0) for i in range(50)] == [[]] * 50 and stream.scale is None
    assert stream.add(51, math.nan) == [] and stream.add(52, math.inf) == []
    assert all(math.isfinite(value) for _, value in stream.values)


def test_the_shift_is_told_in_the_streams_own_unit() -> None:
    x = series("iid", CHANGE + 250, 7) * 2.0
    x[CHANGE:] += 2.0
    stream = Stream("x", warmup=200, whiten=False, squares=False)
    found = [one for i, value in enumerate(x) for one in stream.add(i, float(value))]
    assert found and 0.5 < found[-1].shift < 3.0


def test_a_warm_up_must_leave_room() -> None:
    with pytest.raises(ValueError, match="warm-up of 4"):
        Stream("x", warmup=4, whiten=True, squares=True)
