"""Rows of verdicts and decisions as the engine writes them: judged by the real gate, made by the real noun."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from self_test.telemetry.ledgers import START, Rows, sample, stream
from self_test.telemetry.samples import T0
from state.decisions import DecisionRow, as_record
from telemetry.gate_config import GateConfig
from telemetry.gates import Verdict, evaluate
from telemetry.ledger_rows import DAY_MS


@cache
def _traded(win_rate: float) -> Rows:
    return stream(70, per_day=8, win_rate=win_rate)


def _written(row: tuple[str, bytes]) -> int:
    values = msgspec.json.decode(row[1])
    return int(values["exit_ts"] if row[0] == "trade" else values["ts"])


def judged(days: int = 65, win_rate: float = 0.72) -> Verdict:
    """What the gate says of a made-up trader after so many days."""
    now = START + days * DAY_MS
    return evaluate(sample([row for row in _traded(win_rate) if _written(row) <= now], days), GateConfig(resamples=100), now)


def verdict_row(days: int = 65, win_rate: float = 0.72) -> dict[str, Any]:
    """As `modules/rollout.py` records it."""
    found: dict[str, Any] = msgspec.to_builtins(judged(days, win_rate))
    return {"what": "verdict", "account": "CRYPTO/PAPER", "style": "scalp", **found}


def decision(*, explored: bool = False) -> dict[str, Any]:
    """As `modules/engine/choose.py` records it."""
    row = DecisionRow(
        id="d",
        ts=T0,
        account="CRYPTO/PAPER",
        key="CRYPTO:BTCUSDT",
        strategy="C1",
        side=1,
        regime=1,
        reference=5,
        atr=1.0,
        explored=explored,
    )
    return as_record(row)
