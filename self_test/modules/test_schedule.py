"""Reports fall due by venue time, each is made once whatever dies in between, and a failure costs nothing but the report."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from modules.environment import Environment
from modules.options import RunOptions
from modules.schedule import NAME, RETRY_S, Schedule, carry_out, command, load, save
from modules.ui.periods import DAY_MS, Done, Kind, Period, beginning, day_number, first_done
from utils.clock import FakeClock
from utils.errors import Transient

MONDAY = day_number("2025-03-03")
HOUR = DAY_MS // 24


class World:
    """Venue time, and the reports that were made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, MONDAY * DAY_MS + HOUR
        self.made: list[str] = []
        self.said: list[str] = []
        self.failing = False

    def start(self) -> Schedule:
        return Schedule(self.folder, lambda: self.now, self.make, FakeClock(), self.said.append)

    async def make(self, period: Period, now: int) -> None:
        assert now == self.now
        if self.failing:
            raise Transient("no room")
        self.made.append(period.name)


@pytest.mark.asyncio
async def test_days_and_weeks_are_reported_once_when_they_are_over(tmp_path: Path) -> None:
    world = World(tmp_path / "reports")
    schedule = world.start()
    for hours in range(24 * 8):
        world.now = MONDAY * DAY_MS + (hours + 1) * HOUR
        assert await schedule.step()
    assert world.made == [*(f"daily-2025-03-{3 + k:02}" for k in range(7)), "weekly-2025-W10", "daily-2025-03-10"]
    assert len(world.said) == len(world.made)


@pytest.mark.asyncio
async def test_a_restart_makes_up_for_what_was_missed_and_repeats_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.start().step()
    world.now += DAY_MS
    await world.start().step()
    assert world.made == ["daily-2025-03-03"]
    world.now += 2 * DAY_MS
    second = world.start()
    await second.step()
    await second.step()
    assert world.made == ["daily-2025-03-03", "daily-2025-03-04", "daily-2025-03-05"]


@pytest.mark.asyncio
async def test_before_anything_was_heard_nothing_is_written(tmp_path: Path) -> None:
    world = World(tmp_path / "reports")
    world.now = 0
    assert await world.start().step()
    assert not world.folder.exists()


@pytest.mark.asyncio
async def test_a_failure_is_told_and_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    schedule = world.start()
    await schedule.step()
    world.now, world.failing = world.now + DAY_MS, True
    assert not await schedule.step()
    assert world.made == [] and "no room" in world.said[0]
    world.failing = False
    assert await schedule.step()
    assert world.made == ["daily-2025-03-03"]


@pytest.mark.asyncio
async def test_the_task_waits_longer_after_a_failure(tmp_path: Path) -> None:
    slept: list[float] = []

    class Clock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 4:
                raise asyncio.CancelledError

    world = World(tmp_path)
    save(tmp_path, first_done(world.now - DAY_MS))
    world.failing = True
    with pytest.raises(asyncio.CancelledError):
        await Schedule(tmp_path, lambda: world.now, world.make, Clock(), world.said.append).run()
    assert slept[1] == slept[3] == RETRY_S and slept[0] == slept[2] < RETRY_S


def test_what_cannot_be_read_or_lies_ahead_begins_anew(tmp_path: Path) -> None:
    now = MONDAY * DAY_MS + HOUR
    assert load(tmp_path, now) == first_done(now)
    save(tmp_path, Done(day=MONDAY - 5, week=MONDAY - 14))
    assert load(tmp_path, now) == Done(day=MONDAY - 5, week=MONDAY - 14)
    save(tmp_path, Done(day=MONDAY + 500, week=MONDAY + 497))
    assert load(tmp_path, now) == first_done(now)
    (tmp_path / NAME).write_bytes(b"{")
    assert load(tmp_path, now) == first_done(now)


def test_the_command_is_one_that_a_person_could_type(tmp_path: Path) -> None:
    from config import CONFIG
    from modules import cli
    from self_test.telemetry.ledgers import stream
    from self_test.telemetry.stored import store

    store(tmp_path, stream(3))
    options = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=tmp_path)
    words = command(options, beginning(Kind.DAILY, MONDAY + 1, (MONDAY + 3) * DAY_MS), (MONDAY + 3) * DAY_MS)
    assert Path(words[1]).name == "main.py" and Path(words[1]).exists()
    assert cli.main(words[2:], lambda: CONFIG) == 0
    assert (tmp_path / "simulated" / "reports" / "daily-2025-03-04" / "report.md").exists()
    recorded = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=tmp_path, market="recorded:data")
    assert command(recorded, beginning(Kind.WEEKLY, MONDAY, 0), 0)[-2:] == ["--data", "data"]


@pytest.mark.asyncio
async def test_a_process_that_ended_before_it_could_be_slowed_has_done_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "setpriority", gone)
    assert await carry_out([sys.executable, "-c", "print('done')"], os.environ, given=b"") == b"done\n"


@pytest.mark.asyncio
async def test_a_process_that_fails_says_why_in_its_last_line() -> None:
    await carry_out([sys.executable, "-c", "pass"], os.environ)
    with pytest.raises(Transient, match=r"^no room$"):
        await carry_out([sys.executable, "-c", "import sys; sys.exit('first\\nno room')"], os.environ)
    with pytest.raises(Transient, match="exit code 3"):
        await carry_out([sys.executable, "-c", "raise SystemExit(3)"], os.environ)


@pytest.mark.asyncio
async def test_a_process_that_hangs_is_ended_in_time_and_so_is_one_whose_daemon_stops() -> None:
    hang = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(Transient, match=r"longer than 0\.2 s"):
        await carry_out(hang, os.environ, limit_s=0.2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await carry_out(hang, os.environ)


@pytest.mark.asyncio
async def test_what_is_given_to_a_command_comes_back_as_it_made_it() -> None:
    words = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"]
    assert await carry_out(words, os.environ, 60.0, b"abc" * 100_000) == b"cba" * 100_000
    assert await carry_out([sys.executable, "-c", "print('thrown away')"], os.environ, 60.0) == b""
