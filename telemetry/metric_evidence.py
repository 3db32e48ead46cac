"""What metrics tell of evidence and learning: verdicts and their figures, standings, policies, drift, regimes; from rows and state."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from state.accounts import Domain
from state.runtime import RuntimeState
from state.standing import Level, Standing
from telemetry.gates import State
from telemetry.metric_store import MetricStore

VERDICTS = {str(state): code for code, state in enumerate((State.INSUFFICIENT, State.FAIL, State.PASS_1, State.PASS))}
LEVELS = {Level.PAPER: 0, Level.CANARY: 1, Level.LIVE: 2}
STATIC = "static"


class EvidenceMetrics:
    """Fills the part of the table that says how a style does and what decides for it."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._told: set[tuple[str, str]] = set()
        """(account, style) whose newest verdict was seen."""
        self._bounded: set[tuple[str, ...]] = set()
        """Figures that had a bound once: one that has none any more reads NaN."""

    def prime(self, state: RuntimeState) -> None:
        """At a start: until the next day is judged the newest stored verdicts stand."""
        wanted = len(state.samples)
        for kind, text in reversed(state.evidence):
            if len(self._told) >= wanted:
                return
            if kind == "verdict" and b'"what":"verdict"' in text:
                row = msgspec.json.decode(text)
                if (row["account"], row["style"]) not in self._told:
                    self.verdict(row)

    def verdict(self, row: dict[str, Any]) -> None:
        """A row of kind `verdict` as the ledger keeps it; the beginning of a sample leaves the last verdict standing."""
        if row.get("what") != "verdict":
            return
        labels = str(row["account"]), str(row["style"])
        self._told.add(labels)
        self._store.set("bot_gate_verdict", VERDICTS[row["state"]], *labels)
        for check in row["checks"]:
            figures = {"value": check["value"], "target": check["target"], "met": check["ok"]}
            figure = (*labels, check["name"])
            if check["lower"] is not None or figure in self._bounded:
                self._bounded.add(figure)
                figures["bound"] = check["lower"]
            for name, value in figures.items():
                self._store.set(f"bot_kpi_{name}", math.nan if value is None else float(value), *figure)

    def decision(self, row: dict[str, Any]) -> None:
        """A row of kind `decision`."""
        labels = str(row["account"]), str(row["strategy"])
        self._store.counter("bot_decisions_total", *labels).inc()
        self._store.counter("bot_explored_decisions_total", *labels).inc(1 if row.get("explored") else 0)

    def trained(self, domain: str, outcome: str, seconds: float, made_ts: int = 0) -> None:
        """A training has ended: trained, refused or failed, after so much wall time; `made_ts`: venue ms of a version that was made."""
        self._store.counter("bot_trainings_total", domain, outcome).inc()
        self._store.histogram("bot_training_seconds", domain).observe(max(0.0, seconds))
        if made_ts:
            self.trained_at(domain, made_ts)

    def trained_at(self, domain: str, ts: int) -> None:
        """The newest version of a domain was made at `ts`, venue ms; 0: none was."""
        if ts:
            self._store.set("bot_last_training_timestamp_seconds", ts / 1000, domain)

    def sample_learning(self, exploration: float, gaps: dict[str, float], errors: dict[str, float]) -> None:
        """Read the share of decisions to explore, and by domain the mean of `sim_to_fill_gap` and of the calibration's residuals, R."""
        self._store.set("bot_exploration_ratio", exploration)
        for domain, value in gaps.items():
            self._store.set("bot_sim_to_fill_gap_ratio", value, domain)
        for domain, value in errors.items():
            self._store.set("bot_calibration_error_ratio", value, domain)

    def sample(self, state: RuntimeState) -> None:
        """Read standings, policies, drift and regimes."""
        for key in self._styles(state):
            domain, _, style = key.partition("/")
            known = state.standings.get(key, Standing())
            self._store.set("bot_standing", LEVELS[known.level], domain, style)
            self._store.set("bot_promotion_offered", bool(known.offered_ts), domain, style)
            self._store.grow("bot_demotions_total", len(known.falls), domain, style)
        for domain in dict.fromkeys(one.domain for one in state.instruments):
            self._domain(state, domain)
        for instrument, regime in zip(state.instruments, state.market["regime"].tolist(), strict=True):
            self._store.set("bot_regime", regime, instrument.key)

    def _domain(self, state: RuntimeState, domain: Domain) -> None:
        policy, drift = state.policies.get(domain), state.drift.get(domain)
        words = {"version": STATIC, "level": "0", "challenger": ""}
        if policy is not None:
            words = {"version": policy.version, "level": str(policy.level), "challenger": policy.challenger}
        self._store.tell("bot_policy_info", words, str(domain))
        self._store.set("bot_drift_level", 0 if drift is None else drift.level, str(domain))

    def _styles(self, state: RuntimeState) -> dict[str, None]:
        """`DOMAIN/style` of every sample that runs and every standing that was earned or lost."""
        samples = (name.split("/") for name in state.samples)
        return dict.fromkeys([*(f"{domain}/{style}" for domain, _, style in samples), *state.standings])
