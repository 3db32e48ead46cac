"""The Venue and AccountStream ports at OANDA, over the wire: protection of trades, closing, refusals of every shape, faults, bad input."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from modules.exchange.reports import ExecutionKind, ExecutionReport, Link, OrderKind, OrderReport, OrderStatus
from modules.ports import (
    BAD_GRID,
    BAD_KEY,
    BAD_PRICE,
    BARRED,
    BELOW_MINIMUM,
    DUPLICATE_ID,
    NO_FUNDS,
    NO_SUCH_ORDER,
    NOT_TRADING,
    NOTHING_TO_REDUCE,
    World,
)
from self_test.contracts.clients import expect
from self_test.contracts.oanda_at import OPEN_MS, PAIR, QUICK, QUICK_STREAM, UNITS, Broker, dealing
from self_test.contracts.test_venue_stream import Ear
from self_test.contracts.whole import hurry
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio
SATURDAY_MS = 1_741_428_000_000
BEFORE_TURN_MS = 1_741_298_340_000
"""2025-03-06 21:59 UTC, a Thursday: a minute before the day turns in New York."""


async def by_kind(broker: Broker) -> dict[OrderKind, OrderReport]:
    return {one.kind: one for one in await broker.venue.open_orders()}


async def entered(broker: Broker, link_id: str = "entry", side: int = 1) -> str:
    stop, target = ("0.95", "1.05") if side > 0 else ("1.05", "0.95")
    levels = {"stop": broker.at(stop), "target": broker.at(target), "price": broker.at("1.01" if side > 0 else "0.99")}
    return await broker.create(link_id, side, **levels)


@contextlib.asynccontextmanager
async def listening(broker: Broker, **limits: Any) -> AsyncIterator[Ear]:
    async with contextlib.aclosing(broker.stream(msgspec.structs.replace(QUICK_STREAM, **limits)).items()) as items:
        yield Ear(items)


async def code_of(call: Any) -> object:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code


async def test_an_entry_brings_its_protection_which_is_moved_and_ends_with_the_position():
    async with dealing() as broker:
        await broker.venue.prepare(PAIR)
        venue_id = await entered(broker)
        entry = await broker.venue.order(PAIR, link_id="entry")
        assert entry is not None and (entry.venue_id, entry.status, entry.filled) == (venue_id, OrderStatus.FILLED, UNITS)
        [fill] = await broker.venue.executions_of(PAIR, venue_id)
        assert (fill.fee_coin, fill.pl, fill.qty, fill.side) == ("USD", None, UNITS, 1)
        [position] = await broker.venue.positions()
        assert (position.key, position.side, position.size, position.entry) == (PAIR, 1, UNITS, fill.price)
        assert (position.stop, position.target, position.hedged) == (broker.at("0.95"), broker.at("1.05"), False)
        legs = await by_kind(broker)
        assert set(legs) == {OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}
        assert all(one.reduce_only and one.side == -1 and one.status is OrderStatus.WAITING and one.qty == UNITS for one in legs.values())
        for _ in range(2):  # the second time nothing changes, which is success
            await broker.venue.set_stops(PAIR, broker.at("0.96"), broker.at("1.05"))
        moved = await by_kind(broker)
        assert moved[OrderKind.STOP_LOSS].trigger == broker.at("0.96")
        assert moved[OrderKind.TAKE_PROFIT] == legs[OrderKind.TAKE_PROFIT], "only the leg that changes is sent"
        await broker.venue.amend(PAIR, moved[OrderKind.STOP_LOSS].venue_id, trigger=broker.at("0.97"))
        assert (await by_kind(broker))[OrderKind.STOP_LOSS].trigger == broker.at("0.97")
        closing = await broker.create("exit", -1, reduce_only=True)
        assert await broker.venue.positions() == [] and await broker.venue.open_orders() == []
        gone = await broker.venue.order(PAIR, venue_id=legs[OrderKind.TAKE_PROFIT].venue_id)
        assert gone is not None and gone.status is OrderStatus.CANCELLED and gone.reason == "LINKED_TRADE_CLOSED"
        assert await code_of(broker.create("exit-again", -1, reduce_only=True)) == NOTHING_TO_REDUCE
        assert await code_of(broker.venue.set_stops(PAIR, broker.at("0.96"), broker.at("1.05"))) == NOTHING_TO_REDUCE
        bought, sold = await broker.venue.executions(fill.ts)
        assert (sold.link_id, sold.venue_id) == ("exit", closing) and sold.pl == (sold.price - bought.price) * UNITS
        wallet = await broker.venue.wallet()
        assert wallet.cash == wallet.free == 10_000 + sold.pl


async def test_a_short_is_the_same_the_other_way_round():
    async with dealing() as broker:
        await entered(broker, side=-1)
        [position] = await broker.venue.positions()
        assert (position.side, position.stop, position.target) == (-1, broker.at("1.05"), broker.at("0.95"))
        assert all(one.side == 1 for one in await broker.venue.open_orders())
        wallet = await broker.venue.wallet()
        assert 0 < wallet.cash - wallet.free < 100, "a position binds its margin"
        await broker.create("exit", 1, qty=UNITS / 2, reduce_only=True)
        [half] = await broker.venue.positions()
        assert half.size == UNITS / 2
        await broker.create("rest", 1, qty=UNITS / 2, reduce_only=True)
        assert await broker.venue.positions() == []


async def test_a_stop_that_is_gapped_fills_behind_it_and_says_what_was_lost():
    async with dealing() as broker:
        await entered(broker)
        broker.fault(kind="price_gap", symbol="EURUSD", value=-0.07)
        await hurry(broker.simulator, 60_000 - broker.now() % 60_000 + 1_000)

        async def stopped() -> list[ExecutionReport]:
            return [one for one in await broker.venue.executions(OPEN_MS) if one.order_kind is OrderKind.STOP_LOSS]

        [fill] = await expect(stopped)
        assert fill.price < broker.at("0.95") and fill.pl is not None and fill.pl < -50 and fill.link_id == ""
        assert await broker.venue.positions() == [] and await broker.venue.open_orders() == []


async def test_a_margin_closeout_is_a_liquidation():
    async with dealing() as broker:
        await entered(broker)
        broker.fault(kind="liquidate", symbol="EURUSD")
        last = (await broker.venue.executions(OPEN_MS))[-1]
        assert (last.kind, last.side, last.qty) == (ExecutionKind.LIQUIDATION, -1, UNITS)


async def test_resting_and_conditional_orders_are_seen_found_and_taken_back():
    async with dealing() as broker:
        low = await broker.create("low", price=broker.at("0.9"), immediate=False)
        await entered(broker)
        above = await broker.create("above", -1, trigger=broker.at("1.04"), world=World.CONDITIONAL, reduce_only=True)
        found = {one.venue_id: one for one in await broker.venue.open_orders()}
        assert (found[low].status, found[low].price, found[low].link_id) == (OrderStatus.OPEN, broker.at("0.9"), "low")
        assert (found[above].kind, found[above].trigger, found[above].reduce_only) == (OrderKind.CONDITIONAL, broker.at("1.04"), True)
        assert await code_of(broker.create("low", price=broker.at("0.9"), immediate=False)) == DUPLICATE_ID
        await broker.venue.cancel(PAIR, World.CONDITIONAL, venue_id=above)
        await broker.venue.cancel(PAIR, World.PLAIN, link_id="low")
        for which in ({"venue_id": above}, {"link_id": "low"}):
            assert await code_of(broker.venue.cancel(PAIR, World.PLAIN, **which)) == NO_SUCH_ORDER
        ended = await broker.venue.order(PAIR, link_id="low")
        assert ended is not None and (ended.status, ended.reason) == (OrderStatus.CANCELLED, "CLIENT_REQUEST")


# explicit refusals, whatever their shape ------------------------------------------------------------------------------------------------
async def test_every_shape_of_no():
    async with dealing() as broker:
        price: dict[str, Any] = {"price": broker.at("1.01")}
        assert await code_of(broker.create("odd", qty=Decimal("1000.5"), **price)) == BAD_GRID
        assert await code_of(broker.create("little", qty=Decimal("0.5"), **price)) == BELOW_MINIMUM
        assert await code_of(broker.create("fine", price=broker.price + Decimal("0.0000001"))) == BAD_GRID
        assert await code_of(broker.create("bound", price=broker.at("0.5"))) == "BOUNDS_VIOLATION"
        assert await code_of(broker.create("wrong-stop", stop=broker.at("1.2"), **price)) == BAD_PRICE
        assert await code_of(broker.create("margin", qty=Decimal(5_000_000), price=broker.at("1.2"))) == NO_FUNDS
        assert await code_of(broker.venue.create(broker.ticket("barred"), Urgency.ENTRY, lambda: "halted")) == BARRED
        assert await broker.venue.positions() == [] and (await broker.venue.wallet()).cash == 10_000
        await entered(broker)
        await broker.venue.set_stops(PAIR, broker.at("1.2"), broker.at("1.3"))
        assert await broker.venue.positions() == [], "a stop on the wrong side of the market is not refused there: it fires"


async def test_bad_input_the_market_is_closed():
    async with dealing(from_ms=SATURDAY_MS) as broker:
        [priced] = await broker.venue.rest.prices([await broker.instrument()])
        assert not priced.tradeable
        assert await code_of(entered(broker)) == NOT_TRADING
        ended = await broker.venue.order(PAIR, link_id="entry")
        assert ended is not None and (ended.status, ended.reason, ended.filled) == (OrderStatus.CANCELLED, "MARKET_HALTED", Decimal(0))


async def test_bad_input_a_halted_pair_cannot_be_closed_either_and_can_be_later():
    async with dealing() as broker:
        await entered(broker)
        broker.fault(kind="filters", symbol="EURUSD", value={"status": "Closed"})
        assert await code_of(entered(broker, "second")) == NOT_TRADING
        assert await code_of(broker.create("exit", -1, reduce_only=True)) == NOT_TRADING
        [position] = await broker.venue.positions()
        assert position.stop == broker.at("0.95"), "its stop stands meanwhile"
        broker.fault(kind="filters", symbol="EURUSD", value={"status": "Trading"})
        await broker.create("exit-2", -1, reduce_only=True)
        assert await broker.venue.positions() == []


async def test_bad_input_no_credentials():
    async with dealing() as broker:
        stranger = Broker(broker.simulator, token="nobody")
        try:
            for call in (stranger.venue.wallet(), stranger.venue.rights(), stranger.create("x"), stranger.venue.sync_clock()):
                assert await code_of(call) == BAD_KEY
            async with listening(stranger) as ear:
                down = await ear.link()
                assert not down.up and "401" in down.reason and "nobody" not in down.reason
        finally:
            await stranger.venue.close()


@pytest.mark.parametrize("side", [1, -1])
async def test_pain_44_financing_is_paid_or_received_at_the_turn_of_the_day(side: int):
    async with dealing(from_ms=BEFORE_TURN_MS) as broker:
        [terms] = await broker.venue.rest.terms(["EURUSD"])
        rate = terms.long_rate if side > 0 else terms.short_rate
        assert rate is not None
        began = broker.now()
        await broker.create("large", side, qty=Decimal(100_000), price=broker.at("1.01" if side > 0 else "0.99"))
        await hurry(broker.simulator, 60_000)

        async def settled() -> list[ExecutionReport]:
            return [one for one in await broker.venue.executions(began) if one.kind is ExecutionKind.FUNDING]

        [paid] = await expect(settled)
        assert (paid.key, paid.fee_coin) == (PAIR, "USD") and paid.fee * rate < 0, "a negative rate is paid"
        assert (await broker.venue.wallet()).cash == 10_000 - paid.fee
        assert await broker.venue.movements(began) == [], "told with the executions"


# faults ---------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", [{"kind": "lose_reply"}, {"kind": "http_status", "status": 502, "value": "after"}, {"kind": "cut"}])
async def test_what_became_of_an_order_whose_reply_was_lost_can_be_asked(fault: dict[str, Any]):
    async with dealing() as broker:
        broker.fault(match=broker.creates, count=1, **fault)
        with pytest.raises(Unknown):
            await entered(broker)
        found = await broker.venue.order(PAIR, link_id="entry")
        if fault["kind"] == "cut":
            assert found is None or found.status is OrderStatus.FILLED
        else:
            assert found is not None and found.status is OrderStatus.FILLED
            assert await code_of(entered(broker)) == DUPLICATE_ID
            [position] = await broker.venue.positions()
            assert position.size == UNITS


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "http_status", "status": 503}])
async def test_an_order_that_never_arrived_is_unknown_first_and_nowhere_then(fault: dict[str, Any]):
    async with dealing(limits=msgspec.structs.replace(QUICK, timeout_s=0.5)) as broker:
        broker.fault(match=broker.creates, count=1, **fault)
        with pytest.raises(Unknown):
            await entered(broker)
        assert await broker.venue.order(PAIR, link_id="entry") is None
        await entered(broker)
        assert len(await broker.venue.positions()) == 1


async def test_a_limit_has_no_effect_and_reading_asks_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("forex.oanda_rest.BUSY_S", 0.01)
    async with dealing() as broker:
        broker.fault(match=broker.creates, count=1, kind="http_status", status=429)
        with pytest.raises(Transient):
            await entered(broker)
        summary = f"GET /v3/accounts/{broker.account}/summary"
        for status in (502, 503, 429):
            broker.fault(match=summary, count=3, kind="http_status", status=status)
            assert (await broker.venue.wallet()).cash == 10_000
        for kind in ("lose_reply", "cut"):
            broker.fault(match=summary, count=1, kind=kind)
            assert (await broker.venue.wallet()).cash == 10_000


async def test_maintenance_is_unknown_for_an_order_and_transient_for_a_question():
    async with dealing() as broker:
        fault = broker.fault(kind="maintenance", match="/v3")
        with pytest.raises(Unknown):
            await entered(broker)
        for question in (
            broker.venue.wallet(),
            broker.venue.positions(),
            broker.venue.executions(0),
            broker.venue.order(PAIR, link_id="entry"),
        ):
            with pytest.raises(Transient):
                await question
        broker.simulator.private.remove_fault(fault)
        assert await broker.venue.positions() == []


# the stream -----------------------------------------------------------------------------------------------------------------------------
async def test_what_happens_is_told_as_rest_tells_it():
    async with dealing() as broker, listening(broker) as ear:
        assert (await ear.link()).up
        venue_id = await entered(broker)
        fill = await ear.one(ExecutionReport)
        assert [fill] == await broker.venue.executions_of(PAIR, venue_id)
        stop = await ear.one(OrderReport, lambda one: one.kind is OrderKind.STOP_LOSS)
        assert stop == (await by_kind(broker))[OrderKind.STOP_LOSS]
        await broker.venue.set_stops(PAIR, broker.at("0.96"), broker.at("1.05"))
        moved = await ear.one(OrderReport, lambda one: one.kind is OrderKind.STOP_LOSS)
        assert (moved.status, moved.trigger) == (OrderStatus.WAITING, broker.at("0.96")), "the new one comes before the old one goes"
        await broker.create("exit", -1, reduce_only=True)
        closed = await ear.one(ExecutionReport)
        assert (closed.link_id, closed.side) == ("exit", -1) and closed.pl is not None


async def test_bad_input_a_gap_in_the_transactions_is_filled_before_anything_else_is_told():
    async with dealing() as broker, listening(broker) as ear:
        assert (await ear.link()).up
        broker.fault(kind="drop", match="transactions", count=2)
        await entered(broker)
        await ear.one(OrderReport, lambda one: one.kind is OrderKind.STOP_LOSS)
        told = [type(one).__name__ for one in ear.heard if not isinstance(one, Link)]
        assert told == ["OrderReport", "ExecutionReport", "OrderReport", "OrderReport", "OrderReport"]


async def test_a_cut_is_told_once_and_what_was_missed_comes_after_it():
    async with dealing() as broker, listening(broker) as ear:
        assert (await ear.link()).up
        broker.fault(kind="cut", match="transactions")
        await entered(broker)
        assert not (await ear.link()).up
        assert (await ear.link()).up
        assert (await ear.one(ExecutionReport)).link_id == "entry"


async def test_bad_input_a_silent_stream_is_lost_and_comes_back():
    async with dealing() as broker, listening(broker, silent_s=0.4) as ear:
        assert (await ear.link()).up
        broker.fault(kind="half_open", match="/v3")
        down = await ear.link()
        assert not down.up and "silent" in down.reason
        assert (await ear.link()).up


async def test_a_restart_reads_what_happened_since():
    async with dealing() as broker:
        began = broker.now()
        await entered(broker)
        await broker.create("exit", -1, reduce_only=True)
        async with asyncio.timeout(10):
            again = Broker(broker.simulator)
            try:
                assert await again.venue.executions(began) == await broker.venue.executions(began) != []
                assert len(await again.venue.executions(0)) == 2
            finally:
                await again.venue.close()
