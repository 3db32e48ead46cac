"""Exploration with real money: off until a person asks, in canary size, one position at a time, off by itself when its budget is spent.

It changes which exit profile a live entry has and how large it is at most; the gate decides as for any other. Source: definitions,
"Exploration": at most 0.25 % of the equity a day and 1 % in 30 days may be lost by it. What it costs is a line of its own among the key
figures (`exploration_cost` of the live account).
"""

from __future__ import annotations

import msgspec

from modules.engine.mandate import Mandate
from state.accounts import Account, Domain, Mode
from state.books import FLAT, Rows
from state.exploring import MONTH_DAYS, LiveTrial
from state.messages import Command, Control, Report
from state.runtime import RuntimeState
from strategy.drift_levels import may_learn
from utils.fixed import money

NAME = "explore_live"
DAY_SHARE, MONTH_SHARE = 0.0025, 0.01
"""Of the equity: most that may be lost by it in a UTC day, and in 30 of them."""
QUESTION = (
    "some live entries try another exit profile, to learn how fills come: canary size, one position at a time, expected to lose a little; "
    f"off by itself once it has lost {DAY_SHARE:.2%} of an account in a day or {MONTH_SHARE:.0%} in {MONTH_DAYS} days. On?"
)
BUDGETS = ((1, DAY_SHARE, "today"), (MONTH_DAYS, MONTH_SHARE, "in 30 days"))


def equity_base(state: RuntimeState, a: int) -> int:
    """What the budgets are shares of: the smaller of equity now and at the day's start (money units)."""
    return min(int(state.acct[a]["equity"]), int(state.acct[a]["day_start"]))


def left(state: RuntimeState, a: int, ts: int) -> int:
    """What account `a` may still lose by exploring at `ts` (money units), the narrower budget; not above 0 when one is spent."""
    trial, base = state.live_trials.get(str(state.accounts[a].domain), LiveTrial()), equity_base(state, a)
    return min(int(share * base) - trial.lost(ts, days) for days, share, _ in BUDGETS)


def is_on(state: RuntimeState, account: Account) -> bool:
    """Whether exploring with the money of live `account` is switched on."""
    return account.mode is Mode.LIVE and state.live_trials.get(str(account.domain), LiveTrial()).on


def anywhere(state: RuntimeState) -> bool | None:
    """Whether it is on for any live account; None when there is none."""
    lives = [one for one in state.accounts if one.mode is Mode.LIVE]
    return any(is_on(state, one) for one in lives) if lives else None


def may_try(state: RuntimeState, i: int, ts: int) -> bool:
    """Whether a decision on live seat `i` may explore: on, learning on and not frozen by drift, budget left, no other trial anywhere."""
    account = state.account_of(i)
    if not is_on(state, account) or not state.toggles.learning or not may_learn(state.drift.get(str(account.domain))):
        return False
    return left(state, state.seats[i][0], ts) > 0 and not _under_way(state)


def _under_way(state: RuntimeState) -> bool:
    """Whether an explored position or order stands on any live account."""
    return any(row["explored"] and row["status"] != FLAT and state.account_of(i).mode is Mode.LIVE for i, row in enumerate(state.pos))


def bounds(state: RuntimeState, mandate: Mandate, i: int, ts: int) -> tuple[Rows, Rows]:
    """Accounts and limits as an explored entry on live seat `i` is sized by: canary size, and a loss at the stop that the budget holds."""
    a = state.seats[i][0]
    acct, limits = state.acct.copy(), mandate.limits.copy()
    acct[a]["canary"] = 1
    limits["canary_loss"] = min(float(limits[0]["canary_loss"]), max(0, left(state, a, ts)) / max(1, equity_base(state, a)))
    return acct, limits


def closed(state: RuntimeState, i: int, net: int, ts: int, out: list[Command]) -> None:
    """An explored position of seat `i` is gone with result `net` (money units): book it, and stop when a budget is spent."""
    account = state.account_of(i)
    if account.mode is not Mode.LIVE:
        return
    domain, a = str(account.domain), state.seats[i][0]
    trial = state.live_trials.get(domain, LiveTrial()).booked(ts, net)
    state.live_trials[domain] = trial
    if trial.on and left(state, a, ts) <= 0:
        state.live_trials[domain] = msgspec.structs.replace(trial, on=False, since_ts=ts)
        text = f"exploration with real money is off by itself, its budget is spent: {words(state, a, ts)}"
        out.append(Report(ts=ts, what="breaker", account=str(account), rule=NAME, text=text))


def words(state: RuntimeState, a: int, ts: int) -> str:
    """How much of each budget of account `a` is lost."""
    trial, base = state.live_trials.get(str(state.accounts[a].domain), LiveTrial()), equity_base(state, a)
    return ", ".join(f"lost {money(trial.lost(ts, days)):.2f} of {money(int(share * base)):.2f} {when}" for days, share, when in BUDGETS)


def apply(state: RuntimeState, mandate: Mandate, event: Control, out: list[Command]) -> None:
    """A person's switch: `to` on or off, for every live account that trades; told for each."""
    on = event.args["to"] == "on"
    trading = _trading(state, mandate) if on else {account: a for a, account in enumerate(state.accounts) if is_on(state, account)}
    if not trading:
        out.append(Report(ts=event.ts, what="control", rule=NAME, text=_nothing(on)))
    for account, a in trading.items():
        trial = state.live_trials.get(str(account.domain), LiveTrial())
        if on and left(state, a, event.ts) <= 0:
            text = f"exploration with real money stays off, its budget is spent: {words(state, a, event.ts)}"
        else:
            state.live_trials[str(account.domain)] = msgspec.structs.replace(trial, on=on, since_ts=event.ts)
            waits = "; it waits until online learning is on" if on and not state.toggles.learning else ""
            text = f"exploration with real money {event.args['to']} by {event.who}, {words(state, a, event.ts)}{waits}"
        out.append(Report(ts=event.ts, what="control", account=str(account), rule=NAME, text=text))


def at_boot(state: RuntimeState, mandate: Mandate, ts: int, out: list[Command]) -> None:
    """A life in which a domain trades no real money ends it there: another one asks a person again."""
    trading = {str(account.domain) for account in _trading(state, mandate)}
    for domain, trial in state.live_trials.items():
        if trial.on and domain not in trading:
            state.live_trials[domain] = msgspec.structs.replace(trial, on=False, since_ts=ts)
            account = str(Account(Domain(domain), Mode.LIVE))
            text = "exploration with real money is off: no live account trades here now"
            out.append(Report(ts=ts, what="control", account=account, rule=NAME, text=text))


def _trading(state: RuntimeState, mandate: Mandate) -> dict[Account, int]:
    """Live accounts on which anything may be entered, with their rows."""
    return {one: a for a, one in enumerate(state.accounts) if one.mode is Mode.LIVE and mandate.allowed.get(one)}


def _nothing(on: bool) -> str:
    return f"exploration with real money stays off: {'no live account trades here' if on else 'it was off'}"
