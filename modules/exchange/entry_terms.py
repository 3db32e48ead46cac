"""An approved entry as its venue gets it, and what it binds of the wallet. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from modules.exchange.lane import Lane
from modules.exchange.reports import ZERO
from modules.ports import Ticket
from state.accounts import Domain
from state.intents import Approved
from utils.fixed import PPM


def entry_ticket(lane: Lane, approved: Approved) -> Ticket:
    """The entry as the venue gets it: a limit order, with stop and target where the product takes them."""
    intent, instrument, entry = approved.intent, lane.instrument, lane.entry
    attaches = lane.recipe.attaches
    return Ticket(
        key=intent.key,
        link_id=approved.order_id,
        side=int(intent.side),
        qty=instrument.qty(intent.steps),
        price=instrument.price(intent.limit),
        immediate=entry is None or not entry.resting,
        stop=instrument.price(intent.exits.stop) if attaches else None,
        target=instrument.price(intent.exits.target) if attaches else None,
        contract="" if intent.contract is None else intent.contract.symbol,
    )


def needed_for(lane: Lane, approved: Approved, rate: Callable[[str], Decimal] | None) -> Decimal:
    """What the entry binds of the wallet at its limit: all of it on spot and of a premium, the margin and room for fees elsewhere.

    Of FOREX in the account's currency, by `rate` (of the quote currency); while that is not known the venue alone judges the margin.
    """
    intent, instrument = approved.intent, lane.instrument
    value = instrument.qty(intent.steps) * instrument.price(intent.limit)
    if not lane.recipe.by_position or instrument.domain is Domain.OPTIONS:
        return value
    fees = value * lane.limits.fee_room_ppm / PPM
    if instrument.domain is Domain.FOREX:
        return (value * instrument.margin_rate + fees) * (rate(intent.key) if rate is not None else ZERO)
    return value / lane.limits.leverage + fees
