"""The Venue and AccountStream ports at Interactive Brokers: what is asked, sent, moved and told when nothing goes wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.exchange.ibkr_orders import STOP, TARGET
from modules.exchange.ibkr_reads import FOREIGN_ORDER
from modules.exchange.reports import ZERO, ExecutionReport, Link, OrderKind, OrderReport, OrderStatus
from modules.ports import (
    BAD_GRID,
    NO_SUCH_ORDER,
    NOTHING_TO_REDUCE,
    World,
)
from self_test.contracts.ibkr.desk import EUR, JPY, UNITS, YEN, Desk, code_of, dealing, until

pytestmark = pytest.mark.asyncio


async def test_it_connects_and_tells_account_money_and_time() -> None:
    async with dealing() as desk:
        rights = await desk.venue.rights()
        assert (rights.account_id, rights.unfit) == ("DU1234567", ())
        wallet = await desk.venue.wallet()
        assert (wallet.cash, wallet.free) == (Decimal("200000.00"), Decimal("200000.00"))
        assert await desk.venue.equity_usd() == 200_000
        assert await desk.venue.quote(EUR) == (Decimal("0.0079"), Decimal("0.0080"))
        assert isinstance(await desk.venue.sync_clock(), int)
        assert await desk.venue.movements(0) == []
        for _ in range(3):  # each reading ends its subscription, of which a real gateway allows two
            await desk.venue.wallet()
        await desk.venue.sync_clock()
        assert desk.written("62") == desk.written("63") == 6


async def test_an_entry_is_one_bracket_and_its_protection_stands_at_the_venue() -> None:
    async with dealing() as desk:
        venue_id = await desk.create()
        parent, stop, target = desk.tws.orders
        assert (parent.action, parent.kind, parent.tif, parent.limit, parent.status) == ("BUY", "LMT", "IOC", "0.008", "Filled")
        assert (stop.action, stop.kind, stop.tif, stop.aux, stop.status) == ("SELL", "STP", "GTC", "0.0048", "PreSubmitted")
        assert (target.action, target.kind, target.limit, target.status) == ("SELL", "LMT", "0.016", "Submitted")
        assert [one.ref for one in desk.tws.orders] == ["bot-1", "bot-1" + STOP, "bot-1" + TARGET]
        assert stop.oca == target.oca == "bot-1:oca" and stop.oca_type == 2 and parent.number == stop.parent == target.parent
        assert [one.transmit for one in (parent, stop, target)] == [False, False, True]  # nothing works before all have come
        assert [one[33] for one in desk.tws.asked if one[0] == "3"] == ["1"] * 3  # outside the day session, too
        (held,) = await desk.venue.positions()
        assert (held.key, held.side, held.size, held.entry) == (EUR, 1, UNITS, Decimal("0.008"))
        assert (held.stop, held.target) == (Decimal("0.0048"), Decimal("0.0160"))
        kinds = {one.kind: one.status for one in await desk.venue.open_orders()}
        assert kinds == {OrderKind.STOP_LOSS: OrderStatus.WAITING, OrderKind.TAKE_PROFIT: OrderStatus.WAITING}
        found = await desk.venue.order(EUR, link_id="bot-1")
        assert found is not None and (found.status, found.filled, found.venue_id) == (OrderStatus.FILLED, UNITS, venue_id)
        (done,) = await desk.venue.executions_of(EUR, venue_id)
        assert (done.price, done.qty, done.fee, done.fee_coin, done.link_id) == (Decimal("0.0080"), UNITS, Decimal("2.47"), "USD", "bot-1")
        assert (await desk.venue.wallet()).cash == Decimal(200000) - UNITS * Decimal("0.0080") - Decimal("2.47")


@pytest.mark.parametrize(("bid", "kind"), [(0.0047, OrderKind.STOP_LOSS), (0.0161, OrderKind.TAKE_PROFIT)])
async def test_what_fires_ends_the_other_and_is_told_with_its_commission(bid: float, kind: OrderKind) -> None:
    async with dealing() as desk, desk.listening() as items:
        assert (await until(items, Link)).up
        await desk.create()
        entry = await until(items, ExecutionReport)
        assert (entry.side, entry.order_kind, entry.fee) == (1, OrderKind.PLAIN, Decimal("2.47"))
        desk.tws.move(desk.tws.options[0], bid, bid + 0.0001)
        done = await until(items, ExecutionReport)
        assert (done.side, done.order_kind, done.qty, done.price) == (-1, kind, UNITS, Decimal(str(bid)))
        other = OrderKind.TAKE_PROFIT if kind is OrderKind.STOP_LOSS else OrderKind.STOP_LOSS
        assert (await until(items, OrderReport, kind=other, status=OrderStatus.CANCELLED)).filled == 0
        assert await desk.venue.positions() == [] and await desk.venue.open_orders() == []
        assert float((await desk.venue.wallet()).cash) == pytest.approx(200_000 + desk.tws.cash_moved(), abs=0.01)


async def test_a_yen_put_stands_for_a_dollar_call_and_has_its_own_grid() -> None:
    async with dealing() as desk:
        more: dict[str, Any] = {"price": Decimal("0.00005"), "stop": Decimal("0.0000301"), "target": Decimal("0.0001004")}
        await desk.create(key=JPY, qty=YEN, **more)
        (held,) = await desk.venue.positions()
        assert (held.key, held.size, held.entry) == (JPY, YEN, Decimal("0.00005"))
        assert (held.stop, held.target) == (more["stop"], more["target"])  # told as they were asked for, lest they are asked for for ever
        again = await Desk(desk.tws).venue.positions()
        assert (again[0].stop, again[0].target) == (Decimal("0.000031"), Decimal("0.0001"))  # the stop up to the grid, the target down
        assert desk.tws.cash == pytest.approx(200_000 - 625 - 2.47)


async def test_the_trading_class_of_a_week_is_left_to_the_gateway() -> None:
    async with dealing() as desk:
        await desk.create(key="OPTIONS:EURUSD-20261211-C-1.10000", price=Decimal("0.0100"))
        assert desk.tws.orders[0].option.trading_class == "2EU"


async def test_a_close_joins_what_protects_so_that_nothing_is_sold_twice() -> None:
    async with dealing() as desk:
        await desk.create()
        await desk.close()
        sold = desk.tws.of("bot-2")
        assert (sold.kind, sold.action, sold.oca, sold.status) == ("MKT", "SELL", "bot-1:oca", "Filled")
        assert {one.ref: one.status for one in desk.tws.orders[1:3]} == {"bot-1" + STOP: "Cancelled", "bot-1" + TARGET: "Cancelled"}
        assert desk.tws.options[0].position == 0
        assert (await code_of(desk.close("bot-3")))[0] == NOTHING_TO_REDUCE
        assert desk.written() == 4


async def test_stops_move_in_place_and_only_where_they_differ() -> None:
    async with dealing() as desk:
        await desk.create()
        before = desk.written()
        await desk.venue.set_stops(EUR, Decimal("0.00551"), Decimal("0.0160"))
        stop = desk.tws.of("bot-1" + STOP)
        assert (stop.aux, stop.status, desk.written() - before) == ("0.0056", "PreSubmitted", 1)
        await desk.venue.set_stops(EUR, Decimal("0.00551"), Decimal("0.0160"))
        await desk.venue.set_stops(EUR, Decimal(0), Decimal(0))
        await desk.venue.amend(EUR, str(stop.perm), stop=Decimal("0.0056"))
        assert desk.written() - before == 1
        await desk.venue.amend(EUR, str(desk.tws.of("bot-1" + TARGET).perm), target=Decimal("0.0150"))
        assert desk.tws.of("bot-1" + TARGET).limit == "0.015" and len(desk.tws.open()) == 2
        assert (await code_of(desk.venue.amend(EUR, "1", stop=Decimal("0.006"))))[0] == NO_SUCH_ORDER
        assert (await code_of(desk.venue.set_stops(JPY, Decimal("0.00003"), Decimal(0))))[0] == NOTHING_TO_REDUCE


async def test_a_move_that_is_refused_leaves_the_old_stop_and_says_so() -> None:
    async with dealing() as desk:
        await desk.create()
        desk.tws.refuse.append((STOP, 110, "The price does not conform to the minimum price variation for this contract."))
        code, words = await code_of(desk.venue.set_stops(EUR, Decimal("0.0060"), Decimal(0)))
        assert code == BAD_GRID and "minimum price variation" in words
        assert (await desk.venue.positions())[0].stop == Decimal("0.0048")
        await desk.venue.set_stops(EUR, Decimal("0.0060"), Decimal(0))
        assert (await desk.venue.positions())[0].stop == Decimal("0.0060")


async def test_a_resting_entry_is_taken_back_with_its_children_and_only_once() -> None:
    async with dealing() as desk:
        await desk.create(price=Decimal("0.0070"), immediate=False)
        (entry,) = [one for one in await desk.venue.open_orders() if one.kind is OrderKind.PLAIN]
        assert (entry.status, entry.price, entry.stop, entry.target) == (
            OrderStatus.OPEN, Decimal("0.0070"), Decimal("0.0048"), Decimal("0.0160"),
        )  # fmt: skip
        await desk.venue.cancel(EUR, World.PLAIN, link_id="bot-1")
        assert desk.tws.open() == []
        assert (await code_of(desk.venue.cancel(EUR, World.PLAIN, link_id="bot-1")))[0] == NO_SUCH_ORDER
        found = await desk.venue.order(EUR, venue_id=entry.venue_id)
        assert found is not None and (found.status, found.filled) == (OrderStatus.CANCELLED, ZERO)


async def test_another_clients_order_is_seen_and_not_touched() -> None:
    async with dealing() as desk:
        await desk.create(price=Decimal("0.0070"), immediate=False)
        other = Desk(desk.tws, client=8)
        assert len(await other.venue.open_orders()) == 3
        assert (await code_of(other.venue.cancel(EUR, World.PLAIN, link_id="bot-1")))[0] == FOREIGN_ORDER
        await other.venue.close()
