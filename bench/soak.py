"""A day at sixty times the speed, with faults, in one life: nothing may grow, and at the end every book is the venue's.

    python -m bench.soak                        24 venue hours, about 25 minutes
    python -m bench.soak --hours 1              shorter: the same judges, with less to go by
    python -m bench.soak --samples s.json --picture soak.png
    python -m bench.soak --again s.json         the figures of those samples, judged again

Progress goes to stderr, one JSON document to stdout; exit 0 when everything held. What is judged and why: docs/soak.md. How long something
stood without a stop, and how late a decision was, is chaos's to say (`python -m bench.chaos`): here a wall second is a venue minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from bench.bot import Bot, Late, no_leftovers, run, simulator_pid, started
from bench.soak_books import books, most_remembered, rows
from bench.soak_faults import plan
from bench.soak_judge import HOURS, LEAST, Bounds, judge, last_share, marks, slope
from bench.soak_outages import Course, reported, unprinted
from bench.soak_picture import draw
from bench.soak_samples import MB, Sample, look
from bench.soak_venue import Venue
from modules.chaos.schedule import Misfortune
from modules.chaos.verdict import not_flat
from telemetry.client import ask
from utils.errors import Transient

WORDS = (
    *("--stage", "5", "--override-gates", "--profile", "spot+perp", "--enable", "forex,options", "--strategies", "demo"),
    *("--env", "simulated"),
)
"""Every account there is, trading as often as can be."""
JUMPING = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "EURUSD")
HOUR_MS = 3_600_000
READY_S = 300.0
"""The first start of a checkout compiles."""
TURN_S = 0.1
READ_EVERY_S = 60.0
"""Between two readings of the journal's outages; it keeps far more."""
SAY_EVERY_S = 30.0
SETTLED_S = 120.0
"""After the last fault, until everything is up again."""
FLAT_S = 120.0
SLOWER = 1.5
"""So much longer than asked may it take: venue time waits for the bot and for what a fault delays."""
SPARE_S = 120.0
TRACEBACK = "Traceback (most recent call last)"

Say = Callable[[str], None]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    hours: float
    """Venue time."""
    speed: float
    seed: int
    every_s: float
    """Between two samples, wall time."""
    faults_per_minute: float
    outage_every_s: float

    @property
    def seconds(self) -> float:
        """Wall time, if nothing holds the venue's clock."""
        return self.hours * 3600 / self.speed


