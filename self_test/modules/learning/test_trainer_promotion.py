"""Whom the learning task promotes, offers and takes back, and whom it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.learning.jobs import Answer, Judge, Train
from modules.learning.plan import DAY_MS, HOUR_MS, Plan
from modules.learning.trainer import load_plan
from self_test.modules.learning.training import CRYPTO, NOTHING, NOW, A, B, Bench
from state.drift import FREEZE, Drift
from state.policies import PolicyRef
from state.stages import Toggles
from strategy.policy import STATIC


@pytest.mark.asyncio
async def test_who_has_shown_enough_takes_over_with_half_size_and_the_old_one_stays_in_shadow(bench: Bench) -> None:
    await bench.challenged()
    bench.process.judge = NOTHING | {"promote": True, "reason": "better"}
    await bench.days(1)
    first, second = bench.events
    assert (first["version"], first["level"], first["reason"]) == (A, "1", "better")
    assert first["half_until"] == str(bench.state.ts + 3 * DAY_MS) and first["half_trades"] == "20"
    assert (second["version"], second["role"]) == (STATIC, "challenger")
    assert (bench.plan.champion, bench.plan.algorithm) == (A, "sb3_dqn")
    assert load_plan(bench.folder, CRYPTO) == bench.plan
    bench.events.clear()
    await bench.days(1)
    assert not bench.events, "the verdict on the old pair is not used twice"


@pytest.mark.asyncio
@pytest.mark.parametrize("drifted", [False, True])
async def test_where_a_person_decides_it_is_offered_once(tmp_path: Path, drifted: bool) -> None:
    bench = Bench(tmp_path, **({} if drifted else {"promotion": {"mode": "confirm"}}))
    await bench.challenged()
    if drifted:
        bench.state.drift["CRYPTO"] = Drift(person=True)
    bench.process.judge = NOTHING | {"promote": True, "reason": "better"}
    await bench.days(3)
    assert [(one["version"], one["role"]) for one in bench.events] == [(A, "offer")]
    assert (bench.plan.champion, bench.plan.offered, bench.plan.offered_level) == (STATIC, A, 1)


@pytest.mark.asyncio
async def test_a_champion_that_fails_goes_back_also_with_the_switch_off(bench: Bench) -> None:
    await bench.challenged()
    bench.process.judge = NOTHING | {"promote": True}
    await bench.days(1)
    bench.events.clear()
    bench.state.toggles = Toggles(learning=False)
    bench.process.judge = NOTHING | {"objection": "drawdown of 21 R"}
    await bench.days(1)
    assert bench.events[0]["version"] == STATIC and "drawdown of 21 R" in bench.events[0]["reason"]
    assert bench.plan.champion == STATIC and bench.plan.log[-1].what == "rolled back"


@pytest.mark.asyncio
async def test_a_learned_champion_is_looked_at_each_hour_and_goes_back_then_but_nobody_is_promoted_between_the_days(bench: Bench) -> None:
    await bench.challenged()
    bench.process.judge = NOTHING | {"promote": True}
    await bench.days(1)
    bench.process.judge, start = NOTHING | {"promote": True, "refuted": True}, len(bench.process.asked)
    bench.state.toggles = Toggles(learning=False)
    await bench.hours(3)
    assert len(bench.process.asked) == start + 3
    bench.state.toggles = Toggles(learning=True)
    bench.events.clear()
    await bench.hours(4)
    assert len(bench.process.asked) == start + 7 and not bench.events and bench.plan.champion == A
    bench.process.judge = NOTHING | {"objection": "drawdown of 21 R"}
    bench.state.ts += HOUR_MS - 1
    assert await bench.trainer.step()
    assert bench.plan.champion == A, "the hour is not over"
    bench.state.ts += 1
    assert await bench.trainer.step()
    assert bench.plan.champion == STATIC and "drawdown of 21 R" in bench.events[0]["reason"]
    asked = len(bench.process.asked)
    await bench.hours(5)
    assert len(bench.process.asked) == asked, "the static one needs no look"


@pytest.mark.asyncio
async def test_a_look_for_a_roll_back_does_not_wait_for_the_time_that_training_used_up(bench: Bench) -> None:
    bench.state.policies["CRYPTO"] = PolicyRef(version=B, level=1, since_ts=NOW)
    bench.trainer.plans[CRYPTO] = Plan(last_train_ts=NOW, last_judge_ts=NOW)
    assert await bench.trainer.step()
    bench.trainer.budget.spend(100.0)
    assert not bench.trainer.budget.left and not bench.process.asked
    bench.process.judge = NOTHING | {"objection": "fills differ"}
    await bench.hours(1)
    assert [type(job) for job in bench.process.asked] == [Judge] and bench.plan.champion == STATIC


@pytest.mark.asyncio
async def test_a_domain_that_cannot_be_judged_says_so_once_for_each_cause(bench: Bench) -> None:
    await bench.challenged()
    bench.process.unjudged = "the costs are damaged"
    await bench.days(3)
    assert [(one["role"], one["version"], one["reason"]) for one in bench.events] == [("unjudged", "", "the costs are damaged")]
    bench.process.unjudged = "nothing has been decided yet"
    await bench.days(2)
    bench.process.unjudged = ""
    await bench.days(1)
    bench.process.unjudged = "the costs are damaged"
    await bench.days(1)
    said = [one["reason"] for one in bench.events if one["role"] == "unjudged"]
    assert said == ["the costs are damaged", "nothing has been decided yet", "the costs are damaged"]


@pytest.mark.asyncio
async def test_a_champion_that_cannot_be_loaded_goes_back_at_once(bench: Bench) -> None:
    bench.state.policies["CRYPTO"] = PolicyRef(version=B, level=2, since_ts=NOW - 5)
    bench.missing = {"CRYPTO": "policy bbbbbbbbbbbb is damaged"}
    assert await bench.trainer.step()
    assert [(one["version"], one["level"]) for one in bench.events] == [(STATIC, "0")]
    assert "damaged" in bench.events[0]["reason"] and not bench.process.asked


@pytest.mark.asyncio
async def test_drift_freezes_promotions(bench: Bench) -> None:
    await bench.challenged()
    bench.state.drift["CRYPTO"] = Drift(level=FREEZE, alarm_ts=NOW, change_ts=NOW)
    bench.process.judge = NOTHING | {"promote": True}
    await bench.days(10)
    assert not bench.events
    assert [type(job) for job in bench.process.asked].count(Train) == 1


@pytest.mark.asyncio
async def test_a_challenger_beyond_doubt_worse_makes_room_for_the_other_learner(bench: Bench) -> None:
    await bench.challenged()
    bench.process.judge = NOTHING | {"refuted": True}
    bench.process.train = Answer(result={"version": B, "level": 2, "lessons": 300})
    await bench.days(1)
    assert [(one["version"], one["role"]) for one in bench.events] == [("", "challenger"), (B, "challenger")]
    job = bench.process.asked[-1]
    assert isinstance(job, Train) and job.algorithm == "sb3_dqn" and job.number == 2


@pytest.mark.asyncio
async def test_an_offer_that_is_refuted_meanwhile_is_withdrawn(tmp_path: Path) -> None:
    bench = Bench(tmp_path, promotion={"mode": "confirm"})
    await bench.challenged()
    bench.process.judge = NOTHING | {"promote": True, "reason": "better"}
    await bench.days(1)
    bench.events.clear()
    bench.process.judge, bench.process.train = NOTHING | {"refuted": True}, Answer(refused="too little")
    await bench.days(1)
    assert [(one["version"], one["role"]) for one in bench.events] == [("", "challenger"), ("", "offer")]
    assert bench.plan.offered == ""
