"""When a position has been held long enough: its strategy's full time, or no time at all on a halted account."""

from __future__ import annotations

from state.books import OPEN, Rows
from utils.kernel import kernel


@kernel
def due(pos: Rows, inst: Rows, acct: Rows, ts: int, first: int) -> int:
    """The first row from `first` on that must be closed at `ts` and has no close under way or just refused; -1 when there is none."""
    for i in range(first, len(pos)):
        if pos[i]["status"] != OPEN or pos[i]["closing"] != 0 or ts < pos[i]["close_after"]:
            continue
        if acct[inst[i]["account"]]["halted"] != 0 or ts - pos[i]["opened_ts"] >= pos[i]["max_hold_ms"]:
            return i
    return -1
