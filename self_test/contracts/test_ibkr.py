"""The Venue and AccountStream ports at Interactive Brokers: the real client library against a gateway of our own on loopback.

`make test-ibkr` runs this in the environment that the library needs; elsewhere it says what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from asyncio import TaskGroup
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import msgspec
import pytest

from modules.environment import IbkrPlace
from modules.exchange import ibkr_reads
from modules.exchange.causes import STREAM
from modules.exchange.executor import Executor
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import GatewayLimits, IbkrGateway
from modules.exchange.ibkr_orders import SHORT_PREMIUM, STOP, TARGET, UNPROTECTED
from modules.exchange.ibkr_reads import FOREIGN_ORDER
from modules.exchange.ibkr_slots import IbkrSlots, IbkrSlotStream
from modules.exchange.ibkr_stream import IbkrAccountStream
from modules.exchange.reconcile import Book, Findings, reconcile
from modules.exchange.reports import ZERO, AccountItem, ExecutionReport, Link, OrderKind, OrderReport, OrderStatus
from modules.exchange.tracker import Tracker
from modules.exchange.watch import Pace, Watch
from modules.ports import (
    BAD_GRID,
    BAD_KEY,
    BARRED,
    BELOW_MINIMUM,
    DUPLICATE_ID,
    NO_FUNDS,
    NO_SUCH_ORDER,
    NOT_TRADING,
    NOTHING_TO_REDUCE,
    Ticket,
    World,
)
from self_test.fakes.tws import FakeTws
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument, option_slot
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side, order_id, prefix_of
from state.messages import (
    AccountDown,
    AccountEvent,
    AccountUp,
    Close,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Place,
    Protect,
    Protected,
    ProtectionFailed,
    StopFilled,
    VenueRead,
)
from state.options import OptionContract
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.errors import Rejected, Transient, Unknown
from utils.fixed import money_units
from utils.throttle import Urgency

MISSING = "ib_async is not installed here: `make test-ibkr` runs these in an environment of its own"
pytestmark = [pytest.mark.asyncio, pytest.mark.skipif(find_spec("ib_async") is None, reason=MISSING)]

EUR, JPY = "OPTIONS:EURUSD-20261204-C-1.10000", "OPTIONS:JPYUSD-20261204-P-0.0065000"
UNITS, YEN = Decimal(125_000), Decimal(12_500_000)
QUICK = GatewayLimits(connect_s=2.0, answer_s=2.0, order_s=0.5, beat_s=5.0)
LIMIT_S = 20.0
LIVE = Account(Domain.OPTIONS, Mode.LIVE)
SLOT = option_slot(
    Instrument(
        domain=Domain.FOREX, symbol="EURUSD", base="EUR", quote="USD", tick=Decimal("0.00001"), step=Decimal(1), min_qty=Decimal(1),
        min_notional=Decimal(0), max_qty=Decimal(100_000_000),
    )
)  # fmt: skip
PACE = Pace(compare_s=0.3, silent_compare_s=0.3, retry_s=0.1, keys_retry_s=0.3, lost_after_s=0.2, filters_s=5.0, clock_s=5.0, rights_s=5.0)


class Desk:
    """One adapter and the gateway that it talks to."""

    def __init__(self, tws: FakeTws, limits: GatewayLimits = QUICK, account: str = "", client: int = 7) -> None:
        self.tws = tws
        self.gateway = IbkrGateway(IbkrPlace("127.0.0.1", tws.port, client, account or tws.account), limits)
        self.venue = IbkrVenue(self.gateway, WallClock())

    async def create(self, link_id: str = "bot-1", side: int = 1, **more: Any) -> str:
        plain: dict[str, Any] = {"key": EUR, "qty": UNITS}
        if side > 0:
            plain |= {"price": Decimal("0.0080"), "stop": Decimal("0.0048"), "target": Decimal("0.0160")}
        barred = more.pop("barred", lambda: "")
        return await self.venue.create(Ticket(link_id=link_id, side=side, **(plain | more)), Urgency.ENTRY, barred)

    async def close(self, link_id: str = "bot-2", **more: Any) -> str:
        return await self.create(link_id, -1, reduce_only=True, **more)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncGenerator[AccountItem, None]]:
        stream = IbkrAccountStream(self.venue, WallClock(), random.Random(1), Backoff(base_s=0.01, cap_s=0.02))
        async with contextlib.aclosing(stream.items()) as items:
            yield items

    def written(self, kind: str = "3") -> int:
        return sum(1 for one in self.tws.asked if one[0] == kind)


@contextlib.asynccontextmanager
async def dealing(limits: GatewayLimits = QUICK, **fields: Any) -> AsyncIterator[Desk]:
    tws = FakeTws(**fields)
    await tws.start()
    desk = Desk(tws, limits)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield desk
    finally:
        await desk.venue.close()
        await tws.stop()


async def code_of(call: Awaitable[object]) -> tuple[object, str]:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code, str(caught.value)


async def until(items: AsyncGenerator[AccountItem, None], sort: type[Any], **wanted: Any) -> Any:
    """The next item of that sort with those values; whatever comes before is left."""
    while True:
        item = await anext(items)
        if isinstance(item, sort) and all(getattr(item, name) == value for name, value in wanted.items()):
            return item


# --- trading --------------------------------------------------------------------------------------------------------------------------


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


# --- an explicit no -------------------------------------------------------------------------------------------------------------------


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


# --- the link -------------------------------------------------------------------------------------------------------------------------


async def test_a_gateway_that_is_not_there_at_the_start_is_told_once_and_found_when_it_comes() -> None:
    tws = FakeTws()
    await tws.start()
    await tws.stop()
    desk = Desk(tws)
    with pytest.raises(Transient, match="does not answer"):
        await desk.venue.wallet()
    with pytest.raises(Transient):
        await desk.create()
    async with asyncio.timeout(LIMIT_S), desk.listening() as items:
        lost = await anext(items)
        assert isinstance(lost, Link) and not lost.up and "does not answer" in lost.reason
        await tws.start()
        back = await anext(items)  # however often it was tried meanwhile
        assert isinstance(back, Link) and back.up
        assert (await desk.venue.wallet()).cash == 200_000
    await desk.venue.close()
    await tws.stop()


async def test_a_gateway_that_goes_in_the_middle_is_told_once_each_way_and_what_happened_is_read() -> None:
    async with dealing() as desk, desk.listening() as items:
        assert (await until(items, Link)).up
        await desk.create()
        await desk.tws.stop()
        gone = await until(items, Link)
        assert not gone.up and "closed the connection" in gone.reason
        with pytest.raises(Transient):
            await desk.venue.positions()
        desk.tws.move(desk.tws.options[0], 0.0040, 0.0041)  # the stop fires while we are away
        await desk.tws.start()
        back = await anext(items)
        assert isinstance(back, Link) and back.up
        assert await desk.venue.positions() == [] and await desk.venue.open_orders() == []
        entry, stopped = await desk.venue.executions(0)
        assert (entry.link_id, stopped.link_id, stopped.order_kind) == ("bot-1", "bot-1" + STOP, OrderKind.STOP_LOSS)
        await desk.create("bot-9", price=Decimal("0.0041"), stop=Decimal("0.0020"), target=Decimal("0.0090"))
        assert (await until(items, ExecutionReport)).link_id == "bot-9"  # and it is heard again


async def test_what_stood_before_a_reconnection_is_heard_and_can_be_moved_after_it() -> None:
    async with dealing() as desk, desk.listening() as items:
        await until(items, Link, up=True)
        await desk.create()
        desk.tws.hang_up()
        await until(items, Link, up=False)
        await until(items, Link, up=True)
        await desk.venue.set_stops(EUR, Decimal("0.0060"), Decimal("0.0160"))
        assert desk.tws.of("bot-1" + STOP).aux == "0.006" and len(desk.tws.open()) == 2
        desk.tws.move(desk.tws.options[0], 0.0059, 0.0060)
        assert (await until(items, ExecutionReport, side=-1)).order_kind is OrderKind.STOP_LOSS


async def test_a_gateway_without_its_broker_behind_it_is_down_too() -> None:
    async with dealing() as desk, desk.listening() as items:
        await until(items, Link, up=True)
        desk.tws.upstream(lost=True)
        desk.tws.upstream(lost=True)
        lost = await anext(items)
        assert isinstance(lost, Link) and not lost.up and "1100" in lost.reason
        with pytest.raises(Transient, match="nothing was sent"):
            await desk.create()
        desk.tws.upstream(lost=False)
        back = await anext(items)
        assert isinstance(back, Link) and back.up
        await desk.create()


async def test_a_line_that_says_nothing_is_dropped() -> None:
    async with dealing(msgspec.structs.replace(QUICK, beat_s=0.05, answer_s=0.1)) as desk, desk.listening() as items:
        await until(items, Link, up=True)
        desk.tws.silent.add("time")
        gone = await anext(items)
        assert isinstance(gone, Link) and not gone.up and "no answer" in gone.reason
        desk.tws.silent.clear()
        assert isinstance(back := await anext(items), Link) and back.up


async def test_a_client_id_that_is_taken_is_an_explicit_no() -> None:
    async with dealing(refuse_client=True) as desk:
        assert (await code_of(desk.venue.wallet()))[0] == BAD_KEY


async def test_an_account_that_is_not_fit_is_told_in_words_without_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    async with dealing() as desk:
        other = Desk(desk.tws, account="DU7654321", client=9)
        (why,) = (await other.venue.rights()).unfit
        assert "does not manage …321" in why and "DU7654321" not in why + repr(other.gateway.place)
        await other.venue.close()
    async with dealing(currency="EUR") as desk:
        assert (await desk.venue.rights()).unfit == ("its account is kept in EUR, not in USD",)
    assert "DU1234567" not in "".join(capsys.readouterr())


async def test_questions_that_get_no_answer_are_transient() -> None:
    async with dealing(msgspec.structs.replace(QUICK, answer_s=0.05)) as desk:
        desk.tws.silent |= {"summary", "contract"}
        with pytest.raises(Transient, match="account summary"):
            await desk.venue.wallet()
        with pytest.raises(Transient):
            await desk.venue.prepare(EUR)


# --- the bot's own hands --------------------------------------------------------------------------------------------------------------


class Hand:
    """Executor, tracker and watch of one live account of options, on the slot of a pair, and what they told the engine."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.told, self.news = desk, list[AccountEvent](), asyncio.Event()
        clock, self.instrument = WallClock(), SLOT
        venue, prefix = IbkrSlots(desk.venue), prefix_of(LIVE, "abc")
        venue.prefix = prefix
        listed = {SLOT.key: SLOT}
        self.tracker = Tracker(LIVE, listed, prefix)
        self.executor = Executor(LIVE, venue, self.tracker, listed, self._emit, clock, clock.now_ms, "abc")

        async def listing() -> dict[str, Instrument]:
            return listed

        stream = IbkrSlotStream(venue, clock, random.Random(1), Backoff(base_s=0.05, cap_s=0.1))
        self.watch = Watch(
            LIVE, venue, stream, self.tracker, self.executor, listed, self._emit, clock, random.Random(2), clock.now_ms,
            prefix=prefix, cursor=0, env="live", listing=listing, pace=PACE,
        )  # fmt: skip

    def _emit(self, events: list[AccountEvent]) -> None:
        self.told += events
        self.news.set()

    def heard(self, *sorts: type) -> list[Any]:
        return [one for one in self.told if isinstance(one, sorts)]

    async def until(self, happened: Callable[[], object]) -> None:
        while not happened():
            self.news.clear()
            await self.news.wait()

    def enter(self, limit: str = "0.0080", stop: str = "0.00481", target: str = "0.01607", steps: int = 1_250) -> str:
        ticks, now = self.instrument.ticks, WallClock().now_ms()
        exits = ExitPlan(stop=ticks(Decimal(stop)), target=ticks(Decimal(target)), atr=1.0, trail_atr=0.0, max_hold_ms=3_600_000)
        intent = Intent(
            ts=now, account=LIVE, key=SLOT.key, strategy="O1", arm="base", side=Side.LONG, steps=steps, order_type=OrderType.MARKET,
            reference=ticks(Decimal(limit)), limit=ticks(Decimal(limit)), expires_ts=now + 60_000, exits=exits,
            contract=OptionContract.parse("EURUSD-20261204-C-1.10000"),
        )  # fmt: skip
        name = order_id(LIVE, SLOT.key, now, "e", "abc")
        self.executor.submit(Place(Approved(intent=intent, order_id=name)))
        return name


