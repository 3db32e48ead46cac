"""What still has to be done until an account holds nothing of ours: pure, from what its venue shows and what the bot knew to be its own.

Our orders bear our tag; protection that the venue made of them bears none, and is taken for ours where it closes what we hold. Own
quantity is what the bot had booked plus every execution of ours since, so a sale takes min(own, held) and never a coin of somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from modules.exchange.reports import ExecutionKind, ExecutionReport, OrderKind, OrderReport, PositionReport
from state.accounts import Account, Domain
from state.instruments import Instrument
from state.intents import order_id
from utils.fixed import floor_steps, plain, to_decimal

ZERO = Decimal(0)
LEG = "f"
"""Leg of our closing orders, followed by the attempt."""
BATCH = 10
"""Spot positions whose exits are taken back at a time: each must be sold before two seconds have passed."""
_BOT_ID = re.compile(r"[A-Z]L[A-Za-z0-9]{3}-[A-Za-z0-9]+-[0-9a-f]+-[a-z]\w*")
PROTECTIVE = frozenset({OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT, OrderKind.TRAILING, OrderKind.SPOT_EXIT, OrderKind.SPOT_BRACKET})
SPOT_PROTECTIVE = frozenset({OrderKind.SPOT_EXIT, OrderKind.SPOT_BRACKET})


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot knew of one LIVE account when it last wrote its state."""

    account: Account
    tag: str = ""
    """Three characters in our order ids. Empty when the state is lost: orders of this kind of bot are taken back, nothing is closed."""
    ts: int
    """Names the closing orders of this flatten (ms)."""
    held: dict[str, Decimal] = {}
    """Signed quantity per instrument key, base units."""
    instruments: dict[str, Instrument] = {}
    booked: frozenset[str] = frozenset()
    """Executions that `held` contains."""
    since_ms: int = 0
    """Venue time from which executions may be missing in `held`."""

    def link(self, key: str, attempt: int) -> str:
        """Client id of a closing order: the same for the same attempt, so a repeat is refused, not done twice."""
        return order_id(self.account, key, self.ts, f"{LEG}{attempt}", self.tag)

    def bears(self, link_id: str) -> bool:
        """Whether a client id is ours."""
        if self.tag:
            return link_id[1:6] == f"L{self.tag}-"
        return _BOT_ID.fullmatch(link_id) is not None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One whole look at the venue; `executions` were read last, so own quantity is never older than what is held."""

    orders: list[OrderReport]
    positions: list[PositionReport]
    coins: dict[str, Decimal]
    executions: list[ExecutionReport]
    asked: dict[str, OrderReport | None] = {}
    """What became of the last closing order of a key, where one was sent."""


class Progress(msgspec.Struct, kw_only=True):
    """What this flatten has learned and done so far."""

    attempt: dict[str, int] = {}
    """Number of the closing order of a key."""
    sent: dict[str, Decimal] = {}
    """Quantity of the closing order that was sent, or may have been, and is not settled."""
    adopted: set[str] = set()
    """Venue ids of protective orders found to be ours."""
    dust: set[str] = set()
    """Keys whose rest the venue finds too small."""


class Close(msgspec.Struct, frozen=True):
    """A closing order to send under the current attempt of its key."""

    key: str
    side: int
    qty: Decimal


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do next; when nothing is left in it, the account is verified flat."""

    cancels: list[OrderReport] = []
    closes: list[Close] = []
    waiting: list[str] = []
    """Keys whose closing order is not settled yet."""
    later: int = 0
    """Spot positions that wait for their turn."""
    left: tuple[str, ...] = ()
    """What stands there and is not touched, in words."""

    @property
    def done(self) -> bool:
        """Nothing of ours is left."""
        return not (self.cancels or self.closes or self.waiting or self.later)


def own_quantities(ours: Ours, executions: Iterable[ExecutionReport]) -> dict[str, Decimal]:
    """Signed own quantity per key, base units: what was booked, and every execution of ours since; nothing when the state is lost."""
    if not ours.tag:
        return {}
    own = dict(ours.held)
    for one in executions:
        moves_nothing = one.kind in {ExecutionKind.FUNDING, ExecutionKind.OTHER}
        if not one.key.startswith(f"{ours.account.domain}:") or one.exec_id in ours.booked or moves_nothing:
            continue
        held = own.get(one.key, ZERO)
        closes = held * one.side < 0  # without our tag it can only be what the venue did to a position of ours
        if not ours.bears(one.link_id) and not (closes and (one.kind is not ExecutionKind.TRADE or one.order_kind in PROTECTIVE)):
            continue
        moved = one.side * one.qty
        if not ours.bears(one.link_id) and abs(moved) > abs(held):
            moved = -held
        own[one.key] = held + moved - (one.fee if one.fee_coin == _base(ours, one.key) else ZERO)
    return {key: quantity for key, quantity in own.items() if quantity}


