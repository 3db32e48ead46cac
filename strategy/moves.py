"""How far each confirm bar went from the close before it, in standard deviations: what tells a broken price from a lively market.

A deviation is that of a primary return, the larger of the present one (`vol`) and its 30-day median, scaled by the square root of time
to what has passed since the bar before. It is the deviation known before the bar: one that contained the jump would hide it.
"""

from __future__ import annotations

import math

import numpy as np

from state.rows import MOVES, Row, Rows
from utils.kernel import kernel

SETTLED = 96
"""Primary bars before which there is no deviation to measure in: a day of 15m."""

_ROOTS = np.sqrt(1.0 / np.arange(1, 290))
"""Roots of a confirm bar's share of a primary bar, by how many it has, less one: a division and a root after one another would be what
the market pass waits for most."""


@kernel
def root_of_share(passed: int, confirm_ms: int, primary_ms: int, parts: int) -> float:
    """sqrt(time since the last bar / length of a primary bar); where one confirm bar has passed, the same bits from a table."""
    if passed == confirm_ms and parts <= len(_ROOTS):
        return float(_ROOTS[parts - 1])
    return math.sqrt(passed / primary_ms)


@kernel
def note_move(row: Row, ts: int, h: int, l: int) -> None:
    """Before the measures take the bar that opens at `ts`: its farthest price from the last close joins the ring, in deviations."""
    far = 0.0
    if row.confirm_bars > 0 and row.primary_bars >= SETTLED:
        usual = max(row.vol, row.vol_median) * root_of_share(ts - row.last_ts, row.confirm_ms, row.primary_ms, row.parts)
        if usual > 0.0:
            far = max(h - row.last_close, row.last_close - l) / row.last_close / usual
    row.moves[row.confirm_bars % MOVES] = far


@kernel
def largest_move(market: Rows, i: int) -> float:
    """The farthest that one of the last confirm bars of row `i` went, in deviations."""
    return float(market[i]["moves"].max())
