"""The estimator against a market whose costs are known, and the guards around it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.cost_fit import DAY_MS, HIGH, LEAST, LOW, NEWEST, STEP_FILLS, WEEK_MS, Floats, calibrate, due, fit, rows_of
from risk.cost_model import PRIOR, Conditions, CostModel, Sample, Source

TRUTH = np.array([0.5, 0.8, 0.15])
KEY, NOW = "CRYPTO:AAAUSDT", 1_735_689_600_000
PATHS = 300


def drawn(seed: int, n: int, truth: Floats = TRUTH, outliers: float = 0.05) -> tuple[list[Sample], Floats]:
    """`n` fills of a market with these coefficients, and what each should have cost (bp).

    Spreads around 3 bp, 60 bp of volatility an hour, orders of 2e-5 of an hour's turnover, half a second: a mean cost of 2 bp. Noise grows
    with spread and delay; 5 % of the fills lose some 60 bp more.
    """
    rng = np.random.default_rng(seed)
    spread, sigma = rng.lognormal(np.log(3.0), 0.5, n), rng.lognormal(np.log(60.0), 0.4, n)
    share, latency = rng.lognormal(np.log(2e-5), 1.0, n), rng.lognormal(np.log(0.5), 0.7, n)
    at = [
        Conditions(spread_bp=float(s), sigma_bp=float(v), share=float(q), latency_s=float(t))
        for s, v, q, t in zip(spread, sigma, share, latency, strict=True)
    ]
    x = np.array([one.row for one in at])
    cost = x @ truth
    slip = cost + rng.normal(0.0, 0.6, n) * (0.3 * spread + x[:, 2])
    slip = np.where(rng.random(n) < outliers, slip + rng.exponential(60.0, n), slip)
    samples = [Sample(ts=NOW + k * 60_000, key=KEY, at=one, slip_bp=float(y)) for k, (one, y) in enumerate(zip(at, slip, strict=True))]
    return samples, cost


def errors(estimator: Callable[[Floats, Floats], Floats], n: int, paths: int = PATHS) -> tuple[float, float]:
    """(median, interquartile range) of the error of the mean cost over many markets, as a fraction of it."""
    x_all, cost = rows_of(drawn(999_999, 5_000)[0])[0], drawn(999_999, 5_000)[1]
    found = [float((x_all @ estimator(*rows_of(drawn(seed, n)[0]))).mean() / cost.mean() - 1.0) for seed in range(paths)]
    low, middle, high = np.percentile(found, [25, 50, 75])
    return float(middle), float(high - low)


def least_squares(x: Floats, y: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(x, y, rcond=None)[0])


def test_fifty_fills_with_outliers_are_enough() -> None:
    """The oracle of the design: bias within 10 % and interquartile range within 15 % at n = 50."""
    bias, spread = errors(fit, 50)
    assert abs(bias) <= 0.10 and spread <= 0.15


def test_least_squares_fails_the_same_test() -> None:
    bias, spread = errors(least_squares, 50)
    assert abs(bias) > 0.5 and spread > 0.5


def test_without_the_prior_the_fit_scatters_more() -> None:
    assert errors(lambda x, y: fit(x, y, pseudo=0.0), 30, 60)[1] > 1.2 * errors(fit, 30, 60)[1]


def test_many_clean_fills_outweigh_the_prior() -> None:
    x, y = rows_of(drawn(3, 20_000, np.array([1.2, 2.0, 0.25]), outliers=0.0)[0])
    assert fit(x, y) == pytest.approx([1.2, 2.0, 0.25], rel=0.15)


def test_without_information_the_prior_stands() -> None:
    assert fit(np.zeros((40, 3)), np.zeros(40)) == pytest.approx(PRIOR)


def test_samples_that_the_model_fits_exactly_have_no_scale() -> None:
    x = rows_of(drawn(1, 40)[0])[0]
    assert fit(x, x @ np.array(PRIOR)) == pytest.approx(PRIOR)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(-20.0, 20.0), st.integers(5, 60))
def test_coefficients_stay_within_their_bounds_whatever_is_measured(seed: int, tilt: float, n: int) -> None:
    x, y = rows_of(drawn(seed, n)[0])
    assert (fit(x, y * tilt) >= 0.0).all()
    bounded = fit(x, y * tilt, low=LOW, high=HIGH) / np.array(PRIOR)
    assert (bounded >= LOW - 1e-9).all() and (bounded <= HIGH + 1e-9).all()


def test_the_first_fit_makes_version_one_and_leaves_the_fees_alone() -> None:
    old = CostModel(key=KEY, taker_ppm=900, maker_ppm=800, fee_ts=5)
    samples, _ = drawn(1, 60, np.array([1.0, 1.0, 0.1]))
    verdict = calibrate(old, samples, Source.LIVE, NOW + WEEK_MS)
    model = verdict.model
    assert verdict.changed and (model.version, model.source, model.n, model.fitted_ts) == (1, Source.LIVE, 60, NOW + WEEK_MS)
    assert (model.taker_ppm, model.maker_ppm, model.fee_ts) == (900, 800, 5)
    assert 0.6 < model.a < 1.2
    assert 2.0 < model.usual.spread_bp < 4.0 and model.p90_bp > 0.0


def test_the_book_says_nothing_of_impact_so_its_prior_stays_in_the_price() -> None:
    half_spreads = [msgspec.structs.replace(one, slip_bp=0.5 * one.at.spread_bp) for one in drawn(1, 60)[0]]
    model = calibrate(CostModel(key=KEY), half_spreads, Source.BOOK, NOW + WEEK_MS).model
    assert model.y == PRIOR[1] and model.usual.share > 0.0
    assert model.a == pytest.approx(0.5, rel=0.05) and model.c == pytest.approx(LOW * PRIOR[2], abs=0.03)


def test_twenty_nine_samples_are_too_few() -> None:
    samples, _ = drawn(1, LEAST - 1)
    verdict = calibrate(CostModel(key=KEY), samples, Source.LIVE, NOW + WEEK_MS)
    assert not verdict.changed and verdict.reason == "29 of 30 samples"


def test_a_model_that_would_err_more_on_the_latest_fills_is_not_taken() -> None:
    """The market has just become as the old model says: what fits the months before is worse now."""
    before, _ = drawn(1, 70, 3.0 * np.array(PRIOR), outliers=0.0)
    now, _ = drawn(2, 30, np.array(PRIOR), outliers=0.0)
    later = [msgspec.structs.replace(one, ts=one.ts + WEEK_MS) for one in now]
    old = CostModel(key=KEY, version=4)
    verdict = calibrate(old, [*before, *later], Source.LIVE, NOW + 2 * WEEK_MS)
    assert not verdict.changed and verdict.model is old and "would err by" in verdict.reason


def test_a_sample_that_is_no_number_spoils_nothing() -> None:
    samples, _ = drawn(1, 60)
    bad = msgspec.structs.replace(samples[7], slip_bp=float("nan"))
    verdict = calibrate(CostModel(key=KEY), [*samples, bad], Source.LIVE, NOW + WEEK_MS)
    assert not verdict.changed and "finite" in verdict.reason


def test_only_the_newest_samples_count() -> None:
    old_ones, _ = drawn(1, 400, 3.0 * np.array(PRIOR), outliers=0.0)
    newest, _ = drawn(2, NEWEST, np.array(PRIOR), outliers=0.0)
    later = [msgspec.structs.replace(one, ts=one.ts + WEEK_MS) for one in newest]
    model = calibrate(CostModel(key=KEY, a=1.5), [*later, *old_ones], Source.LIVE, NOW + 2 * WEEK_MS).model
    assert model.n == NEWEST and model.a == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    "was, now, later_ms, new, expected",
    [
        (Source.PRIOR, Source.BOOK, 0, 0, True),
        (Source.PRIOR, Source.LIVE, 0, 0, True),
        (Source.BOOK, Source.LIVE, 0, 0, True),
        (Source.LIVE, Source.BOOK, 9 * WEEK_MS, 500, False),
        (Source.LIVE, Source.LIVE, WEEK_MS, 0, True),
        (Source.LIVE, Source.LIVE, WEEK_MS - 1, STEP_FILLS - 1, False),
        (Source.LIVE, Source.LIVE, 1, STEP_FILLS, True),
        (Source.BOOK, Source.BOOK, WEEK_MS - 1, 10 * STEP_FILLS, False),
        (Source.BOOK, Source.BOOK, WEEK_MS, 0, True),
    ],
)
def test_one_step_a_week_or_each_fifty_fills(was: Source, now: Source, later_ms: int, new: int, *, expected: bool) -> None:
    old = CostModel(key=KEY, source=was, fitted_ts=NOW)
    assert due(old, now, new, NOW + later_ms) is expected


@pytest.mark.parametrize(
    "alarm_ms, fitted_ms, expected",
    [
        (0, 0, False),
        (5 * DAY_MS, 4 * DAY_MS, True),
        (5 * DAY_MS, 5 * DAY_MS, False),
        (5 * DAY_MS, 5 * DAY_MS + 1, False),
        (4 * DAY_MS, 4 * DAY_MS + 1, True),
        (1, 5 * DAY_MS - DAY_MS, True),
    ],
    ids=["none", "not fitted since", "fitted just now", "a day has not passed", "a day has passed", "within the week"],
)
def test_an_alarm_on_what_executions_cost_hastens_the_next_steps(alarm_ms: int, fitted_ms: int, *, expected: bool) -> None:
    now = NOW + 5 * DAY_MS + 2
    old = CostModel(key=KEY, source=Source.BOOK, fitted_ts=NOW + fitted_ms)
    assert due(old, Source.BOOK, 0, now, NOW + alarm_ms if alarm_ms else 0) is expected
    assert not due(old, Source.BOOK, 0, NOW + fitted_ms + WEEK_MS - 1, NOW - DAY_MS), "an alarm of more than a week ago is over"


def test_too_early_is_said() -> None:
    old = CostModel(key=KEY, source=Source.BOOK, fitted_ts=NOW, version=1)
    samples, _ = drawn(1, 60)
    assert calibrate(old, samples, Source.BOOK, NOW + 1).reason == "too early"
