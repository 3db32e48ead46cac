"""How late the daemon's event loop is, and how large the daemon, while networks are trained beside it; and before, with nothing trained.

The bot on the built-in exchange with its own symbols at --speed 60, learning switched on. A bot that has just begun has nothing to train on
for weeks, so the jobs of the second stretch are asked for from here, one after the other: the same process (`main.py trainer`, niced, one
thread), the same client, full trainings of sb3_dqn on the experience of a replayed market. The lag is the daemon's own
`bot_event_loop_lag_seconds`: a sleeper, four times a second. What else the machine does counts as lag, too, so its load is written beside
the figure. `python -m bench.training_lag [--seconds N] [--json FILE]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import aiohttp
import msgspec

from bench.bot import Bot, no_leftovers, run, started
from bench.markets import random_grid
from bench.measure import Row, took
from bench.panel_lag import GOAL_S, Lag, stretch
from config import CONFIG
from modules.learning.candles import Place
from modules.learning.checkpoint import SB3_DQN
from modules.learning.child import Child
from modules.learning.jobs import Train
from self_test.fakes.lived import lived
from state.accounts import Domain

WORDS = ("--strategies", "demo", "--speed", "60")
SYMBOLS, DAYS = 4, 150
LIMIT_S = 600.0
ALL = frozenset({0, 1, 2, 3})


class Stretch(msgspec.Struct, kw_only=True):
    """What a stretch of time showed. `rss_kb`: of the daemon at its end; `trained`: trainings that ended; `cpu_s`: what they computed."""

    lag: Lag
    rss_kb: int
    trained: int = 0
    cpu_s: float = 0.0


def resident_kb(status: str) -> int:
    """Resident memory in KiB, from the text of /proc/PID/status; ValueError when it says nothing of it."""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError("no VmRSS: the process is gone")


def rss_kb(bot: Bot) -> int:
    """Of the daemon, now."""
    return resident_kb(Path(f"/proc/{bot.process.pid}/status").read_text())


def table(found: list[Stretch], before_kb: int) -> str:
    """The figures for people."""
    lines = [f"{'':24} {'samples':>8} {'p99 below':>10} {'highest':>9} {'> goal':>7} {'RSS MB':>8} {'trained':>8} {'CPU s':>7} {'load':>6}"]
    lines.append(f"{'daemon when ready':24} {'':8} {'':10} {'':9} {'':7} {before_kb / 1024:8.1f}")
    for one in found:
        lag = one.lag
        lines.append(
            f"{lag.name:24} {lag.samples:8} {lag.p99_below_s * 1000:7g} ms {lag.highest_below_s * 1000:6g} ms {lag.above_goal:7} "
            f"{one.rss_kb / 1024:8.1f} {one.trained:8} {one.cpu_s:7.1f} {lag.load:6.1f}"
        )
    lines.append(f"goal: p99 at most {GOAL_S * 1000:g} ms while it trains: {'met' if found[-1].lag.met else 'MISSED'}")
    return "\n".join(lines) + "\n"


class Trainings:
    """One training after the other, in a process as the daemon has one, until cancelled."""

    def __init__(self, place: Place, now: int) -> None:
        self._child, self._now = Child(lambda: place), now
        self.done, self.cpu_s = 0, 0.0

    async def once(self) -> None:
        """One training; ValueError when it was refused: then this measures nothing."""
        answer = await self._child.ask(Train(domain=Domain.CRYPTO, now=self._now, algorithm=SB3_DQN, number=self.done + 1), LIMIT_S)
        if answer.refused and "disagree" not in answer.refused:  # seeds may disagree on noise, after all the work
            raise ValueError(answer.refused)
        self.done += 1
        self.cpu_s += answer.cpu_s

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                await self.once()
        finally:
            await self._child.close()


async def measured(bot: Bot, url: str, place: Place, now: int, seconds: float) -> list[Stretch]:
    """The quiet stretch, then the one with trainings in it."""
    async with aiohttp.ClientSession() as session:
        quiet = await stretch(session, url, "nothing is trained", seconds)
        found = [Stretch(lag=quiet, rss_kb=rss_kb(bot))]
        trainings = Trainings(place, now)
        await trainings.once()  # its start is not what is measured
        trainings.cpu_s, trainings.done = 0.0, 0
        async with asyncio.TaskGroup() as group:
            task = group.create_task(trainings.run())
            busy = await stretch(session, url, "networks are trained", seconds)
            found.append(Stretch(lag=busy, rss_kb=rss_kb(bot), trained=trainings.done, cpu_s=trainings.cpu_s))
            task.cancel()
        return found


def taken(seconds: float) -> tuple[list[Stretch], int]:
    """Both stretches, and the daemon's memory when it was ready (KiB)."""
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder) / "var"
        grid = random_grid(SYMBOLS, DAYS)
        place, now = lived(Path(folder) / "lived", grid, CONFIG, ALL), int(grid.ts[-1]) + grid.confirm_ms
        with no_leftovers(state_dir), started(state_dir, *WORDS) as bot:
            url = bot.ready()["http"]
            run("control", "learn", "on", "--yes", "--state-dir", str(state_dir))
            before_kb = rss_kb(bot)
            found = asyncio.run(measured(bot, url, place, now, seconds))
            bot.stop()
    return found, before_kb


def lag_rows(seconds: float) -> list[Row]:
    """The 99th percentiles as rows: bounds of the buckets in which they lie, milliseconds."""
    found, _ = taken(seconds)
    rows = []
    for one, goal in zip(found, (None, GOAL_S * 1000), strict=True):
        note = f"{one.lag.samples} samples, none above {one.lag.highest_below_s * 1000:g} ms; {one.trained} trainings"
        rows.append(took(f"lag of the event loop, p99, {one.lag.name}", "ms", [one.lag.p99_below_s * 1000], goal, note))
    return rows


def main(arguments: list[str]) -> int:
    """Measure, print, and 1 when the goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.training_lag", description="Lag of the daemon's loop during training.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each stretch (default 60)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(arguments)
    found, before_kb = taken(args.seconds)
    sys.stdout.write(table(found, before_kb))
    if args.json:
        told = {"ready_rss_kb": before_kb, "stretches": msgspec.to_builtins(found), "goal_s": GOAL_S, "met": found[-1].lag.met}
        args.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if found[-1].lag.met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
