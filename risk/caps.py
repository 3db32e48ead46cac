"""Caps: the shares of its equity that an account may put into one trade, one pair and all pairs, orders in flight counted.

The base is the smaller of equity now and at the day's start. Source: definitions, "Size of one trade".
"""

from __future__ import annotations

from risk.facts import Book, Facts, Told
from risk.rules import Rule
from state.booking import gross_of
from state.books import Rows
from state.intents import Intent
from utils.kernel import kernel

BELOW_MIN = int(Rule.BELOW_MIN_ORDER)
PAIR = int(Rule.PAIR_LIMIT)
PORTFOLIO = int(Rule.PORTFOLIO_LIMIT)


@kernel
def account_gross(pos: Rows, inst: Rows, a: int) -> int:
    """What the pairs of account `a` have open, resting and in flight, together (notional, money units)."""
    total = 0
    for i in range(len(pos)):
        if inst[i]["account"] == a:
            total += gross_of(pos, inst, i)
    return total


@kernel
def capped(pos: Rows, inst: Rows, acct: Rows, limits: Rows, i: int, style: int, loss_bound: float) -> tuple[int, float]:
    """The rule that binds and what one trade on instrument `i` may be worth (money units, may be negative).

    `loss_bound`: how large the loss at the stop allows it to be. BELOW_MIN_ORDER stands for the trade's own bounds: what is left of it
    may be too small to send.
    """
    a = inst[i]["account"]
    base = float(min(acct[a]["equity"], acct[a]["day_start"]))
    share = limits[0]["canary_base"] if acct[a]["canary"][style] else limits[0]["base"]
    allowed = min(share * base, loss_bound)
    rule = BELOW_MIN
    pair_room = limits[0]["pair"] * base - float(gross_of(pos, inst, i))
    if pair_room < allowed:
        allowed, rule = pair_room, PAIR
    portfolio_room = limits[0]["portfolio"] * base - float(account_gross(pos, inst, a))
    if portfolio_room < allowed:
        allowed, rule = portfolio_room, PORTFOLIO
    return rule, allowed


def check(intent: Intent, book: Book) -> Rule:
    """The caps once more on a finished intent, recomputed from scratch."""
    a, limits = book.a, book.limits[0]
    base = min(int(book.acct[a]["equity"]), int(book.acct[a]["day_start"]))
    value = intent.reference * intent.steps * int(book.inst[book.i]["unit"])
    canary = book.acct[a]["canary"][int(book.rules[book.s]["style"])]
    share = limits["canary_base"] if canary else limits["base"]
    if value > share * base or value + gross_of(book.pos, book.inst, book.i) > limits["pair"] * base:
        return Rule.PAIR_LIMIT
    if value + account_gross(book.pos, book.inst, a) > limits["portfolio"] * base:
        return Rule.PORTFOLIO_LIMIT
    return Rule.OK


def _pair(facts: Facts) -> str:
    held = gross_of(facts.book.pos, facts.book.inst, facts.book.i)
    return f"{facts.share(held)} of equity held or ordered, limit {float(facts.book.limits[0]['pair']):.0%}"


def _portfolio(facts: Facts) -> str:
    held = account_gross(facts.book.pos, facts.book.inst, facts.book.a)
    return f"{facts.share(held)} of equity held or ordered, limit {float(facts.book.limits[0]['portfolio']):.0%}"


TOLD = {
    Rule.PAIR_LIMIT: Told("the pair's share of equity is used up", _pair),
    Rule.PORTFOLIO_LIMIT: Told("the portfolio's share of equity is used up", _portfolio),
}
