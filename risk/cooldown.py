"""Cooldown: a style that loses too often in a row pauses for a while.

Too often is the shortest run that is unlikely at the style's own win rate. Source: definitions, "Guardrails".
"""

from __future__ import annotations

import numpy as np

from risk.daily_loss import DAY_MS
from risk.facts import MINUTE_MS, Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel


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
def after_trade(acct: Rows, limits: Rows, a: int, style: int, primary_ms: int, net: int, closed_ts: int) -> int:
    """Count a closed trade of a style; returns until when it pauses (ms UTC), 0 when it does not.

    A pause lasts `pause_bars` x N primary bars and doubles on each repeat within one UTC day.
    """
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
    until = closed_ts + limits[0]["pause_bars"] * length * primary_ms * (1 << acct[a]["pauses"][style])
    acct[a]["pauses"][style] += 1
    acct[a]["pause_until"][style] = max(until, acct[a]["pause_until"][style])
    return int(acct[a]["pause_until"][style])


@kernel
def pausing(acct: Rows, a: int, style: int, ts: int) -> bool:
    """Whether a style of account `a` pauses at `ts`."""
    return bool(ts < acct[a]["pause_until"][style])


def _figure(facts: Facts) -> str:
    until = int(facts.book.acct[facts.book.a]["pause_until"][int(facts.book.rules[facts.book.s]["style"])])
    return f"for {max(0, until - facts.ts) / MINUTE_MS:.0f} more minutes"


TOLD = {Rule.COOLDOWN: Told("pausing after a run of losses", _figure)}