class Soak:
    """One run in the empty folder `place`. After `run`: samples, struck faults, outages, and what is `wrong`."""

    def __init__(self, options: Options, place: Path, say: Say) -> None:
        self.options, self.say = options, say
        self.state_dir = place / "soak"
        self.samples: list[Sample] = []
        self.course = Course()
        self.struck: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.remembered = 0
        self._standing: list[tuple[float, str, Misfortune]] = []
        self._began = time.monotonic()

    def run(self) -> None:
        """All of it. `Late` when the bot does not get ready or ends before its time."""
        options = self.options
        words = (*WORDS, "--seed", str(options.seed), "--speed", f"{options.speed:g}")
        with no_leftovers(self.state_dir), started(self.state_dir, *words) as bot:
            facts = bot.ready(READY_S)
            venue = Venue(facts["simulator"])
            self._live(bot, venue, facts["http"])
            self._settle(bot)
            self._close(bot, venue)
            for what in (bot.output, bot.folder / "simulator.out", bot.folder / "simulator.log"):
                if what.exists() and TRACEBACK in (text := what.read_text(errors="replace")):
                    self.wrong.append(f"a traceback in {what.name}: {text[text.index(TRACEBACK) :][:600]}")
            self.wrong += [*self.course.wrong, *unprinted(self.course.told, bot.said)]

    def _now(self) -> float:
        return time.monotonic() - self._began

    # --- the day ------------------------------------------------------------------------------------------------------------------

    def _live(self, bot: Bot, venue: Venue, url: str) -> None:
        """Until the venue's day is over: faults when they are due, a sample when it is time."""
        options, pause = self.options, threading.Event()
        limit_s = options.seconds * SLOWER + SPARE_S
        coming = list(
            plan(
                options.seed, seconds=limit_s, faults_per_minute=options.faults_per_minute, outage_every_s=options.outage_every_s,
                symbols=JUMPING, accounts=venue.accounts(),
            )
        )  # fmt: skip
        self._began, start = time.monotonic(), venue.now()
        simulator = simulator_pid(self.state_dir)
        next_look = next_read = next_said = 0.0
        while (gone := self._now()) < limit_s:
            hours = (venue.now() - start) / HOUR_MS
            if bot.process.poll() is not None:
                raise Late(f"the bot ended by itself with {bot.process.returncode}: {bot.said[-1_500:]}")
            while coming and coming[0].at_s <= gone:
                one = coming.pop(0)
                self._standing.append((gone + one.life_s, venue.post(one.body), one))
            self._lift(venue, [one for one in self._standing if one[0] <= gone or hours >= options.hours])
            if gone >= next_look or hours >= options.hours:
                next_look = gone + options.every_s
                with suppress(OSError):  # a scrape in a bad moment: the next is soon
                    self.samples.append(look(bot.process.pid, simulator, bot.folder, url, wall_s=gone, venue_h=hours))
            if gone >= next_read:
                next_read = gone + READ_EVERY_S
                self.course.take(reported(bot.folder / "journal", self.course.seen))
            if gone >= next_said and self.samples:
                next_said = gone + SAY_EVERY_S
                self.say(self._line(bot))
            if hours >= options.hours:
                break
            pause.wait(TURN_S)
        else:
            self._lift(venue, self._standing)
            self.wrong.append(f"only {hours:.2f} venue hours in {limit_s:.0f} s")

    def _lift(self, venue: Venue, due: Sequence[tuple[float, str, Misfortune]]) -> None:
        self._standing = [one for one in self._standing if one not in due]
        for _, fault, one in due:
            if hits := venue.lift(fault):
                self.struck[one.body["kind"]] += 1 if one.body["kind"] in {"maintenance", "clock_skew"} else hits

    def _line(self, bot: Bot) -> str:
        last, out = self.samples[-1], ", ".join(self.course.open)
        words = (
            f"{last.wall_s:6.0f} s {last.venue_h:6.2f} h",
            f"{last.rss_mb:.1f} MB, {last.fds} handles, {last.threads} threads, {last.tasks} tasks, journal {last.journal_b / MB:.1f} MB",
            f"{last.trades} trades, {sum(self.struck.values())} faults struck, exchange {last.simulator_rss_mb:.0f} MB",
        )
        return "  ".join((*words, f"out: {out}") if out else words)

    # --- the end ------------------------------------------------------------------------------------------------------------------

    def _settle(self, bot: Bot) -> None:
        """Everything that was out comes back."""

        def back() -> bool:
            self.course.take(reported(bot.folder / "journal", self.course.seen))
            return not self.course.open

        try:
            bot.until("everything is back", back, SETTLED_S)
        except Late:
            self.wrong.append(f"not back {SETTLED_S:.0f} s after the last fault: {', '.join(self.course.open)}")

    def _close(self, bot: Bot, venue: Venue) -> None:
        """Flatten as an operator would, compare, stop."""
        self.say("flatten")
        done = run("flatten", "--yes", "--env", "simulated", "--state-dir", str(self.state_dir), limit_s=FLAT_S + 60)
        if done.returncode:
            self.wrong.append(f"flatten ended with {done.returncode}: {done.stderr[-500:]}")
        try:
            bot.until("flat everywhere", lambda: self._flat(bot, venue), FLAT_S)
        except Late as error:
            self.wrong.append(str(error).splitlines()[0])
        threading.Event().wait(2.0)  # what still waited for its turn would leave now: the books are looked at after it
        status, truth = asyncio.run(ask(bot.folder / "control.sock", "/status")), venue.ledger()
        if code := bot.stop(60.0):
            self.wrong.append(f"asked to stop it ended with {code}: {bot.said[-500:]}")
        self.remembered = most_remembered(truth)
        self.wrong += books(rows(bot.folder), truth, status["accounts"])

    def _flat(self, bot: Bot, venue: Venue) -> bool:
        try:
            accounts = asyncio.run(ask(bot.folder / "control.sock", "/status"))["accounts"]
        except Transient:
            return False
        truth = venue.ledger()
        return not any(one["open_positions"] for one in accounts.values()) and not not_flat(truth) and not truth["oanda"]["positions"]


