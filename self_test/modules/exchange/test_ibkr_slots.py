"""Slots of the engine on contracts of the exchange, without the client library; over the wire: `self_test/contracts/ibkr`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import IbkrGateway
from modules.exchange.ibkr_slots import SEVERAL, IbkrSlots, chosen, slot_of
from modules.exchange.reports import PositionReport
from modules.ports import BELOW_MINIMUM, NOT_TRADING, NOTHING_TO_REDUCE, Barred, Ticket, free
from utils.clock import FakeClock
from utils.errors import Rejected
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio
SLOT, KEY = "OPTIONS:EURUSD", "OPTIONS:EURUSD-20261204-C-1.10000"
ENTRY = Ticket(
    key=SLOT, link_id="bot-1", side=1, qty=Decimal(260_000), price=Decimal("0.00807"), stop=Decimal("0.0048"), target=Decimal("0.016"),
    contract="EURUSD-20261204-C-1.10000",
)  # fmt: skip


class Contracts(IbkrVenue):
    """An account that holds what it is said to, and notes what it is asked to do."""

    def __init__(self, *held: str, equity: str = "1000") -> None:
        super().__init__(IbkrGateway(IbkrPlace("127.0.0.1", 4002, 1, "DU1234567")), FakeClock(5))
        self.held, self.equity, self.did = held, equity, list[Any]()

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        self.did.append((ticket.key, ticket.side, ticket.qty))
        return "7"

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        self.did.append((key, stop, target))

    async def amend(self, key: str, venue_id: str, **more: Any) -> None:
        self.did.append((key, venue_id, more["stop"]))

    async def positions(self) -> list[PositionReport]:
        return [PositionReport(key=key, side=1, size=Decimal(125_000), entry=Decimal("0.008")) for key in self.held]

    async def equity_usd(self) -> Decimal:
        return Decimal(self.equity)


async def code_of(slots: IbkrSlots, **changes: Any) -> tuple[object, str]:
    with pytest.raises(Rejected) as caught:
        await slots.create(msgspec.structs.replace(ENTRY, **changes), Urgency.ENTRY)
    return caught.value.code, str(caught.value)


async def test_an_entry_buys_the_contract_that_was_chosen_in_whole_contracts() -> None:
    venue = Contracts()
    assert await IbkrSlots(venue).create(ENTRY, Urgency.ENTRY) == "7"
    assert venue.did == [(KEY, 1, Decimal(250_000))]


@pytest.mark.parametrize(
    ("equity", "words"),
    [("1000", "the smallest wallet that could buy one has 50,000.00 USD"), ("60000", "a size of 1,000 EUR is less than one contract")],
)
async def test_less_than_a_contract_is_refused_with_its_figure(equity: str, words: str) -> None:
    code, text = await code_of(IbkrSlots(Contracts(equity=equity)), qty=Decimal(1_000))
    assert code == BELOW_MINIMUM and words in text


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("", "is not an option"),
        ("GBPUSD-20261204-C-1.30000", "lists no options on GBPUSD"),
        ("USDJPY-20261204-C-154.000", "not bought live"),
        ("EURUSD-20261204-C-1.10200", "lists 1.100"),
    ],
)
async def test_a_contract_that_the_exchange_does_not_list_is_not_bought(symbol: str, words: str) -> None:
    venue = Contracts()
    code, text = await code_of(IbkrSlots(venue), contract=symbol)
    assert code == NOT_TRADING and words in text and venue.did == []


async def test_what_is_held_is_what_is_closed_and_moved() -> None:
    venue = Contracts(KEY, "OPTIONS:JPYUSD-20261204-P-0.0065000")
    slots = IbkrSlots(venue)
    await slots.create(msgspec.structs.replace(ENTRY, side=-1, qty=Decimal(125_000), reduce_only=True, contract=""), Urgency.PROTECTIVE)
    await slots.set_stops(SLOT, Decimal("0.005"), Decimal("0.02"))
    await slots.amend(SLOT, "9", stop=Decimal("0.006"))
    assert venue.did == [
        (KEY, -1, Decimal(125_000)), (KEY, Decimal("0.005"), Decimal("0.02")), (KEY, "9", Decimal("0.006")),
    ]  # fmt: skip
    assert [one.key for one in await slots.positions()] == [SLOT, "OPTIONS:JPYUSD-20261204-P-0.0065000"]
    assert slot_of("OPTIONS:GBPUSD") == "OPTIONS:GBPUSD"


@pytest.mark.parametrize(("held", "code"), [((), NOTHING_TO_REDUCE), ((KEY, "OPTIONS:EURUSD-20261211-C-1.10000"), SEVERAL)])
async def test_a_slot_that_holds_nothing_or_too_much_is_not_touched(held: tuple[str, ...], code: str) -> None:
    venue = Contracts(*held)
    assert (await code_of(IbkrSlots(venue), side=-1, reduce_only=True))[0] == code
    with pytest.raises(Rejected):
        await IbkrSlots(venue).set_stops(SLOT, Decimal("0.005"), Decimal("0.02"))
    assert venue.did == []


async def test_a_put_is_a_put() -> None:
    assert chosen("EURUSD-20261204-P-1.10000").right == "P"
