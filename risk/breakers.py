"""When an account's breakers are asked: at every valuation, at every closed trade, and when a person lets it trade again.

Each breaker is a file of its own: `drawdown`, `daily_loss`, `cooldown`. Exits are never touched by any of them.
"""

from __future__ import annotations

from risk.cooldown import after_trade
from risk.daily_loss import rolled, stopped
from risk.drawdown import NORMAL, stepped
from state.booking import equity_of
from state.books import HOLDS, Rows
from utils.kernel import kernel

ROLLED, STEPPED, DAY_STOPPED = 1, 2, 4
"""Bits of what `mark` found: a new UTC day, a new drawdown step, the daily loss stop just reached."""


@kernel
def mark(pos: Rows, inst: Rows, acct: Rows, limits: Rows, a: int, ts: int) -> int:
    """Value the account at its marks, roll the UTC day, ask drawdown and daily loss; returns the bits of what changed."""
    found = 0
    equity = equity_of(pos, inst, acct, a)
    acct[a]["equity"] = equity
    if rolled(acct, a, equity, ts):
        found |= ROLLED
    if max(acct[a]["peak"], equity) <= 0:
        return found  # a wallet that was never opened has nothing to lose
    if stepped(acct, limits, a, equity):
        found |= STEPPED
    if stopped(acct, limits, a, equity):
        found |= DAY_STOPPED
    return found


@kernel
def trade_closed(acct: Rows, rules: Rows, limits: Rows, a: int, s: int, net: int, opened_ts: int, closed_ts: int) -> int:
    """Count a closed trade of strategy `s`; returns until when its style pauses (ms UTC), 0 when it does not.

    Trades of a `free` strategy (the demo) never count.
    """
    n = acct[a]["hold_n"][s]
    acct[a]["holds_ms"][s][n % HOLDS] = closed_ts - opened_ts
    acct[a]["hold_n"][s] = n + 1
    if rules[s]["free"]:
        return 0
    return after_trade(acct, limits, a, rules[s]["style"], rules[s]["primary_ms"], net, closed_ts)


@kernel
def probation(acct: Rows, a: int, style: int, ts: int) -> None:
    """A style of a live account trades in canary size from `ts` on, its counters new; a paper account has no such thing."""
    if acct[a]["live"]:
        acct[a]["canary"][style] = 1
        acct[a]["canary_since"][style] = ts
        acct[a]["canary_trades"][style] = 0
        acct[a]["canary_realised"][style] = 0


@kernel
def resume(acct: Rows, a: int) -> None:
    """A person lets a halted account trade again: a new peak and a fresh sample. The day's loss stop and running pauses stay."""
    acct[a]["peak"] = acct[a]["equity"]
    acct[a]["level"] = NORMAL
    acct[a]["halted"] = 0
    acct[a]["trades"][:] = 0
    acct[a]["wins"][:] = 0
    acct[a]["streak"][:] = 0
    acct[a]["hold_n"][:] = 0


@kernel
def reset(acct: Rows, a: int) -> None:
    """A wallet starts over: as `resume`, and nothing of the day or of earlier losses is held against it."""
    resume(acct, a)
    acct[a]["day_start"] = acct[a]["equity"]
    acct[a]["day_stopped"] = 0
    acct[a]["pause_until"][:] = 0
    acct[a]["pauses"][:] = 0
