"""The only maker of `Approved`: the last look at an intent before it may become an order.

The plan was sized by `risk/admission.py`; here every hard limit is checked once more on the finished intent, together with what only
the running bot knows. Rules are an ordered tuple: the first objection wins.
"""

from __future__ import annotations

from collections.abc import Callable

from risk import (
    admission,
    caps,
    conversion,
    cooldown,
    cost_gate,
    daily_break,
    daily_loss,
    drawdown,
    feed_health,
    liquidation,
    price_jump,
    sizing,
    stop_cap,
    surface,
    weekend,
)
from risk.facts import Book, Facts, Health, Told
from risk.rules import Rule
from state.intents import Approved, Intent, Refused, order_id

Check = Callable[[Intent, Book, Health], Rule]

TOLD: dict[Rule, Told] = {
    Rule.PAUSED: Told("entries are paused by the operator"),
    Rule.SWITCHED_OFF: Told("its domain is switched off; it enters again with `forex on` or `options on`"),
    Rule.NOT_ALLOWED_HERE: Told("this strategy does not trade this account"),
}
_FILES = (
    admission,
    caps,
    conversion,
    cooldown,
    cost_gate,
    daily_break,
    daily_loss,
    drawdown,
    feed_health,
    liquidation,
    price_jump,
    sizing,
    stop_cap,
    surface,
    weekend,
)
for _file in _FILES:
    TOLD |= _file.TOLD


def _allowed(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.OK if health.allowed else Rule.NOT_ALLOWED_HERE


def _paused(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.PAUSED if health.paused else Rule.OK


def _switched(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.OK if health.switched_on else Rule.SWITCHED_OFF


def _calm(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.PRICE_JUMP if price_jump.jumped(health.largest_move, health.max_move) else Rule.OK


def _standing(intent: Intent, book: Book, _: Health) -> Rule:
    code = admission.standing(book.pos, book.inst, book.acct, book.rules, book.limits, book.i, book.s, int(intent.side), intent.ts)
    return Rule(code)


def _sides(intent: Intent, _: Book, __: Health) -> Rule:
    """Stop and target enclose the planned price, the stop within its reach."""
    side, exits = int(intent.side), intent.exits
    right = side * (intent.reference - exits.stop) > 0 and side * (exits.target - intent.reference) > 0 and exits.stop > 0
    return Rule.OK if right and intent.steps > 0 else Rule.BAD_PLAN


def _far_from_liquidation(intent: Intent, book: Book, _: Health) -> Rule:
    distance = abs(intent.reference - intent.exits.stop) / intent.reference
    return Rule.LIQUIDATION_NEAR if liquidation.too_near(book.inst, book.limits, book.i, distance) else Rule.OK


RULES: tuple[Check, ...] = (
    _allowed,
    _paused,
    _switched,
    lambda _, __, health: feed_health.check(health),
    lambda _, __, health: surface.check(health),
    _calm,
    _standing,
    _sides,
    _far_from_liquidation,
    lambda intent, book, _: caps.check(intent, book),
)
"""In this order; add a rule here."""


def review(intent: Intent, book: Book, health: Health) -> Approved | Refused:
    """Approve the intent or name the first rule against it."""
    for check in RULES:
        rule = check(intent, book, health)
        if rule is not Rule.OK:
            return refusal(rule)
    return Approved(intent=intent, order_id=order_id(intent.account, intent.key, intent.ts, "e", book.tag))


def refusal(rule: Rule, facts: Facts | None = None) -> Refused:
    """A refusal in words; with `facts` it tells what was judged, with its limit."""
    told = TOLD[rule]
    figure = told.figure(facts) if facts is not None else ""
    return Refused(rule=rule.label, reason=f"{told.words} ({figure})" if figure else told.words)
