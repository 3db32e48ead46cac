"""How a run keeps count of what it does; the whole of it is tried in self_test/e2e/test_chaos.py."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import aiohttp

from modules.chaos.bot import Bot
from modules.chaos.control import Control
from modules.chaos.latencies import HISTOGRAM
from modules.chaos.run import ChaosOptions, _gone, _Run
from modules.chaos.schedule import Misfortune
from modules.chaos.verdict import Stretch
from utils.clock import FakeClock

OPTIONS = ChaosOptions(seed=1, minutes=0.1, kills=0, speed=10.0, symbols=("BTCUSDT",), faults_per_minute=0.0, stage=4, overrides=("a.b=1",))


class FakeControl:
    """A venue whose time moves a second with every question, with faults that have struck so and so often."""

    def __init__(self) -> None:
        self.time, self.hits, self.lifted = 1_000, dict[str, int](), list[str]()
        self.open: list[dict[str, Any]] = []

    async def now(self) -> int:
        self.time += 1_000
        return self.time

    async def faults(self) -> dict[str, dict[str, Any]]:
        return {name: {"hits": hits} for name, hits in self.hits.items()}

    async def lift(self, fault_id: str) -> None:
        self.lifted.append(fault_id)
        self.hits.pop(fault_id, None)

    async def ledger(self) -> dict[str, Any]:
        return {"orders": [], "positions": self.open}


class FakeBot:
    """A bot that does what the test says."""

    def __init__(self) -> None:
        self.ended: int | None = None
        self.is_ready, self.lives, self.killed = False, 1, 0
        self.said, self.missing = "its last words", "feed"
        self.held: list[dict[str, str]] = []

    async def start(self) -> None:
        self.lives += 1
        self.ended = None

    async def kill(self) -> None:
        self.killed += 1

    async def ready(self) -> bool:
        return self.is_ready

    async def status(self) -> dict[str, Any]:
        return {"accounts": {"PERPS/LIVE": {"open_positions": self.held}}}

    async def exposition(self, _session: aiohttp.ClientSession) -> str:
        told = "".join(f'{HISTOGRAM}_bucket{{leg="sent",le="{bound}"}} 1.0\n' for bound in ("0.1", "+Inf"))
        return f'# TYPE {HISTOGRAM} histogram\n{told}{HISTOGRAM}_sum{{leg="sent"}} 0.05\n'


def scenario(tmp_path: Path, work: Callable[[_Run, FakeBot, FakeControl], Coroutine[Any, Any, None]]) -> None:
    """Let `work` drive a run without processes."""

    async def go() -> None:
        async with aiohttp.ClientSession() as session:
            run, bot, control = _Run(OPTIONS, tmp_path, session, lambda _: None), FakeBot(), FakeControl()
            run.bot, run.control = cast(Bot, bot), cast(Control, control)
            run.clock = cast(Any, FakeClock())
            run.down_since = None
            await work(run, bot, control)

    asyncio.run(go())


def test_the_bot_is_started_as_asked(tmp_path: Path) -> None:
    async def go() -> list[str]:
        async with aiohttp.ClientSession() as session:
            return _Run(OPTIONS, tmp_path, session, lambda _: None).bot._words

    words = asyncio.run(go())
    assert words[words.index("--stage") + 1] == "4" and words[-2:] == ["--set", "a.b=1"] and "spot+perp" in words


def test_strikes_are_counted_and_delays_remembered(tmp_path: Path) -> None:
    async def work(run: _Run, bot: FakeBot, control: FakeControl) -> None:
        def fault(name: str, kind: str, **more: object) -> tuple[float, str, Misfortune, int]:
            return (1.0, name, Misfortune(at_s=0.0, life_s=1.0, body={"kind": kind} | more), 500)

        control.hits = {"f1": 2, "f2": 0, "f3": 40, "f4": 3}
        due = [
            fault("f1", "delay", ms=300, account="9"),
            fault("f2", "delay", ms=300),
            fault("f3", "maintenance", ms=700),
            fault("f4", "drop"),
        ]
        await run._lift(due)
        assert run.hits == {"delay": 2, "maintenance": 1, "drop": 3} and control.lifted == ["f1", "f2", "f3", "f4"]
        assert run.injected == [
            Stretch(from_ts=500, to_ts=2_000, delay_s=0.6, account="9"),
            Stretch(from_ts=500, to_ts=2_000, delay_s=0.7),
        ]

    scenario(tmp_path, work)


def test_recovery_is_timed_from_the_last_kill_and_the_time_it_was_dead_is_remembered(tmp_path: Path) -> None:
    async def work(run: _Run, bot: FakeBot, control: FakeControl) -> None:
        clock = cast(FakeClock, run.clock)
        await run._kill()
        await clock.advance(1)
        await run._kill()
        await clock.advance(2)
        await run._look()
        assert run.recoveries == []
        bot.is_ready = True
        await run._look()
        assert run.recoveries == [2.0] and run.down_since is None and (run.kills, bot.killed, bot.lives) == (2, 2, 3)
        assert run.injected == [Stretch(from_ts=2_000, to_ts=3_000, delay_s=2.0)]
        bot.held = [{"symbol": "BTCUSDT"}]
        await run._look()
        assert run.most_open == 1

    scenario(tmp_path, work)


def test_a_start_that_no_fault_met_is_told_apart(tmp_path: Path) -> None:
    async def work(run: _Run, bot: FakeBot, control: FakeControl) -> None:
        clock = cast(FakeClock, run.clock)
        bot.is_ready, control.hits = True, {"f1": 2}
        await run._kill()
        await clock.advance(1)
        await run._lift([(1.0, "f1", Misfortune(at_s=0.0, life_s=1.0, body={"kind": "drop"}), 500)])
        await run._look()
        assert (run.recoveries, run.spared) == ([1.0], [1.0])
        await run._kill()
        await clock.advance(3)
        control.hits = {"f2": 1}
        await run._look()
        assert (run.recoveries, run.spared) == ([1.0, 3.0], [1.0])

    scenario(tmp_path, work)


def test_a_bot_that_ends_by_itself_is_broken_and_started_again(tmp_path: Path) -> None:
    async def work(run: _Run, bot: FakeBot, control: FakeControl) -> None:
        bot.ended = 70
        await run._look()
        assert run.broken == ["the bot ended by itself with 70: its last words"] and bot.lives == 2

    scenario(tmp_path, work)


def test_one_that_does_not_come_back_is_broken(tmp_path: Path) -> None:
    async def work(run: _Run, bot: FakeBot, control: FakeControl) -> None:
        await run._kill()
        clock = cast(FakeClock, run.clock)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run._until_up())
            while not task.done():
                await clock.advance(1)
        assert "not ready within 60 s after the last kill (feed)" in run.broken[0]

    scenario(tmp_path, work)


def test_a_process_that_ended_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not _gone(child.pid)
    child.communicate(b"\n")
    assert _gone(child.pid)


def test_how_long_orders_took_is_asked_of_lives_that_were_ready(tmp_path: Path) -> None:
    async def work(run: _Run, bot: FakeBot, _control: FakeControl) -> None:
        await run._kill()
        await run._kill()  # of one that is not ready nothing is known
        assert {leg: one.orders for leg, one in run.latencies.legs().items()} == {"sent": 1}
        run.down_since = None
        await run._kill()
        assert run.latencies.legs()["sent"].orders == 2

    scenario(tmp_path, work)
