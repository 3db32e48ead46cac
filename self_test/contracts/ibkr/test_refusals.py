"""What Interactive Brokers refuses, what is refused before it is sent there, and what nobody can speak of."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.exchange import ibkr_reads
from modules.exchange.ibkr_orders import SHORT_PREMIUM, STOP, UNPROTECTED
from modules.exchange.reports import OrderStatus
from modules.ports import (
    BAD_GRID,
    BAD_KEY,
    BARRED,
    BELOW_MINIMUM,
    DUPLICATE_ID,
    NO_FUNDS,
    NOT_TRADING,
    NOTHING_TO_REDUCE,
    World,
)
from self_test.contracts.ibkr.desk import EUR, UNITS, code_of, dealing
from utils.errors import Transient, Unknown

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        (201, "Order rejected - reason:The available funds are insufficient for this order", NO_FUNDS),
        (201, "Order rejected - reason:No trading permissions.", NOT_TRADING),
        (110, "The price does not conform to the minimum price variation for this contract.", BAD_GRID),
        (321, "Error validating request: The API interface is currently in Read-Only mode.", BAD_KEY),
        (434, "The order size cannot be zero.", BELOW_MINIMUM),
        (99_999, "a number of tomorrow", 99_999),
    ],
)
async def test_an_error_that_comes_with_an_order_is_an_explicit_no(number: int, words: str, code: object) -> None:
    async with dealing() as desk:
        desk.tws.refuse.append(("*", number, words))
        said, text = await code_of(desk.create())
        assert said == code and words in text
        assert desk.tws.open() == [] and desk.tws.ledger == []
        await desk.create()  # an explicit no frees the id


async def test_an_inactive_order_is_a_no_and_is_taken_back_so_that_it_stays_one() -> None:
    async with dealing() as desk:
        desk.tws.inactive.append("bot-1")
        assert (await code_of(desk.create()))[0] == "Inactive"
        await desk.venue.sync_clock()
        assert desk.tws.options[0].position == 0 and desk.written("4") == 1 and desk.tws.open() == []


async def test_an_entry_that_finds_nobody_is_a_no() -> None:
    async with dealing() as desk:
        assert (await code_of(desk.create(price=Decimal("0.0070"))))[0] == "Cancelled"
        assert desk.tws.open() == []


async def test_an_entry_whose_stop_is_refused_is_taken_back() -> None:
    async with dealing() as desk:
        desk.tws.refuse.append((STOP, 201, "Order rejected - reason:stop orders are not allowed, price"))
        code, words = await code_of(desk.create(price=Decimal("0.0070"), immediate=False))
        assert code == "bad_price" and "its protection was refused" in words
        assert desk.tws.open() == []


async def test_an_entry_that_filled_before_its_stop_was_refused_is_protected_anew() -> None:
    async with dealing() as desk:
        desk.tws.refuse.append((STOP, 201, "Order rejected - reason:not now"))
        await desk.create()
        assert (await desk.venue.positions())[0].stop == 0
        await desk.venue.set_stops(EUR, Decimal("0.0048"), Decimal("0.0160"))
        (held,) = await desk.venue.positions()
        assert (held.stop, held.target) == (Decimal("0.0048"), Decimal("0.0160"))
        made = [one for one in desk.tws.open() if one.kind == "STP"]
        assert [(one.oca, one.ref) for one in made] == [("bot-1:oca", "bot-1" + STOP)]  # of the group that stands


async def test_what_fills_in_part_is_protected_for_what_it_is() -> None:
    async with dealing() as desk:
        await desk.create(qty=UNITS * 2, price=Decimal("0.0070"), immediate=False)
        parent, stop, target = desk.tws.orders
        desk.tws.fill(parent, 1, 0.0070)
        await desk.venue.set_stops(EUR, Decimal("0.0050"), Decimal("0.0160"))
        assert (stop.aux, stop.total) == ("0.005", 2), "the rest may fill yet"
        await desk.venue.cancel(EUR, World.PLAIN, link_id="bot-1")  # the rest, and with it the children
        found = await desk.venue.order(EUR, link_id="bot-1")
        assert found is not None and (found.status, found.filled) == (OrderStatus.CANCELLED, UNITS)
        assert (stop.status, target.status) == ("Cancelled", "Cancelled") and (await desk.venue.positions())[0].stop == 0
        await desk.venue.set_stops(EUR, Decimal("0.0048"), Decimal("0.0160"))
        (held,) = await desk.venue.positions()
        assert (held.size, held.stop, held.target) == (UNITS, Decimal("0.0048"), Decimal("0.0160"))
        assert {(one.total, one.oca_type) for one in desk.tws.open()} == {(1, 2)} and len({one.oca for one in desk.tws.open()}) == 1
        desk.tws.move(desk.tws.options[0], 0.0040, 0.0041)
        assert desk.tws.options[0].position == 0 and desk.tws.open() == []


async def test_a_wallet_that_is_too_small_is_told_what_would_do() -> None:
    async with dealing(cash=1_000.0) as desk:
        code, words = await code_of(desk.create())
        assert code == BELOW_MINIMUM
        assert "costs 1,000.00 USD" in words and "is 20.00 USD" in words and "has 50,000.00 USD" in words
        assert desk.written() == 0
    async with dealing(cash=60_000.0) as desk:
        code, words = await code_of(desk.create(qty=UNITS * 2))
        assert code == BELOW_MINIMUM and "2 contracts are more than the 1" in words


async def test_what_may_not_be_sent_is_not_sent() -> None:
    async with dealing() as desk:
        assert (await code_of(desk.create(stop=None)))[0] == UNPROTECTED
        assert (await code_of(desk.create("bot-2", -1)))[0] == SHORT_PREMIUM
        assert (await code_of(desk.create(qty=Decimal(100))))[0] == BAD_GRID
        assert (await code_of(desk.create(key="OPTIONS:GBPUSD-20261204-C-1.3")))[0] == NOT_TRADING
        assert (await code_of(desk.create(key="OPTIONS:EURUSD-20261204-C-1.30000")))[0] == NOT_TRADING
        assert (await code_of(desk.venue.prepare("OPTIONS:EURUSD-20250101-C-1.10000")))[0] == NOT_TRADING
        assert (await code_of(desk.create(barred=lambda: "halted")))[0] == BARRED
        await desk.create()
        assert (await code_of(desk.close(qty=UNITS * 2)))[0] == NOTHING_TO_REDUCE  # it would write one
        assert desk.written() == 3


# --- nobody knows ---------------------------------------------------------------------------------------------------------------------


async def test_a_gateway_that_goes_with_an_order_leaves_it_unknown_and_found_by_its_reference() -> None:
    async with dealing() as desk:
        desk.tws.lose_after_order = True
        with pytest.raises(Unknown):
            await desk.create()
        found = await desk.venue.order(EUR, link_id="bot-1")
        assert found is not None and (found.status, found.filled) == (OrderStatus.FILLED, UNITS)
        assert (await code_of(desk.create()))[0] == DUPLICATE_ID
        (done,) = await desk.venue.executions(0)
        assert done.link_id == "bot-1" and desk.tws.options[0].position == 1
        assert (await desk.venue.positions())[0].stop == Decimal("0.0048")


async def test_a_gateway_that_takes_an_order_and_says_nothing_leaves_it_unknown() -> None:
    async with dealing() as desk:
        desk.tws.silent.add("orders")
        with pytest.raises(Unknown, match="said nothing"):
            await desk.create()
        assert await desk.venue.order(EUR, link_id="another") is None
        assert await desk.venue.order(EUR, link_id="bot-1") is not None


async def test_an_order_that_only_its_executions_tell_of_is_found() -> None:
    async with dealing() as desk:
        venue_id = await desk.create()
        desk.tws.orders.clear()  # the gateway was restarted: ended orders of before are forgotten
        found = await desk.venue.order(EUR, link_id="bot-1")
        assert found is not None and (found.venue_id, found.filled) == (venue_id, UNITS)


async def test_an_execution_without_its_commission_is_not_told_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibkr_reads, "COMMISSION_S", 0.05)
    async with dealing() as desk:
        desk.tws.mute_commissions = True
        await desk.create()
        with pytest.raises(Transient, match="commission"):
            await desk.venue.executions(0)
        desk.tws.mute_commissions = False
        assert len(await desk.venue.executions(0)) == 1