def document(soak: Soak, wall_s: float) -> dict[str, Any]:
    """What came of it; `wrong` is empty when everything held."""
    bounds, wrong = Bounds(), list(soak.wrong)
    findings = judge(soak.samples, bounds) if len(soak.samples) >= LEAST else []
    wrong += [one.told() for one in findings if not one.holds] if findings else [f"only {len(soak.samples)} samples"]
    last = soak.samples[-1] if soak.samples else None
    late = {name: last_share(soak.samples, share) if last else [] for name, share in (("second half", 1 / 2), ("last third", 1 / 3))}
    told = [{"what": one.what, "value": round(one.value, 5), "bound": one.bound, "unit": one.unit, "marks": one.marks} for one in findings]
    return {
        "soak": msgspec.to_builtins(soak.options),
        "machine": {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "wall_s": round(wall_s, 1),
        "venue_h": last.venue_h if last else 0.0,
        "samples": len(soak.samples),
        "trades": last.trades if last else 0,
        "most_remembered": soak.remembered,
        "rss_mb": marks(soak.samples, lambda one: one.rss_mb) if last else (),
        "rss_most_mb": max((one.rss_mb for one in soak.samples), default=0.0),
        "slopes_mb_per_day": {
            name: round(HOURS * slope([one.venue_h for one in part], [one.rss_mb for one in part]), 1) for name, part in late.items()
        },
        "simulator_rss_mb": last.simulator_rss_mb if last else 0.0,
        "faults": dict(sorted(soak.struck.items())),
        "outages": dict(sorted(soak.course.counts.items())),
        "findings": told,
        "wrong": wrong,
    }


def say_on_stderr(text: str) -> None:
    """One line of progress, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Run, judge, print; 0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="A day at sixty times the speed: nothing may grow.")
    add = parser.add_argument
    add("--hours", type=float, default=24.0, metavar="H", help="venue time (default 24)")
    add("--minutes", type=float, metavar="M", help="instead: wall time, if nothing holds the venue's clock")
    add("--speed", type=float, default=60.0, metavar="X", help="venue seconds a wall second (default 60)")
    add("--seed", type=int, default=1, metavar="S", help="of market and faults (default 1)")
    add("--every", type=float, default=5.0, metavar="SECONDS", help="between two samples (default 5)")
    add("--faults-per-minute", type=float, default=10.0, metavar="F", help="on average, wall time (default 10)")
    add("--outage-every", type=float, default=45.0, metavar="SECONDS", help="an outage of one stream (default 45, 0 = none)")
    add("--again", type=Path, metavar="FILE", help="judge the figures of samples that were written, and run nothing")
    add("--samples", type=Path, metavar="FILE", help="write every sample there")
    add("--picture", type=Path, metavar="FILE", help="draw them there (PNG)")
    args = parser.parse_args(arguments)
    options = Options(
        hours=args.hours if args.minutes is None else args.minutes * args.speed / 60,
        speed=args.speed,
        seed=args.seed,
        every_s=args.every,
        faults_per_minute=args.faults_per_minute,
        outage_every_s=args.outage_every,
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        soak = Soak(options, Path(place), say_on_stderr)
        try:
            if args.again is None:
                soak.run()
            else:
                soak.samples = msgspec.json.decode(args.again.read_bytes(), type=list[Sample])
        except Late as error:
            soak.wrong.append(str(error))
    found = document(soak, time.monotonic() - began)
    if args.samples is not None:
        args.samples.write_bytes(msgspec.json.format(msgspec.json.encode(soak.samples), indent=0))
    if args.picture is not None and soak.samples:
        draw(soak.samples, args.picture)
    print(json.dumps(found, indent=1))
    return int(bool(found["wrong"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
