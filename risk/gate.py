"""The only maker of `Approved`: the last look at an intent before it may become an order.

The plan was sized by `risk/admission.py`; here every hard limit is checked once more on the finished intent, together with what only
the running bot knows (is the feed alive, is the quote fresh). Rules are an ordered tuple: the first objection wins.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from risk.admission import standing
from risk.exposure import account_gross
from risk.rules import REMEDY, Rule
from state.booking import gross_of
from state.books import Rows
from state.intents import Approved, Intent, Refused, order_id
from state.market import Quote


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What the running bot knows about an instrument at this moment."""

    feed_up: bool = True
    account_held: bool = False
    """Something is unsettled between us and the venue of this account (its stream, its key, a difference, a foreign order)."""
    paused: bool = False
    allowed: bool = True
    """Stage, toggles and the strategy's own domain list let it trade here."""
    bar_late: bool = False
    quote: Quote | None = None
    """The quote of the moment; feeds attach only fresh ones (transport time), so None means none or too old."""
    quote_needed: bool = False
    """True wherever fills come from quotes; replay over bars has none."""
    spread_median: float = 0.0
    """Ticks; 0 = not known yet."""
    max_spread_ratio: float = 3.0


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The rows an intent is judged against, and where in them it belongs; `tag` marks this bot's order ids on a live account."""

    pos: Rows
    inst: Rows
    acct: Rows
    rules: Rows
    limits: Rows
    i: int
    s: int
    tag: str = ""


Check = Callable[[Intent, Book, Health], Rule]


def _allowed(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.OK if health.allowed else Rule.NOT_ALLOWED_HERE


def _paused(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.PAUSED if health.paused else Rule.OK


def _feed(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.OK if health.feed_up else Rule.FEED_DOWN


def _account(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.ACCOUNT_HELD if health.account_held else Rule.OK


def _bar(_: Intent, __: Book, health: Health) -> Rule:
    return Rule.STALE_BAR if health.bar_late else Rule.OK


def _quote(_: Intent, __: Book, health: Health) -> Rule:
    if not health.quote_needed:
        return Rule.OK
    quote = health.quote
    if quote is None or quote.crossed:
        return Rule.STALE_QUOTE
    if health.spread_median > 0 and quote.ask - quote.bid > health.max_spread_ratio * health.spread_median:
        return Rule.WIDE_SPREAD
    return Rule.OK


def _standing(intent: Intent, book: Book, _: Health) -> Rule:
    code = standing(book.pos, book.inst, book.acct, book.rules, book.i, book.s, int(intent.side), intent.ts)
    return Rule(code)


def _sides(intent: Intent, _: Book, __: Health) -> Rule:
    """Stop and target enclose the planned price, the stop within its reach."""
    side, exits = int(intent.side), intent.exits
    right = side * (intent.reference - exits.stop) > 0 and side * (exits.target - intent.reference) > 0 and exits.stop > 0
    return Rule.OK if right and intent.steps > 0 else Rule.BAD_PLAN


def _caps(intent: Intent, book: Book, _: Health) -> Rule:
    """The shares of equity, recomputed from scratch: base, pair and portfolio."""
    a, limits = int(book.inst[book.i]["account"]), book.limits[0]
    base = min(int(book.acct[a]["equity"]), int(book.acct[a]["day_start"]))
    value = intent.reference * intent.steps * int(book.inst[book.i]["unit"])
    canary = book.acct[a]["canary"][int(book.rules[book.s]["style"])]
    share = limits["canary_base"] if canary else limits["base"]
    if value > share * base or value + gross_of(book.pos, book.inst, book.i) > limits["pair"] * base:
        return Rule.PAIR_LIMIT
    if value + account_gross(book.pos, book.inst, a) > limits["portfolio"] * base:
        return Rule.PORTFOLIO_LIMIT
    return Rule.OK


RULES: tuple[Check, ...] = (_allowed, _paused, _feed, _account, _bar, _quote, _standing, _sides, _caps)
"""In this order; add a rule here."""


def review(intent: Intent, book: Book, health: Health) -> Approved | Refused:
    """Approve the intent or name the first rule against it."""
    for check in RULES:
        rule = check(intent, book, health)
        if rule is not Rule.OK:
            return refusal(rule)
    return Approved(intent=intent, order_id=order_id(intent.account, intent.key, intent.ts, "e", book.tag))


def refusal(rule: Rule, figure: str = "") -> Refused:
    """A refusal in words; `figure` is what was judged, with its limit."""
    text = REMEDY[rule]
    return Refused(rule=rule.label, reason=f"{text} ({figure})" if figure else text)
