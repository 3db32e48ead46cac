"""One candidate, one answer: the policy in force decides, exploration may replace it, the gate has the last word, a row is left.

Where the policy wants to enter a symbol that only an explored position holds, that one is closed at market first and the entry follows as
soon as the seat is flat, if it is not too late by then.
"""

from __future__ import annotations

import numpy as np

from modules.engine import exits
from modules.engine.decide import Plan, book_of, demo_steps, enter, health_of, intend, plan_entry
from modules.engine.explore import drawn, tries_itself
from modules.engine.mandate import Mandate
from modules.engine.refusals import refused
from modules.engine.weigh import Weighed, record, weigh
from risk import gate
from risk.facts import Facts
from risk.rules import Rule
from state.accounts import Account
from state.books import FLAT, OPEN, Rows
from state.intents import ExitReason, Refused, Signal, order_id
from state.market import Quote
from state.messages import Command, Report, Tick
from state.policies import Waiting
from state.runtime import RuntimeState

SUPERSEDED = "superseded"


def decide(
    state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, quote: Quote | None, turnover: float, out: list[Command]
) -> None:
    """Judge one candidate and append what follows: an order and its report, or the report of a refusal; and the decision's row."""
    weighed = weigh(state, mandate, i, s, signal, quote)
    decision, plan = weighed.decision, None
    if tries_itself(state, mandate, i, s, signal.ts):
        decision, plan = drawn(state, mandate, i, s, signal, turnover, weighed)
    if plan is not None:
        order, rule = enter(state, mandate, i, s, signal, quote, plan, out)
    else:
        order, rule = _follow(state, mandate, i, s, signal, quote, turnover, weighed, out)
    if mandate.strategies[s].confirmed:
        out.append(record(state, mandate, i, signal, weighed, decision, turnover, order, rule))


def explore(
    state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, quote: Quote | None, turnover: float, out: list[Command]
) -> None:
    """Beside a live account: enter the candidate on the paper seat with another exit profile, where this decision is one that explores."""
    weighed = weigh(state, mandate, i, s, signal, quote)
    decision, plan = drawn(state, mandate, i, s, signal, turnover, weighed)
    if plan is not None:
        order, rule = enter(state, mandate, i, s, signal, quote, plan, out)
        out.append(record(state, mandate, i, signal, weighed, decision, turnover, order, rule))


def go_on(state: RuntimeState, mandate: Mandate, event: Tick, out: list[Command]) -> None:
    """Entries that waited for an explored position to leave: made where the seat is flat and quoted, dropped when it is too late."""
    for name, one in list(state.waiting.items()):
        account, _, key = name.partition(" ")
        i, s = state.find(Account.parse(account), key), one.signal.strategy
        quote = next((quote for quote in event.quotes if quote.key == key), None)
        if i is None or event.ts > one.until:
            del state.waiting[name]
            text = f"{mandate.strategies[s].name}: what was explored on {key} left too late, its entry is dropped"
            out.append(Report(ts=event.ts, what="refused", account=account, key=key, rule=SUPERSEDED, text=text))
        elif int(state.pos[i]["status"]) == FLAT and quote is not None:
            del state.waiting[name]
            _follow(state, mandate, i, s, one.signal, quote, one.turnover, weigh(state, mandate, i, s, one.signal, quote), out)


def _follow(
    state: RuntimeState,
    mandate: Mandate,
    i: int,
    s: int,
    signal: Signal,
    quote: Quote | None,
    turnover: float,
    weighed: Weighed,
    out: list[Command],
) -> tuple[str, str]:
    """The greedy way of a candidate; returns the order's id, or the rule against it."""
    rule, figure, plan = _planned(state, mandate, i, s, signal, turnover, weighed, state.pos)
    if rule == Rule.POSITION_OPEN and not weighed.vetoed and int(state.pos[i]["explored"]):
        order = _make_room(state, mandate, i, s, signal, quote, turnover, weighed, out)
        if order:
            return order, SUPERSEDED
    if rule == Rule.POLICY_SKIP and weighed.blind:
        rule = Rule.NO_OBSERVATION
    if rule == Rule.OK and weighed.vetoed:
        rule = Rule.SENTIMENT
    if rule != Rule.OK:
        facts = Facts(
            book=book_of(state, mandate, i, s),
            health=health_of(state, mandate, i, s, quote, signal.ts, signal.contract),
            instrument=state.instrument(i),
            ts=signal.ts,
            judged=figure,
            reference=signal.reference,
            stop=plan.stop,
        )
        out.append(refused(state, mandate, signal, rule, facts))
        return "", rule.label
    if not mandate.strategies[s].confirmed:
        plan = Plan(plan.arm, min(plan.steps, demo_steps(state, mandate, i, signal.reference, plan.stop)), plan.stop, plan.target)
    return enter(state, mandate, i, s, signal, quote, plan, out)


def _planned(
    state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, turnover: float, weighed: Weighed, pos: Rows
) -> tuple[Rule, float, Plan]:
    """(rule, figure, plan) of the greedy decision, with `pos` for the positions."""
    rule, arm, steps, stop, target, figure = plan_entry(
        pos,
        state.inst,
        state.acct,
        mandate.rules,
        mandate.limits,
        i,
        s,
        int(signal.side),
        signal.regime,
        signal.ts,
        signal.reference,
        signal.atr,
        turnover,
        weighed.spread,
        weighed.values,
        int(weighed.decision.level > 0),
        weighed.size,
    )
    return Rule(rule), figure, Plan(arm, steps, stop, target)


def _make_room(
    state: RuntimeState,
    mandate: Mandate,
    i: int,
    s: int,
    signal: Signal,
    quote: Quote | None,
    turnover: float,
    weighed: Weighed,
    out: list[Command],
) -> str:
    """Close the explored position of seat `i` when the policy's entry would be approved without it; the order's id to be, else empty."""
    pos = state.pos.copy()
    pos[i] = np.zeros((), pos.dtype)
    rule, _, plan = _planned(state, mandate, i, s, signal, turnover, weighed, pos)
    if rule != Rule.OK:
        return ""
    book, health = book_of(state, mandate, i, s, pos), health_of(state, mandate, i, s, quote, signal.ts, signal.contract)
    if isinstance(gate.review(intend(state, mandate, i, s, signal, quote, plan), book, health), Refused):
        return ""
    account, instrument = state.account_of(i), state.instrument(i)
    state.waiting[f"{account} {signal.key}"] = Waiting(signal=signal, turnover=turnover, until=signal.ts + state.bar_ms(state.seats[i][1]))
    if int(state.pos[i]["working"]):
        exits.cancel_entries(state, i, out)
    if int(state.pos[i]["status"]) == OPEN:
        exits.close_position(state, i, signal.ts, ExitReason.SUPERSEDED, out)
    text = f"{instrument.symbol}: what was explored there makes room for {mandate.strategies[s].name}"
    out.append(Report(ts=signal.ts, what="order", account=str(account), key=signal.key, rule=SUPERSEDED, text=text))
    return order_id(account, signal.key, signal.ts, "e", state.tag_of(i))
