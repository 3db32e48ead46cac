"""What the engine makes of the news of a live account: holds, protection confirmed or failed, the venue's own figures, seizures.

Holds keep entries off by cause and never touch exits. The venue's figures are compared with the book by the pure `reconcile`; nothing
here guesses: what cannot be explained is held until it can. What came or left otherwise than by trading is explained in `transfers`.
"""

from __future__ import annotations

from decimal import Decimal

from modules.engine import coins, exits, transfers
from modules.engine.mandate import Mandate
from modules.exchange.reconcile import CAUSES, MISMATCH, ROUNDING_UNITS, Book, dust_of, reconcile
from state.accounts import Account, Mode
from state.books import OPEN
from state.conversion import home_of
from state.intents import ExitReason, Side
from state.messages import (
    AccountDown,
    AccountUp,
    CashMoved,
    Command,
    Protected,
    ProtectionFailed,
    Report,
    TargetTouched,
    VenueRead,
)
from state.orders import Fill
from state.runtime import REASONS, RuntimeState
from utils.errors import Invariant
from utils.fixed import money, plain

LiveEvent = Protected | ProtectionFailed | TargetTouched | AccountDown | AccountUp | VenueRead | CashMoved
SEIZED = frozenset({ExitReason.LIQUIDATION, ExitReason.ADL})
"""The venue took the position away: the account halts."""


def apply(state: RuntimeState, mandate: Mandate, event: LiveEvent, out: list[Command]) -> None:
    """Take one event in."""
    match event:
        case Protected():
            i = state.row_of(event.account, event.key)
            if state.pos[i]["status"] == OPEN:
                state.pos[i]["unprotected_ms"] += event.gap_ms
        case ProtectionFailed():
            _unprotected(state, event, out)
        case TargetTouched():
            i = state.row_of(event.account, event.key)
            if event.ts >= state.pos[i]["close_after"]:
                exits.close_position(state, i, event.ts, ExitReason.TARGET, out)
        case AccountDown():
            hold(state, event.account, event.ts, event.cause, event.reason, out)
        case AccountUp():
            let_go(state, event.account, event.ts, event.cause, out)
        case VenueRead():
            _read(state, mandate, event, out)
            _sweep_dust(state, mandate, event, out)
        case CashMoved():
            if state.acct[state.accounts.index(event.account)]["peak"]:  # else it is in the balance that the wallet is opened with
                transfers.note(state, event)


def hold(state: RuntimeState, account: Account, ts: int, cause: str, reason: str, out: list[Command]) -> None:
    """No entries on `account` while `cause` lasts; said when it begins or its reason changes."""
    causes = state.holds.setdefault(str(account), {})
    if causes.get(cause) == reason:
        return
    if cause in CAUSES and cause not in causes:
        state.count(account, "reconcile_errors")
    causes[cause] = reason
    out.append(Report(ts=ts, what="account", account=str(account), rule=cause, text=f"{account}: entries off, {reason}"))


def let_go(state: RuntimeState, account: Account, ts: int, cause: str, out: list[Command]) -> None:
    """`cause` is over."""
    causes = state.holds.get(str(account), {})
    if causes.pop(cause, None) is None:
        return
    rest = f"; still held by {', '.join(causes)}" if causes else ", entries on again"
    out.append(Report(ts=ts, what="account", account=str(account), rule=cause, text=f"{account}: {cause} is settled{rest}"))


def _unprotected(state: RuntimeState, event: ProtectionFailed, out: list[Command]) -> None:
    i = state.row_of(event.account, event.key)
    if state.pos[i]["status"] != OPEN:
        return
    state.pos[i]["unprotected_ms"] += event.gap_ms
    text = f"{state.instrument(i).symbol}: no stop could be confirmed on the venue ({event.reason}); closing at market"
    out.append(Report(ts=event.ts, what="unprotected", account=str(event.account), key=event.key, rule="unprotected", text=text))
    exits.close_position(state, i, event.ts, ExitReason.UNPROTECTED, out)


def seized(state: RuntimeState, i: int, ts: int, reason: ExitReason, out: list[Command]) -> None:
    """The venue took a position of seat `i`'s account by force: the account halts until a person resumes it.

    Told once: it comes in many fills, and what else is taken until then is told by its trades.
    """
    a = state.seats[i][0]
    if state.halted.get(str(state.accounts[a])) == str(reason):
        return
    text = f"{state.accounts[a]}: the venue took {state.instrument(i).symbol} away ({reason}); the account halts"
    out.append(Report(ts=ts, what="halted", account=str(state.accounts[a]), rule=str(reason), text=text))
    exits.halt(state, a, ts, str(reason), ExitReason.HALT, out)


def book_of(state: RuntimeState, account: Account) -> Book:
    """What is held on `account`, in the words of the reconciliation."""
    a, name = state.accounts.index(account), str(account)
    seats = state.seats_on(account)
    working = {order.key for order in state.orders.values() if order.account == account and not order.done}
    busy = frozenset(key for key, i in seats.items() if key in working or state.pos[i]["working"] or state.pos[i]["closing"])
    spot = {key for key, i in seats.items() if coins.in_coins(state, i)}
    return Book(
        cash=int(state.acct[a]["cash"]),
        outside=int(state.acct[a]["outside"]),
        coins=dict(state.coins.get(name, {})),
        outside_coins=dict(state.outside_coins.get(name, {})),
        positions={
            key: int(state.pos[i]["side"] * state.pos[i]["steps"])
            for key, i in seats.items()
            if key not in spot and state.pos[i]["status"] == OPEN and state.pos[i]["steps"]
        },
        busy=busy,
        busy_coins=frozenset(state.instrument(seats[key]).base for key in busy & spot),
        dust={state.instrument(seats[key]).base: _dust(state, seats[key]) for key in spot},
        held={cause: reason for cause, reason in state.holds.get(name, {}).items() if cause in CAUSES},
    )


