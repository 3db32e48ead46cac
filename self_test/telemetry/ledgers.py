"""Ledgers of made-up traders, as the rows that the engine writes."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from telemetry.ledger_rows import DAY_MS, HEALTH, Book, read_rows
from telemetry.sample import Sample, sample_of

START = 1_740_960_000_000  # 2025-03-03 00:00 UTC, a Monday
HASH = "a" * 64
Rows = list[tuple[str, bytes]]


def row(kind: str, /, **values: Any) -> tuple[str, bytes]:
    return kind, msgspec.json.encode(values)


def started(ts: int = START, account: str = "CRYPTO/PAPER", style: str = "scalp", procedure: str = HASH) -> tuple[str, bytes]:
    return row("verdict", what="start", ts=ts, account=account, style=style, procedure=procedure, reason="wallet opened")


def trade(ts: int, r: float, account: str = "CRYPTO/PAPER", style: str = "scalp", **changes: Any) -> tuple[str, bytes]:
    """A trade of notional 50 that risked 1 USDT: pnl = r."""
    values: dict[str, Any] = {
        "account": account,
        "symbol": "ETHUSDT",
        "strategy": "C3",
        "style": style,
        "arm": 1,
        "regime": 0,
        "side": "long",
        "qty": "0.5",
        "entry_ts": ts - 3_600_000,
        "entry": "100",
        "exit_ts": ts,
        "exit": str(100 + 2 * r),
        "reason": "target" if r > 0 else "stop",
        "fees": "0.02",
        "funding": "0",
        "slippage": "0.01",
        "pnl": str(r),
        "r": r,
        "stop": "98",
        "target": "104",
        "procedure": HASH,
        "standing": "paper",
    }
    return row("trade", **(values | changes))


def day(
    number: int, pnl: float, start: float | None = 1_000.0, account: str = "CRYPTO/PAPER", style: str = "scalp", **changes: Any
) -> tuple[str, bytes]:
    """The end of day `number` counted from START."""
    values: dict[str, Any] = {
        "ts": START + (number + 1) * DAY_MS,
        "account": account,
        "day": START // DAY_MS + number,
        "equity": str((start or 0.0) + pnl),
        "start": None if start is None else str(start),
        "policy": {style: str(pnl)},
        "health": dict.fromkeys(HEALTH, 0) | {"bars": 288, "orders": 10, "feeds": 1_000, "decisions": 300, "acks": 10},
    }
    return row("equity", **(values | changes))


def stream(
    days: int, per_day: float = 6.0, win_rate: float = 0.62, payoff: float = 1.0, cost: float = 0.10, seed: int = 1, **where: Any
) -> Rows:
    """A trader with a planted edge: wins `payoff` or loses 1, less `cost`, in R; 0.5 % of 1,000 at stake each time (pnl = 5 r)."""
    rng = random.Random(seed)
    rows = [started(**where)]
    due = 0.0
    for number in range(days):
        due += per_day
        total = 0.0
        while due >= 1.0:
            due -= 1.0
            r = round((payoff if rng.random() < win_rate else -1.0) - cost, 4)
            ts = START + number * DAY_MS + rng.randrange(3_600_001, DAY_MS)
            rows.append(trade(ts, r, **where, qty="2.5", pnl=str(5 * r), fees=str(2.5 * cost), slippage=str(2.5 * cost)))
            total += 5 * r
        rows.append(day(number, total, **where))
    return rows


def sample(rows: Rows, days: float, account: str = "CRYPTO/PAPER", style: str = "scalp", env: str = "live", factor: int = 1) -> Sample:
    return sample_of(book(rows), account, style, env, START + int(days * DAY_MS), factor)


def book(rows: Rows) -> Book:
    return read_rows(rows)
