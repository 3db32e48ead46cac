"""How much of an account's equity is at work, per pair and in all, as people read it."""

from __future__ import annotations

from decimal import Decimal

from state.booking import gross_of
from state.books import Rows
from utils.fixed import money


def gross(pos: Rows, inst: Rows, a: int) -> dict[int, Decimal]:
    """Notional per instrument index of account `a` (quote currency): open, resting and in flight; zeros left out."""
    found = {i: gross_of(pos, inst, i) for i in range(len(pos)) if inst[i]["account"] == a}
    return {i: money(int(units)) for i, units in found.items() if units}


def utilisation(pos: Rows, inst: Rows, acct: Rows, a: int) -> float:
    """All notional of account `a` as a fraction of its equity."""
    equity = money(int(acct[a]["equity"]))
    return float(sum(gross(pos, inst, a).values(), Decimal(0)) / equity) if equity > 0 else 0.0
