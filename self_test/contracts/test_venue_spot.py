"""The Venue port on spot, over the wire: what an order becomes, what protects it, and what each misfortune is translated into."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.exchange.reports import ExecutionKind, OrderKind, OrderStatus
from modules.ports import (
    BAD_GRID,
    BAD_PRICE,
    BELOW_MINIMUM,
    DUPLICATE_ID,
    NO_FUNDS,
    NO_SUCH_ORDER,
    NOT_TRADING,
    Ticket,
    World,
)  # fmt: skip
from self_test.contracts.venue_at import QTY, SPOT, Trader, trader_at, trading
from utils.errors import Rejected
from utils.throttle import Urgency

FEE = Decimal("0.001")
pytestmark = pytest.mark.asyncio


async def bracketed(trader: Trader, link_id: str = "entry-1") -> str:
    """An entry as the bot makes it: marketable limit, IOC, stop and target attached."""
    return await trader.create(link_id, price=trader.at("1.01"), stop=trader.at("0.95"), target=trader.at("1.05"))


async def refused(trader: Trader, ticket: Ticket) -> int | str:
    with pytest.raises(Rejected) as caught:
        await trader.venue.create(ticket, Urgency.ENTRY)
    return caught.value.code


async def test_an_entry_fills_pays_in_its_coin_and_brings_one_bracket_that_is_moved_and_taken_back():
    async with trading() as trader:
        venue_id = await bracketed(trader)
        entry = await trader.venue.order(SPOT, link_id="entry-1")
        assert entry is not None and entry == await trader.venue.order(SPOT, venue_id=venue_id)
        assert (entry.venue_id, entry.status, entry.filled, entry.kind) == (venue_id, OrderStatus.FILLED, QTY, OrderKind.PLAIN)
        [fill] = await trader.venue.executions_of(SPOT, venue_id)
        assert (fill.kind, fill.side, fill.qty, fill.fee, fill.fee_coin) == (ExecutionKind.TRADE, 1, QTY, QTY * FEE, "BTC")
        [bracket] = await trader.venue.open_orders()
        assert (bracket.kind, bracket.side, bracket.qty) == (OrderKind.SPOT_BRACKET, -1, Decimal("0.00999"))
        assert (bracket.stop, bracket.target, bracket.status) == (trader.at("0.95"), trader.at("1.05"), OrderStatus.WAITING)
        wallet = await trader.venue.wallet()
        assert wallet.coins == {"BTC": 1 + QTY - fill.fee}
        assert wallet.cash == wallet.free == 100_000 - fill.price * fill.qty
        await trader.venue.amend(SPOT, bracket.venue_id, stop=trader.at("0.96"))
        [moved] = await trader.venue.open_orders()
        assert (moved.venue_id, moved.stop, moved.target) == (bracket.venue_id, trader.at("0.96"), bracket.target)
        await trader.venue.cancel(SPOT, World.PROTECTIVE, venue_id=bracket.venue_id)
        assert await trader.venue.open_orders() == []
        gone = await trader.venue.order(SPOT, venue_id=bracket.venue_id)
        assert gone is not None and gone.status is OrderStatus.CANCELLED and "CancelByUser" in gone.reason
        with pytest.raises(Rejected) as caught:
            await trader.venue.cancel(SPOT, World.PROTECTIVE, venue_id=bracket.venue_id)
        assert caught.value.code == NO_SUCH_ORDER
        await trader.create("exit-1", -1, qty=Decimal("0.00999"))
        sold = await trader.venue.order(SPOT, link_id="exit-1")
        assert sold is not None and (sold.status, sold.filled) == (OrderStatus.FILLED, Decimal("0.00999"))
        assert [one.link_id for one in await trader.venue.executions(fill.ts)] == ["entry-1", "exit-1"], "oldest first"


async def test_a_market_order_is_sized_in_the_coin_both_ways():
    async with trading() as trader:
        await trader.create("buy")
        await trader.create("sell", -1)
        fills = await trader.venue.executions(trader.venue.venue_ms() - 60_000)
        assert [(one.link_id, one.qty, one.fee_coin) for one in fills] == [("buy", QTY, "BTC"), ("sell", QTY, "USDT")]


async def test_an_ioc_that_finds_nobody_is_cancelled_and_a_resting_order_rests():
    async with trading() as trader:
        await trader.create("gone", price=trader.at("0.95"))
        gone = await trader.venue.order(SPOT, link_id="gone")
        assert gone is not None and (gone.status, gone.filled, gone.status.final) == (OrderStatus.CANCELLED, Decimal(0), True)
        assert "EC_NoImmediateQtyToFill" in gone.reason
        await trader.create("rests", price=trader.at("0.95"), immediate=False)
        [resting] = await trader.venue.open_orders()
        assert (resting.link_id, resting.status, resting.price) == ("rests", OrderStatus.OPEN, trader.at("0.95"))
        wallet = await trader.venue.wallet()
        assert wallet.cash - wallet.free == trader.at("0.95") * QTY, "what is locked is not free"
        await trader.venue.cancel(SPOT, World.PLAIN, link_id="rests")
        assert await trader.venue.open_orders() == []


async def test_every_world_is_listed_and_each_is_cancelled_by_its_name():
    async with trading() as trader:
        await bracketed(trader)
        await trader.create("plain", price=trader.at("0.95"), immediate=False)
        await trader.create("stop", -1, trigger=trader.at("0.9"), world=World.CONDITIONAL)
        held = await trader.create("held", -1, trigger=trader.at("0.92"), world=World.PROTECTIVE)
        found = {one.link_id: one for one in await trader.venue.open_orders()}
        kinds = sorted(one.kind for one in found.values())
        assert kinds == [OrderKind.CONDITIONAL, OrderKind.PLAIN, OrderKind.SPOT_BRACKET, OrderKind.SPOT_EXIT]
        assert found["held"].trigger == trader.at("0.92") and found["stop"].trigger == trader.at("0.9")
        await trader.venue.amend(SPOT, held, trigger=trader.at("0.93"))
        moved = await trader.venue.order(SPOT, link_id="held")
        assert moved is not None and (moved.trigger, moved.status) == (trader.at("0.93"), OrderStatus.WAITING)
        worlds = {OrderKind.PLAIN: World.PLAIN, OrderKind.CONDITIONAL: World.CONDITIONAL}
        for one in found.values():
            await trader.venue.cancel(SPOT, worlds.get(one.kind, World.PROTECTIVE), venue_id=one.venue_id)
        assert await trader.venue.open_orders() == []


async def test_each_refusal_has_its_name():
    async with trading() as trader:
        await trader.create("once", price=trader.at("0.95"), immediate=False)
        low = trader.at("0.95")
        assert await refused(trader, trader.ticket("once", price=low, immediate=False)) == DUPLICATE_ID
        assert await refused(trader, trader.ticket("off-tick", price=low + Decimal("0.001"))) == BAD_GRID
        assert await refused(trader, trader.ticket("off-step", price=low, qty=Decimal("0.0100001"))) == BAD_GRID
        assert await refused(trader, trader.ticket("tiny", price=low, qty=Decimal("0.000001"))) == BELOW_MINIMUM
        assert await refused(trader, trader.ticket("poor", price=low, qty=Decimal(5))) == NO_FUNDS
        assert await refused(trader, trader.ticket("far", price=trader.at("1.2"))) == BAD_PRICE
        nobody = Ticket(key="CRYPTO:NOSUCHUSDT", link_id="nobody", side=1, qty=QTY, price=low)
        assert await refused(trader, nobody) == NOT_TRADING
        assert await refused(trader, trader.ticket("naked", stop=low)) == 170130, "a market order takes no legs on spot"


async def test_preparing_spot_and_its_positions_ask_nothing():
    async with trading() as trader:
        await trader.venue.prepare(SPOT)
        assert await trader.venue.positions() == []


async def test_rights_of_a_key():
    async with trading() as trader, trader_at(trader.simulator, quote="USDC") as other:
        rights = await trader.venue.rights()
        assert (rights.read_only, rights.spot, rights.derivatives, rights.withdraw, rights.unified) == (False, True, True, False, True)
        assert rights.account_id in trader.simulator.private.exchange.accounts
        assert (await other.venue.wallet()).cash == 0, "no such coin is none of it"
