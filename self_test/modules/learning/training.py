"""A trainer's process that answers what it is told to, and a trainer with everything around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from modules.learning.candles import CandleStore
from modules.learning.child import Child
from modules.learning.jobs import Answer, Job, Judge
from modules.learning.plan import DAY_MS, HOUR_MS, Plan
from modules.learning.trainer import Trainer
from modules.settings import Learning
from self_test.fakes.books import coin
from state.accounts import Domain
from state.messages import Control
from state.policies import PolicyRef
from state.runtime import RuntimeState
from state.stages import Toggles
from strategy.market import new_market
from strategy.policy import STATIC
from utils.clock import FakeClock
from utils.errors import Transient

NOW = 20_000 * DAY_MS
NOTHING = {"promote": False, "reason": "", "objection": "", "refuted": False}
A, B = "a" * 12, "b" * 12
CRYPTO = Domain.CRYPTO


class Process:
    """A trainer's process that answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Job] = []
        self.train: Answer | Transient = Answer(result={"version": A, "level": 1, "lessons": 500}, cpu_s=2.0)
        self.judge: dict[str, Any] = NOTHING
        self.unjudged = ""
        self.closed = False
        self.meanwhile: Any = lambda: None

    async def ask(self, job: Job, limit_s: float) -> Answer:
        assert limit_s == 600.0
        self.asked.append(job)
        self.meanwhile()
        if isinstance(job, Judge):
            return Answer(refused=self.unjudged, cpu_s=1.0) if self.unjudged else Answer(result=self.judge, cpu_s=1.0)
        if isinstance(self.train, Transient):
            raise self.train
        return self.train

    async def close(self) -> None:
        self.closed = True


class Bench:
    """A trainer with everything around it, and an engine that follows every event."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        one = coin("AAAUSDT")
        self.state = RuntimeState((one,), (), new_market(1, 300_000, 900_000))
        self.state.ts, self.state.toggles = NOW, Toggles(learning=True)
        self.folder, self.process, self.clock = folder, Process(), FakeClock()
        self.missing: dict[str, str] = {}
        self.events: list[dict[str, str]] = []
        self.deaf = False
        """The engine does not get to hear of challengers."""
        self.settings = Learning(**settings)
        self.ended: list[tuple[str, str, int]] = []
        """Trainings as the metrics are told of them."""
        self.trainer = self.start()

    def start(self) -> Trainer:
        self.store = CandleStore(self.folder, dict.fromkeys(self.state.instruments, 300_000))
        child = cast(Child, self.process)
        who = self.folder, self.settings, self.state, self.clock, self.put, lambda: self.missing, child, self.store, [CRYPTO]
        return Trainer(*who, told=lambda domain, outcome, seconds, ts: self.ended.append((domain, outcome, ts if seconds >= 0.0 else -1)))

    def put(self, event: Control) -> None:
        assert event.name == "policy" and event.ts == self.state.ts and event.args["domain"] == "CRYPTO"
        self.events.append(event.args)
        ref = self.state.policies.get("CRYPTO", PolicyRef(version=STATIC, level=0))
        if event.args.get("role", "champion") == "champion":
            level = int(event.args["level"])
            kept = "" if ref.challenger == event.args["version"] else ref.challenger
            self.state.policies["CRYPTO"] = PolicyRef(version=event.args["version"], level=level, since_ts=event.ts, challenger=kept)
        else:
            assert ref.version != event.args["version"], "nobody is in shadow of himself"
            if event.args["role"] == "challenger" and not self.deaf:
                self.state.policies["CRYPTO"] = msgspec.structs.replace(ref, challenger=event.args["version"])

    @property
    def plan(self) -> Plan:
        return self.trainer.plans[CRYPTO]

    async def days(self, n: int) -> None:
        for _ in range(n):
            self.state.ts += DAY_MS
            assert await self.trainer.step()

    async def hours(self, n: int) -> None:
        for _ in range(n):
            self.state.ts += HOUR_MS
            assert await self.trainer.step()

    async def challenged(self) -> None:
        """A table was trained and decides in shadow."""
        assert await self.trainer.step()
        assert self.plan.challenger == A
        self.events.clear()
