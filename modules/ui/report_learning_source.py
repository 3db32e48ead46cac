"""What a report on learning reads: decisions, fills and trades of the ledger, stored candles, artefacts, and the journal's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from modules.cost_store import NAME as COSTS
from modules.cost_store import read_book
from modules.learning import checkpoint
from modules.learning.candles import read_grid
from modules.learning.checkpoint import Manifest
from modules.learning.experience import Experience, Results, asked_of, candidates, join, results_of
from modules.learning.labels import Labeller, Labels, Why
from modules.learning.sweep import TRADE
from modules.learning.trainer import load_plan
from modules.settings import BotConfig
from modules.ui.report_learning import DomainLearning, LearningReport, Told, assemble
from state.accounts import Domain
from state.books import ARMS
from state.decisions import DecisionRow, decision_row
from state.instruments import Instrument
from state.journal import read_journal
from state.messages import Control, decode_event
from state.runtime import RuntimeState
from strategy.actions import ACTIONS
from strategy.registry import STRATEGIES
from utils.errors import Refusal

DAY_MS = 86_400_000
EVENTS = ("policy", "drift")
Rows = Sequence[tuple[str, bytes]]
"""(kind, JSON as stored) of the ledger."""


def read_report(
    folder: Path, state: RuntimeState, rows: Rows, config: BotConfig, env: str, now: int
) -> tuple[LearningReport, list[tuple[str, Experience]]]:
    """The report on everything stored in `folder`, and the experience of each domain that has any."""
    decisions = [decision_row(row) for kind, row in rows if kind == "decision"]
    notes = [] if decisions else ["nothing has been decided yet: there is nothing to show and nothing to learn from"]
    told = events_of(folder)
    found: list[DomainLearning] = []
    experiences: list[tuple[str, Experience]] = []
    for domain in dict.fromkeys(one.domain for one in state.instruments):
        groups = candidates(decisions, domain)
        labels, note = labels_of(folder, state.instruments, [group[0] for group in groups], config, domain)
        results = _results(groups, rows)
        experience = join(groups, labels, results, np.zeros(len(STRATEGIES), np.int64))
        notes += [f"{domain}: {note}"] if note else []
        made, damaged = artefacts_of(folder, domain)
        notes += damaged
        found.append(
            assemble(
                str(domain),
                groups,
                experience,
                results,
                ref=state.policies.get(str(domain)),
                plan=load_plan(folder, domain),
                artefacts=made,
                drift=state.drift.get(str(domain)),
                events=told.get(str(domain), []),
            )
        )
        experiences += [(str(domain), experience)] if groups else []
    return LearningReport(env=env, now=now, on=state.toggles.learning, domains=tuple(found), notes=tuple(notes)), experiences


def labels_of(
    folder: Path, instruments: Sequence[Instrument], rows: Sequence[DecisionRow], config: BotConfig, domain: Domain
) -> tuple[Labels, str]:
    """The outcomes of all candidates of a domain, as far as the stored candles tell of them, and what is missing, in words."""
    n, note = len(rows), ""
    why = np.full(n, int(Why.NO_CANDLE), np.int64)
    r, u = np.full((n, ARMS), np.nan), np.full((n, ACTIONS), np.nan, np.float32)
    outcome, trades = np.zeros(n, np.int64), np.zeros((n, ARMS), TRADE)
    if rows:
        window = (rows[0].ts - DAY_MS, rows[-1].ts + 60 * DAY_MS)
        try:
            grid, index = read_grid(folder, instruments, domain, config.domains[domain].confirm_ms, window)
            book = folder / COSTS
            labeller = Labeller(grid, config, read_book(book).models.values() if book.exists() else ())
            there = np.array([k for k, row in enumerate(rows) if row.key in index], np.int64)
            if len(there):
                found = labeller.label(asked_of([rows[k] for k in there], index))
                why[there], r[there], u[there] = found.why, found.r, found.u
                outcome[there], trades[there] = found.outcome_ts, found.trades
        except Refusal as refusal:
            note = f"no outcome is known: {refusal}"
    return Labels(why=why, r=r, u=u, outcome_ts=outcome, trades=trades), note


def _results(groups: Sequence[Sequence[DecisionRow]], rows: Rows) -> Results:
    entries = {row.order for group in groups for row in group if row.order}
    fills = (msgspec.json.decode(row) for kind, row in rows if kind == "fill")
    trades = (msgspec.json.decode(row) for kind, row in rows if kind == "trade")
    return results_of(entries, fills, trades)


def artefacts_of(folder: Path, domain: Domain) -> tuple[list[Manifest], list[str]]:
    """Manifests of the policies on disk, the oldest first, and which of them cannot be read."""
    found, damaged = [], []
    for version in checkpoint.stored(folder, domain):
        try:
            found.append(checkpoint.load(folder, domain, version).manifest)
        except Refusal as refusal:
            damaged.append(f"{domain}: {refusal}")
    return sorted(found, key=lambda one: (one.made_ts, one.version)), damaged


def events_of(folder: Path) -> Mapping[str, list[Told]]:
    """Domain -> `policy` and `drift` events of the journal that is still kept, oldest first."""
    found: dict[str, list[Told]] = {}
    marks = [f'"name":"{name}"'.encode() for name in EVENTS]
    for _, raw, _ in read_journal(folder / "journal"):
        if not any(mark in raw for mark in marks):
            continue
        event = decode_event(raw)
        if isinstance(event, Control) and event.name in EVENTS:
            args = dict(event.args)
            domain, reason = args.pop("domain", ""), args.pop("reason", "")
            words = ", ".join(f"{name} {value}" for name, value in sorted(args.items()) if value)
            found.setdefault(domain, []).append(Told(event.ts, event.name, f"{words}: {reason}" if reason else words))
    return found
