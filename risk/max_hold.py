"""Max hold: a position is closed when its strategy's full time is over. Source: definitions, "Stops, targets"."""

from __future__ import annotations

from state.books import Rows
from utils.kernel import kernel


@kernel
def over(pos: Rows, i: int, ts: int) -> bool:
    """Whether position `i` has been held for its full time at `ts`."""
    return bool(ts - pos[i]["opened_ts"] >= pos[i]["max_hold_ms"])
