"""A request of the operator as the event that the engine applies, checked before it goes into the journal."""

from __future__ import annotations

from collections.abc import Mapping

from modules.settings import BotConfig
from state.accounts import Mode
from state.books import FLAT
from state.messages import Control
from state.runtime import RuntimeState
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE

REQUESTS = frozenset({"pause", "unpause", "flatten", "resume", "reset", "promote"})


def request_event(state: RuntimeState, config: BotConfig, name: str, args: Mapping[str, str], ts: int, who: str) -> list[Control]:
    """The events of request `name`, one per account it concerns; Refusal for an unknown request or account."""
    if name not in REQUESTS:
        raise Refusal(f"unknown request {name!r}; there are {', '.join(sorted(REQUESTS))}")
    if name == "promote":
        return [_promotion(state, args.get("standing", ""), ts, who)]
    wanted = args.get("account", "all")
    known = [str(account) for account in state.accounts]
    if wanted != "all" and wanted not in known:
        raise Refusal(f"--account: {wanted!r} is not one of {', '.join(known)}")
    if name in {"pause", "unpause"}:
        return [Control(ts, name, {}, who)]
    events = []
    for account in state.accounts:
        if wanted not in {"all", str(account)}:
            continue
        words = {"account": str(account)}
        if name == "reset" and account.mode is Mode.LIVE:
            if wanted == "all":
                continue
            raise Refusal(f"reset: {account} has the venue's own money; only a paper wallet can start over")
        if name == "reset":
            a = state.accounts.index(account)
            busy = [state.instruments[m].symbol for i, (b, m) in enumerate(state.seats) if b == a and state.pos[i]["status"] != FLAT]
            if busy:
                raise Refusal(f"reset: {account} still holds or orders {', '.join(busy)}; flatten first")
            words["balance_units"] = str(config.domains[account.domain].paper_balance * MONEY_SCALE)
        events.append(Control(ts, name, words, who))
    return events


def _promotion(state: RuntimeState, wanted: str, ts: int, who: str) -> Control:
    """A person confirms an offer; Refusal where nothing is offered, with what is."""
    offered = [key for key, one in state.standings.items() if one.offered_ts]
    if wanted not in offered:
        there = f"offered: {', '.join(offered)}" if offered else "no gate has passed"
        raise Refusal(f"promote: {wanted or 'nothing'} is not offered; {there}")
    return Control(ts, "promote", {"standing": wanted}, who)
