import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from utils.clock import FakeClock
from utils.errors import Invariant, Transient
from utils.supervise import EXPENDABLE, FATAL, RESTART, Policy, StopStep, Supervisor, unless

QUICK = Policy(restart_on=(Transient,), first_delay_s=1.0, max_delay_s=8.0, healthy_after_s=100.0)


class Script:
    """A task told in advance what to do on each start: an error to raise, seconds to live, or None to return."""

    def __init__(self, clock: FakeClock, *acts: BaseException | float | None) -> None:
        self.clock = clock
        self.acts = list(acts)
        self.starts: list[float] = []

    async def __call__(self) -> None:
        self.starts.append(self.clock.monotonic_ns() / 1e9)
        act = self.acts.pop(0) if self.acts else 1e9
        if isinstance(act, BaseException):
            raise act
        if act is not None:
            await self.clock.sleep(act)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def supervisor(clock: FakeClock) -> Supervisor:
    return Supervisor(clock, random.Random(1))


def events(logged: list[Any]) -> list[str]:
    return [line["event"] for line in logged if line["log_level"] != "debug"]


async def cancel_all(tasks: Supervisor) -> None:
    assert await tasks.stop([StopStep(name="end", tasks=tasks.running())]) == ()


@pytest.mark.asyncio
async def test_a_named_error_restarts_with_a_growing_jittered_pause(clock: FakeClock, logged: list[Any]) -> None:
    script = Script(clock, *[Transient("reset")] * 6)
    async with supervisor(clock) as tasks:
        tasks.supervise("feed", script, QUICK)
        await clock.advance(200.0)
        assert tasks.restarts == {"feed": 6}
        await cancel_all(tasks)
    pauses = [b - a for a, b in zip(script.starts, script.starts[1:], strict=False)]
    assert len(pauses) == 6
    for pause, full in zip(pauses, [1.0, 2.0, 4.0, 8.0, 8.0, 8.0], strict=True):
        assert full / 2 <= pause <= full
    assert len({round(p / full, 6) for p, full in zip(pauses[3:], [8.0] * 3, strict=True)}) == 3  # jitter, not a constant


@pytest.mark.asyncio
async def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(clock: FakeClock, logged: list[Any]) -> None:
    script = Script(clock, *[Transient("reset")] * 4)
    async with supervisor(clock) as tasks:
        tasks.supervise("feed", script, QUICK)
        await clock.advance(50.0)
        assert events(logged) == ["outage"]
        assert tasks.outages() == ("feed",)
        await clock.advance(200.0)
        assert events(logged) == ["outage", "outage over"]
        assert logged[-1]["failures"] == 4
        assert tasks.outages() == ()
        await cancel_all(tasks)


@pytest.mark.asyncio
async def test_after_recovery_the_pause_is_the_first_again_and_a_new_outage_is_logged(clock: FakeClock, logged: list[Any]) -> None:
    starts: list[float] = []

    async def feed() -> None:
        starts.append(clock.monotonic_ns() / 1e9)
        if len(starts) == 4:
            await clock.sleep(150.0)  # longer than healthy_after_s
        elif len(starts) == 5:
            await clock.sleep(1e9)
        raise Transient("reset")

    async with supervisor(clock) as tasks:
        tasks.supervise("feed", feed, QUICK)
        await clock.advance(400.0)
        await cancel_all(tasks)
    assert events(logged) == ["outage", "outage over", "outage", "outage over"]
    assert 0.5 <= starts[4] - (starts[3] + 150.0) <= 1.0


@pytest.mark.asyncio
async def test_a_task_that_fails_again_before_it_is_healthy_is_still_in_the_same_outage(clock: FakeClock, logged: list[Any]) -> None:
    fails = 0

    async def flapping() -> None:
        nonlocal fails
        await clock.sleep(60.0)  # under healthy_after_s
        fails += 1
        raise Transient("reset")

    async with supervisor(clock) as tasks:
        tasks.supervise("feed", flapping, QUICK)
        await clock.advance(500.0)
        await cancel_all(tasks)
    assert fails >= 5
    assert events(logged) == ["outage"]


@pytest.mark.asyncio
@pytest.mark.parametrize("error, policy", [(Invariant("bug"), RESTART), (Transient("even this"), FATAL), (KeyError("x"), QUICK)], ids=repr)
async def test_any_other_error_leaves_the_group_and_ends_its_siblings(error: Exception, policy: Policy, clock: FakeClock) -> None:
    ended: list[str] = []

    async def sibling() -> None:
        try:
            await clock.sleep(1e9)
        finally:
            ended.append("sibling")

    with pytest.raises(ExceptionGroup) as caught:
        async with supervisor(clock) as tasks:
            tasks.supervise("sibling", sibling)
            tasks.supervise("engine", Script(clock, error), policy)
            await clock.sleep(1e9)
    assert caught.value.exceptions == (error,)
    assert ended == ["sibling"]


@pytest.mark.asyncio
async def test_an_expendable_task_may_fail_with_anything_forever(clock: FakeClock, logged: list[Any]) -> None:
    bugs = [ZeroDivisionError("panel"), KeyError("chart"), Transient("net")] * 3
    panel = Script(clock, *bugs)
    engine = Script(clock)
    async with supervisor(clock) as tasks:
        tasks.supervise("panel", panel, EXPENDABLE)
        tasks.supervise("engine", engine, FATAL)
        await clock.advance(1_000.0)
        assert tasks.running() == ("panel", "engine")
        assert tasks.restarts == {"panel": 9, "engine": 0}
        await cancel_all(tasks)
    outage = next(line for line in logged if line["event"] == "outage")
    assert outage["exc_info"] is bugs[0]  # a bug keeps its traceback, an expected hiccup is one line


