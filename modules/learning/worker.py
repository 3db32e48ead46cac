"""The trainer's own process: jobs come as JSON lines on stdin, answers go as JSON lines to stdout. Here, and only here, torch is loaded.

It reads the state's folder and writes nothing there but artefacts under `policies/`. Whatever a job cannot do is an answer; a bug ends the
process, and the daemon starts another.
"""

from __future__ import annotations

import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from modules.cost_store import NAME as COSTS
from modules.cost_store import CostBook, read_book
from modules.learning import champion, checkpoint
from modules.learning.audit import audit
from modules.learning.candles import Place, read_grid
from modules.learning.checkpoint import LCB_TABLE, SB3_DQN, Manifest
from modules.learning.experience import Experience, Lessons, Results, asked_of, candidates, join, results_of
from modules.learning.fit_lcb import Fitted, fit_lcb
from modules.learning.gaps import gaps_of, longest_ms
from modules.learning.jobs import Answer, Gaps, Job, Judge, Train
from modules.learning.labels import Labeller, Why
from modules.learning.shadow import conduct_of, pairs_of
from modules.settings import BotConfig
from state.accounts import Domain
from state.decisions import DecisionRow, decision_row
from state.ledger import RowKind, read_ledger
from strategy.policy import STATIC, Policy, Static
from utils.errors import Refusal

NICENESS = 10
DAY_MS = 86_400_000