def _base(ours: Ours, key: str) -> str:
    instrument = ours.instruments.get(key)
    return instrument.base if instrument is not None and instrument.domain is Domain.CRYPTO else ""


def settle(ours: Ours, reading: Reading, progress: Progress) -> list[str]:
    """Move on from closing orders that have ended with all their executions told; returns the keys that are still to be waited for."""
    waiting = []
    for key in list(progress.sent):
        found = reading.asked.get(key)
        link = ours.link(key, progress.attempt.get(key, 0))
        told = sum((one.qty for one in reading.executions if one.link_id == link), ZERO)
        if found is not None and found.status.final and told >= found.filled:
            del progress.sent[key]
            progress.attempt[key] = progress.attempt.get(key, 0) + 1
        elif found is not None:
            waiting.append(key)
    return waiting


def plan(ours: Ours, reading: Reading, progress: Progress) -> Plan:
    """The next steps. An order nobody has seen is sent again under its own id, so it cannot be done twice."""
    waiting = settle(ours, reading, progress)
    own = own_quantities(ours, reading.executions)
    closable, left = _closable(ours, own, reading, progress)
    spot = ours.account.domain is Domain.CRYPTO
    cancels: list[OrderReport] = []
    locked: dict[str, list[OrderReport]] = {}
    for order in reading.orders:
        if order.status.final or not order.key.startswith(f"{ours.account.domain}:"):
            continue
        if not _is_ours(order, ours, own, progress):
            left.append(f"{order.key}: an order that is not ours, id {order.link_id or order.venue_id}")
        elif order.link_id and order.link_id == ours.link(order.key, progress.attempt.get(order.key, 0)):
            waiting.append(order.key)
        elif order.key not in closable or not (spot or order.kind is not OrderKind.PLAIN or order.reduce_only):
            cancels.append(order)  # entries, and what is left over from positions that are gone
        elif spot and order.side > 0:
            cancels.append(order)
        elif spot:
            locked.setdefault(order.key, []).append(order)  # it holds the coin that is to be sold
    closes = []
    for key, quantity in closable.items():
        if key in waiting or key in locked:
            continue
        size = progress.sent.get(key, quantity) if key in progress.sent else quantity
        closes.append(Close(key, -1 if quantity > 0 else 1, abs(size)))
    turn = list(locked)[: max(0, BATCH - len(closes))] if spot else []
    cancels += [order for key in turn for order in locked[key]]
    return Plan(
        cancels=cancels, closes=closes, waiting=sorted(set(waiting)), later=len(locked) - len(turn), left=tuple(dict.fromkeys(left))
    )  # fmt: skip


def _is_ours(order: OrderReport, ours: Ours, own: dict[str, Decimal], progress: Progress) -> bool:
    if ours.bears(order.link_id) or order.venue_id in progress.adopted:
        return True
    held = own.get(order.key, ZERO)
    instrument = ours.instruments.get(order.key)
    if order.kind not in PROTECTIVE or held * order.side >= 0 or instrument is None:
        return False
    if order.kind in SPOT_PROTECTIVE and order.qty >= abs(held) + instrument.step:
        return False  # it would sell more than we have: somebody else's
    progress.adopted.add(order.venue_id)
    return True


def _closable(ours: Ours, own: dict[str, Decimal], reading: Reading, progress: Progress) -> tuple[dict[str, Decimal], list[str]]:
    """What can and must be closed, signed, one order's worth per key; and what stays, in words."""
    found: dict[str, Decimal] = {}
    left: list[str] = []
    held: dict[str, Decimal] = {}
    if ours.account.domain is Domain.CRYPTO:
        for key in own:
            held[key] = max(ZERO, reading.coins.get(_base(ours, key), ZERO))
        if not ours.tag:
            left += [f"{plain(amount)} {coin}: whose it is cannot be told" for coin, amount in sorted(reading.coins.items()) if amount]
    else:
        held = {one.key: one.side * one.size for one in reading.positions if one.size}
    for key, there in held.items():
        mine = own.get(key, ZERO)
        instrument = ours.instruments.get(key)
        if instrument is None or mine * there <= 0:
            if there and ours.account.domain is not Domain.CRYPTO:
                left.append(f"{key}: a position of {plain(there)} that is not ours")
            continue
        if ours.account.domain is not Domain.CRYPTO and abs(there) > abs(mine):
            left.append(f"{key}: {plain(abs(there) - abs(mine))} more than ours")
        steps = floor_steps(min(abs(mine), abs(there), instrument.max_qty), instrument.step)
        quantity = to_decimal(steps, instrument.step)
        if key in progress.dust or quantity < instrument.min_qty:
            left.append(f"{key}: {plain(min(abs(mine), abs(there)))} is too small to be sold")
        else:
            found[key] = quantity if there > 0 else -quantity
    return found, left
