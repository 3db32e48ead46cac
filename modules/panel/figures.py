"""Key figures and verdicts as the page of them shows: computed from the ledger beside the daemon, kept for a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from telemetry.gates import Verdict
from telemetry.kpi import ALL, Kpi
from telemetry.kpi_table import LABELS, cell
from telemetry.verdict_words import NAMES, bound, headline, number
from utils.clock import SECOND, Clock

KEEP_S = 60

Compute = Callable[[], Awaitable[bytes]]
"""The document of `kpi --json`."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What `kpi --json` prints."""

    env: str
    ts: int
    kpi: tuple[Kpi, ...]
    verdicts: tuple[Verdict, ...]


class Figures:
    """The newest document, asked for again when it is a minute old; many who ask at once wait for one computation."""

    def __init__(self, compute: Compute, clock: Clock) -> None:
        self._compute, self._clock = compute, clock
        self._turn = asyncio.Lock()
        self._found: Document | None = None
        self._found_ns = 0

    async def read(self) -> dict[str, Any]:
        """What the page shows; Refusal when it cannot be computed."""
        async with self._turn:
            now = self._clock.monotonic_ns()
            if self._found is None or now - self._found_ns >= KEEP_S * SECOND:
                self._found = msgspec.json.decode(await self._compute(), type=Document)
                self._found_ns = now
            return told(self._found)


def told(found: Document) -> dict[str, Any]:
    """Words and classes for the page: a table of figures an account, a list of checks a verdict."""
    accounts = []
    for name in dict.fromkeys(one.account for one in found.kpi):
        rows = [one for one in found.kpi if one.account == name]
        accounts.append(
            {
                "name": name,
                "since": min(one.since_ts for one in rows),
                "until": max(one.until_ts for one in rows),
                "heads": ["whole account" if one.style == ALL else f"{one.style}, {one.standing}" for one in rows],
                "notes": _notes(rows),
                "rows": [
                    (label, [(cell(one.figures[figure]), one.figures[figure].reason) for one in rows]) for figure, label in LABELS.items()
                ],
            }
        )
    return {"ts": found.ts, "accounts": accounts, "verdicts": [_verdict(one) for one in found.verdicts]}


def _notes(rows: list[Kpi]) -> list[tuple[str, str]]:
    """Why figures are undefined, and which: a reason is told once."""
    notes: dict[str, dict[str, None]] = {}
    for one in rows:
        for name, label in LABELS.items():
            if one.figures[name].reason:
                notes.setdefault(one.figures[name].reason, {})[label.strip()] = None
    return [(reason, ", ".join(labels)) for reason, labels in notes.items()]


def _verdict(one: Verdict) -> dict[str, Any]:
    return {
        "who": f"{one.subject.account} {one.subject.style}",
        "state": str(one.state),
        "headline": headline(one).partition(": ")[2],
        "trades": one.trades,
        "days": one.days,
        "next_ts": one.next_ts,
        "checks": [
            {
                "name": NAMES.get(check.name, check.name),
                "kind": str(check.kind),
                "value": number(check.name, check.value),
                "lower": "" if check.lower is None else number(check.name, check.lower),
                "target": f"{bound(check.name)} {number(check.name, check.target)}",
                "n": check.n,
                "grade": {True: "met", False: "unmet", None: "open"}[check.ok],
                "gates": check.gates,
                "reason": check.reason,
            }
            for check in one.checks
        ],
    }
