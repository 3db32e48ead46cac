"""What a start asks of the venue: one reading tells of everything restored, and only what it leaves open is asked about by its id."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from decimal import Decimal

import pytest

from modules.exchange.steps import Entry
from modules.exchange.watch import Watch
from self_test.fakes.account_stream import FakeStream
from self_test.fakes.live_floor import LiveFloor
from state.accounts import Domain
from state.intents import OrderType
from state.messages import OrderCancelled, OrderFilled, OrderRejected, Protected
from state.orders import Order, OrderState

pytestmark = pytest.mark.asyncio
HELD, IN_FLIGHT = 50, 10
HANDFUL = 12
"""Questions: executions, orders, positions, wallet, a second look at executions; and again for the comparisons of the seconds after."""


async def _a_life(domain: Domain) -> tuple[LiveFloor, list[Order]]:
    """Fifty positions are held; ten entries were sent of which the engine never heard: five rest, five filled while nobody listened."""
    floor = LiveFloor(domain, symbols=tuple(f"C{n}USDT" for n in range(HELD + IN_FLIGHT)))
    floor.venue.cash = Decimal(10_000_000)
    keys = list(floor.instruments)
    async with floor.running():
        for key in keys[:HELD]:
            floor.place(floor.approved(key=key))
        await floor.until(lambda: len(floor.told(Protected)) == HELD)
        await floor.until(lambda: not floor.executor.busy)
        floor.venue.mute = True
        kinds = [OrderType.MAKER, OrderType.IOC_LIMIT] * (IN_FLIGHT // 2)
        sent = [floor.approved(key=key, order_type=kind) for key, kind in zip(keys[HELD:], kinds, strict=True)]
        for one in sent:
            floor.place(one)
        await floor.until(lambda: floor.venue.writes("create") >= HELD + IN_FLIGHT)
    floor.venue.mute = False
    terms = {"account": floor.account, "entry": True, "steps": 1_000, "state": OrderState.IN_FLIGHT}
    return floor, [Order(order_id=one.order_id, key=one.intent.key, **terms) for one in sent]  # type: ignore[arg-type]


def _watch(floor: LiveFloor, stream: FakeStream) -> Watch:
    prefix = f"{floor.account.domain[0]}Labc-"
    return Watch(
        floor.account, floor.venue, stream, floor.tracker, floor.executor, floor.instruments, floor.events.extend, floor.clock,
        random.Random(1), floor.clock.now_ms, prefix=prefix, cursor=floor.clock.now_ms() - 60_000, env="live",
    )  # fmt: skip


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
async def test_what_the_reading_tells_is_not_asked_about_one_by_one(domain: Domain) -> None:
    floor, orders = await _a_life(domain)
    held = {key: floor.tracker.held(key) for key in list(floor.instruments)[:HELD]}
    wanted = {order.key: floor.tracker.held(order.key) for order in orders}
    floor.boot()
    floor.events.clear()
    floor.venue.asked.clear()
    creates = floor.venue.writes("create")
    floor.executor.restore(orders, held | wanted)
    stream = FakeStream()
    watch = _watch(floor, stream)
    await watch.start()
    assert len(floor.told(OrderFilled)) == IN_FLIGHT // 2, "told by the listing"
    async with floor.running():
        task = asyncio.get_running_loop().create_task(watch.run())
        stream.up()
        await floor.until(lambda: len(floor.told(OrderCancelled)) == IN_FLIGHT // 2)  # whose terms are not known any more
        await floor.until(lambda: not floor.executor.busy)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    asked = Counter(floor.venue.asked)
    assert asked["order"] == asked["executions_of"] == 0 and asked.total() <= HANDFUL, asked
    assert floor.venue.writes("create") == creates, "nothing was missing"
    assert len({event.key for event in floor.told(Protected)}) >= HELD


async def test_what_no_source_knows_is_asked_about_together_and_seldom() -> None:
    floor = LiveFloor(symbols=tuple(f"C{n}USDT" for n in range(IN_FLIGHT)))
    terms = {"account": floor.account, "entry": True, "steps": 1_000, "state": OrderState.IN_FLIGHT}
    orders = [Order(order_id=f"CLabc-C{n}USDT-9-e", key=key, **terms) for n, key in enumerate(floor.instruments)]  # type: ignore[arg-type]
    floor.executor.restore(orders, {})
    async with floor.running():
        await floor.until(lambda: len(floor.told(OrderRejected)) == IN_FLIGHT, 30.0)
    assert floor.clock.monotonic_ns() > 8e9, "not before it is sure"
    asked = Counter(floor.venue.asked)
    assert asked["order"] == 4 * IN_FLIGHT and asked["open_orders"] <= 4 and asked["executions"] <= 4, asked


async def test_a_resting_order_that_every_reading_shows_is_not_asked_about() -> None:
    """The comparison reads all open orders every few seconds and after every reconnect of the stream."""
    floor = LiveFloor()
    async with floor.running():
        floor.place(floor.approved(order_type=OrderType.MAKER, limit=990, expires_ms=600_000))
        await floor.until(lambda: floor.venue.writes("create") == 1)
        for _ in range(5):
            await floor.clock.advance(8)
            floor.executor.on_reading(floor.clock.monotonic_ns(), await floor.venue.open_orders(), [])
    assert "order" not in floor.venue.asked


async def test_what_a_reading_does_not_show_is_asked_about_before_it_is_taken_back() -> None:
    """An entry of the last life that the engine knew as open, and that ended meanwhile."""
    floor = LiveFloor()
    gone = Order(order_id="CLabc-BTCUSDT-9-e", account=floor.account, key=floor.key, entry=True, steps=1_000, state=OrderState.OPEN)
    floor.executor.restore([gone], {})
    lane = floor.executor._lanes[floor.key]
    assert isinstance(lane.entry, Entry) and lane.entry.write.found
    async with floor.running():
        await floor.until(lambda: "order" in floor.venue.asked)
    assert floor.venue.calls == [] and floor.venue.asked[0] == "open_orders"
