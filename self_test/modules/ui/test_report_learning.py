from __future__ import annotations

import numpy as np
import pytest

from modules.learning.experience import Experience, Result
from modules.learning.plan import Plan
from modules.ui.report_learning import ACTION_NAMES, DomainLearning, Mean, Told, assemble, calibrated, mean, verdict
from self_test.modules.ui.learned import HOUR, LEARNED, T0, experience, learned, row
from state.drift import Drift
from state.policies import PolicyRef
from strategy.regime import CHOP

DAY = 24 * HOUR


def report(found: Experience, **more: object) -> DomainLearning:
    return assemble("PERPS", [[one] for one in found.rows], found, more.pop("results", {}), **more)  # type: ignore[arg-type]


def test_candidates_are_taken_refused_skipped_or_masked_and_add_up() -> None:
    rows = [
        row(0),
        row(1, order="", refused="position_open"),
        row(2, greedy=0, action=0, order="", policy=LEARNED, level=1),
        row(3, greedy=0, action=0, order="", mask=0),
        row(4, greedy=0, action=5, explored=True, propensity=0.1),
        row(5, regime=CHOP),
    ]
    found = report(experience(rows, [None] * 6))
    trend, chop = found.regimes
    assert (trend.regime, trend.taken, trend.refused, trend.skipped, trend.masked, trend.explored) == ("trend", 2, 1, 1, 1, 1)
    assert (chop.regime, chop.taken) == ("chop", 1)
    assert found.decisions == 6 and found.labelled == 0 and found.unlabelled == {"still_open": 6}
    assert found.actions["base x 1"] == 3 and found.actions["skip"] == 3 and set(found.actions) == set(ACTION_NAMES)


def test_the_curve_counts_what_was_not_taken_and_static_on_the_same_candidates() -> None:
    """In a trend the static one takes wide (index 2) at full size."""
    rows = [row(0, greedy=6), row(1, greedy=3, order="", refused="cooldown"), row(2, greedy=0, action=0, order=""), row(3)]
    found = report(experience(rows, [(0.0, 1.0, 2.0), (0.0, 1.0, -1.0), (0.0, 1.0, -1.0), None]))
    assert found.curve == ((T0, 2.0, 2.0), (T0 + HOUR, 2.5, 1.0), (T0 + 2 * HOUR, 2.5, 0.0))
    assert found.policy_r.value == pytest.approx(2.5 / 3) and found.static_r.value == pytest.approx(0.0)
    assert found.gain.value == pytest.approx(2.5 / 3)


def test_the_gap_is_fill_less_simulator() -> None:
    rows = [row(0), row(1)]
    found = report(experience(rows, [(0.0, 1.0, 0.0)] * 2, {"o0": Result(0.8, 1, T0, True), "o1": Result(5.0, 1, T0, False)}))
    assert found.gap.n == 1 and found.gap.value == pytest.approx(-0.2), "what a person ended says nothing"


def test_exploration_is_counted_over_decisions_with_a_choice_and_its_cost_is_told() -> None:
    rows = [row(0, propensity=0.9), row(1, propensity=0.9), row(2), row(3, action=6, explored=True, propensity=0.1)]
    results = {"o3": Result(-0.9, 2, T0, True)}
    found = report(experience(rows, [(0.0, 0.5, -1.0)] * 4, results), results=results).exploration
    assert (found.had_choice, found.explored) == (3, 1) and found.low is not None and found.low < 1 / 3 < (found.high or 0.0)
    assert found.cost.n == 1 and found.cost.value == pytest.approx(1.5) and found.real.value == pytest.approx(-0.9)


