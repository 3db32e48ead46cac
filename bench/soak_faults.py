"""Which misfortunes meet the soak, and when: those of chaos, and beside them outages of every stream in turn. Pure.

Chaos strikes the accounts at Bybit; the broker's account and the two market streams get their own here. Nothing doubles a request to the
broker: there a market order that arrives twice is filled twice, at the real one, too (docs/oanda.md).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from modules.chaos.schedule import Misfortune, make_schedule

BROKER = "oanda"
OUTAGES: tuple[dict[str, Any], ...] = (
    {"kind": "half_open", "match": "/v5/public/spot"},
    {"kind": "cut", "match": "kline.", "count": 1},
    {"kind": "half_open", "match": "/v5/private"},
    {"kind": "maintenance", "match": "/v5/market", "ms": 2_000},
    {"kind": "cut", "match": "pricing.", "account": BROKER, "count": 1},
    {"kind": "cut", "match": "transactions.", "account": BROKER, "count": 1},
    {"kind": "maintenance", "match": "/v3", "ms": 2_000},
    {"kind": "lose_reply", "match": "POST /v3/accounts", "count": 2},
    {"kind": "http_status", "match": "POST /v3/accounts", "status": 503, "count": 2},
    {"kind": "delay", "match": "/v3/accounts", "ms": 500, "count": 3},
    {"kind": "half_open", "match": "/v3/accounts", "account": BROKER},
)
"""One after the other, again and again."""
LIFE_S = 15.0
"""An outage that met nobody is taken back after this, wall seconds."""
SPREAD = 0.3
"""How far from its turn an outage may come, as a share of the time between two."""


def plan(
    seed: int, *, seconds: float, faults_per_minute: float, outage_every_s: float, symbols: Sequence[str], accounts: Sequence[str]
) -> tuple[Misfortune, ...]:
    """All of `seconds` wall seconds, in order of time; the same for the same seed. No kills: a soak is one life.

    symbols: whose price may jump. accounts: those of the exchange.
    """
    rng = random.Random(seed)
    chaos = make_schedule(seed, seconds=seconds, kills=0, faults_per_minute=faults_per_minute, symbols=symbols, accounts=accounts).faults
    turns = int(seconds / outage_every_s) if outage_every_s > 0 else 0
    outages = (
        Misfortune(
            at_s=round((turn + 0.5 + rng.uniform(-SPREAD, SPREAD)) * outage_every_s, 3),
            life_s=LIFE_S,
            body=dict(OUTAGES[turn % len(OUTAGES)]),
        )
        for turn in range(turns)
    )
    return tuple(sorted((*chaos, *outages), key=lambda one: one.at_s))
