"""The bar-fill model of replay and sweep: at which price an order would have filled inside a bar that is already history.

Conservative where a bar cannot tell: the stop comes before the target, a gap fills at the open, takers pay slippage, a resting limit
fills only when price trades through it by a tick. A perpetual's stop and target may trigger by the mark price: then the mark's bar says
whether and when, and the last price's bar at which price.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from risk.costs import slipped
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]

NONE, STOP, TARGET, BOTH = 0, 1, 2, 3
"""What a bar did to a protected position. BOTH: stop and target lie inside it and only finer bars can tell."""

MARKET, IOC_LIMIT, RESTING = 0, 1, 2
"""OrderType, as kernels see it."""


@kernel
def entry_at_open(order_type: int, side: int, limit: int, stop: int, target: int, open_t: int, slip_ppm: int) -> int:
    """Fill price of a taking entry at the bar's open, 0 when it does not fill.

    It does not fill beyond its limit, nor where its own stop or target would already have been passed (a venue refuses such legs).
    """
    if order_type == RESTING:
        return 0
    price = slipped(open_t, slip_ppm, side)
    if side * (price - limit) > 0 or side * (price - stop) <= 0 or side * (target - price) <= 0:
        return 0
    return price


@kernel
def resting_fills(side: int, limit: int, high: int, low: int) -> bool:
    """Whether the bar traded through a resting entry by at least one tick."""
    return low < limit if side > 0 else high > limit


@kernel
def gap_exit(side: int, stop: int, target: int, open_t: int) -> int:
    """STOP or TARGET when the bar opens beyond one of them, else NONE."""
    if side * (open_t - stop) <= 0:
        return STOP
    if side * (target - open_t) <= 0:
        return TARGET
    return NONE


@kernel
def touched(side: int, stop: int, target: int, high: int, low: int) -> int:
    """Which of stop and target lie inside the bar's range."""
    if side > 0:
        hit_stop, hit_target = low <= stop, high >= target
    else:
        hit_stop, hit_target = high >= stop, low <= target
    return (STOP if hit_stop else 0) + (TARGET if hit_target else 0)


@kernel
def traded_at(level: int, mark_open: int, open_t: int, high: int, low: int) -> int:
    """The last price at the moment when the mark reached `level` inside a bar.

    As far from it as both were apart when the bar opened, and within what was traded; where they opened alike it is the level itself.
    """
    if mark_open == open_t:
        return level
    return min(max(level + open_t - mark_open, low), high)


@kernel
def resolve_fine(side: int, stop: int, target: int, highs: Ints, lows: Ints, first: int, last: int) -> int:
    """Which of stop and target finer bars `first` to `last` (exclusive) reached first; the stop where one of them holds both."""
    for k in range(first, last):
        hit = touched(side, stop, target, highs[k], lows[k])
        if hit != NONE:
            return STOP if hit == BOTH else hit
    return STOP
