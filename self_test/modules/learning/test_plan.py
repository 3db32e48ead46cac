from __future__ import annotations

import msgspec
import pytest

from modules.learning.checkpoint import LCB_TABLE, SB3_DQN
from modules.learning.plan import Plan, given_up, judging_due, looking_due, promoted, rolled_back, synced, trained, training_due, trial
from modules.settings import Learning
from state.drift import DEMOTE, FREEZE, NOTE, Drift
from state.policies import PolicyRef
from strategy.policy import STATIC

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
NOW = 20_000 * DAY_MS
RULES = Learning()
A, B, C = "a" * 12, "b" * 12, "c" * 12


def last(ago_ms: int) -> Plan:
    return Plan(last_train_ts=NOW - ago_ms)


@pytest.mark.parametrize(
    "plan, drift, due",
    [
        (Plan(), None, True),
        (Plan(last_try_ts=NOW - DAY_MS), None, True),
        (Plan(last_try_ts=NOW - DAY_MS + 1), None, False),
        (last(7 * DAY_MS), None, True),
        (last(7 * DAY_MS - 1), None, False),
        (last(DAY_MS), Drift(level=NOTE, alarm_ts=NOW - 1), True),
        (last(DAY_MS - 1), Drift(level=NOTE, alarm_ts=NOW - 1), False),
        (last(DAY_MS), Drift(level=NOTE, alarm_ts=NOW - 2 * DAY_MS), False),
        (last(8 * DAY_MS), Drift(level=FREEZE, alarm_ts=NOW - 1, change_ts=NOW - 1), False),
        (last(8 * DAY_MS), Drift(level=DEMOTE, alarm_ts=NOW - 1, change_ts=NOW - 40 * DAY_MS), False),
        (last(8 * DAY_MS), Drift(change_ts=NOW - 30 * DAY_MS + 1), False),
        (last(8 * DAY_MS), Drift(change_ts=NOW - 30 * DAY_MS), True),
    ],
)
def test_a_training_is_due_weekly_and_after_drift_a_day_apart_and_never_while_frozen(plan: Plan, drift: Drift | None, due: bool) -> None:
    assert bool(training_due(plan, drift, NOW, RULES)) is due


def test_judging_is_for_those_there_are() -> None:
    assert not judging_due(Plan(), NOW, RULES)
    assert judging_due(Plan(challenger=A), NOW, RULES)
    assert judging_due(Plan(champion=A, level=1, last_judge_ts=NOW - DAY_MS), NOW, RULES)
    assert not judging_due(Plan(champion=A, level=1, last_judge_ts=NOW - DAY_MS + 1), NOW, RULES)


def test_the_conduct_of_a_learned_champion_is_looked_at_hourly() -> None:
    assert not looking_due(Plan(challenger=A), 0, NOW)
    plan = Plan(champion=A, level=1, since_ts=NOW - HOUR_MS)
    assert looking_due(plan, 0, NOW) and not looking_due(plan, 0, NOW - 1)
    assert looking_due(plan, NOW, NOW + HOUR_MS) and not looking_due(plan, NOW, NOW + HOUR_MS - 1)


def test_the_evidence_of_a_procedure_goes_on_over_its_versions() -> None:
    plan = trained(trained(Plan(), NOW, A, "first"), NOW + 7 * DAY_MS, B, "weekly")
    assert (plan.challenger, plan.challengers, plan.challenger_since, plan.number) == (B, (A, B), NOW, 2)
    same = trained(plan, NOW + 14 * DAY_MS, A, "weekly")
    assert same.challengers == (B, A)
    assert plan.in_use == (B,)


def test_after_a_promotion_the_old_champion_decides_in_shadow_and_the_other_learner_is_next() -> None:
    plan = promoted(trained(Plan(champion=C, level=1), NOW, A, ""), NOW, A, 1, "better")
    assert (plan.champion, plan.previous, plan.challenger, plan.algorithm) == (A, C, C, SB3_DQN)
    assert plan.challengers == () and plan.last_promotion_ts == NOW
    assert plan.in_use == (A, C)
    assert [one.what for one in plan.log] == ["trained", "promoted"]


def test_a_roll_back_goes_to_the_champion_before_and_then_to_static() -> None:
    plan = promoted(Plan(champion=C, level=1), NOW, A, 2, "")
    back = rolled_back(plan, NOW, "drawdown")
    assert (back.champion, back.level, back.challenger, back.previous) == (C, 1, "", STATIC)
    again = rolled_back(back, NOW, "drawdown")
    assert (again.champion, again.level) == (STATIC, 0)
    assert [one.version for one in again.log if one.what == "rolled back"] == [A, C]


def test_who_was_given_up_makes_room_for_the_other_learner_at_once() -> None:
    plan = given_up(trained(Plan(), NOW, A, ""), NOW + DAY_MS)
    assert (plan.challenger, plan.algorithm) == ("", SB3_DQN)
    assert training_due(plan, None, NOW + DAY_MS, RULES)
    assert given_up(plan, NOW).algorithm == LCB_TABLE


def test_the_engines_word_counts() -> None:
    plan = Plan(champion=A, level=1, since_ts=5, offered=B)
    assert synced(plan, PolicyRef(version=A, level=1, since_ts=5)) == plan
    assert synced(plan, PolicyRef(version=A, level=1, since_ts=6)).since_ts == 6
    taken = synced(plan, None)
    assert (taken.champion, taken.level, taken.previous, taken.offered) == (STATIC, 0, A, "")
    moved = synced(plan, PolicyRef(version=B, level=2, since_ts=9))
    assert (moved.champion, moved.level, moved.since_ts, moved.previous) == (B, 2, 9, A)


def test_history_is_bounded_and_survives_the_disk() -> None:
    plan = Plan()
    for n in range(80):
        plan = trained(plan, NOW + n, f"{n:012x}", "")
    assert len(plan.log) == 50 and len(plan.challengers) == 30
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_what_a_person_confirmed_is_a_promotion() -> None:
    plan = Plan(champion=A, level=1, challenger=B, challengers=(B,), algorithm=SB3_DQN, offered=B, offered_level=2)
    found = synced(plan, PolicyRef(version=B, level=2, since_ts=NOW))
    assert (found.champion, found.level, found.previous, found.challenger, found.offered) == (B, 2, A, A, "")
    assert found.last_promotion_ts == NOW and found.algorithm == LCB_TABLE and found.log[-1].reason == "confirmed by a person"


def test_a_trial_is_half_size_for_days_and_trades() -> None:
    assert trial(RULES, NOW) == {"half_until": str(NOW + 3 * DAY_MS), "half_trades": "20"}


def test_for_a_week_after_a_promotion_the_old_champion_keeps_its_place_in_shadow_but_drift_does_not_wait() -> None:
    plan = promoted(msgspec.structs.replace(last(7 * DAY_MS), champion=A, challenger=B, challengers=(B,)), NOW, B, 2, "")
    assert plan.challenger == plan.previous == A
    assert training_due(plan, None, NOW + 7 * DAY_MS - 1, RULES) == "" != training_due(plan, None, NOW + 7 * DAY_MS, RULES)
    assert "drift" in training_due(plan, Drift(level=NOTE, alarm_ts=NOW, reason="x"), NOW + DAY_MS, RULES)
    assert training_due(rolled_back(plan, NOW, "x"), None, NOW + 1, RULES), "nobody is in shadow then"
