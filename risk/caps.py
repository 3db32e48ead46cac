"""Caps: the shares of its equity that an account may put into one trade, one pair and all pairs, orders in flight counted.

The base is the smaller of equity now and at the day's start. Where positions are held on margin (FOREX) the shares count margin, and
`risk/currency_caps.py` says what it may move; options count premium (`risk/option_caps.py`). Source: definitions, "Size of one trade".
"""

from __future__ import annotations

from risk import currency_caps
from risk.currency_caps import room
from risk.facts import Book, Facts, Told
from risk.option_caps import premium_at_work, share_of_one
from risk.option_caps import room as premium_room
from risk.rules import Rule
from state.booking import gross_of
from state.books import Rows
from state.conversion import home_of
from state.intents import Intent
from utils.kernel import kernel

BELOW_MIN = int(Rule.BELOW_MIN_ORDER)
PAIR = int(Rule.PAIR_LIMIT)
PORTFOLIO = int(Rule.PORTFOLIO_LIMIT)


@kernel
def bound(inst: Rows, i: int, gross: int) -> int:
    """What shares of equity count of `gross` (money units) of instrument `i`: its margin, rounded up, or all of it."""
    return int(-(-gross // inst[i]["leverage"]) if inst[i]["on_margin"] else gross)


@kernel
def account_bound(pos: Rows, inst: Rows, a: int) -> int:
    """`bound` of what the pairs of account `a` have open, resting and in flight, together (money units)."""
    total = 0
    for i in range(len(pos)):
        if inst[i]["account"] == a:
            total += bound(inst, i, gross_of(pos, inst, i))
    return total


@kernel
def capped(pos: Rows, inst: Rows, acct: Rows, limits: Rows, i: int, side: int, style: int, loss_bound: float) -> tuple[int, float]:
    """The rule that binds and what one trade on instrument `i` may be worth (money units, may be negative).

    `loss_bound`: how large the loss at the stop allows it to be. BELOW_MIN_ORDER stands for the trade's own bounds: what is left of it
    may be too small to send.
    """
    a = inst[i]["account"]
    base = float(min(acct[a]["equity"], acct[a]["day_start"]))
    if inst[i]["option"]:
        name, left = premium_room(pos, inst, limits, i, acct[a]["canary"][style], base)
        return (BELOW_MIN, loss_bound) if loss_bound < left else (name, left)
    share = limits[0]["canary_base"] if acct[a]["canary"][style] else limits[0]["base"]
    stretch = float(inst[i]["leverage"]) if inst[i]["on_margin"] else 1.0
    allowed = min(share * base * stretch, loss_bound)
    rule = BELOW_MIN
    pair_room = (limits[0]["pair"] * base - float(bound(inst, i, gross_of(pos, inst, i)))) * stretch
    if pair_room < allowed:
        allowed, rule = pair_room, PAIR
    portfolio_room = (limits[0]["portfolio"] * base - float(account_bound(pos, inst, a))) * stretch
    if portfolio_room < allowed:
        allowed, rule = portfolio_room, PORTFOLIO
    if inst[i]["on_margin"]:
        name, left = room(pos, inst, limits, i, side, base)
        if left < allowed:
            allowed, rule = left, name
    return rule, allowed


def check(intent: Intent, book: Book) -> Rule:
    """The caps once more on a finished intent, recomputed from scratch."""
    a, limits = book.a, book.limits[0]
    base = min(int(book.acct[a]["equity"]), int(book.acct[a]["day_start"]))
    i, inst, pos = book.i, book.inst, book.pos
    value = home_of(inst, i, intent.reference * intent.steps * int(inst[i]["unit"]))
    times = int(inst[i]["leverage"]) if inst[i]["on_margin"] else 1
    canary = book.acct[a]["canary"][int(book.rules[book.s]["style"])]
    if inst[i]["option"]:
        if value > share_of_one(book.limits, canary) * base:
            return Rule.PAIR_LIMIT
        return Rule.PORTFOLIO_LIMIT if value + premium_at_work(pos, inst, a) > limits["option_total"] * base else Rule.OK
    share = limits["canary_base"] if canary else limits["base"]
    if value > share * base * times or value + bound(inst, i, gross_of(pos, inst, i)) * times > limits["pair"] * base * times:
        return Rule.PAIR_LIMIT
    if value + account_bound(pos, inst, a) * times > limits["portfolio"] * base * times:
        return Rule.PORTFOLIO_LIMIT
    if inst[i]["on_margin"]:
        rule, left = room(pos, inst, book.limits, i, int(intent.side), float(base))
        if value > left:
            return Rule(rule)
    return Rule.OK


def _pair(facts: Facts) -> str:
    pos, inst, i = facts.book.pos, facts.book.inst, facts.book.i
    held = bound(inst, i, gross_of(pos, inst, i))
    limit = "option_base" if inst[i]["option"] else "pair"
    return f"{facts.share(held)} of equity held or ordered, limit {float(facts.book.limits[0][limit]):.0%}"


def _portfolio(facts: Facts) -> str:
    held = account_bound(facts.book.pos, facts.book.inst, facts.book.a)
    limit = "option_total" if facts.book.inst[facts.book.i]["option"] else "portfolio"
    return f"{facts.share(held)} of equity held or ordered, limit {float(facts.book.limits[0][limit]):.0%}"


TOLD = {
    Rule.PAIR_LIMIT: Told("the pair's share of equity is used up", _pair),
    Rule.PORTFOLIO_LIMIT: Told("the portfolio's share of equity is used up", _portfolio),
} | currency_caps.TOLD
