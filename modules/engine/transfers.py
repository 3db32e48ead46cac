"""Money that came or left otherwise than by trading: noted by its row, booked by the reading that shows whose it was.

A withdrawal of own money, or a deposit that counts as own, is neither gain nor loss: equity, peak, the day's start and what the day's
policy trades have made so far are scaled by the same factor, as if the money had never been there (or always). A shift would not do: half
of the money gone turns a fall of 5 % into one of 10 %. Where two accounts share a wallet each bears its share of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modules.engine import exits
from modules.engine.mandate import Mandate
from modules.exchange.movements import explain
from modules.exchange.reconcile import Book, comparable
from state.books import OPEN
from state.conversion import home_of
from state.messages import CashMoved, Command, Report, VenueRead
from state.runtime import RuntimeState
from state.transfers import CashLog, Movement, wallet_name
from utils.fixed import MONEY_SCALE, money, plain

LEAST = MONEY_SCALE
"""What must be left (1 USDT) for a withdrawal to be one: an account of nothing is a deficit, and comes back to life with its money."""


def note(state: RuntimeState, event: CashMoved) -> None:
    """Remember a row until a reading explains it; one that was told before, or was in the wallet when it was opened, is nothing new."""
    name = wallet_name(event.account, event.sharing)
    log = state.cash_logs.setdefault(name, CashLog(since=event.ts - 1))
    log.note(Movement(event.ref, event.ts, event.kind, event.amount, event.own))


def settle(state: RuntimeState, mandate: Mandate, event: VenueRead, books: Sequence[Book], out: list[Command]) -> None:
    """Book what the reading shows of the rows noted. `books`: of the event's account, then of those that share its wallet."""
    if not event.cash_cursor:
        return
    log = state.cash_logs.setdefault(wallet_name(event.account, event.sharing), CashLog(since=event.cash_cursor))
    log.advance(event.cash_cursor)
    if not log.waiting or any(book.busy for book in books) or not comparable(books[0], event):
        return
    ts = max(event.ts, state.ts)
    rows = [state.accounts.index(one) for one in (event.account, *event.sharing)]
    owners = [a for a in rows if state.acct[a]["peak"]]
    for a in owners:
        exits.value_account(state, mandate, a, ts, out)
    cash = {a: max(0, int(state.acct[a]["cash"])) for a in owners}
    total = sum(cash.values())
    found = explain(sum(int(state.acct[a]["cash"]) for a in owners), event.cash, _room(state, cash), log.waiting)
    log.waiting = list(found.waiting)
    for row, amount in found.moved:
        left = amount
        for a in owners:
            part = left if a == owners[-1] else amount * cash[a] // total if total else 0
            left -= part
            if part:
                _move(state, mandate, a, part, row, ts, out)


def _room(state: RuntimeState, cash: dict[int, int]) -> int:
    """How much may leave all accounts together, each bearing its share: what is bound and a least equity stay."""
    total = sum(cash.values())
    rooms = []
    for a, own in cash.items():
        free = min(own - _bound(state, a), int(state.acct[a]["equity"]) - LEAST)
        rooms.append(max(0, free) * total // own if own else total)
    return min(rooms, default=0)


def _bound(state: RuntimeState, a: int) -> int:
    """Margin of account `a`'s positions other than spot, money units."""
    held = [
        i for i in range(len(state.pos)) if state.inst[i]["account"] == a and state.pos[i]["status"] == OPEN and not state.inst[i]["spot"]
    ]
    return sum(home_of(state.inst, i, int(state.pos[i]["value"])) // max(1, int(state.inst[i]["leverage"])) for i in held)


def _move(state: RuntimeState, mandate: Mandate, a: int, amount: int, row: Movement, ts: int, out: list[Command]) -> None:
    """Own money of account `a` came (> 0) or left; its figures were valued just now."""
    acct, limits = state.acct[a], mandate.limits[0]
    before = int(acct["equity"])
    after = before + amount
    acct["cash"] += amount
    acct["equity"] = after
    peak, began = int(acct["peak"]), int(acct["day_start"])
    if before > 0:
        # in floats throughout, as the compiled rules compare
        falls = [float(limits[name]) for name in ("half_at", "stop_at", "halt_at")]
        acct["peak"] = scaled(peak, before, after, lambda top, now: [float(top - now) >= fall * top for fall in falls])
        acct["day_start"] = scaled(began, before, after, lambda start, now: float(now - start) <= -float(limits["daily_loss"]) * start)
        made = exits.policy_totals(state, mandate, a)
        for style, sum_now in enumerate(made):
            acct["marked"][style] = sum_now - (sum_now - int(acct["marked"][style])) * after // before
    else:
        acct["peak"], acct["day_start"] = peak + amount, began + amount
    exits.cash_row(state, a, ts, row.kind, amount, row.ref, out)
    account = str(state.accounts[a])
    said = "came and counts as the bot's" if amount > 0 else "of the bot's own left the venue"
    text = f"{account}: {plain(money(abs(amount)))} {said} ({row.kind}): neither gain nor loss, equity {plain(money(after))}"
    out.append(Report(ts=ts, what="account", account=account, rule="cash", text=text))


NEAREST = (0, -1, 1, *(sign * 2**power for power in range(1, 11) for sign in (-1, 1)))
"""Money units by which a scaled figure may be off, nearest first: of hundreds of millions a float's product is off by some hundred."""


def scaled(value: int, before: int, after: int, judged: Callable[[int, int], Any]) -> int:
    """`value` times after / before (> 0), rounded to the nearest figure at which `judged(value, equity)` says the same as before."""
    up, said = -(-value * after // before), judged(value, before)
    return next((up + off for off in NEAREST if judged(up + off, after) == said), up)
