"""How much of an account's equity is at work: what its pairs have open, resting and in flight, together."""

from __future__ import annotations

from state.booking import gross_of
from state.books import Rows
from utils.kernel import kernel


@kernel
def account_gross(pos: Rows, inst: Rows, a: int) -> int:
    """Notional of all instruments of account `a` (money units)."""
    total = 0
    for i in range(len(pos)):
        if inst[i]["account"] == a:
            total += gross_of(pos, inst, i)
    return total
