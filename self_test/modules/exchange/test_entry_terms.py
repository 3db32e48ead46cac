"""What an entry says to its venue and binds of the wallet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from modules.exchange.entry_terms import entry_ticket, needed_for
from modules.exchange.lane import Lane
from modules.exchange.protect import RECIPES
from modules.exchange.steps import Limits
from self_test.fakes.live_floor import LiveFloor, instrument
from state.accounts import Domain
from state.intents import Approved


def lane_of(domain: Domain, **more: Any) -> tuple[Lane, Approved]:
    floor = LiveFloor(domain)
    one = msgspec.structs.replace(instrument(domain), **more)
    lane = Lane(floor.key, one, RECIPES[domain], floor.tracker, f"{domain[0]}Labc-", Limits(leverage=2, fee_room_ppm=1_000))
    approved = floor.approved()
    lane.place(approved)
    return lane, approved


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS, Domain.FOREX])
def test_an_entry_leaves_with_its_limit_its_stop_and_its_target(domain: Domain) -> None:
    lane, approved = lane_of(domain)
    ticket, intent, grid = entry_ticket(lane, approved), approved.intent, lane.instrument
    assert (ticket.link_id, ticket.side, ticket.qty, ticket.immediate) == (
        approved.order_id,
        int(intent.side),
        grid.qty(intent.steps),
        True,
    )
    assert (ticket.price, ticket.stop, ticket.target) == tuple(
        grid.price(at) for at in (intent.limit, intent.exits.stop, intent.exits.target)
    )


def test_what_an_entry_binds() -> None:
    lane, approved = lane_of(Domain.CRYPTO)
    value = lane.instrument.qty(approved.intent.steps) * lane.instrument.price(approved.intent.limit)
    assert needed_for(lane, approved, None) == value
    lane, approved = lane_of(Domain.PERPS)
    assert needed_for(lane, approved, None) == value / 2 + value / 1_000


def test_a_premium_is_bound_whole() -> None:
    lane, approved = lane_of(Domain.OPTIONS)
    assert needed_for(lane, approved, None) == lane.instrument.qty(approved.intent.steps) * lane.instrument.price(approved.intent.limit)


def test_a_brokers_margin_is_counted_in_the_accounts_currency() -> None:
    lane, approved = lane_of(Domain.FOREX, margin_rate=Decimal("0.04"))
    value = lane.instrument.qty(approved.intent.steps) * lane.instrument.price(approved.intent.limit)
    asked: list[str] = []

    def rate(key: str) -> Decimal:
        asked.append(key)
        return Decimal("0.0066")

    assert needed_for(lane, approved, rate) == value * Decimal("0.041") * Decimal("0.0066") and asked == [approved.intent.key]
    assert needed_for(lane, approved, None) == 0, "the venue alone judges it"
