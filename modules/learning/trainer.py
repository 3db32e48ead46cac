"""The daemon's learning task: when something is due it asks the trainer's process, and what follows it tells the engine as an event.

It never touches a policy itself: a version that was trained becomes the challenger, a challenger that has shown enough the champion, a
champion that fails goes, each by a journalled `policy` event that the engine may still refuse. With the switch off nothing is trained or
promoted; a roll-back is protection and goes on. All of it may fail for ever, and trading goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from modules.learning.candles import CandleStore
from modules.learning.checkpoint import LEVELS, folder_of
from modules.learning.child import Child
from modules.learning.gap_stream import GapStream
from modules.learning.jobs import Answer, Job, Judge, Train
from modules.learning.plan import (
    HOUR_MS,
    Plan,
    given_up,
    judging_due,
    looking_due,
    promoted,
    rolled_back,
    synced,
    trained,
    training_due,
    trial,
)
from modules.settings import Learning
from state.accounts import Domain
from state.messages import Control
from state.runtime import RuntimeState
from strategy.drift_levels import may_learn
from strategy.policy import L0, STATIC
from utils.clock import SECOND, Clock
from utils.errors import Refusal, Transient
from utils.files import atomic_write

log = structlog.get_logger("learning")

NAME = "champion.json"
POLL_S = 1.0
FLUSH_S = 60.0
FIRST_RETRY_S, MOST_RETRY_S = 2.0, 900.0
"""Wall time until a job whose process died is tried again: it doubles with every death in a row, up to the second."""
HOUR_NS = 3_600 * SECOND
WHO = "learning"


def load_plan(folder: Path, domain: Domain) -> Plan:
    """What is remembered of a domain; a fresh plan where there is nothing that can be read."""
    try:
        return msgspec.json.decode((folder_of(folder, domain) / NAME).read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError):
        return Plan()


def save_plan(folder: Path, domain: Domain, plan: Plan) -> None:
    """Remember it, whole or not at all; OSError when the disk refuses."""
    place = folder_of(folder, domain)
    place.mkdir(parents=True, exist_ok=True)
    atomic_write(place / NAME, msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n")


class Budget:
    """Computing time of the last hour of wall time."""

    def __init__(self, clock: Clock, most_s: float) -> None:
        self._clock, self._most_s = clock, most_s
        self._spent: deque[tuple[int, float]] = deque()

    def spend(self, cpu_s: float) -> None:
        """Something was computed."""
        self._spent.append((self._clock.monotonic_ns(), cpu_s))

    @property
    def left(self) -> bool:
        """Whether another job may begin."""
        now = self._clock.monotonic_ns()
        while self._spent and now - self._spent[0][0] > HOUR_NS:
            self._spent.popleft()
        return sum(cpu_s for _, cpu_s in self._spent) < self._most_s


class Trainer:
    """One for all domains. `missing` says whose policy in force cannot be had, and why; `put` leaves an event in the engine's inbox."""

    def __init__(
        self,
        folder: Path,
        settings: Learning,
        state: RuntimeState,
        clock: Clock,
        put: Callable[[Control], None],
        missing: Callable[[], Mapping[str, str]],
        child: Child,
        store: CandleStore,
        domains: Sequence[Domain],
        gaps: GapStream | None = None,
        told: Callable[[Domain, str, float, int], None] | None = None,
    ) -> None:
        """`told`: how a training ended (trained, refused, failed), wall seconds, venue time of the version it made (0: none)."""
        self._folder, self._settings, self._state, self._clock = folder, settings, state, clock
        self._put, self._missing, self._child, self._store, self._gaps, self._told = put, missing, child, store, gaps, told
        self.plans = {domain: load_plan(folder, domain) for domain in domains}
        self.budget = Budget(clock, settings.cpu_s_per_hour)
        self._refused: dict[Domain, str] = {}
        self._unjudged: dict[Domain, str] = {}
        """Why a domain cannot be judged, as it was last told."""
        self._looked: dict[Domain, int] = {}
        """When the conduct of a domain's champion was last looked at, venue ms."""

    async def run(self) -> None:
        """For ever; when it is cancelled the process is ended and the candles are written, also on a full disk."""
        flushed, deaths = self._clock.monotonic_ns(), 0
        try:
            while True:
                await self._clock.sleep(POLL_S)
                if self._clock.monotonic_ns() - flushed >= FLUSH_S * SECOND:
                    await asyncio.to_thread(self.flush)
                    flushed = self._clock.monotonic_ns()
                if await self.step():
                    deaths = 0
                else:
                    await self._clock.sleep(min(MOST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(deaths, 32)))
                    deaths += 1
        finally:
            await self._child.close()
            self.flush(last=True)

    def flush(self, *, last: bool = False) -> None:
        """Write the candles that were noted. A disk that refuses is told of, and nothing is forgotten."""
        try:
            if last:
                self._store.settle()
            else:
                self._store.flush()
        except Refusal as error:
            log.warning("candles are not stored", error=str(error))

    async def step(self) -> bool:
        """Do what is due; False when the process died over it."""
        for domain in self.plans:
            try:
                await self.look(domain)
            except Transient as error:
                log.warning("a job of the trainer failed, it will be tried again", domain=str(domain), error=str(error))
                return False
        return True

    async def look(self, domain: Domain) -> None:
        """What is due in one domain."""
        now, state = self._state.ts, self._state
        if now <= 0:
            return
        plan = synced(self.plans[domain], state.policies.get(domain))
        self._remember(domain, plan)
        why = self._missing().get(domain)
        if why and plan.champion != STATIC:
            self._roll_back(domain, why)
            return
        asked = None if self._gaps is None else self._gaps.job(domain, now, self._settings.judge_hours * HOUR_MS)
        if self._gaps is not None and asked is not None and self.budget.left:
            self._gaps.tell(asked, (await self._ask(asked)).result)
        whole = judging_due(plan, now, self._settings) and self.budget.left
        # A roll-back is protection: its look counts as computed, but what training has used up does not make it wait.
        if whole or looking_due(plan, self._looked.get(domain, 0), now):
            await self._judge(domain, now, whole=whole)
        drift = state.drift.get(domain)
        reason = training_due(self.plans[domain], drift, now, self._settings) if state.toggles.learning else ""
        if reason and self.budget.left:
            await self._train(domain, now, reason)

    async def _judge(self, domain: Domain, now: int, *, whole: bool) -> None:
        """Look at champion and challenger; not `whole`: at what would take the champion back alone."""
        plan = self.plans[domain]
        ref = self._state.policies.get(domain)
        if whole and plan.challenger not in {"", plan.champion, "" if ref is None else ref.challenger}:
            # The event was lost with the process that sent it, or refused: once a day it is said again.
            self._tell(domain, {"version": plan.challenger, "level": str(self._level(plan)), "role": "challenger", "reason": "again"})
        answer = await self._ask(
            Judge(
                domain=domain,
                now=now,
                champion=plan.champion,
                since=plan.since_ts,
                previous=plan.previous,
                challengers=plan.challengers,
                challenger_since=plan.challenger_since,
                last_promotion_ts=plan.last_promotion_ts,
            )
        )
        self._looked[domain] = now
        if whole:
            self._remember(domain, msgspec.structs.replace(plan, last_judge_ts=now))
        if answer.refused:
            if self._unjudged.get(domain) != answer.refused:  # the same at each look is said once
                log.warning("nobody can be judged", domain=str(domain), champion=plan.champion, reason=answer.refused)
                self._tell(domain, {"version": "", "role": "unjudged", "reason": answer.refused})
            self._unjudged[domain] = answer.refused
            return
        self._unjudged.pop(domain, None)
        found = answer.result
        if found["objection"] and plan.champion != STATIC:
            self._roll_back(domain, found["objection"])
        elif not whole or not self._may_change(domain):
            return  # not the day's look, or switched off, or frozen by drift, while the process was thinking or before
        elif found["promote"] and plan.challengers and plan.challenger not in {"", plan.champion}:
            self._promote(domain, str(found["reason"]))
        elif found["refuted"] and plan.challenger:
            worse = "it is beyond doubt worse than the champion"
            self._tell(domain, {"version": "", "role": "challenger", "reason": worse})
            if plan.offered:
                self._tell(domain, {"version": "", "role": "offer", "reason": worse})
            self._remember(domain, given_up(self.plans[domain], now))

    async def _train(self, domain: Domain, now: int, reason: str) -> None:
        plan, drift = self.plans[domain], self._state.drift.get(domain)
        since = drift.change_ts if drift is not None else 0
        job = Train(
            domain=domain,
            now=now,
            algorithm=plan.algorithm,
            number=plan.number + 1,
            parent=plan.champion,
            since=since,
            in_use=plan.in_use,
        )
        began = self._clock.monotonic_ns()
        try:
            answer = await self._ask(job)
        except Transient:
            self._ended(domain, "failed", began)
            raise
        self._ended(domain, "refused" if answer.refused else "trained", began, 0 if answer.refused else now)
        if answer.refused:
            if self._refused.get(domain) != answer.refused:  # the same each day is said once
                log.info("nothing was trained", domain=str(domain), algorithm=plan.algorithm, reason=answer.refused)
            self._refused[domain] = answer.refused
            self._remember(domain, msgspec.structs.replace(plan, last_try_ts=now))
            return
        if not self._may_change(domain):
            return
        version, level = str(answer.result["version"]), int(answer.result["level"])
        if version == plan.champion:
            self._remember(domain, msgspec.structs.replace(plan, last_train_ts=now, last_try_ts=now, number=plan.number + 1))
            return
        words = f"{plan.algorithm} trained on {answer.result['lessons']} decisions ({reason})"
        self._tell(domain, {"version": version, "level": str(level), "role": "challenger", "reason": words})
        self._remember(domain, trained(plan, now, version, reason))

    def _ended(self, domain: Domain, outcome: str, began_ns: int, made_ts: int = 0) -> None:
        if self._told is not None:
            self._told(domain, outcome, (self._clock.monotonic_ns() - began_ns) / SECOND, made_ts)

    def _promote(self, domain: Domain, reason: str) -> None:
        plan, now = self.plans[domain], self._state.ts
        rules, drift = self._settings.promotion, self._state.drift.get(domain)
        level = self._level(plan)
        if rules.mode == "confirm" or (drift is not None and drift.person):
            if plan.offered != plan.challenger:
                self._tell(domain, {"version": plan.challenger, "level": str(level), "role": "offer", "reason": reason})
                found = msgspec.structs.replace(plan, offered=plan.challenger, offered_level=level)
                self._remember(domain, found.with_entry(now, "offered", plan.challenger, reason))
            return
        self._tell(domain, {"version": plan.challenger, "level": str(level), "reason": reason} | trial(self._settings, now))
        self._tell(domain, {"version": plan.champion, "level": str(plan.level), "role": "challenger", "reason": "the champion before"})
        self._remember(domain, promoted(plan, now, plan.challenger, level, reason))

    def _roll_back(self, domain: Domain, reason: str) -> None:
        plan, now = self.plans[domain], self._state.ts
        back = rolled_back(plan, now, reason)
        self._tell(domain, {"version": back.champion, "level": str(back.level), "reason": f"{plan.champion} is rolled back: {reason}"})
        if plan.challenger:
            self._tell(domain, {"version": "", "role": "challenger"})
        self._remember(domain, back)

    def _level(self, plan: Plan) -> int:
        if plan.challenger == STATIC:
            return L0
        return plan.previous_level if plan.challenger == plan.previous else LEVELS[plan.algorithm]

    def _may_change(self, domain: Domain) -> bool:
        return self._state.toggles.learning and may_learn(self._state.drift.get(domain))

    async def _ask(self, job: Job) -> Answer:
        await asyncio.to_thread(self.flush)
        began = self._clock.monotonic_ns()
        try:
            answer = await self._child.ask(job, self._settings.job_limit_s)
        except Transient:
            # What it had computed died with it: no more than the time that passed.
            self.budget.spend((self._clock.monotonic_ns() - began) / SECOND)
            raise
        self.budget.spend(answer.cpu_s)
        return answer

    def _tell(self, domain: Domain, args: dict[str, str]) -> None:
        self._put(Control(self._state.ts, "policy", {"domain": str(domain), **args}, WHO))

    def _remember(self, domain: Domain, plan: Plan) -> None:
        """Keep the plan; a disk that refuses costs the memory of it, never the champion: that one is the engine's."""
        if plan == self.plans[domain]:
            return
        self.plans[domain] = plan
        try:
            save_plan(self._folder, domain, plan)
        except OSError as error:
            log.warning("the plan of learning is not stored", domain=str(domain), error=str(error))
