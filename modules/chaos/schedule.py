"""Which misfortunes strike when: drawn from the seed alone, so that a run that broke something can be asked for again.

Times are wall seconds from the moment the bot was first ready. A fault that has not used up its strikes is taken back after `life_s`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

Body = dict[str, Any]

WRITES = ("/v5/order/create", "/v5/order/create", "/v5/order/amend", "/v5/order/cancel", "/v5/position/trading-stop", "/v5/order")
READS = ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list", "/v5/position/list", "/v5/account/wallet-balance", "/v5/market")
FRAMES = ("execution", "execution.linear", "execution.spot", "order", "order.linear", "order.spot", "position", "wallet")
STATUSES = (500, 502, 503, 429)
QUIET_START_S, QUIET_END_S = 2.0, 5.0
"""No kill so close to the beginning and to the end."""
LEAST_BETWEEN_KILLS_S = 1.0


class Misfortune(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as it is posted to the control API, when, and how long it may stay."""

    at_s: float
    life_s: float
    body: Body


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to happen in one run, each part in order of time."""

    faults: tuple[Misfortune, ...]
    kills: tuple[float, ...]


def _request(rng: random.Random) -> str:
    return rng.choice(WRITES if rng.random() < 0.7 else READS)


def _either(rng: random.Random) -> str:
    return rng.choice(FRAMES) if rng.random() < 0.5 else _request(rng)


def _drop(rng: random.Random) -> Body:
    return {"match": _either(rng), "count": rng.randint(1, 2)}


def _delay(rng: random.Random) -> Body:
    match = _either(rng)
    hidden = {"value": "visibility"} if match == "/v5/order/create" and rng.random() < 0.3 else {}
    return {"match": match, "ms": rng.randint(100, 1_500), "count": rng.randint(1, 3)} | hidden


def _duplicate(rng: random.Random) -> Body:
    return {"match": _either(rng), "count": rng.randint(1, 3)}


def _reorder(rng: random.Random) -> Body:
    return {"match": _either(rng), "ms": rng.randint(100, 800), "count": rng.randint(1, 3)}


def _cut(rng: random.Random) -> Body:
    return {"match": _either(rng), "count": 1}


def _lose_reply(rng: random.Random) -> Body:
    return {"match": _request(rng), "count": rng.randint(1, 2)}


def _http_status(rng: random.Random) -> Body:
    status = rng.choice(STATUSES)
    after = {"value": "after"} if status != 429 and rng.random() < 0.4 else {}
    return {"match": _request(rng), "status": status, "count": rng.randint(1, 3)} | after


def _lose_fill(rng: random.Random) -> Body:
    return {"match": rng.choice(("execution.linear", "execution.spot")), "count": 1}


def _clock_skew(rng: random.Random) -> Body:
    return {"ms": rng.choice((-1, 1)) * rng.randint(200, 3_000)}


def _half_open(_: random.Random) -> Body:
    return {"match": "/v5/private", "count": 1}


def _maintenance(rng: random.Random) -> Body:
    return {"match": rng.choice(("/v5/order", "/v5/position", "/v5/")), "ms": rng.randint(300, 1_500)}


def _price_gap(rng: random.Random) -> Body:
    return {"value": round(rng.choice((-1, 1)) * rng.uniform(0.004, 0.02), 4), "count": 1}


RECIPES: dict[str, tuple[float, Callable[[random.Random], Body]]] = {
    "drop": (3.0, _drop),
    "delay": (3.0, _delay),
    "duplicate": (2.0, _duplicate),
    "reorder": (2.0, _reorder),
    "cut": (1.5, _cut),
    "lose_reply": (2.5, _lose_reply),
    "http_status": (2.5, _http_status),
    "lose_fill": (2.0, _lose_fill),
    "clock_skew": (0.5, _clock_skew),
    "half_open": (0.3, _half_open),
    "maintenance": (0.4, _maintenance),
    "price_gap": (0.7, _price_gap),
}
"""Kind -> (how often, relatively; its other fields)."""
BY_ACCOUNT = frozenset(RECIPES) - {"clock_skew", "price_gap"}
"""Kinds that can be aimed at one account of the venue."""


def make_schedule(
    seed: int, *, seconds: float, kills: int, faults_per_minute: float, symbols: Sequence[str], accounts: Sequence[str] = ()
) -> Schedule:
    """The schedule of `seconds` wall seconds. `accounts`: the venue's accounts, where a fault can be aimed at one; else all are struck."""
    rng = random.Random(seed)
    names = list(RECIPES)
    weights = [RECIPES[name][0] for name in names]
    faults = []
    at_s = rng.expovariate(faults_per_minute / 60) if faults_per_minute > 0 else seconds
    while at_s < seconds:
        kind = rng.choices(names, weights)[0]
        body = {"kind": kind} | RECIPES[kind][1](rng)
        if kind == "price_gap":
            body["symbol"] = rng.choice(list(symbols))
        if accounts and kind in BY_ACCOUNT and rng.random() < 0.7:
            body["account"] = rng.choice(list(accounts))
        faults.append(Misfortune(at_s=round(at_s, 3), life_s=round(rng.uniform(4.0, 12.0), 3), body=body))
        at_s += rng.expovariate(faults_per_minute / 60)
    return Schedule(faults=tuple(faults), kills=_kills(rng, seconds, kills))


def _kills(rng: random.Random, seconds: float, count: int) -> tuple[float, ...]:
    """Moments anywhere in the run, a start-up included: one in each of `count` equal stretches, never in the same second."""
    room = max(0.0, seconds - QUIET_START_S - QUIET_END_S)
    stretch = room / count if count else 0.0
    slack = max(0.0, stretch - LEAST_BETWEEN_KILLS_S)
    return tuple(round(QUIET_START_S + n * stretch + rng.uniform(0.0, slack), 3) for n in range(count))
