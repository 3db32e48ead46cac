"""How long commands and starts take, in processes of their own: `version`, `--help`, the daemon to its first subscribed feed and to ready.

Warm: kernels are compiled and files are in the cache of the system. `again`: on a state that is there, as after a restart; `fresh`: in an
empty folder, where past candles are asked for first. The built-in exchange is started with each, in a process of its own. Alone:
python -m bench.starts
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.bot import Bot, no_leftovers, run, started
from bench.measure import Row, table, took
from bench.training_lag import rss_kb

FEED_LINE = "feed connected"
COMMAND_S, START_S = 0.3, 3.0
LOOK_S = 0.005


def command_row(word: str, runs: int) -> Row:
    """Seconds that a command takes, the interpreter's start in it."""
    run(word)
    found = []
    for _ in range(runs):
        begin = time.perf_counter()
        run(word)
        found.append(time.perf_counter() - begin)
    return took(f"main.py {word}", "s", found, COMMAND_S)


def until_said(bot: Bot, words: str, begin: float, limit_s: float = 300.0) -> float:
    """Seconds from `begin` until the bot's output holds `words`; TimeoutError when it never does."""
    pause = threading.Event()
    while words not in bot.said:
        if time.perf_counter() - begin > limit_s or bot.process.poll() is not None:
            raise TimeoutError(f"{words!r} was never said: {bot.said[-1000:]}")
        pause.wait(LOOK_S)
    return time.perf_counter() - begin


def once(state_dir: Path, output: Path, *words: str) -> tuple[float, float, float]:
    """(first feed subscribed, ready, resident MB when ready) of one start that ends in order."""
    begin = time.perf_counter()
    with started(state_dir, "--verbose", *words, output=output) as bot:
        feed = until_said(bot, FEED_LINE, begin)
        bot.ready()
        ready = time.perf_counter() - begin
        resident = rss_kb(bot) / 1024
        bot.stop()
    return feed, ready, resident


def start_rows(folder: Path, runs: int) -> list[Row]:
    """Both commands and both kinds of start."""
    rows = [command_row("version", 2 * runs + 1), command_row("--help", 2 * runs + 1)]
    with no_leftovers(folder / "again") as state_dir:
        once(state_dir, folder / "first.out")
        again = [once(state_dir, folder / f"again-{n}.out") for n in range(runs)]
    fresh = []
    for n in range(runs):
        with no_leftovers(folder / f"fresh-{n}") as state_dir:
            fresh.append(once(state_dir, folder / f"fresh-{n}.out"))
    for name, found in (("again", again), ("fresh", fresh)):
        feeds, readies, _ = zip(*found, strict=True)
        goal = START_S if name == "again" else None
        rows += [took(f"start to first subscribed feed, {name}", "s", feeds, goal), took(f"start to ready, {name}", "s", readies)]
    rows.append(took("resident memory when ready", "MB", [one[2] for one in again]))
    return rows


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(start_rows(Path(folder), 3)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
