"""A request of the operator as the event that the engine applies, checked before it goes into the journal."""

from __future__ import annotations

from collections.abc import Mapping

from modules.engine.policies import LEARNING_OFF
from modules.engine.switches import NOT_THERE, missing
from modules.learning.plan import trial
from modules.settings import BotConfig
from modules.ui.commands import nearest
from state.accounts import Mode
from state.books import FLAT
from state.messages import Control
from state.runtime import RuntimeState
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE

SETTING = frozenset({"stage", "profile", "forex", "options", "learn", "explore", "explore_live"})
"""Requests that concern no account of their own; their arguments go into the event as they are."""
REQUESTS = frozenset({"pause", "unpause", "flatten", "resume", "reset", "promote", "close"}) | SETTING
POLICY = "/policy"
"""In place of a style: what decides in the domain."""
QUOTE = "USDT"
"""May be left out of a symbol."""


def request_event(state: RuntimeState, config: BotConfig, name: str, args: Mapping[str, str], ts: int, who: str) -> list[Control]:
    """The events of request `name`, one per account it concerns; Refusal for an unknown request or account, and for what cannot be.

    The form of `args` was checked by `modules.ui.commands.parse`.
    """
    if name not in REQUESTS:
        raise Refusal(f"unknown request {name!r}; there are {', '.join(sorted(REQUESTS))}")
    if name == "promote" and args.get("style", "").endswith(POLICY):
        return _policy(state, config, args["style"].removesuffix(POLICY), ts, who)
    if name == "promote":
        return [_promotion(state, args.get("style", ""), ts, who)]
    if name in {"forex", "options"} and args.get("to") == "on" and (why := missing(state, name)):
        raise Refusal(f"{name} {NOT_THERE.format(why)}")
    if name == "explore_live" and args.get("to") == "on" and not any(one.mode is Mode.LIVE for one in state.accounts):
        raise Refusal("explore_live: no live account trades here; beside live money paper explores in any case")
    if name in SETTING:
        return [Control(ts, name, dict(args), who)]
    wanted = args.get("account", "all")
    known = [str(account) for account in state.accounts]
    if wanted != "all" and wanted not in known:
        raise Refusal(f"--account: {wanted!r} is not one of {', '.join(known)}")
    if name in {"pause", "unpause"}:
        return [Control(ts, name, {}, who)]
    if name == "close":
        return _closing(state, args.get("symbol", ""), wanted, ts, who)
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
            busy = [state.symbol_of(i) for i, (b, _) in enumerate(state.seats) if b == a and state.pos[i]["status"] != FLAT]
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


def _policy(state: RuntimeState, config: BotConfig, domain: str, ts: int, who: str) -> list[Control]:
    """A person confirms the policy that is offered in a domain: it decides, with half size at first, and the old one goes on in shadow."""
    ref = state.policies.get(domain)
    if ref is None or not ref.offered:
        there = ", ".join(f"{name}{POLICY}" for name, one in state.policies.items() if one.offered)
        raise Refusal(f"promote: no policy is offered for {domain}; {f'offered: {there}' if there else 'none is anywhere'}")
    if not state.toggles.learning:
        raise Refusal(f"promote: {LEARNING_OFF}")
    words = {"domain": domain, "version": ref.offered, "level": str(ref.offered_level), "reason": f"confirmed by {who}", "person": "1"}
    before = {"domain": domain, "version": ref.version, "level": str(ref.level), "role": "challenger", "person": "1"}
    return [Control(ts, "policy", words | trial(config.learning, ts), who), Control(ts, "policy", before, who)]


def _closing(state: RuntimeState, symbol: str, wanted: str, ts: int, who: str) -> list[Control]:
    """One event for each account of `wanted` that holds or orders `symbol`: an instrument, or an option by its own."""
    busy = [i for i in range(len(state.seats)) if state.pos[i]["status"] != FLAT]
    known = {one.symbol for one in state.instruments} | {state.symbol_of(i) for i in busy}
    if symbol not in known and f"{symbol}{QUOTE}" in known:
        symbol = f"{symbol}{QUOTE}"
    if symbol not in known:
        raise Refusal(f"close: {symbol} is not traded here{nearest(symbol, sorted(known))}")
    found = [i for i in busy if symbol in {state.instrument(i).symbol, state.symbol_of(i)} and wanted in {"all", str(state.account_of(i))}]
    if not found:
        there = ", ".join(f"{state.symbol_of(i)} on {state.account_of(i)}" for i in busy[:5]) or "nothing"
        raise Refusal(f"close: nothing is held in {symbol}{'' if wanted == 'all' else f' on {wanted}'}; held: {there}")
    return [Control(ts, "close", {"account": str(state.account_of(i)), "key": state.instrument(i).key}, who) for i in found]
