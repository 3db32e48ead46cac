from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.panel.figures import KEEP_S, Document, Figures, told
from modules.panel.render import Pages
from self_test.modules.panel.house import Aside
from telemetry.gate_checks import Check, Kind
from telemetry.gates import State, Verdict
from telemetry.kpi import ALL, Figure, Kpi
from telemetry.kpi_table import LABELS
from telemetry.sample import Subject
from utils.clock import FakeClock

pytestmark = pytest.mark.asyncio
T0 = 1_741_184_700_000
SHELL: dict[str, Any] = {"title": "t", "path": "/kpi", "session": None, "head": None, "symbols": []}


def kpi(style: str, standing: str) -> Kpi:
    figures = {name: Figure(0.5, "share") for name in LABELS} | {"sharpe": Figure(None, "ratio", "fewer than 30 days")}
    return Kpi(account="CRYPTO/PAPER", style=style, standing=standing, since_ts=T0, until_ts=T0 + 1, figures=figures)


def verdict() -> Verdict:
    checks = (
        Check(name="trades", kind=Kind.ELIGIBLE, value=37, target=200, n=37, ok=False, reason="37/200 trades"),
        Check(name="win_rate", kind=Kind.TARGET, value=0.61, lower=0.562, target=0.6, n=37, ok=True),
        Check(name="psr", kind=Kind.EVIDENCE, value=None, target=0.95, n=3, ok=None, gates=False, reason="too few days"),
    )
    subject = msgspec.convert({"account": "CRYPTO/PAPER", "style": "scalp", "env": "simulated", "procedure": "p"}, Subject, strict=False)
    return Verdict(
        state=State.INSUFFICIENT,
        ts=T0,
        subject=subject,
        start_ts=T0,
        trades=37,
        days=12,
        checks=checks,
        checkpoints=(),
        next_ts=T0 + 86_400_000,
        earliest_ts=None,
        luck=None,
        luck_wins=None,
        breakeven=None,
        out_of_reach=False,
        wrong=(),
        procedure_hash="p",
        ledger_hash="l",
    )


async def test_figures_are_computed_once_a_minute() -> None:
    aside, clock = Aside(), FakeClock()
    figures = Figures(aside.command, clock)
    await figures.read()
    await figures.read()
    assert len(aside.asked) == 1
    await clock.advance(KEEP_S)
    assert await figures.read() == {"ts": T0, "accounts": [], "verdicts": []}
    assert len(aside.asked) == 2


async def test_the_page_tells_value_bound_target_and_verdict() -> None:
    found = told(Document(env="simulated", ts=T0, kpi=(kpi(ALL, ALL), kpi("scalp", "paper")), verdicts=(verdict(),)))
    (account,) = found["accounts"]
    assert account["heads"] == ["whole account", "scalp, paper"] and dict(account["rows"])[LABELS["sharpe"]][0] == (
        "–",
        "fewer than 30 days",
    )
    assert account["notes"] == [("fewer than 30 days", "Sharpe, annual")]
    checks = found["verdicts"][0]["checks"]
    assert [(one["value"], one["lower"], one["target"], one["grade"]) for one in checks] == [
        ("37", "", ">= 200", "unmet"),
        ("61.0%", "56.2%", ">= 60.0%", "met"),
        ("–", "", ">= 0.95", "open"),
    ]
    text = Pages().draw("kpi", **SHELL, **found)
    for words in ("INSUFFICIENT", "37/200 trades", "cannot be said", "not gating", "fewer than 30 days", "judged next 03-06 14:25"):
        assert words in text, words


async def test_an_empty_ledger_is_said() -> None:
    text = Pages().draw("kpi", **SHELL, **told(Document(env="simulated", ts=0, kpi=(), verdicts=())))
    assert "No closed trade" in text
