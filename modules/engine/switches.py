"""What the operator sets: the stage and profile asked for, the switches, exploration, one position closed. Each is an event with a name.

A stage or profile needs other accounts than this engine holds, so it is only written down and told here: the daemon starts again with
them, and the `boot` event of that life puts them into force. Requests are checked before they become events (`modules.requests`); what
has gone stale on the way is told, never an error.
"""

from __future__ import annotations

import msgspec

from modules.engine import exits, explore_live
from modules.engine.mandate import Mandate
from state.accounts import Account, Domain
from state.books import FLAT, OPEN, PENDING
from state.intents import ExitReason
from state.messages import Command, Control, Report
from state.runtime import RuntimeState
from state.stages import STAGES, Cell

NAMES = frozenset({"stage", "profile", "forex", "options", "learn", "explore", explore_live.NAME, "close"})
NOT_THERE = "unavailable: {}"


def missing(state: RuntimeState, name: str) -> str:
    """Why the domain `name` (forex, options) has nothing to switch on; empty when it has."""
    domain = Domain(name.upper())
    if STAGES[state.stage].cell(domain) is Cell.OFF:
        return f"stage {state.stage} has {name} off"
    there = {one.domain for one in state.instruments}
    if domain in there:
        return ""
    # Both have the same broker: where the one is there and the other not, it is a matter of the pairs.
    return "no pair of this run has any" if domain is Domain.OPTIONS and Domain.FOREX in there else "there is no way to its broker here"


def apply(state: RuntimeState, mandate: Mandate, event: Control, out: list[Command]) -> None:
    """Carry out one request of `NAMES`."""
    word = event.args.get("to", "")
    match event.name:
        case "stage":
            over = " over its gate" if "override" in event.args else ""
            _told(event, f"stage {word} ({STAGES[int(word)].name}){over}, asked for by {event.who}; now {state.stage}", out)
        case "profile":
            _told(event, f"profile {word}, asked for by {event.who}", out)
        case "forex" | "options":
            why = missing(state, event.name) if word == "on" else ""
            state.toggles = msgspec.structs.replace(state.toggles, **{event.name: word == "on" and not why})
            _told(event, f"{event.name} {NOT_THERE.format(why)}" if why else f"{event.name} {word} by {event.who}", out)
        case "learn":
            state.toggles = msgspec.structs.replace(state.toggles, learning=word == "on")
            _told(event, f"online learning {word} by {event.who}", out)
        case "explore":
            before, state.exploration = state.exploration, int(event.args["percent"])
            was = f" (was {before} %)" if before and before != state.exploration else ""
            _told(event, f"exploration {state.exploration} %{was} by {event.who}", out)
        case explore_live.NAME:
            explore_live.apply(state, mandate, event, out)
        case _:
            _close(state, event, out)


def _close(state: RuntimeState, event: Control, out: list[Command]) -> None:
    """Take entries of one seat back and close what it holds; the venue's stop stands until it is flat."""
    account, key = Account.parse(event.args["account"]), event.args["key"]
    i = state.find(account, key)
    symbol = state.instruments[state.market_row(key)].symbol if key in state.index else key
    if i is None or int(state.pos[i]["status"]) == FLAT:
        _told(event, f"{symbol}: nothing is held there any more", out, str(account))
        return
    if int(state.pos[i]["working"]):
        exits.cancel_entries(state, i, out)
    closing = bool(state.pos[i]["closing"])
    if int(state.pos[i]["status"]) == OPEN:
        exits.close_position(state, i, event.ts, ExitReason.OPERATOR, out)
    what = "is being closed already" if closing else "is taken back" if int(state.pos[i]["status"]) == PENDING else "closes at market"
    _told(event, f"{symbol} {what}, asked for by {event.who}", out, str(account), key)


def _told(event: Control, text: str, out: list[Command], account: str = "", key: str = "") -> None:
    out.append(Report(ts=event.ts, what="control", account=account, key=key, rule=event.name, text=text))