@pytest.mark.asyncio
async def test_a_task_that_returns_has_ended_and_its_name_is_free_again(clock: FakeClock) -> None:
    async with supervisor(clock) as tasks:
        tasks.supervise("warm-up", Script(clock, None))
        await clock.settle()
        assert tasks.running() == ()
        tasks.supervise("warm-up", Script(clock, 1.0))
        with pytest.raises(ValueError, match="'warm-up' is running already"):
            tasks.supervise("warm-up", Script(clock))
        await clock.advance(2.0)
    assert tasks.running() == ()


@pytest.mark.asyncio
async def test_a_recovered_task_that_returns_at_once_ends_its_outage(clock: FakeClock, logged: list[Any]) -> None:
    async with supervisor(clock) as tasks:
        tasks.supervise("backfill", Script(clock, Transient("x"), None), QUICK)
        await clock.advance(5.0)
    assert events(logged) == ["outage", "outage over"]
    assert clock.sleeping() == 0  # the recovery watch went with it


@pytest.mark.asyncio
async def test_stopping_goes_step_by_step_first_the_work_then_the_tasks(clock: FakeClock) -> None:
    story: list[str] = []

    def worker(name: str) -> Any:
        async def run() -> None:
            try:
                await clock.sleep(1e9)
            finally:
                story.append(f"{name} ended")

        return run

    async def drain() -> None:
        story.append("drained")

    async with supervisor(clock) as tasks:
        for name in ("client", "executor", "feed"):
            tasks.supervise(name, worker(name))
        await clock.settle()
        stuck = await tasks.stop(
            [
                StopStep(name="entries", tasks=("feed", "never started")),
                StopStep(name="executors", first=drain, tasks=("executor",)),
                StopStep(name="clients", tasks=("client",)),
            ]
        )
    assert stuck == ()
    assert story == ["feed ended", "drained", "executor ended", "client ended"]


@pytest.mark.asyncio
async def test_who_does_not_end_in_time_is_named_and_the_rest_still_ends(clock: FakeClock, logged: list[Any]) -> None:
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    async def never() -> None:
        await clock.sleep(1e9)

    async with supervisor(clock) as tasks:
        tasks.supervise("stubborn", stubborn)
        tasks.supervise("obedient", Script(clock))
        await clock.settle()
        steps = [StopStep(name="drain", first=never, limit_s=2.0), StopStep(name="end", tasks=("stubborn", "obedient"), limit_s=3.0)]
        stopping = asyncio.create_task(tasks.stop(steps))  # noqa: TID251  the test plays the program's body
        await clock.advance(5.1)
        running, sleeping = tasks.running(), clock.sleeping()
        let_go.set()  # before anything is asserted: a failing test must not hang in the group
        assert await stopping == ("drain", "stubborn")
    assert running == ("stubborn",)
    assert sleeping == 0  # neither the stuck drain nor a limit's timer is left behind
    where = [line for line in logged if line["event"] == "task does not end"]
    assert [line["task"] for line in where] == ["stubborn"]
    assert "supervise.py" in where[0]["where"] or "test_supervise.py" in where[0]["where"]


@pytest.mark.asyncio
async def test_a_stop_step_that_fails_does_not_stop_the_stop(clock: FakeClock, logged: list[Any]) -> None:
    async def broken() -> None:
        raise OSError("disk full")

    async with supervisor(clock) as tasks:
        tasks.supervise("engine", Script(clock))
        await clock.settle()
        assert await tasks.stop([StopStep(name="final write", first=broken, tasks=("engine",))]) == ()
        assert tasks.running() == ()
    assert events(logged) == ["stop step failed"]


@pytest.mark.asyncio
async def test_a_task_may_stop_the_others_without_stopping_itself(clock: FakeClock) -> None:
    stuck: list[str] = []
    async with supervisor(clock) as tasks:

        async def watchdog() -> None:
            stuck.extend(await tasks.stop([StopStep(name="all", tasks=("engine", "watchdog"))]))

        tasks.supervise("engine", Script(clock))
        await clock.settle()
        await tasks.supervise("watchdog", watchdog)
    assert stuck == []


@given(failures=st.integers(1, 10_000), seed=st.integers(0, 1_000))
def test_property_a_pause_is_between_half_and_all_of_the_bounded_delay(failures: int, seed: int) -> None:
    policy = Policy(first_delay_s=0.5, max_delay_s=30.0)
    pause = policy.delay_s(failures, random.Random(seed))
    assert 0.25 <= pause <= 30.0
    if failures > 7:
        assert pause >= 15.0


@pytest.mark.asyncio
async def test_work_ends_by_itself_or_when_asked_to_stop():
    stopping, seen = asyncio.Event(), []

    async def work(limit: asyncio.Event) -> None:
        try:
            await limit.wait()
        finally:
            seen.append("ended")

    done = asyncio.Event()
    done.set()
    assert await unless(stopping, work(done), "quick")
    stopping.set()
    assert not await unless(stopping, work(asyncio.Event()), "endless")
    assert seen == ["ended", "ended"]


@pytest.mark.asyncio
async def test_an_error_of_the_work_comes_out_as_it_is():
    async def work() -> None:
        raise Transient("no luck")

    with pytest.raises(Transient, match="no luck"):
        await unless(asyncio.Event(), work(), "broken")
