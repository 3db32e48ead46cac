"""One run of chaos: a simulator, a bot on it, faults and kills by schedule, a flatten, and both ledgers for the verdict.

The simulator is the bot's own embedded one; chaos attaches to it as well, so venue time goes on while the bot is dead. One loop does it
all, looking around every few milliseconds; whatever it started it ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import msgspec

from modules.chaos.bot import Bot, run_command
from modules.chaos.control import Control
from modules.chaos.latencies import Latencies, Leg
from modules.chaos.schedule import Misfortune, make_schedule
from modules.chaos.verdict import Stretch, Told, Verdict, judge, not_flat
from modules.simulator import launcher
from modules.simulator.attachments import process_lives
from modules.simulator.venue_options import SimulatorOptions
from state.ledger import read_ledger
from utils.clock import SECOND, WallClock

READY_LIMIT_S = 300.0
"""The first start may have to compile."""
FLAT_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
QUIET_S = 3.0
"""Between the last fault and the flatten: what the faults left open has time to be found."""
STEADY_S = 3.0
LOOK_S = 0.02
FLAT_LOOK_S = 0.25
SAY_EVERY_S = 15.0
RECOVERY_LIMIT_S = 60.0
"""A life that is not ready after this is broken."""
SLOW_S = 10.0
"""A recovery that took longer is told at once."""
DELAYING = frozenset({"delay", "reorder", "maintenance"})

Say = Callable[[str], None]


class ChaosOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked for."""

    seed: int
    minutes: float
    """Wall time."""
    kills: int
    speed: float
    symbols: tuple[str, ...]
    faults_per_minute: float
    stage: int
    overrides: tuple[str, ...] = ()
    """`--set` words for the bot."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A run and what came of it; the JSON document of the command."""

    seed: int
    minutes: float
    speed: float
    symbols: int
    broken: list[str]
    """Invariants that did not hold; empty is good."""
    orders_sent: int
    entries: int
    venue_fills: int
    booked_fills: int
    duplicates: int
    lost_fills: int
    double_counted: int
    faults_injected: dict[str, int]
    """Strikes by kind."""
    kills: int
    unprotected_max_s: float
    unprotected_total_s: float
    unprotected_over: int
    recovery_max_s: float | None
    """From the kill to ready again; kills that met a start-up count from the last of them."""
    recovery_median_s: float | None
    recovery_spared_max_s: float | None
    """The longest of those that no fault met between the kill and ready; None when every one was met."""
    most_open: int
    """Positions open at once, at most, as the bot showed them while nothing else was to be done."""
    flatten_s: float | None
    """From the request to nothing left at the venue; None: never."""
    flat: bool
    order_latency: dict[str, Leg] = {}
    """Leg of live orders -> how long it took, injected delays included, over the lives that were asked before they ended."""


