"""Caps of options: the premium is paid in full and is the most that can be lost, so shares of equity count premium, and two limits suffice.

One trade (`option_base`, a canary's no more than `canary_base`) and all options of the account, orders in flight counted (`option_total`).
Neither the pair's nor the portfolio's share binds, nor does turnover: the volume of currencies is a count of ticks. Source:
definitions, "Size of one trade".
"""

from __future__ import annotations

from risk.facts import Facts
from risk.rules import Rule
from state.booking import gross_of
from state.books import Rows
from state.conversion import HOME, home_of
from utils.fixed import money
from utils.kernel import kernel

BELOW_MIN = int(Rule.BELOW_MIN_ORDER)
PORTFOLIO = int(Rule.PORTFOLIO_LIMIT)


@kernel
def premium_at_work(pos: Rows, inst: Rows, a: int) -> int:
    """Premium of what account `a` has open, resting and in flight, at the marks (money units)."""
    total = 0
    for i in range(len(pos)):
        if inst[i]["account"] == a and inst[i]["option"]:
            total += gross_of(pos, inst, i)
    return total


@kernel
def share_of_one(limits: Rows, canary: int) -> float:
    """Largest premium of one trade as a fraction of equity."""
    share = float(limits[0]["option_base"])
    return min(share, float(limits[0]["canary_base"])) if canary else share


@kernel
def room(pos: Rows, inst: Rows, limits: Rows, i: int, canary: int, base: float) -> tuple[int, float]:
    """The rule that binds and the premium that one more trade on slot `i` may cost (money units, may be negative).

    BELOW_MIN_ORDER stands for the trade's own bound: what is left of it may be less than one step.
    """
    allowed = share_of_one(limits, canary) * base
    left = float(limits[0]["option_total"]) * base - float(premium_at_work(pos, inst, inst[i]["account"]))
    return (PORTFOLIO, left) if left < allowed else (BELOW_MIN, allowed)


def too_dear(facts: Facts) -> str:
    """What the smallest order costs beside what one trade may: of a slot without a price yet, or that buys nothing at all, only that."""
    book, one = facts.book, facts.instrument
    inst, limits, acct = book.inst[book.i], book.limits, book.acct[book.a]
    least = max(int(inst["min_steps"]), int(inst["lot_steps"]), 1)
    qty = f"{one.qty(least):,} {one.base}"
    if int(inst["max_steps"]) < least:
        return f"options on {one.symbol} are not bought on this account"
    if not facts.reference:
        return f"minimum {qty}"
    canary = int(acct["canary"][int(book.rules[book.s]["style"])])
    base = min(int(acct["equity"]), int(acct["day_start"]))
    cost = home_of(book.inst, book.i, facts.reference * least * int(inst["unit"]))
    share, loss = share_of_one(limits, canary), float(limits[0]["canary_loss" if canary else "loss"])
    by_loss = loss / (abs(facts.reference - facts.stop) / facts.reference + facts.judged)
    smallest = cost / min(share, by_loss)

    def told(units: float) -> str:
        return f"{float(money(int(units))):,.2f} {HOME}"

    return (
        f"{qty} cost {told(cost)}; {share:.2%} of the wallet ({told(base)}) is {told(share * base)}, "
        f"and {loss:.2%} of it lost at the stop allows {told(by_loss * base)}; the smallest wallet that could buy them has {told(smallest)}"
    )
