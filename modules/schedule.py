"""Reports on a schedule that survives restarts: each venue day and week once it is over, each made once, in a process of its own.

What was done last stands in `reports/schedule.json` of the state's folder; what was missed is made up for at the next start. Drawing takes
seconds of pure computing, so it happens beside the daemon, at the lowest priority, by the very command that a person would type.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from modules.engine.core import Engine
from modules.environment import without_secrets
from modules.options import RunOptions
from modules.ui.periods import Done, Period, day_text, due, first_done, made
from utils.clock import Clock
from utils.errors import Transient
from utils.files import atomic_write

FOLDER = "reports"
NAME = "schedule.json"
PROGRAM = Path(__file__).resolve().parents[1] / "main.py"
POLL_S = 5.0
RETRY_S = 900.0
"""Wall time until a report that could not be made is tried again."""
LIMIT_S = 600.0
LOWEST_PRIORITY = 19
RECORDED = "recorded:"

Make = Callable[[Period, int], Awaitable[None]]
"""Make the report about a period at a venue time (ms UTC); Transient when it could not be made."""


def load(folder: Path, now: int) -> Done:
    """What was done last in `folder`; without a readable record, or from a clock that ran ahead, a schedule that begins at `now`."""
    fresh = first_done(now)
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Done)
    except (OSError, msgspec.MsgspecError):
        return fresh
    return Done(day=min(found.day, fresh.day), week=min(found.week, fresh.week))


def save(folder: Path, done: Done) -> None:
    """Remember it; OSError when the disk refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / NAME, msgspec.json.encode(done))


class Schedule:
    """The task: looks every few seconds whether a day or a week is over."""

    def __init__(
        self,
        folder: Path,
        venue_now: Callable[[], int],
        make: Make,
        clock: Clock,
        say: Callable[[str], None],
        ready: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """`venue_now`: venue time up to which everything is in the ledger, ms; 0 while there is none.

        `say` gets lines for people, `ready` the name of each report that was made.
        """
        self._ready = ready
        self._folder, self._venue_now, self._make, self._clock, self._say = folder, venue_now, make, clock, say
        self._done: Done | None = None

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._clock.sleep(POLL_S)
            if not await self.step():
                await self._clock.sleep(RETRY_S)

    async def step(self) -> bool:
        """Make the reports that are due; False when one could not be made, and the rest waits with it."""
        now = self._venue_now()
        if now <= 0:
            return True
        if self._done is None:
            self._done = load(self._folder, now)
            save(self._folder, self._done)
        for period in due(self._done, now):
            try:
                await self._make(period, now)
            except Transient as error:
                self._say(f"report {period.name} could not be made, it will be tried again: {error}")
                return False
            self._done = made(self._done, period)
            save(self._folder, self._done)
            self._say(f"report {period.name} is in {self._folder / period.name}")
            self._ready(period.name)
        return True


def command(options: RunOptions, period: Period, now: int) -> list[str]:
    """The command line that makes the report about `period`."""
    words = [sys.executable, str(PROGRAM), "report", str(period.kind), "--env", str(options.env), "--state-dir", str(options.state_dir)]
    words += ["--date", day_text(period.from_ts), "--now", str(now), "--out", str(options.folder / FOLDER)]
    market = options.market or ""
    return words + (["--data", market.removeprefix(RECORDED)] if market.startswith(RECORDED) else [])


def figures_command(folder: Path) -> list[str]:
    """The command line that prints the key figures of the state in `folder` as one JSON document."""
    return [sys.executable, str(PROGRAM), "kpi", "--json", "--env", folder.name, "--state-dir", str(folder.parent)]


async def carry_out(words: Sequence[str], environ: Mapping[str, str], limit_s: float = LIMIT_S, given: bytes | None = None) -> bytes:
    """Run a command to its end at the lowest priority; Transient, with its last line, when it fails. Cancelled, it is killed.

    With something `given` to its standard input, what it wrote comes back; else it is told nothing and its words are thrown away.
    """
    pipe = asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
        start_new_session=True,
    )
    try:
        with suppress(ProcessLookupError):  # it has ended already; what it said is read below
            os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST_PRIORITY)
        async with asyncio.timeout(limit_s):
            made, said = await process.communicate(given)
    except TimeoutError as error:
        raise Transient(f"it took longer than {limit_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise Transient(last or f"exit code {process.returncode}")
    return made or b""


async def scheduled(options: RunOptions, engine: Engine, clock: Clock, say: Callable[[str], None], ready: Callable[[str], None]) -> None:
    """The daemon's task: reports on what `engine` has decided. The process that draws is told none of the secrets."""
    environ = without_secrets(os.environ)

    async def make(period: Period, now: int) -> None:
        await carry_out(command(options, period, now), environ)

    await Schedule(options.folder / FOLDER, lambda: engine.state.ts, make, clock, say, ready).run()
