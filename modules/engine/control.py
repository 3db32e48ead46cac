"""What the operator may ask of a running engine. Each request is an event: journalled with who, replayed like any other."""

from __future__ import annotations

import msgspec

from modules import rollout
from modules.engine import drifting, exits, explore_live, policies, switches
from modules.engine.costs import apply_costs
from modules.engine.mandate import Mandate
from risk import breakers
from risk.daily_loss import DAY_MS
from state.accounts import Account, Domain
from state.booking import equity_of
from state.books import FLAT
from state.intents import ExitReason
from state.messages import Command, Control, Report
from state.runtime import RuntimeState
from utils.errors import Invariant
from utils.fixed import money, plain


def apply(state: RuntimeState, mandate: Mandate, event: Control, out: list[Command]) -> None:
    """Carry out one request; Invariant for a name that no surface offers."""
    match event.name:
        case "boot":
            state.toggles = msgspec.structs.replace(state.toggles, forex=False, options=False)
            state.stage = int(event.args["stage"])
            state.holds = {name: {"reconcile": "the start-up reading is under way"} for name in _list(event, "live")}
            state.holds |= {name: {"unavailable": "there is no key for it here"} for name in _list(event, "unmanaged")}
            rollout.at_boot(state, mandate, event.ts, override="override" in event.args, out=out)
            explore_live.at_boot(state, mandate, event.ts, out)
            state.feeds_down = dict.fromkeys(filter(None, event.args.get("feeds", "").split(",")), "connecting")
        case "open_wallet":
            for a in _accounts(state, event):
                _open_wallet(state, a, event, out)
        case "pause" | "unpause":
            state.toggles = msgspec.structs.replace(state.toggles, paused=event.name == "pause")
            _report(event, f"entries {'paused' if event.name == 'pause' else 'on again'} by {event.who}", out)
        case "flatten":
            for a in _accounts(state, event):
                exits.halt(state, a, event.ts, f"flatten by {event.who}", ExitReason.OPERATOR, out)
                _report(event, "flatten: entries off, everything is to be closed", out, str(state.accounts[a]))
        case "resume":
            for a in _accounts(state, event):
                state.acct[a]["equity"] = equity_of(state.pos, state.inst, state.acct, a)  # fills since the last mark included
                breakers.resume(state.acct, a)
                rollout.probation_again(state, a, event.ts, "resumed after a halt", out)
                rollout.fresh_samples(state, mandate, state.accounts[a], event.ts, "resumed after a halt", out)
                state.halted.pop(str(state.accounts[a]), None)
                _report(event, f"resumed by {event.who}: new drawdown peak", out, str(state.accounts[a]))
        case "reset":
            for a in _accounts(state, event):
                if _reset(state, a, event, out):
                    rollout.fresh_samples(state, mandate, state.accounts[a], event.ts, "the wallet was reset", out)
        case "promote":
            domain, _, style = event.args["standing"].partition("/")
            rollout.promote(state, mandate, Domain(domain), style, event.ts, event.who, out)
        case "health":
            for name, counts in event.args.items():
                for word, count in msgspec.json.decode(counts, type=dict[str, int]).items():
                    state.count(Account.parse(name), word, count)
        case "policy":
            policies.apply(state, mandate.policies, event, out)
        case "drift" | "sentiment":
            drifting.apply(state, mandate, event, out)
        case "costs":
            apply_costs(state, event.args, event.ts, event.who, out)
        case name if name in switches.NAMES:
            switches.apply(state, mandate, event, out)
        case _:
            raise Invariant(f"the engine knows no request {event.name!r}")


def _list(event: Control, name: str) -> list[str]:
    return [one for one in event.args.get(name, "").split(",") if one]


def _accounts(state: RuntimeState, event: Control) -> list[int]:
    wanted = event.args.get("account", "all")
    if wanted == "all":
        return list(range(len(state.accounts)))
    return [state.accounts.index(Account.parse(wanted))]


def _report(event: Control, text: str, out: list[Command], account: str = "") -> None:
    out.append(Report(ts=event.ts, what="control", account=account, rule=event.name, text=text))


def _open_wallet(state: RuntimeState, a: int, event: Control, out: list[Command]) -> None:
    """The first deposit of a wallet; one that was opened before is left alone, never topped up. A live one begins as a canary."""
    if state.acct[a]["peak"]:
        return
    units = int(event.args["balance_units"])
    for field in ("cash", "equity", "peak", "day_start"):
        state.acct[a][field] = units
    state.acct[a]["day"] = event.ts // DAY_MS
    exits.cash_row(state, a, event.ts, "deposit", units, "start", out)
    rollout.probation_again(state, a, event.ts, "the wallet is new", out)
    kind = "live wallet, in canary size," if state.acct[a]["live"] else "paper wallet"
    _report(event, f"{kind} opened with {plain(money(units))}", out, str(state.accounts[a]))


def _reset(state: RuntimeState, a: int, event: Control, out: list[Command]) -> bool:
    """A paper wallet starts over with its first balance: only when it is flat, and never silently; whether it did."""
    account = str(state.accounts[a])
    if state.acct[a]["live"]:
        _report(event, "reset refused: a live wallet is the venue's", out, account)
        return False
    held = any(state.inst[i]["account"] == a and state.pos[i]["status"] != FLAT for i in range(len(state.pos)))
    if held:
        _report(event, "reset refused: positions or orders are open; flatten first", out, account)
        return False
    wanted = int(event.args["balance_units"])
    change = wanted - int(state.acct[a]["cash"])
    state.acct[a]["cash"] = state.acct[a]["equity"] = wanted
    exits.cash_row(state, a, event.ts, "reset", change, "reset", out)
    breakers.reset(state.acct, a)
    state.closed_trades[a] = 0
    state.realised[a] = 0
    state.halted.pop(account, None)
    _report(event, f"wallet reset to {plain(money(wanted))} by {event.who}; a fresh sample starts", out, account)
    return True
