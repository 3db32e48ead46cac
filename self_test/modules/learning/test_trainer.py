"""What the learning task does with what the trainer's process says, and what it never does."""

from __future__ import annotations

import asyncio
import errno
import os
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from modules.learning import trainer
from modules.learning.candles import CandleStore
from modules.learning.child import Child
from modules.learning.jobs import Answer, Job, Judge, Train
from modules.learning.plan import DAY_MS, HOUR_MS, Plan
from modules.learning.trainer import Budget, Trainer, load_plan, save_plan
from modules.settings import Learning
from self_test.fakes.books import coin
from state.accounts import Domain
from state.drift import FREEZE, Drift
from state.market import Candle
from state.messages import BarsClosed, Control
from state.policies import PolicyRef
from state.runtime import RuntimeState
from state.stages import Toggles
from strategy.market import new_market
from strategy.policy import STATIC
from utils.clock import SECOND, FakeClock
from utils.errors import Transient

NOW = 20_000 * DAY_MS
NOTHING = {"promote": False, "reason": "", "objection": "", "refuted": False}
A, B = "a" * 12, "b" * 12
CRYPTO = Domain.CRYPTO


class Process:
    """A trainer's process that answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Job] = []
        self.train: Answer | Transient = Answer(result={"version": A, "level": 1, "lessons": 500}, cpu_s=2.0)
        self.judge: dict[str, Any] = NOTHING
        self.unjudged = ""
        self.closed = False
        self.meanwhile: Any = lambda: None

    async def ask(self, job: Job, limit_s: float) -> Answer:
        assert limit_s == 600.0
        self.asked.append(job)
        self.meanwhile()
        if isinstance(job, Judge):
            return Answer(refused=self.unjudged, cpu_s=1.0) if self.unjudged else Answer(result=self.judge, cpu_s=1.0)
        if isinstance(self.train, Transient):
            raise self.train
        return self.train

    async def close(self) -> None:
        self.closed = True


class Bench:
    """A trainer with everything around it, and an engine that follows every event."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        one = coin("AAAUSDT")
        self.state = RuntimeState((one,), (), new_market(1, 300_000, 900_000))
        self.state.ts, self.state.toggles = NOW, Toggles(learning=True)
        self.folder, self.process, self.clock = folder, Process(), FakeClock()
        self.missing: dict[str, str] = {}
        self.events: list[dict[str, str]] = []
        self.deaf = False
        """The engine does not get to hear of challengers."""
        self.settings = Learning(**settings)
        self.ended: list[tuple[str, str, int]] = []
        """Trainings as the metrics are told of them."""
        self.trainer = self.start()

    def start(self) -> Trainer:
        self.store = CandleStore(self.folder, dict.fromkeys(self.state.instruments, 300_000))
        child = cast(Child, self.process)
        who = self.folder, self.settings, self.state, self.clock, self.put, lambda: self.missing, child, self.store, [CRYPTO]
        return Trainer(*who, told=lambda domain, outcome, seconds, ts: self.ended.append((domain, outcome, ts if seconds >= 0.0 else -1)))

    def put(self, event: Control) -> None:
        assert event.name == "policy" and event.ts == self.state.ts and event.args["domain"] == "CRYPTO"
        self.events.append(event.args)
        ref = self.state.policies.get("CRYPTO", PolicyRef(version=STATIC, level=0))
        if event.args.get("role", "champion") == "champion":
            level = int(event.args["level"])
            kept = "" if ref.challenger == event.args["version"] else ref.challenger
            self.state.policies["CRYPTO"] = PolicyRef(version=event.args["version"], level=level, since_ts=event.ts, challenger=kept)
        else:
            assert ref.version != event.args["version"], "nobody is in shadow of himself"
            if event.args["role"] == "challenger" and not self.deaf:
                self.state.policies["CRYPTO"] = msgspec.structs.replace(ref, challenger=event.args["version"])

    @property
    def plan(self) -> Plan:
        return self.trainer.plans[CRYPTO]

    async def days(self, n: int) -> None:
        for _ in range(n):
            self.state.ts += DAY_MS
            assert await self.trainer.step()

    async def hours(self, n: int) -> None:
        for _ in range(n):
            self.state.ts += HOUR_MS
            assert await self.trainer.step()

    async def challenged(self) -> None:
        """A table was trained and decides in shadow."""
        assert await self.trainer.step()
        assert self.plan.challenger == A
        self.events.clear()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.asyncio
