"""How late the daemon's event loop is with the panel open and charts being drawn, beside the same time with nobody looking.

The bot on the built-in exchange with its own symbols at --speed 60; two streams of live values, a page every half second, one chart after
the other. The lag is the daemon's own `bot_event_loop_lag_seconds`: a sleeper, four times a second. What else the machine does counts as
lag, too, so its load is written beside the figure. `python -m bench.panel_lag [--seconds N]`
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import aiohttp
import msgspec

from bench.bot import PROGRAM, Bot, no_leftovers, started

WORDS = ("--strategies", "demo", "--speed", "60")
TOPICS = ("overview", "CRYPTO:BTCUSDT")
PAGES = ("/", "/symbol/CRYPTO:BTCUSDT", "/kpi", "/journal", "/data/equity", "/data/bars/CRYPTO:BTCUSDT", "/metrics")
CHARTS = ("equity", "BTCUSDT")
PAGE_EVERY_S = 0.5
GOAL_S = 0.01
BUCKET = re.compile(r'^bot_event_loop_lag_seconds_bucket\{.*?le="([^"]+)".*?\} (\S+)$', re.MULTILINE)


class Lag(msgspec.Struct, kw_only=True):
    """What a stretch of time showed. `p99_below_s`: the bound of the bucket in which the 99th percentile lies; `load`: of one minute."""

    name: str
    samples: int
    above_goal: int
    p99_below_s: float
    highest_below_s: float
    pages: int = 0
    charts: int = 0
    load: float = 0.0

    @property
    def met(self) -> bool:
        """Whether 99 of 100 were within the goal."""
        return self.p99_below_s <= GOAL_S


def buckets(text: str) -> dict[float, float]:
    """Bound in seconds -> samples at or below it, from the text of /metrics."""
    return {float(bound): float(count) for bound, count in BUCKET.findall(text)}


def judged(name: str, before: dict[float, float], after: dict[float, float]) -> Lag:
    """The samples between two looks; ValueError when there are none."""
    counts = {bound: int(after[bound] - before.get(bound, 0)) for bound in sorted(after)}
    total = max(counts.values(), default=0)
    if not total:
        raise ValueError("no sample of the loop's lag")
    p99 = next(bound for bound, count in counts.items() if count >= 0.99 * total)
    highest = next(bound for bound, count in counts.items() if count == total)
    return Lag(name=name, samples=total, above_goal=total - counts[GOAL_S], p99_below_s=p99, highest_below_s=highest)


async def look(session: aiohttp.ClientSession, url: str) -> dict[float, float]:
    """The histogram of the daemon at `url` by now."""
    async with session.get(f"{url}/metrics") as answer:
        return buckets(await answer.text())


async def stretch(session: aiohttp.ClientSession, url: str, name: str, seconds: float) -> Lag:
    """What so much time from now on shows."""
    before = await look(session, url)
    await asyncio.sleep(seconds)
    found = judged(name, before, await look(session, url))
    found.load = os.getloadavg()[0]
    return found


class Visitors:
    """People in front of the panel, and one who wants charts, until cancelled."""

    def __init__(self, url: str, state_dir: Path, session: aiohttp.ClientSession) -> None:
        self._url, self._state_dir, self._session = url, state_dir, session
        self.pages = self.charts = 0

    async def watch(self, topic: str) -> None:
        """One open page."""
        async with self._session.get(f"{self._url}/live/{topic}", timeout=aiohttp.ClientTimeout()) as stream:
            stream.raise_for_status()
            async for _ in stream.content.iter_any():
                pass

    async def turn_pages(self) -> None:
        """From one page to the next."""
        for path in itertools.cycle(PAGES):
            async with self._session.get(self._url + path) as answer:
                answer.raise_for_status()
                await answer.read()
            self.pages += 1
            await asyncio.sleep(PAGE_EVERY_S)

    async def draw(self) -> None:
        """One chart after the other, over the command line."""
        for what in itertools.cycle(CHARTS):
            out = str(self._state_dir / "chart.png")
            words = [*PROGRAM, "control", "chart", what, "--out", out, "--state-dir", str(self._state_dir)]
            process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.DEVNULL)
            self.charts += await process.wait() == 0


async def measured(bot: Bot, url: str, seconds: float) -> list[Lag]:
    """The quiet stretch, then the busy one."""
    async with aiohttp.ClientSession() as session:
        quiet = await stretch(session, url, "nobody looks", seconds)
        visitors = Visitors(url, bot.state_dir, session)
        jobs = [visitors.watch(topic) for topic in TOPICS] + [visitors.turn_pages(), visitors.draw()]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
            busy = await stretch(session, url, "panel open, charts drawn", seconds)
            for task in tasks:
                task.cancel()
        busy.pages, busy.charts = visitors.pages, visitors.charts
        return [quiet, busy]


def main(arguments: list[str]) -> int:
    """Measure, print, and 1 when the goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.panel_lag", description="Lag of the daemon's loop with the panel open.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each stretch (default 60)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        state_dir = Path(place) / "var"
        with no_leftovers(state_dir), started(state_dir, *WORDS) as bot:
            url = bot.ready()["http"]
            found = asyncio.run(measured(bot, url, args.seconds))
            bot.stop()
    for one in found:
        sys.stdout.write(
            f"{one.name}: {one.samples} samples, p99 below {one.p99_below_s * 1000:g} ms, highest below {one.highest_below_s * 1000:g} ms, "
            f"{one.above_goal} above {GOAL_S * 1000:g} ms; {one.pages} pages, {one.charts} charts, load {one.load:.1f}\n"
        )
    if args.json:
        args.json.write_text(json.dumps(msgspec.to_builtins(found), indent=2) + "\n")
    return 0 if found[-1].met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