class _Run:
    def __init__(self, options: ChaosOptions, place: Path, session: aiohttp.ClientSession, say: Say) -> None:
        self.options, self.place, self.session, self.say = options, place, session, say
        self.clock = WallClock()
        self.broken: list[str] = []
        self.hits: Counter[str] = Counter()
        self.injected: list[Stretch] = []
        self.recoveries: list[float] = []
        self.spared: list[float] = []
        self.struck_by_lifted = self.struck_before = 0
        self.kills = self.most_open = 0
        self.down_since: float | None = 0.0
        self.down_ts = 0
        self.latencies = Latencies()
        self.last_missing = ""
        self.control: Control
        words = [
            "--stage", str(options.stage), "--override-gates", "--profile", "spot+perp" if options.stage > 1 else "spot",
            "--strategies", "demo", "--env", "simulated", "--seed", str(options.seed), "--speed", f"{options.speed:g}",
            "--symbols", ",".join(options.symbols), "--state-dir", str(place), "--http-port", "0", "--verbose",
        ]  # fmt: skip
        for one in options.overrides:
            words += ["--set", one]
        self.bot = Bot(place, words, place / "bot.out")

    def _s(self) -> float:
        return self.clock.monotonic_ns() / SECOND

    # --- the run ------------------------------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """All of it. `Transient` when the simulator fails us."""
        options = self.options
        wanted = SimulatorOptions(speed=options.speed, seed=options.seed, symbols=options.symbols)
        self.say(f"seed {options.seed}: starting the exchange and the bot")
        endpoints = await launcher.ensure_running(self.place, wanted, self.clock)
        try:
            self.control = Control(self.session, endpoints.control)
            await self.control.attach("chaos", os.getpid())
            self.down_since = self._s()
            await self.bot.start()
            flatten_s = None
            if await self._first_ready():
                await self._storm(await self.control.accounts())
                flatten_s = await self._flatten()
            venue = await self.control.ledger()
            code = await self.bot.stop(STOP_LIMIT_S)
            if code != 0:
                self.broken.append(f"asked to stop it ended with {code}: {self.bot.said[-500:]}")
        finally:
            await self.bot.kill()
            await self._end_simulator(endpoints.pid)
        return self._outcome(venue, flatten_s)

    async def _end_simulator(self, pid: int) -> None:
        """Ours, and the one that the bot started if ours was gone."""
        known = launcher.read_record(self.place)
        for one in {pid, known.pid if known is not None else pid}:
            with suppress(ProcessLookupError):
                if not _gone(one):
                    os.kill(one, signal.SIGTERM)
            until = self._s() + STOP_LIMIT_S
            while not _gone(one) and self._s() < until:
                await self.clock.sleep(FLAT_LOOK_S)

    async def _first_ready(self) -> bool:
        until = self._s() + READY_LIMIT_S
        while self._s() < until and self.bot.ended is None:
            if await self.bot.ready():
                self.down_since = None
                return True
            await self.clock.sleep(LOOK_S)
        how = f"is not ready in time ({self.bot.missing})" if self.bot.ended is None else f"ended with {self.bot.ended}"
        self.broken.append(f"the first start {how}: {self.bot.said[-800:]}")
        return False

    async def _storm(self, accounts: list[str]) -> None:
        """Faults and kills until the time is over; then no fault is left and the bot is up."""
        options, seconds = self.options, self.options.minutes * 60
        schedule = make_schedule(
            options.seed, seconds=seconds, kills=options.kills, faults_per_minute=options.faults_per_minute, symbols=options.symbols,
            accounts=accounts,
        )  # fmt: skip
        began = self._s()
        coming, kills = list(schedule.faults), list(schedule.kills)
        standing: list[tuple[float, str, Misfortune, int]] = []
        next_said = began + SAY_EVERY_S
        while (now := self._s() - began) < seconds or standing:
            if coming and coming[0].at_s <= now:
                one = coming.pop(0)
                standing.append((now + one.life_s, await self.control.post_fault(one.body), one, await self.control.now()))
            if due := [one for one in standing if one[0] <= now or now >= seconds]:
                standing = [one for one in standing if one not in due]
                await self._lift(due)
            if kills and kills[0] <= now:
                kills.pop(0)
                await self._kill()
            await self._look()
            if self._s() >= next_said:
                next_said += SAY_EVERY_S
                said = f"{now:5.0f} s of {seconds:.0f}: {sum(self.hits.values())} faults struck, {self.kills} kills, {self.bot.lives} lives"
                self.say(f"{said}, {len(self.broken)} broken")
            await self.clock.sleep(LOOK_S)
        await self._until_up()

    async def _struck(self) -> int:
        """How often a fault has struck so far, those that still stand included."""
        return self.struck_by_lifted + sum(int(one.get("hits", 0)) for one in (await self.control.faults()).values())

    async def _lift(self, due: list[tuple[float, str, Misfortune, int]]) -> None:
        """Take faults back, and note what they did."""
        rows, ts = await self.control.faults(), await self.control.now()
        for _, fault_id, one, since_ts in due:
            hits = int(rows.get(fault_id, {}).get("hits", 0))
            kind = one.body["kind"]
            await self.control.lift(fault_id)
            self.struck_by_lifted += hits
            if hits:
                self.hits[kind] += 1 if kind in {"maintenance", "clock_skew"} else hits
            if hits and kind in DELAYING:
                times = 1 if kind == "maintenance" else hits
                delay_s = one.body["ms"] / 1000 * times
                self.injected.append(
                    Stretch(from_ts=since_ts, to_ts=ts, delay_s=delay_s, account=str(one.body.get("account", "")))
                )  # fmt: skip

    async def _ask_latencies(self) -> None:
        """Of a life that is about to end; one that is not ready yet has none."""
        if self.down_since is None:
            self.latencies.take(await self.bot.exposition(self.session))

    async def _kill(self) -> None:
        await self._ask_latencies()
        await self.bot.kill()
        self.kills += 1
        if self.down_since is None:
            self.down_ts = await self.control.now()
        self.struck_before = await self._struck()
        self.down_since = self._s()
        await self.bot.start()

    async def _look(self) -> None:
        """Notice that it is ready again, or that it has ended without being asked; what ends is started again."""
        if (code := self.bot.ended) is not None:
            self.broken.append(f"the bot ended by itself with {code}: {self.bot.said[-1_500:]}")
            if self.down_since is None:
                self.down_since, self.down_ts = self._s(), await self.control.now()
            await self.bot.start()
        elif self.down_since is not None:
            if not await self.bot.ready():
                self.last_missing = self.bot.missing
                return
            took = self._s() - self.down_since
            self.recoveries.append(took)
            if await self._struck() == self.struck_before:
                self.spared.append(took)
            if took > SLOW_S:
                self.say(f"ready only {took:.1f} s after the kill; last missing: {self.last_missing}")
            self.injected.append(Stretch(from_ts=self.down_ts, to_ts=await self.control.now(), delay_s=took))
            self.down_since = None
        elif (status := await self.bot.status()) is not None:
            self.most_open = max(self.most_open, sum(len(one["open_positions"]) for one in status["accounts"].values()))

    async def _until_up(self) -> None:
        until = self._s() + RECOVERY_LIMIT_S
        while self.down_since is not None and self._s() < until and len(self.recoveries) < self.bot.lives:
            await self._look()
            await self.clock.sleep(LOOK_S)
        if self.down_since is not None:
            self.broken.append(
                f"not ready within {RECOVERY_LIMIT_S:.0f} s after the last kill ({self.bot.missing}): {self.bot.said[-800:]}"
            )
        await self.clock.sleep(QUIET_S)

    # --- the end ------------------------------------------------------------------------------------------------------------------

    async def _flatten(self) -> float | None:
        """Ask for it as an operator would; seconds until venue and bot both show nothing, None when they do not."""
        self.say("flatten")
        await self._ask_latencies()
        began = self._s()
        code, said = await run_command("flatten", "--yes", "--env", "simulated", "--state-dir", str(self.place), limit_s=FLAT_LIMIT_S + 30)
        if code != 0:
            self.broken.append(f"flatten ended with {code}: {said[-800:]}")
        while True:
            left = not_flat(await self.control.ledger())
            status = await self.bot.status()
            held = [] if status is None else [one["symbol"] for view in status["accounts"].values() for one in view["open_positions"]]
            if not left and not held:
                took = round(self._s() - began, 2)
                await self.clock.sleep(STEADY_S)  # what still waited for its turn would leave now: the verdict looks at what is there then
                return took
            if self._s() - began > FLAT_LIMIT_S:
                self.broken.append(f"after the flatten the bot still shows {', '.join(held) or 'nothing'}, the venue {len(left)} things")
                return None
            await self.clock.sleep(FLAT_LOOK_S)

    def _outcome(self, venue: dict[str, Any], flatten_s: float | None) -> Outcome:
        rows = [Told(kind=str(one.kind), row=msgspec.json.decode(one.row)) for one in read_ledger(self.bot.folder / "ledger")]
        (self.place / "venue_ledger.json").write_bytes(msgspec.json.encode(venue))
        found: Verdict = judge(rows, venue, self.injected)
        figures = {name: getattr(found, name) for name in Verdict.__struct_fields__ if name not in {"broken", "flat"}}
        return Outcome(
            seed=self.options.seed,
            minutes=self.options.minutes,
            speed=self.options.speed,
            symbols=len(self.options.symbols),
            broken=[*self.broken, *found.broken],
            faults_injected=dict(sorted(self.hits.items())),
            kills=self.kills,
            recovery_max_s=round(max(self.recoveries), 2) if self.recoveries else None,
            recovery_median_s=round(median(self.recoveries), 2) if self.recoveries else None,
            recovery_spared_max_s=round(max(self.spared), 2) if self.spared else None,
            most_open=self.most_open,
            flatten_s=flatten_s,
            flat=found.flat and flatten_s is not None,
            order_latency=self.latencies.legs(),
            **figures,
        )


def _gone(pid: int) -> bool:
    """Whether a process has ended; a child of ours is let go by that."""
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return not process_lives(pid)


async def run_chaos(options: ChaosOptions, place: Path, say: Say) -> Outcome:
    """One run in the empty folder `place`. `Transient` when the simulator fails; nothing that was started goes on afterwards."""
    async with aiohttp.ClientSession() as session:
        return await _Run(options, place, session, say).run()


def run(options: ChaosOptions, place: Path, say: Say) -> Outcome:
    """`run_chaos` for a caller without an event loop."""
    return asyncio.run(run_chaos(options, place, say))