def _dust(state: RuntimeState, i: int) -> Decimal:
    instrument = state.instrument(i)
    return dust_of(instrument, instrument.price(int(state.market[state.seats[i][1]]["last_close"])))


def unexplained(state: RuntimeState, account: Account, cash: Decimal) -> bool:
    """Whether the venue's `cash` of an account is other than its own and what is known to stand beside it."""
    acct = state.acct[state.accounts.index(account)]
    return bool(acct["peak"]) and abs(cash - money(int(acct["cash"] + acct["outside"]))) > money(ROUNDING_UNITS)


def _read(state: RuntimeState, mandate: Mandate, event: VenueRead, out: list[Command]) -> None:
    a, account = state.accounts.index(event.account), event.account
    acct, name = state.acct[a], str(event.account)
    acct["free"] = event.free
    state.cursors[name] = max(event.cursor, state.cursors.get(name, 0))
    if not acct["peak"]:
        return  # the wallet is not open yet: nothing to compare with
    transfers.settle(state, mandate, event, [book_of(state, one) for one in (account, *event.sharing)], out)
    found = reconcile(book_of(state, account), event)
    for cause, reason in found.holds.items():
        hold(state, account, event.ts, cause, reason, out)
    for cause in found.clear:
        let_go(state, account, event.ts, cause, out)
    if found.rounding:
        acct["cash"] += found.rounding
        exits.cash_row(state, a, event.ts, "rounding", found.rounding, "reconcile", out)
    if found.outside is not None:
        acct["outside"] = found.outside
        text = f"{account}: {plain(money(found.outside))} of the cash on the venue is not the bot's; it is left alone"
        out.append(Report(ts=event.ts, what="account", account=name, rule="outside", text=text))
    outside = state.outside_coins.setdefault(name, {})
    for coin, amount in found.outside_coins.items():
        if amount:
            outside[coin] = amount
        else:
            outside.pop(coin, None)


def _sweep_dust(state: RuntimeState, mandate: Mandate, event: VenueRead, out: list[Command]) -> None:
    """What a stop or a close left over and nobody would buy: at rest it is certain that no more of it is being sold."""
    book = book_of(state, event.account)
    for key, i in state.seats_on(event.account).items():
        if key not in book.busy and coins.worthless_at_stop(state, i):
            write_off(state, mandate, i, event.ts, out)


def fits(state: RuntimeState, i: int, fill: Fill) -> bool:
    """Whether `fill` can shrink what seat `i` holds."""
    pos = state.pos[i]
    return bool(pos["status"] == OPEN and fill.side == -pos["side"] and fill.steps <= pos["steps"])


def stray(state: RuntimeState, i: int, fill: Fill, out: list[Command]) -> None:
    """An execution that belongs to nothing we know of: its money is booked, the account held until the difference is explained.

    Invariant on paper, where the venue is ours.
    """
    if fill.account.mode is not Mode.LIVE:
        raise Invariant(f"fill {fill.exec_id} of order {fill.order_id} fits nothing on {fill.account} {fill.key}")
    a, value = state.seats[i][0], fill.price * fill.steps * state.instrument(i).unit
    exits.fill_row(state, i, fill, out)
    if state.inst[i]["spot"]:
        moved = -fill.side * home_of(state.inst, i, value)
        state.acct[a]["cash"] += moved
        exits.cash_row(state, a, fill.ts, "trade", moved, fill.exec_id, out)
        coins.strayed(state, i, fill, out)
    elif fill.gained:
        state.acct[a]["cash"] += fill.gained
        exits.cash_row(state, a, fill.ts, "pnl", fill.gained, fill.exec_id, out)
    if fill.fee:
        state.acct[a]["cash"] -= fill.fee
        exits.cash_row(state, a, fill.ts, "fee", -fill.fee, fill.exec_id, out)
    symbol, qty = state.instrument(i).symbol, state.instrument(i).qty(fill.steps)
    reason = f"{'bought' if fill.side > 0 else 'sold'} {qty} {symbol} under order {fill.order_id or '?'}, which fits nothing we hold"
    hold(state, fill.account, fill.ts, MISMATCH, reason, out)


def write_off(state: RuntimeState, mandate: Mandate, i: int, ts: int, out: list[Command]) -> None:
    """Close what is too small to be sold: its cost is lost to the trade, its coins stay as dust for the next position.

    The trade ended for the reason of the exit that sold the rest of it; for dust when nothing was sold.
    """
    if not coins.unsellable(state, i):
        return
    pos = state.pos[i]
    reason = REASONS[int(pos["exit_reason"]) - 1] if pos["exit_reason"] else ExitReason.DUST
    pos["realised"] -= pos["value"]
    pos["exit_steps"] += pos["steps"]
    pos["steps"] = pos["value"] = 0
    fill = Fill(
        ts=ts,
        account=state.account_of(i),
        key=state.instrument(i).key,
        order_id="",
        exec_id="dust",
        side=-int(Side.LONG),
        price=int(pos["mark"]),
        steps=0,
        fee=0,
    )
    exits.trade_done(state, mandate, i, fill, reason, out)
