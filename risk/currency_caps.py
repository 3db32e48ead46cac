"""Caps of currency pairs beside the shares of margin: gross of a pair and of the account, net of a currency, in multiples of equity.

Margin is a few percent of what a pair moves, so shares of it alone would allow many times the equity. Two pairs can be one bet: long EURUSD
and long GBPUSD are both short of dollars, so what all of them hold of a currency counts together, the account's own included. Source:
definitions, "Size of one trade".
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.booking import gross_of
from state.books import FLAT, Rows
from state.instruments import Instrument
from utils.kernel import kernel

PAIR_GROSS = int(Rule.PAIR_GROSS)
ACCOUNT_GROSS = int(Rule.ACCOUNT_GROSS)
CURRENCY = int(Rule.CURRENCY_LIMIT)


@kernel
def account_gross(pos: Rows, inst: Rows, a: int) -> int:
    """What the pairs of account `a` have open, resting and in flight, together (notional, money units)."""
    total = 0
    for i in range(len(pos)):
        if inst[i]["account"] == a:
            total += gross_of(pos, inst, i)
    return total


@kernel
def net_of(pos: Rows, inst: Rows, a: int, currency: int) -> int:
    """What account `a` is long (negative: short) of a currency over all its pairs, orders included (money units of its own)."""
    total = 0
    for i in range(len(pos)):
        if inst[i]["account"] == a and pos[i]["status"] != FLAT:
            held = pos[i]["side"] * gross_of(pos, inst, i)
            if inst[i]["base_ccy"] == currency:
                total += held
            elif inst[i]["quote_ccy"] == currency:
                total -= held
    return total


@kernel
def room(pos: Rows, inst: Rows, limits: Rows, i: int, side: int, base: float) -> tuple[int, float]:
    """The rule that binds and what these caps leave to one more trade on instrument `i` (money units, may be negative).

    What makes a net position smaller has all the room to the other side's limit.
    """
    a = inst[i]["account"]
    rule, allowed = PAIR_GROSS, limits[0]["fx_pair_gross"] * base - float(gross_of(pos, inst, i))
    left = limits[0]["fx_gross"] * base - float(account_gross(pos, inst, a))
    if left < allowed:
        rule, allowed = ACCOUNT_GROSS, left
    most = limits[0]["fx_currency"] * base
    left = min(
        most - side * float(net_of(pos, inst, a, inst[i]["base_ccy"])),
        most + side * float(net_of(pos, inst, a, inst[i]["quote_ccy"])),
    )
    if left < allowed:
        rule, allowed = CURRENCY, left
    return rule, allowed


def _of_equity(facts: Facts, units: int, limit: str) -> str:
    equity = int(facts.book.acct[facts.book.a]["equity"])
    held = f"{units / equity:.2f}" if equity > 0 else "all"
    return f"{held} times equity, limit {float(facts.book.limits[0][limit]):g}"


def _pair(facts: Facts) -> str:
    return _of_equity(facts, gross_of(facts.book.pos, facts.book.inst, facts.book.i), "fx_pair_gross")


def _account(facts: Facts) -> str:
    return _of_equity(facts, account_gross(facts.book.pos, facts.book.inst, facts.book.a), "fx_gross")


def _currency(facts: Facts) -> str:
    book, one = facts.book, facts.instrument
    nets = {name: net_of(book.pos, book.inst, book.a, int(book.inst[book.i][code])) for name, code in _codes(one)}
    return ", ".join(f"{name} {_of_equity(facts, net, 'fx_currency')}" for name, net in nets.items())


def _codes(one: Instrument) -> tuple[tuple[str, str], ...]:
    return (one.base, "base_ccy"), (one.quote, "quote_ccy")


TOLD = {
    Rule.PAIR_GROSS: Told("the pair's gross is as large as it may be", _pair),
    Rule.ACCOUNT_GROSS: Told("the account's gross is as large as it may be", _account),
    Rule.CURRENCY_LIMIT: Told("too much of one currency is held already", _currency),
}
