"""The pains of grids and minimums, over every instrument that the built-in exchange lists: what the bot plans, its venue takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import CONFIG
from modules.engine import choose
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.exchange import bybit_bodies
from modules.exchange.entry_terms import entry_ticket
from modules.exchange.lane import Lane
from modules.exchange.protect import RECIPES
from modules.exchange.steps import Limits
from modules.exchange.tracker import Tracker
from modules.ports import Ticket, World
from modules.simulator import filters, order_checks, order_requests
from modules.simulator.extra_coins import NAMES
from modules.simulator.filters import Listing
from modules.simulator.matching import Point
from modules.simulator.order_types import Refused
from modules.simulator.request_fields import Fields
from risk.sizing import steps_for
from state.accounts import Account, Domain, Mode
from state.intents import Side, Signal
from state.market import Quote
from state.messages import Command, Place
from strategy.base import C1

LISTINGS = [
    found
    for coin in (*filters.COINS, *NAMES)
    for category in ("spot", "linear")
    if (found := filters.listing(f"{coin}USDT", category)) is not None
]
START = 1_741_046_400_000
SPOT_FEE = Decimal("0.001")
CLOSE = Decimal("1.02")
MINIMUM = {"spot": "170140", "linear": "110094"}
"""The venue's codes for an order that is worth too little; every other refusal is a fault of ours."""


def venue_says(listing: Listing, ticket: Ticket, last: Decimal) -> str:
    """Send the order as the adapter would write it through the venue's own checks; its refusal, "" = taken."""
    body = bybit_bodies.create(ticket, last)
    request = order_requests.create(Fields(body))
    point = Point(
        ts=START, price=last, size=Decimal(1), taker="Buy", bid=last, bid_size=Decimal(1), ask=last + listing.instrument.tick,
        ask_size=Decimal(1), mark=last, index=last,
    )  # fmt: skip
    check = order_checks.spot if listing.category == "spot" else order_checks.linear
    found = check(listing, point, request)
    return f"{found.code} {found.message}" if isinstance(found, Refused) else ""


def planned(listing: Listing, reference: int, atr: float, side: Side, balance: int) -> Place | None:
    """What the engine sends on a signal; None when a rule refuses."""
    one = listing.instrument
    engine, _ = fresh_engine(CONFIG, (one,), chosen_strategies(None), START, quotes=False, balance=balance)
    engine.state.acct["live"], engine.state.acct["free"] = 1, 10**18  # sized as for a venue that takes its fee in coin
    engine.state.market[0]["last_ts"] = START - 300_000
    signal = Signal(ts=START, key=one.key, strategy=C1, side=side, regime=0, atr=atr, reference=reference)
    out: list[Command] = []
    choose.decide(engine.state, engine.mandate, 0, C1, signal, Quote(one.key, START, reference - 1, reference, 1, 1), 1e12, out)
    return next((command for command in out if isinstance(command, Place)), None)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.key)
@settings(max_examples=12)
@given(data=st.data())
def test_pain_49_whatever_is_planned_is_on_the_grid_of_the_venue(listing: Listing, data: st.DataObject) -> None:
    one = listing.instrument
    side = Side.LONG if listing.category == "spot" else data.draw(st.sampled_from(Side))
    reference = data.draw(st.integers(20_000, 2_000_000))
    atr = reference * data.draw(st.floats(0.002, 0.01))
    place = planned(listing, reference, atr, side, data.draw(st.integers(100, 100_000)))
    if place is None:
        return
    account = Account(one.domain, Mode.LIVE)
    tracker = Tracker(account, {one.key: one}, "XLabc-")
    lane = Lane(one.key, one, RECIPES[one.domain], tracker, "XLabc-", Limits())
    lane.place(place.order)
    last = one.price(reference)
    entry = entry_ticket(lane, place.order)
    worth = entry.qty * one.price(min(reference, place.order.intent.exits.stop))
    near = worth < one.min_notional * CLOSE  # the limit of a short and the fee in coin may take it below: refused, or written off as dust
    assert venue_says(listing, entry, last) == "" or (near and MINIMUM[listing.category] in venue_says(listing, entry, last))
    assert one.ticks(entry.price or Decimal(0)) == place.order.intent.limit, "exact, both ways"
    intent = place.order.intent
    bought = entry.qty * (1 - SPOT_FEE) if one.domain is Domain.CRYPTO else entry.qty
    held = one.steps(bought)
    assert one.qty(held) <= bought < one.qty(held + 1), "what is held is rounded down"
    stop: dict[str, Any] = {
        "key": one.key,
        "link_id": "s",
        "side": -int(side),
        "qty": one.qty(held),
        "trigger": one.price(intent.exits.stop),
    }
    world = World.PROTECTIVE if one.domain is Domain.CRYPTO else World.CONDITIONAL
    said = venue_says(listing, Ticket(**stop, world=world, reduce_only=one.domain is not Domain.CRYPTO), last)
    assert said == "" or (near and MINIMUM[listing.category] in said)
    assert int(side) * (reference - intent.exits.stop) > 0 < int(side) * (intent.exits.target - reference)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.key)
def test_pain_18_the_least_position_is_still_worth_the_minimum_at_its_stop(listing: Listing) -> None:
    """The boundary: one step less than what is allowed in is too little at the stop, and so is refused at entry."""
    one = listing.instrument
    engine, _ = fresh_engine(CONFIG, (one,), chosen_strategies(None), START, quotes=False)
    for reference, stop in ((100_000, 97_000), (100_000, 103_000), (33_333, 32_001)):
        low = min(reference, stop)
        inst = engine.state.inst
        least = max(int(inst[0]["min_steps"]), -(-int(inst[0]["min_notional"]) // (low * int(inst[0]["unit"]))))
        value = reference * int(inst[0]["unit"])
        assert steps_for(inst, 0, float(least * value), reference, stop) == least
        assert steps_for(inst, 0, float(least * value - 1), reference, stop) == 0
        assert one.qty(least) * one.price(low) >= one.min_notional and one.qty(least) >= one.min_qty
