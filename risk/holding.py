"""What a held position goes through: its stop at each closed bar, and whether it must be closed now and for which reason.

A halted account holds nothing, the weekend may be near, its time may be over; each of these rules is a file of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from risk.max_hold import over
from risk.stops import after_bar
from risk.weekend import ALWAYS, must_be_flat, tighten
from state.books import OPEN, Rows
from state.intents import ExitReason
from state.runtime import REASONS
from utils.kernel import kernel

NOT_YET = 0
BY_TIME = REASONS.index(ExitReason.MAX_HOLD) + 1
BY_HALT = REASONS.index(ExitReason.HALT) + 1
BY_WEEKEND = REASONS.index(ExitReason.WEEKEND) + 1
"""Codes of POS.closing."""


@kernel
def bar_closed(pos: Rows, inst: Rows, rules: Rows, limits: Rows, i: int, ts: int, high: int, low: int, close: int) -> int:
    """Take the confirm bar that closed at `ts` into open position `i` (prices in ticks): 1 when its stop moved."""
    min_r, min_ticks = limits[0]["min_amend_r"], limits[0]["min_amend_ticks"]
    moved = after_bar(pos, i, high, low, close, min_r, min_ticks)
    if inst[i]["session"] != ALWAYS:
        moved |= tighten(pos, inst, rules, limits, i, ts, close, min_r, min_ticks)
    return moved


TOLD = 6
"""Numbers of a bar in `bars_closed`."""


@kernel
def bars_closed(pos: Rows, inst: Rows, rules: Rows, limits: Rows, bars: npt.NDArray[np.int64], first: int) -> int:
    """`bar_closed` for bars that came together, from number `first` on: the number of the first that moved its stop, -1 when none did.

    `bars` holds row, ts, high, low, close of each and the mark price (ticks; 0: its close) that it is valued by, end to end.
    """
    for n in range(first, len(bars) // TOLD):
        at = TOLD * n
        i = bars[at]
        moved = bar_closed(pos, inst, rules, limits, i, bars[at + 1], bars[at + 2], bars[at + 3], bars[at + 4])
        if bars[at + 5] != 0:
            pos[i]["mark"] = bars[at + 5]
        if moved:
            return n
    return -1


@kernel
def due(pos: Rows, inst: Rows, acct: Rows, limits: Rows, ts: int, first: int) -> tuple[int, int]:
    """The first row from `first` on that must be closed at `ts`, and why (a code of POS.closing); -1 and NOT_YET when there is none.

    Left out is what has a close under way or one that was just refused.
    """
    for i in range(first, len(pos)):
        if pos[i]["status"] != OPEN or pos[i]["closing"] != 0 or ts < pos[i]["close_after"]:
            continue
        if acct[inst[i]["account"]]["halted"] != 0:
            return i, BY_HALT
        if inst[i]["session"] != ALWAYS and must_be_flat(pos, inst, limits, i, ts):
            return i, BY_WEEKEND
        if over(pos, i, ts):
            return i, BY_TIME
    return -1, NOT_YET