@contextlib.asynccontextmanager
async def working(**fields: Any) -> AsyncIterator[Hand]:
    async with dealing(**fields) as desk:
        hand = Hand(desk)
        async with TaskGroup() as group:
            tasks = [group.create_task(hand.watch.run()), group.create_task(hand.executor.run())]
            try:
                await hand.until(lambda: hand.heard(VenueRead))
                yield hand
            finally:
                for task in tasks:
                    task.cancel()


async def test_the_executor_enters_is_protected_moves_its_stop_and_closes() -> None:
    async with working() as hand:
        name = hand.enter()
        await hand.until(lambda: hand.heard(Protected, ProtectionFailed))
        (first,) = hand.heard(Protected, ProtectionFailed)
        assert isinstance(first, Protected) and not first.software_target and first.gap_ms < 2_000
        (filled,) = hand.heard(OrderFilled)
        assert (filled.fill.order_id, filled.fill.steps, filled.left) == (name, 1_250, 0)
        stop = hand.instrument.ticks(Decimal("0.00603"))
        hand.executor.submit(Protect(LIVE, SLOT.key, 1, 1_250, stop, hand.instrument.ticks(Decimal("0.01607")), trailed=True))
        await hand.until(lambda: len(hand.heard(Protected)) == 2)
        assert hand.desk.tws.of(name + STOP).aux == "0.0061"
        out = order_id(LIVE, SLOT.key, WallClock().now_ms(), "x", "abc")
        hand.executor.submit(Close(Reduce(ts=1, account=LIVE, key=SLOT.key, order_id=out, reason=ExitReason.OPERATOR)))
        await hand.until(lambda: len(hand.heard(OrderFilled)) == 2)
        assert hand.heard(OrderFilled)[1].fill.order_id == out and hand.tracker.held(SLOT.key).steps == 0
        assert hand.desk.tws.open() == [] and hand.desk.tws.options[0].position == 0
        assert not hand.heard(ProtectionFailed, OrderRejected, OrderUnknown)
        writes = hand.desk.written()
        await hand.until(lambda: len(hand.heard(VenueRead)) > 4)
        assert hand.desk.written() == writes == 5  # bracket, move, close: nothing is sent without a difference


