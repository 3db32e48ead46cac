"""Drawdown: how far an account may fall below its peak before it trades half, enters nothing, is closed and halted.

An account's own peak since its own last reset; both are state and outlive a restart. Money that is not the account's own (`ACCT.outside`)
is in neither; own money that comes or leaves scales the peak with the equity, so that no step is made or hidden by it.
Source: definitions, "Guardrails".
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel

NORMAL, HALF, NO_ENTRIES, HALT = 0, 1, 2, 3
"""ACCT.level."""

OK = int(Rule.OK)
HALTED = int(Rule.HALTED)
DRAWDOWN = int(Rule.DRAWDOWN)


@kernel
def stepped(acct: Rows, limits: Rows, a: int, equity: int) -> bool:
    """Take a valuation of account `a` (money units) into peak and step; whether the step changed.

    From NO_ENTRIES upwards a step is kept until a person resets the account; HALF follows the drawdown back.
    """
    peak = max(acct[a]["peak"], equity)
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
    if level == acct[a]["level"]:
        return False
    acct[a]["level"] = level
    return True


@kernel
def forbids(acct: Rows, a: int) -> int:
    """The rule against any entry of account `a`: halted, by this or by a person, or on the step without entries; OK when none."""
    if acct[a]["halted"] or acct[a]["level"] >= HALT:
        return HALTED
    if acct[a]["level"] >= NO_ENTRIES:
        return DRAWDOWN
    return OK


@kernel
def halves(acct: Rows, a: int) -> bool:
    """Whether account `a` trades half size; a live account becomes a canary instead."""
    return bool(acct[a]["level"] == HALF and acct[a]["live"] == 0)


def _figure(facts: Facts) -> str:
    acct, limits = facts.book.acct[facts.book.a], facts.book.limits[0]
    fall = 1.0 - int(acct["equity"]) / int(acct["peak"]) if acct["peak"] > 0 else 0.0
    return f"drawdown {fall:.1%}, step at {float(limits['stop_at']):.0%}"


TOLD = {
    Rule.HALTED: Told("the account is halted until a person resumes it", lambda facts: facts.health.halted_by),
    Rule.DRAWDOWN: Told("drawdown stop reached; entries stay off until a reset", _figure),
}
