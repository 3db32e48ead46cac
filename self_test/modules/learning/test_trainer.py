"""When the learning task trains, and what it does with a trainer's process that fails."""

from __future__ import annotations

import asyncio
import errno
import os
from itertools import pairwise
from pathlib import Path

import pytest

from modules.learning import trainer
from modules.learning.jobs import Answer, Job, Train
from modules.learning.plan import DAY_MS, Plan
from modules.learning.trainer import Budget, load_plan, save_plan
from self_test.modules.learning.training import CRYPTO, NOTHING, NOW, A, Bench
from state.accounts import Domain
from state.drift import Drift
from state.market import Candle
from state.messages import BarsClosed
from state.policies import PolicyRef
from state.stages import Toggles
from strategy.policy import STATIC
from utils.clock import SECOND, FakeClock
from utils.errors import Transient


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
async def test_after_a_change_only_what_came_after_it_is_learned(bench: Bench) -> None:
    bench.state.drift["CRYPTO"] = Drift(change_ts=NOW - 31 * DAY_MS)
    await bench.challenged()
    job = bench.process.asked[0]
    assert isinstance(job, Train) and job.since == NOW - 31 * DAY_MS


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