async def test_what_a_fill_moves_is_what_the_next_reading_shows() -> None:
    """The other half of `self_test/scenarios/test_live_options.py`: the engine books this fill, and its book is what this one is here."""
    async with working() as hand:
        hand.enter()
        await hand.until(lambda: hand.heard(Protected))
        (filled,) = hand.heard(OrderFilled)
        fill, reads = filled.fill, len(hand.heard(VenueRead))
        assert (fill.key, fill.steps, fill.base_fee, fill.gained) == (SLOT.key, 1_250, 0, None)
        paid = money_units(SLOT.price(fill.price) * SLOT.qty(fill.steps)) + fill.fee
        await hand.until(lambda: len(hand.heard(VenueRead)) > reads + 1)
        read = hand.heard(VenueRead)[-1]
        assert (read.positions, read.coins, read.foreign) == ({SLOT.key: 1_250}, {}, ())
        book = Book(cash=money_units(Decimal(200_000)) - paid, positions={SLOT.key: 1_250})
        assert reconcile(book, read) == Findings()


async def test_a_stop_that_fires_while_the_gateway_is_away_is_told_when_it_is_back() -> None:
    async with working() as hand:
        hand.enter()
        await hand.until(lambda: hand.heard(Protected))
        await hand.desk.tws.stop()
        await hand.until(lambda: hand.heard(AccountDown))
        hand.desk.tws.move(hand.desk.tws.options[0], 0.0040, 0.0041)
        await hand.desk.tws.start()
        await hand.until(lambda: hand.heard(StopFilled))
        (stopped,) = hand.heard(StopFilled)
        assert (stopped.trigger, stopped.fill.side, stopped.left) == (ExitReason.STOP, -1, 0)
        await hand.until(lambda: any(one.cause == STREAM for one in hand.heard(AccountUp)))
        assert [one.cause for one in hand.heard(AccountDown)] == [STREAM]  # told once each way
        assert sum(one.cause == STREAM for one in hand.heard(AccountUp)) == 1
        reads = len(hand.heard(VenueRead))
        await hand.until(lambda: len(hand.heard(VenueRead)) > reads)
        read = hand.heard(VenueRead)[-1]
        assert read.positions == {} and read.foreign == ()
        assert read.cash == money_units(Decimal(200000) + Decimal(str(round(hand.desk.tws.cash_moved(), 2))))


