"""Tickets as orders of Interactive Brokers: an entry is a bracket, a close joins what it may never meet. Pure.

An entry is three orders sent as one: the parent (a limit, bought), its stop and its profit-taker, which the gateway holds back until the
last of them has come (`transmit`), so that no instant has a position without a stop. The children are one OCA group of type 2: what one
fills is taken off the other, with the exchange's word before the next (no double fill). A close at the market joins the same group: the
stop stands until the close fills, and the two cannot sell twice. Options are bought and sold back, never written: a sale that does not
reduce is refused here.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from modules.exchange.ibkr_contracts import CmeOption, contracts_of, snapped
from modules.exchange.reports import OrderKind
from modules.ports import BAD_GRID, Ticket
from utils.errors import Rejected

STOP, TARGET = ":stop", ":target"
"""Endings of the client references of an entry's children."""
REDUCE_TOGETHER = 2
"""OCA type: the others are reduced by what one fills, one at a time."""
SHORT_PREMIUM = "short_premium"
"""A sale that opens: this bot writes no options."""
UNPROTECTED = "unprotected"
"""An entry without stop or target."""
NOT_BY_TRIGGER = "not_by_trigger"


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """One order as it is sent; prices on the exchange's grid."""

    action: str
    contracts: int
    kind: str
    """LMT, STP or MKT."""
    ref: str
    tif: str = "GTC"
    limit: Decimal | None = None
    trigger: Decimal | None = None
    oca: str = ""
    transmit: bool = True
    opens: bool = False


def group_of(link_id: str) -> str:
    """The OCA group of the children of an entry."""
    return f"{link_id}:oca"


def entry_of(ref: str) -> str:
    """The client id of the entry that a child's reference belongs to; empty for one that is no child's."""
    return next((ref.removesuffix(end) for end in (STOP, TARGET) if ref.endswith(end)), "")


def bracket(ticket: Ticket, option: CmeOption) -> tuple[Wire, Wire, Wire]:
    """Parent, stop, profit-taker. Rejected without limit, stop or target, with them in a wrong order, or for a part of a contract."""
    contracts = _contracts(ticket, option)
    if ticket.trigger is not None or ticket.price is None:
        raise Rejected(f"{ticket.link_id}: an option is bought by a limit order only", code=NOT_BY_TRIGGER)
    if not ticket.stop or not ticket.target:
        raise Rejected(f"{ticket.link_id}: an entry without stop and target is not sent", code=UNPROTECTED)
    limit = snapped(option.product, ticket.price, up=False)
    stop, target = legs(option, ticket.stop, ticket.target)
    if not stop < limit < target:
        raise Rejected(f"{ticket.link_id}: stop {stop}, limit {limit} and target {target} are not in this order", code=BAD_GRID)
    group = group_of(ticket.link_id)
    return (
        Wire(
            action="BUY",
            contracts=contracts,
            kind="LMT",
            ref=ticket.link_id,
            tif="IOC" if ticket.immediate else "DAY",
            limit=limit,
            transmit=False,
            opens=True,
        ),
        Wire(action="SELL", contracts=contracts, kind="STP", ref=ticket.link_id + STOP, trigger=stop, oca=group, transmit=False),
        Wire(action="SELL", contracts=contracts, kind="LMT", ref=ticket.link_id + TARGET, limit=target, oca=group),
    )


def on_grid(option: CmeOption, kind: OrderKind, level: Decimal) -> Decimal:
    """A stop or target as it is sent."""
    return snapped(option.product, level, up=kind is OrderKind.STOP_LOSS)


def legs(option: CmeOption, stop: Decimal, target: Decimal) -> tuple[Decimal, Decimal]:
    """Stop and target on the grid: the stop to the next above (less is lost), the target to the next below (it is met sooner)."""
    return on_grid(option, OrderKind.STOP_LOSS, stop), on_grid(option, OrderKind.TAKE_PROFIT, target)


def closing(ticket: Ticket, option: CmeOption, group: str) -> Wire:
    """The sale that closes; `group`: the OCA group of what protects the position, empty when nothing does."""
    if not ticket.reduce_only:
        raise Rejected(f"{ticket.link_id}: options are bought, and sold only to close", code=SHORT_PREMIUM)
    if ticket.trigger is not None:
        return Wire(
            action="SELL",
            contracts=_contracts(ticket, option),
            kind="STP",
            ref=ticket.link_id,
            trigger=snapped(option.product, ticket.trigger, up=True),
            oca=group,
        )
    limit = None if ticket.price is None else snapped(option.product, ticket.price, up=True)
    kind = "MKT" if limit is None else "LMT"
    tif = "IOC" if limit is not None and ticket.immediate else "DAY"
    return Wire(action="SELL", contracts=_contracts(ticket, option), kind=kind, ref=ticket.link_id, tif=tif, limit=limit, oca=group)


def _contracts(ticket: Ticket, option: CmeOption) -> int:
    contracts = contracts_of(option, ticket.qty)
    if not contracts:
        raise Rejected(f"{ticket.link_id}: {ticket.qty} is no whole number of contracts of {option.product.units:,}", code=BAD_GRID)
    return contracts
