"""Where tasks are born, restarted and ended: every one has a name, an owner and a failure policy.

One `Supervisor` holds one `asyncio.TaskGroup`. A task that fails with an error its policy names is started again after a jittered,
growing pause; an outage is logged once when it begins and once when it is over. Any other error leaves the group: all tasks
are cancelled and the process ends, because start-up is recovery. Only tasks that trading can do without (`EXPENDABLE`) may fail with
anything, forever. This is the one file in which `except Exception` may stand.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog

from utils.clock import Clock
from utils.errors import Transient

log = structlog.get_logger("supervise")

Factory = Callable[[], Coroutine[Any, Any, None]]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What happens when a task fails."""

    restart_on: tuple[type[Exception], ...] = ()
    """Errors after which the task is started again; all others are fatal."""

    expendable: bool = False
    """Any `Exception` restarts it: for tasks that trading can do without."""

    first_delay_s: float = 0.5
    """Pause before the first restart; it doubles with each failure in a row. The real pause is 50 to 100 % of it."""

    max_delay_s: float = 30.0
    """The pause stops growing here."""

    healthy_after_s: float = 10.0
    """A restarted task that has run this long has recovered: the outage is over, the next pause is the first again."""

    def delay_s(self, failures: int, rng: random.Random) -> float:
        """Pause after `failures` (>= 1) failures in a row."""
        full = min(self.max_delay_s, self.first_delay_s * 2.0 ** min(failures - 1, 32))
        return full * rng.uniform(0.5, 1.0)


FATAL = Policy()
"""A bug here ends the process: engine, executors, state saver."""

RESTART = Policy(restart_on=(Transient,))
"""The world may hiccup, a bug may not: feeds."""

EXPENDABLE = Policy(restart_on=(Transient,), expendable=True)
"""May fail forever without touching trading: chat, panel, metrics, recorder, learning."""


class StopStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an orderly stop: do something first, then end these tasks, all within a limit."""

    name: str
    tasks: tuple[str, ...] = ()
    """Names of the tasks that are cancelled in this step."""

    first: Callable[[], Awaitable[None]] | None = None
    """What has to happen before they are cancelled: drain, write, close."""

    limit_s: float = 5.0
    """Seconds for `first`, and again for the tasks to end."""


class Supervisor:
    """The task group of the program. Use as `async with Supervisor(clock, rng) as tasks:`; the body is the program's life.

    Leaving the body waits for all tasks that still run. A fatal error cancels the body and comes out as an ExceptionGroup.
    """

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._group = asyncio.TaskGroup()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._outages: dict[str, int] = {}
        self.restarts: dict[str, int] = {}
        """How often each task was started again, for metrics."""

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._group.__aexit__(kind, error, trace)

    def supervise(self, name: str, factory: Factory, policy: Policy = FATAL) -> asyncio.Task[None]:
        """Run `factory()` under `policy`, for as long as it takes; returning ends the task. ValueError when the name is running already."""
        if name in self._tasks and not self._tasks[name].done():
            raise ValueError(f"a task named {name!r} is running already")
        task = self._group.create_task(self._life(name, factory, policy), name=name)
        self._tasks[name] = task
        self.restarts.setdefault(name, 0)
        return task

    def running(self) -> tuple[str, ...]:
        """Names of the tasks that have not ended, in order of birth."""
        return tuple(name for name, task in self._tasks.items() if not task.done())

    def outages(self) -> tuple[str, ...]:
        """Names of the tasks that failed and have not recovered."""
        return tuple(self._outages)

    async def stop(self, steps: Iterable[StopStep]) -> tuple[str, ...]:
        """End tasks step by step; returns who did not end in time (the caller then leaves without waiting for them).

        A step whose `first` fails or takes too long is logged and the next begins: stopping must not be stopped.
        """
        stuck: list[str] = []
        for step in steps:
            if step.first is not None and not await self._first(step, step.first):
                stuck.append(step.name)
            stuck.extend(await self._end(step))
        return tuple(stuck)

    async def _life(self, name: str, factory: Factory, policy: Policy) -> None:
        caught: tuple[type[Exception], ...] = (Exception,) if policy.expendable else policy.restart_on
        while True:
            recovery = self._watch_recovery(name, policy)
            try:
                await factory()
            except caught as error:
                pause_s = self._failed(name, policy, error)
            else:
                self._recovered(name)
                return
            finally:
                if recovery is not None:
                    recovery.cancel()
            await self._clock.sleep(pause_s)
            self.restarts[name] += 1

    def _failed(self, name: str, policy: Policy, error: Exception) -> float:
        failures = self._outages.get(name, 0) + 1
        self._outages[name] = failures
        pause_s = policy.delay_s(failures, self._rng)
        expected = isinstance(error, policy.restart_on)
        if failures == 1:
            log.warning("outage", task=name, error=repr(error), next_try_s=round(pause_s, 2), exc_info=None if expected else error)
        else:
            log.debug("still out", task=name, error=repr(error), failures=failures, next_try_s=round(pause_s, 2))
        return pause_s

    def _watch_recovery(self, name: str, policy: Policy) -> asyncio.Task[None] | None:
        if name not in self._outages:
            return None

        async def watch() -> None:
            await self._clock.sleep(policy.healthy_after_s)
            self._recovered(name)

        return self._group.create_task(watch(), name=f"{name}: recovery")

    def _recovered(self, name: str) -> None:
        failures = self._outages.pop(name, 0)
        if failures:
            log.warning("outage over", task=name, failures=failures)

    async def _first(self, step: StopStep, first: Callable[[], Awaitable[None]]) -> bool:
        async def run() -> None:
            await first()

        task = asyncio.create_task(run(), name=f"stop: {step.name}")
        try:
            if await self._wait({task}, step.limit_s):
                log.error("stop step is stuck", step=step.name, limit_s=step.limit_s, where=_where(task))
                return False
            task.result()
        except Exception:
            log.exception("stop step failed", step=step.name)
        finally:
            task.cancel()
        return True

    async def _end(self, step: StopStep) -> list[str]:
        me = asyncio.current_task()  # a task that stops the others does not stop itself
        named = [self._tasks[name] for name in step.tasks if name in self._tasks]
        ending = {task for task in named if task is not me and not task.done()}
        for task in ending:
            task.cancel()
        late = await self._wait(ending, step.limit_s)
        for task in late:
            log.error("task does not end", step=step.name, task=task.get_name(), limit_s=step.limit_s, where=_where(task))
        return sorted(task.get_name() for task in late)

    async def _wait(self, tasks: set[asyncio.Task[None]], limit_s: float) -> set[asyncio.Task[None]]:
        """Wait for all of `tasks` up to the limit; returns those that have not ended."""
        if not tasks:
            return set()
        timer = asyncio.create_task(self._clock.sleep(limit_s), name="stop: limit")
        pending = set(tasks)
        try:
            while pending and not timer.done():
                done, _ = await asyncio.wait({*pending, timer}, return_when=asyncio.FIRST_COMPLETED)
                pending -= done
        finally:
            timer.cancel()
        return pending


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None], name: str) -> bool:
    """Run `work` to its end; False when `stopping` was set first: then it was cancelled and has ended. Its errors come out as they are."""
    task = asyncio.create_task(work, name=name)
    asked = asyncio.create_task(stopping.wait(), name=f"{name}: stop")
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        task.cancel()  # nothing, once it is done
        await asyncio.wait({task})
    if task.cancelled():
        return False
    task.result()
    return True


def _where(task: asyncio.Task[None]) -> str:
    """The line a stuck task is waiting at."""
    frames = task.get_stack(limit=1)
    return f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "not started"