async def test_an_entry_that_nobody_can_speak_of_is_found_and_entered_once() -> None:
    async with working() as hand:
        hand.desk.tws.lose_after_order = True
        name = hand.enter()
        await hand.until(lambda: hand.heard(OrderFilled) and hand.heard(Protected))
        assert {one.order_id for one in hand.heard(OrderUnknown)} <= {name}
        assert hand.desk.tws.options[0].position == 1 and len(hand.desk.tws.orders) == 3


async def test_a_small_wallet_is_refused_with_its_figures_and_nothing_stands() -> None:
    async with working(cash=1_500.0) as hand:
        name = hand.enter()
        await hand.until(lambda: hand.heard(OrderRejected))
        (no,) = hand.heard(OrderRejected)
        assert no.order_id == name and "the smallest wallet that could buy one has 50,000.00 USD" in no.reason
        assert hand.desk.tws.orders == []


async def test_a_size_between_contracts_goes_down_and_one_below_is_refused_with_its_figure() -> None:
    async with working() as hand:
        name = hand.enter(steps=2_000)
        await hand.until(lambda: hand.heard(Protected) and hand.heard(OrderCancelled))
        (filled,) = hand.heard(OrderFilled)
        assert (filled.fill.steps, filled.left) == (1_250, 750) and hand.heard(OrderCancelled)[0].order_id == name
        assert hand.desk.tws.options[0].position == 1
    async with working() as hand:
        hand.enter(steps=10)
        await hand.until(lambda: hand.heard(OrderRejected))
        assert "a size of 1,000 EUR is less than one contract of 125,000" in hand.heard(OrderRejected)[0].reason