def test_calibration_bins_hold_the_same_count_and_take_what_was_skipped_too() -> None:
    rng = np.random.default_rng(1)
    rows, r = [], []
    for n in range(90):
        hope = float(np.float32(rng.normal(-0.2, 0.1)))
        rows.append(learned(n, [0.0, None, None, hope - 0.5, hope, None, hope - 0.1], greedy=0, action=0, order=""))
        r.append((9.0, 2.0 if hope > -0.2 else 1.0, -9.0))
    bins = calibrated(experience([*rows, learned(90, [0.0] + [None] * 6), row(91)], [*r, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)]))
    assert [one.count for one in bins] == [23, 23, 22, 22] and [one.predicted for one in bins] == sorted(one.predicted for one in bins)
    assert bins[0].real == pytest.approx(1.0) and bins[-1].real == pytest.approx(2.0)
    assert bins[-1].low == pytest.approx(2.0) == bins[-1].high


def test_too_few_predictions_are_no_calibration() -> None:
    assert calibrated(experience([learned(n, [0.0, None, None, None, 0.1, None, None]) for n in range(19)], [(0.0, 1.0, 0.0)] * 19)) == []


def test_who_decided_is_told_by_the_rows_and_history_by_plan_and_journal() -> None:
    rows = [row(0), row(1), learned(2, [0.0] * 7), row(3)]
    plan = Plan().with_entry(T0 + 2 * HOUR, "promoted", LEARNED, "it held")
    told = [Told(T0 + HOUR, "policy", "level 1"), Told(T0, "drift", "level 2")]
    found = report(experience(rows, [None] * 4), ref=PolicyRef(version=LEARNED, level=1, since_ts=T0), plan=plan, events=told)
    assert [(one.version, one.decisions) for one in found.deciders] == [("static", 2), (LEARNED, 1), ("static", 1)]
    assert [one.what for one in found.history] == ["policy", "promoted"] and [one.what for one in found.drift] == ["drift"]
    assert (found.version, found.level, found.since_ts) == (LEARNED, 1, T0)


def test_drift_in_force_is_told_though_its_event_is_gone() -> None:
    found = report(experience([row(0)], [None]), drift=Drift(level=2, since_ts=T0, alarm_ts=T0, reason="returns moved"))
    assert found.drift_level == 2 and found.drift[0].words == "level 2: returns moved"


def test_nothing_decided_is_no_mistake() -> None:
    found = report(experience([], []))
    assert found.decisions == 0 and found.bins == () and found.curve == () and found.exploration.had_choice == 0
    assert found.verdict == ("0 decisions have a known outcome: too few to say anything (30 on two days are needed)",)


@pytest.mark.parametrize(
    "policy, gain, learned_one, said",
    [
        (Mean(29, 0.1, 0.05, 0.2), Mean(29), True, ["29 decisions have a known outcome: too few"]),
        (Mean(50, 0.1, -0.05, 0.2), Mean(50, 0.1, -0.1, 0.2), True, ["no evidence of edge", "no evidence that learning helps"]),
        (Mean(50, -0.1, -0.15, -0.02), Mean(50, 0.1, 0.01, 0.2), True, ["no edge: the answers in force would have lost", "did better"]),
        (Mean(50, 0.1, 0.02, 0.15), Mean(50, -0.1, -0.2, -0.01), True, ["worth more than doing nothing", "did worse"]),
        (Mean(50, 0.1, -0.02, 0.15), Mean(50, 0.0, 0.0, 0.0), False, ["no evidence of edge", "nothing learned has been in force"]),
        (Mean(50, 0.1, None, None), Mean(50), True, ["too few"]),
    ],
)
def test_the_verdict_follows_from_the_bounds(policy: Mean, gain: Mean, learned_one: bool, said: list[str]) -> None:
    found = verdict(policy, gain, learned=learned_one)
    assert len(found) == len(said) and all(words in line for words, line in zip(said, found, strict=True))


def test_a_mean_over_one_day_has_no_bounds() -> None:
    assert mean(np.array([T0, T0 + 1]), np.array([1.0, 3.0])) == Mean(2, 2.0, None, None)
    two = mean(np.array([T0, T0 + DAY]), np.array([1.0, 3.0]))
    assert two.low == 1.0 and two.high == 3.0