class Worker:
    """Carries jobs out for one place."""

    def __init__(self, place: Place) -> None:
        self._place, self._folder = place, Path(place.folder)
        self._config = BotConfig.model_validate_json(place.config)

    def do(self, job: Job) -> dict[str, Any]:
        """The result of a job; Refusal when it cannot be."""
        match job:
            case Train():
                return self.train(job)
            case Judge():
                return self.judge(job)
            case Gaps():
                return self.gaps(job)

    def train(self, job: Train) -> dict[str, Any]:
        """Fit, check and store a new policy."""
        settings = self._config.learning
        window = settings.window_days * DAY_MS
        experience, _ = self.experience(job.domain, job.now - window, job.now)
        lessons = experience.lessons(job.now, window, job.since)
        told = {"decisions": len(experience.rows), "unlabelled": _reasons(experience), "gap_mean": _mean(experience)}
        audit(lessons)
        fitted, libraries = self._fit(job, lessons)
        if fitted.metrics.get("disagreement", 0.0) > settings.max_disagreement:
            share = fitted.metrics["disagreement"]
            raise Refusal(f"the seeds disagree on {share:.0%} of the held-out decisions (limit {settings.max_disagreement:.0%})")
        manifest = Manifest(
            domain=job.domain,
            version="",
            algorithm=job.algorithm,
            hyperparameters=fitted.hyperparameters,
            window=(int(lessons.ts[0]), int(lessons.ts[-1]) + 1),
            data=lessons.hash,
            decisions=len(lessons),
            seeds=fitted.seeds,
            libraries=libraries,
            metrics=fitted.metrics,
            trials=job.number,
            parent=job.parent,
            made_ts=job.now,
        )
        made = checkpoint.save(self._folder, manifest, fitted.arrays)
        checkpoint.prune(self._folder, job.domain, {*job.in_use, made.version})
        return {"version": made.version, "level": made.level, "metrics": fitted.metrics, "lessons": len(lessons), **told}

    def _fit(self, job: Train, lessons: Lessons) -> tuple[Fitted, dict[str, str]]:
        libraries = {"numpy": np.__version__}
        if job.algorithm == LCB_TABLE:
            return fit_lcb(lessons, job.now), libraries
        if job.algorithm != SB3_DQN:
            raise Refusal(f"unknown algorithm {job.algorithm!r}; there are {LCB_TABLE}, {SB3_DQN}")
        from modules.learning.fit_dqn import DqnSettings, fit_dqn, seeds_of

        libraries |= {name: version(name) for name in ("torch", "stable-baselines3", "gymnasium", "safetensors")}
        settings = DqnSettings()
        seeds = seeds_of(self._config.learning.seed, job.domain, job.number, settings.members)
        return fit_dqn(lessons, job.now, seeds, settings), libraries

    def judge(self, job: Judge) -> dict[str, Any]:
        """What the rules of `champion` say of what has been decided since."""
        rules = self._config.learning.promotion
        begin = min(job.since, job.challenger_since or job.since, job.now - rules.days * DAY_MS)
        experience, results = self.experience(job.domain, max(begin, job.now - self._config.learning.window_days * DAY_MS), job.now)
        pairs = pairs_of(experience, job.champion, job.challengers, max(job.since, job.challenger_since), job.now)
        verdict = champion.judge(pairs, rules, job.now, job.last_promotion_ts)
        objection = ""
        if job.champion != STATIC:
            try:
                policy = self._policy(job.domain, job.champion)
            except Refusal as refusal:
                objection = f"it cannot be loaded: {refusal}"  # the daemon has it in memory and would find out at its next start
            else:
                objection = champion.objection(conduct_of(experience, results, policy, job.since, job.now, job.previous, rules), rules)
        return {
            "promote": verdict.promote,
            "reason": verdict.reason,
            "checks": [str(one) for one in verdict.checks],
            "pairs": len(pairs.ts),
            "objection": objection,
            "refuted": champion.refuted(pairs, rules, job.now),
            "gap_mean": _mean(experience),
            "decisions": len(experience.rows),
            "unlabelled": _reasons(experience),
        }

    def gaps(self, job: Gaps) -> dict[str, Any]:
        """The stream of `sim_to_fill_gap` since it was last told."""
        begin = max(job.since - longest_ms(job.domain), job.now - self._config.learning.window_days * DAY_MS)
        experience, _ = self.experience(job.domain, begin, job.now, traded=True)
        found, left = gaps_of(experience, job.since, job.now)
        return {"gaps": found, "left": left}

    def _policy(self, domain: Domain, name: str) -> Policy:
        return Static() if name == STATIC else checkpoint.policy_of(checkpoint.load(self._folder, domain, name))

    def experience(self, domain: Domain, since: int, now: int, *, traded: bool = False) -> tuple[Experience, Results]:
        """Everything decided in [since, now) with its labels and results, or what led to an order alone; Refusal when there is none."""
        place = self._place
        groups = [group for group in candidates(self._decisions(), domain) if since <= group[0].ts < now]
        grid, index = read_grid(self._folder, place.instruments, domain, self._config.domains[domain].confirm_ms, (since - DAY_MS, now))
        groups = [group for group in groups if group[0].key in index and (not traded or any(row.order for row in group))]
        if not groups:
            raise Refusal("nothing has been decided yet")
        labeller = Labeller(grid, self._config, self._costs().models.values())
        labels = labeller.label(asked_of([group[0] for group in groups], index))
        entries = {row.order for group in groups for row in group if row.order}
        results = results_of(entries, self._rows(RowKind.FILL), self._rows(RowKind.TRADE))
        return join(groups, labels, results, labeller.hold_ms), results

    def _decisions(self) -> list[DecisionRow]:
        return [decision_row(one.row) for one in read_ledger(self._folder / "ledger", RowKind.DECISION)]

    def _rows(self, kind: RowKind) -> list[dict[str, Any]]:
        return [msgspec.json.decode(one.row) for one in read_ledger(self._folder / "ledger", kind)]

    def _costs(self) -> CostBook:
        path = self._folder / COSTS
        return read_book(path) if path.exists() else CostBook()


def _reasons(experience: Experience) -> dict[str, int]:
    """How many decisions have no label, by reason."""
    codes, counts = np.unique(experience.labels.why, return_counts=True)
    return {Why(code).name.lower(): n for code, n in zip(codes.tolist(), counts.tolist(), strict=True) if code != Why.LABELLED}


def _mean(experience: Experience) -> float | None:
    """The mean `sim_to_fill_gap`, R; None without any."""
    return float(experience.gaps.mean()) if len(experience.gaps) else None


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The first line says the place, every other one is a job and gets one line of answer; ends with its input."""
    os.nice(NICENESS)
    worker = Worker(msgspec.json.decode(source.readline(), type=Place))
    decoder = msgspec.json.Decoder(Job)
    for line in iter(source.readline, b""):
        began = time.process_time()
        try:
            answer = Answer(result=worker.do(decoder.decode(line)))
        except Refusal as refusal:
            answer = Answer(refused=str(refusal))
        answer = msgspec.structs.replace(answer, cpu_s=round(time.process_time() - began, 3))
        sink.write(msgspec.json.encode(answer) + b"\n")
        sink.flush()
