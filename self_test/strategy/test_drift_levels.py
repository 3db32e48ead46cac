"""Votes, levels, reactions and their end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.drift import DEMOTE, FREEZE, NONE, NOTE, Drift
from strategy import drift_levels as rules
from strategy.drift_levels import DAY_MS, Alarm, Source, Votes
from strategy.drift_streams import Family, Firing

T = 1_700_000_000_000


def firing(days: float, family: Family = Family.ADWIN) -> Firing:
    return Firing(T + int(days * DAY_MS), "x", family)


def alarm(days: float, level: int, stream: str = "x") -> Alarm:
    return Alarm(ts=T + int(days * DAY_MS), level=level, stream=stream, reason=f"level {level}")


@pytest.mark.parametrize(
    "told, believed",
    [
        ([firing(0)], ()),
        ([firing(0), firing(4, Family.PAGE_HINKLEY)], (Family.ADWIN, Family.PAGE_HINKLEY)),
        ([firing(0), firing(2)], (Family.ADWIN, Family.ADWIN)),
        ([firing(0), firing(0.5)], ()),
        ([firing(0), firing(5.1)], ()),
        ([firing(0), firing(5.1), firing(6.5, Family.PSI)], (Family.ADWIN, Family.PSI)),
        ([firing(0, Family.PSI), firing(1, Family.PSI), firing(4, Family.PSI)], ()),
    ],
    ids=["one", "two agree", "twice", "still the same", "too late", "with the second", "overlapping windows"],
)
def test_votes(told: list[Firing], believed: tuple[Family, ...]) -> None:
    votes = Votes()
    found = [votes.add(one) for one in told]
    assert found[-1] == believed and not any(found[:-1])
    assert bool(votes.seen) != bool(believed), "an alarm uses its votes up"


@pytest.mark.parametrize(
    "source, shift, level",
    [
        (Source.FEATURES, 3.0, NOTE),
        (Source.CALIBRATION, 0.01, FREEZE),
        (Source.GAP, 0.09, NOTE),
        (Source.GAP, -0.11, FREEZE),
        (Source.SLIPPAGE, 0.05, NOTE),
        (Source.SLIPPAGE, 0.2, FREEZE),
        (Source.POLICY, 0.0, DEMOTE),
    ],
)
def test_levels(source: Source, shift: float, level: int) -> None:
    assert rules.level_of(source, shift) == level


def test_a_level_rises_by_alarms_and_ends_by_quiet() -> None:
    drift = rules.raised(Drift(), alarm(0, NOTE, "a"))
    assert (drift.level, drift.since_ts, drift.person, drift.change_ts) == (NOTE, T, False, 0)
    drift = rules.raised(drift, alarm(1, FREEZE, "b"))
    drift = rules.raised(drift, alarm(3, NOTE, "c"))
    assert (drift.level, drift.stream, drift.since_ts, drift.alarm_ts) == (FREEZE, "b", T + DAY_MS, T + 3 * DAY_MS)
    assert not rules.is_over(drift, T + 10 * DAY_MS - 1) and rules.is_over(drift, T + 10 * DAY_MS)
    over = rules.cleared(drift, T + 10 * DAY_MS)
    assert over.level == NONE and over.change_ts == T + DAY_MS and not rules.is_over(over, T + 99 * DAY_MS)


def test_alarms_on_costs_are_remembered_beside_whatever_else_drifts() -> None:
    drift = rules.raised(Drift(), alarm(0, DEMOTE, "policy_r"))
    assert drift.costs_ts == 0
    for days, stream in ((1, "slippage"), (2, "sim_to_fill_gap"), (3, "calibration")):
        drift = rules.raised(drift, alarm(days, NOTE, stream))
    assert drift.costs_ts == T + 2 * DAY_MS and drift.stream == "policy_r"
    assert rules.cleared(rules.confirmed(drift), T + 20 * DAY_MS).costs_ts == drift.costs_ts


def test_after_drift_nothing_promotes_itself_until_a_person_has() -> None:
    drift = rules.raised(Drift(), alarm(0, FREEZE))
    assert not rules.may_learn(drift) and not rules.may_promote_itself(drift)
    over = rules.cleared(drift, T + 8 * DAY_MS)
    assert rules.may_learn(over) and not rules.may_promote_itself(over)
    assert rules.may_promote_itself(rules.confirmed(over))
    noted = rules.raised(Drift(), alarm(0, NOTE))
    assert rules.may_learn(noted) and rules.may_promote_itself(noted) and rules.may_promote_itself(None) and rules.may_learn(None)


def test_when_to_train_again_and_on_what() -> None:
    noted = rules.raised(Drift(), alarm(1, NOTE))
    assert rules.retrain_due(noted, T, T + 2 * DAY_MS) and not rules.retrain_due(noted, T + 2 * DAY_MS, T + 3 * DAY_MS)
    assert rules.train_since(noted) == 0 == rules.train_since(None) and not rules.retrain_due(None, 0, T)
    severe = rules.raised(noted, alarm(2, FREEZE))
    change = T + 2 * DAY_MS
    assert rules.train_since(severe) == change
    assert not rules.retrain_due(severe, 0, change + 29 * DAY_MS), "too little data of the new world"
    assert rules.retrain_due(severe, change + 5 * DAY_MS, change + 30 * DAY_MS), "what was trained before knew both worlds"
    assert not rules.retrain_due(severe, change + 30 * DAY_MS, change + 40 * DAY_MS)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 3)), max_size=8))
def test_size_never_grows(alarms: list[tuple[int, int]]) -> None:
    drift, worst = Drift(), 0
    for days, level in alarms:
        drift, worst = rules.raised(drift, alarm(days, level)), max(worst, level)
        assert drift.level == worst and rules.size_factor(drift) == (0.5 if worst >= FREEZE else 1.0)
    assert rules.size_factor(None) == 1.0


def test_families_in_words() -> None:
    assert rules.words((Family.ADWIN, Family.ADWIN)) == "adwin twice" and rules.words((Family.ADWIN, Family.PSI)) == "adwin and psi"