async def test_the_first_training_makes_a_challenger_not_a_champion(bench: Bench) -> None:
    assert await bench.trainer.step()
    assert [type(job) for job in bench.process.asked] == [Train]
    assert [(one["version"], one["role"], one["level"]) for one in bench.events] == [(A, "challenger", "1")]
    assert (bench.plan.champion, bench.plan.number) == (STATIC, 1)
    assert "500 decisions" in bench.events[0]["reason"]
    assert bench.ended == [("CRYPTO", "trained", NOW)]


@pytest.mark.asyncio
async def test_trainings_are_a_week_apart_also_over_a_restart_and_looks_a_day(bench: Bench) -> None:
    await bench.challenged()
    await bench.days(3)
    bench.trainer = bench.start()
    await bench.days(11)
    kinds = [type(job).__name__ for job in bench.process.asked]
    assert kinds.count("Train") == 3 and kinds.count("Judge") == 14


@pytest.mark.asyncio
async def test_switched_off_nothing_is_trained_and_nobody_promoted(bench: Bench) -> None:
    bench.state.toggles = Toggles(learning=False)
    await bench.days(30)
    assert not bench.process.asked and not bench.events
    bench.state.toggles = Toggles(learning=True)
    await bench.challenged()
    bench.state.toggles = Toggles(learning=False)
    bench.process.judge = NOTHING | {"promote": True, "refuted": True}
    await bench.days(30)
    assert not bench.events


@pytest.mark.asyncio
async def test_switched_off_while_it_trains_the_result_is_left(bench: Bench) -> None:
    def off() -> None:
        bench.state.toggles = Toggles(learning=False)

    bench.process.meanwhile = off
    await bench.days(1)
    assert len(bench.process.asked) == 1 and not bench.events and bench.plan.challenger == ""


@pytest.mark.asyncio
async def test_a_challenger_that_the_engine_never_heard_of_is_told_again_once_a_day(bench: Bench) -> None:
    bench.deaf = True
    await bench.challenged()
    for _ in range(3):
        assert await bench.trainer.step()
    assert not bench.events
    await bench.days(1)
    assert [(one["version"], one["role"], one["level"]) for one in bench.events] == [(A, "challenger", "1")]
    bench.deaf = False
    await bench.days(1)
    bench.events.clear()
    await bench.days(1)
    assert not bench.events


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
async def test_after_a_change_only_what_came_after_it_is_learned(bench: Bench) -> None:
    bench.state.drift["CRYPTO"] = Drift(change_ts=NOW - 31 * DAY_MS)
    await bench.challenged()
    job = bench.process.asked[0]
    assert isinstance(job, Train) and job.since == NOW - 31 * DAY_MS


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
async def test_a_process_that_dies_costs_the_attempt_and_nothing_else(bench: Bench) -> None:
    good, bench.process.train = bench.process.train, Transient("killed")
    assert not await bench.trainer.step()
    assert not bench.events and bench.plan == Plan()
    bench.process.train = good
    await bench.challenged()
    assert bench.ended == [("CRYPTO", "failed", 0), ("CRYPTO", "trained", NOW)]


