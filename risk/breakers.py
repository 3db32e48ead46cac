"""When an account stops entering by itself: drawdown steps, the daily loss stop, the pause after a run of losses.

Exits are never touched by any of this. Source: definitions, "Guardrails".
"""

from __future__ import annotations

import numpy as np

from state.booking import equity_of
from state.books import HOLDS, Rows
from utils.kernel import kernel

DAY_MS = 86_400_000

ROLLED, STEPPED, DAY_STOPPED = 1, 2, 4
"""Bits of what `mark` found: a new UTC day, a new drawdown step, the daily loss stop just reached."""

NORMAL, HALF, NO_ENTRIES, HALT = 0, 1, 2, 3
"""ACCT.level."""


@kernel
def mark(pos: Rows, inst: Rows, acct: Rows, limits: Rows, a: int, ts: int) -> int:
    """Value the account at its marks, roll the UTC day, update peak and drawdown step; returns the bits of what changed.

    From NO_ENTRIES upwards a step is kept until a person resets the account; HALF follows the drawdown back.
    """
    found = 0
    equity = equity_of(pos, inst, acct, a)
    acct[a]["equity"] = equity
    day = ts // DAY_MS
    if day != acct[a]["day"]:
        acct[a]["day"] = day
        acct[a]["day_start"] = equity
        acct[a]["day_stopped"] = 0
        found |= ROLLED
    peak = max(acct[a]["peak"], equity)
    if peak <= 0:
        return found  # a wallet that was never opened has nothing to lose
    acct[a]["peak"] = peak
    # In money, not as a ratio: 1 - 920 / 1000 is a hair less than 0.08.
    fall = peak - equity
    level = NORMAL
    if fall >= limits[0]["halt_at"] * peak:
        level = HALT
    elif fall >= limits[0]["stop_at"] * peak:
        level = NO_ENTRIES
    elif fall >= limits[0]["half_at"] * peak:
        level = HALF
    if acct[a]["level"] >= NO_ENTRIES and level < acct[a]["level"]:
        level = acct[a]["level"]
    if level != acct[a]["level"]:
        acct[a]["level"] = level
        found |= STEPPED
    if acct[a]["day_stopped"] == 0 and equity - acct[a]["day_start"] <= -limits[0]["daily_loss"] * acct[a]["day_start"]:
        acct[a]["day_stopped"] = 1
        found |= DAY_STOPPED
    return found


@kernel
def run_chance(loss_rate: float, length: int, trials: int) -> float:
    """Chance of at least one run of `length` losses in `trials` independent trades."""
    if loss_rate <= 0.0:
        return 0.0
    in_run = np.zeros(length)
    in_run[0] = 1.0
    reached = 0.0
    for _ in range(trials):
        reached += in_run[length - 1] * loss_rate
        alive = 0.0
        for k in range(length):
            alive += in_run[k]
        for k in range(length - 1, 0, -1):
            in_run[k] = in_run[k - 1] * loss_rate
        in_run[0] = alive * (1.0 - loss_rate)
    return reached


@kernel
def streak_limit(trades: int, wins: int, limits: Rows) -> int:
    """Losses in a row that pause a style: the shortest run that is unlikely at the measured win rate, clipped."""
    low, high = limits[0]["streak_low"], limits[0]["streak_high"]
    if trades < limits[0]["streak_min_trades"]:
        return int(high)
    loss_rate = 1.0 - wins / trades
    for length in range(low, high):
        if run_chance(loss_rate, length, 100) <= limits[0]["streak_chance"]:
            return int(length)
    return int(high)


@kernel
def trade_closed(acct: Rows, rules: Rows, limits: Rows, a: int, s: int, net: int, opened_ts: int, closed_ts: int) -> int:
    """Count a closed trade of strategy `s`; returns until when its style pauses (ms UTC), 0 when it does not.

    A pause lasts `pause_bars` x N primary bars and doubles on each repeat within one UTC day. Trades of a `free` strategy (the demo) never
    count.
    """
    style = rules[s]["style"]
    n = acct[a]["hold_n"][s]
    acct[a]["holds_ms"][s][n % HOLDS] = closed_ts - opened_ts
    acct[a]["hold_n"][s] = n + 1
    if rules[s]["free"]:
        return 0
    acct[a]["trades"][style] += 1
    if net > 0:
        acct[a]["wins"][style] += 1
        acct[a]["streak"][style] = 0
        return 0
    acct[a]["streak"][style] += 1
    length = streak_limit(acct[a]["trades"][style], acct[a]["wins"][style], limits)
    if acct[a]["streak"][style] < length:
        return 0
    acct[a]["streak"][style] = 0
    day = closed_ts // DAY_MS
    if acct[a]["pause_day"][style] != day:
        acct[a]["pause_day"][style] = day
        acct[a]["pauses"][style] = 0
    until = closed_ts + limits[0]["pause_bars"] * length * rules[s]["primary_ms"] * (1 << acct[a]["pauses"][style])
    acct[a]["pauses"][style] += 1
    acct[a]["pause_until"][style] = max(until, acct[a]["pause_until"][style])
    return int(acct[a]["pause_until"][style])


@kernel
def probation(acct: Rows, a: int, style: int, ts: int) -> None:
    """A style of a live account trades in canary size from `ts` on, its counters new; a paper account has no such thing."""
    if acct[a]["live"]:
        acct[a]["canary"][style] = 1
        acct[a]["canary_since"][style] = ts
        acct[a]["canary_trades"][style] = 0
        acct[a]["canary_realised"][style] = 0


@kernel
def resume(acct: Rows, a: int) -> None:
    """A person lets a halted account trade again: a new peak and a fresh sample. The day's loss stop and running pauses stay."""
    acct[a]["peak"] = acct[a]["equity"]
    acct[a]["level"] = NORMAL
    acct[a]["halted"] = 0
    acct[a]["trades"][:] = 0
    acct[a]["wins"][:] = 0
    acct[a]["streak"][:] = 0
    acct[a]["hold_n"][:] = 0


@kernel
def reset(acct: Rows, a: int) -> None:
    """A wallet starts over: as `resume`, and nothing of the day or of earlier losses is held against it."""
    resume(acct, a)
    acct[a]["day_start"] = acct[a]["equity"]
    acct[a]["day_stopped"] = 0
    acct[a]["pause_until"][:] = 0
    acct[a]["pauses"][:] = 0