@pytest.mark.asyncio
async def test_what_dies_again_and_again_is_tried_ever_more_rarely(bench: Bench) -> None:
    bench.process.train = Transient("killed")
    task = asyncio.ensure_future(bench.trainer.run())  # noqa: TID251  a test's own
    found = []
    for _ in range(600):
        before = len(bench.process.asked)
        await bench.clock.advance(1)
        found += [bench.clock.monotonic_ns() // SECOND] * (len(bench.process.asked) - before)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pauses = [after - before for before, after in pairwise(found)]
    least = [min(900, 2 << n) for n in range(len(pauses))]
    assert all(pause >= limit for pause, limit in zip(pauses, least, strict=True)), pauses
    assert 6 <= len(found) <= 9 and bench.process.closed


@pytest.mark.asyncio
async def test_time_that_a_job_took_before_it_died_counts_as_computed(bench: Bench) -> None:
    async def hang(job: Job, limit_s: float) -> Answer:
        await bench.clock.advance(61)
        raise Transient("took longer")

    bench.process.ask = hang  # type: ignore[method-assign]
    assert not await bench.trainer.step()
    assert not bench.trainer.budget.left and await bench.trainer.step()


@pytest.mark.asyncio
async def test_a_stop_ends_also_when_the_disk_refuses_the_last_candles(bench: Bench) -> None:
    task = asyncio.ensure_future(bench.trainer.run())  # noqa: TID251  a test's own
    await bench.clock.advance(0)
    candle = Candle(bench.state.instruments[0].key, NOW, 100, 100, 100, 100, 1.0)
    bench.store.observe(1, BarsClosed(NOW, (candle,), ()), [])
    (bench.folder / "data").write_bytes(b"in the way")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.process.closed
    (bench.folder / "data").unlink()
    assert bench.store.flush() == 1, "nothing was forgotten"


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


@pytest.mark.asyncio
async def test_a_refused_training_is_tried_again_a_day_later(bench: Bench) -> None:
    bench.process.train = Answer(refused="too little")
    await bench.days(1)
    for _ in range(4):
        bench.state.ts += DAY_MS // 4 - 1
        assert await bench.trainer.step()
    assert len(bench.process.asked) == 1 and not bench.events
    bench.state.ts += 4
    assert await bench.trainer.step()
    assert len(bench.process.asked) == 2 and bench.plan.last_train_ts == 0
    assert bench.ended == [("CRYPTO", "refused", 0)] * 2


@pytest.mark.asyncio
async def test_the_version_that_decides_already_is_no_challenger(bench: Bench) -> None:
    bench.state.policies["CRYPTO"] = PolicyRef(version=A, level=1)
    assert await bench.trainer.step()
    assert not bench.events and bench.plan.challenger == "" and bench.plan.number == 1


@pytest.mark.asyncio
async def test_a_full_disk_costs_the_memory_not_the_champion(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.challenged()

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(trainer, "atomic_write", full)
    bench.process.judge = NOTHING | {"promote": True}
    await bench.days(1)
    assert bench.events[0]["version"] == A and bench.plan.champion == A
    assert load_plan(bench.folder, CRYPTO).champion == STATIC


@pytest.mark.asyncio
async def test_the_hour_has_a_budget(bench: Bench) -> None:
    bench.process.train = Answer(refused="too little", cpu_s=61.0)
    await bench.days(30)
    assert len(bench.process.asked) == 1
    await bench.clock.advance(3_601)
    await bench.days(1)
    assert len(bench.process.asked) == 2


@pytest.mark.asyncio
async def test_the_budget_counts_the_last_hour() -> None:
    clock = FakeClock()
    budget = Budget(clock, 60.0)
    budget.spend(59.0)
    assert budget.left
    budget.spend(1.0)
    assert not budget.left
    await clock.advance(3_599)
    assert not budget.left
    await clock.advance(2)
    assert budget.left


@pytest.mark.asyncio
async def test_before_the_market_has_a_time_nothing_is_due(bench: Bench) -> None:
    bench.state.ts = 0
    assert await bench.trainer.step() and not bench.process.asked


def test_a_plan_that_cannot_be_read_is_a_fresh_one(tmp_path: Path) -> None:
    save_plan(tmp_path, CRYPTO, Plan(number=3))
    assert load_plan(tmp_path, CRYPTO).number == 3
    (tmp_path / "policies" / "crypto" / "champion.json").write_bytes(b"{torn")
    assert load_plan(tmp_path, CRYPTO) == Plan()
    assert load_plan(tmp_path, Domain.PERPS) == Plan()
