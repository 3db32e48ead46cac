"""Live orders cannot be lost or doubled: the pains of the field, each against a venue that misbehaves as venues do."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.exchange.holdings import Held
from modules.exchange.reports import ExecutionKind
from modules.ports import NO_FUNDS
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Refuse, Slow
from self_test.scenarios.live_orders import both, opened
from state.accounts import Domain
from state.intents import ExitReason, OrderType
from state.messages import (
    Cancel,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Protected,
    StopFilled,
)
from state.orders import Order, OrderState


@both
@pytest.mark.asyncio
async def test_an_entry_is_filled_protected_and_closed(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        name = await opened(floor)
        held = floor.tracker.held(floor.key)
        assert held.steps == (999 if domain is Domain.CRYPTO else 1_000)
        [covered] = floor.told(Protected)
        assert (covered.stop, covered.target, covered.software_target) == (950, 1_100, False)
        assert not floor.venue.naked(floor.key) and not floor.executor.unprotected
        out = floor.close()
        await floor.until(lambda: not floor.executor.busy)
    fills = [event.fill for event in floor.told(OrderFilled)]
    assert [(one.order_id, one.side) for one in fills] == [(name, 1), (out, -1)]
    assert floor.tracker.held(floor.key).steps == 0 and floor.venue.open(floor.key) == []
    assert [event.order_id for event in floor.told(OrderAccepted)] == [name, out]
    assert floor.venue.writes("create") == 2 and not floor.told(OrderCancelled)


@both
@pytest.mark.asyncio
async def test_pain_06_a_stop_fill_the_stream_lost_is_told_by_the_listing_once(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        floor.venue.mute = True
        floor.venue.move(floor.key, "94")
        listing = await floor.venue.executions(0)
        for _ in range(3):
            floor.heard(list(listing))
        await floor.until(lambda: not floor.executor.busy)
    assert len(floor.told(StopFilled)) == 1 and len(floor.told(OrderFilled)) == 1


@pytest.mark.parametrize(("kind", "reason"), [(ExecutionKind.LIQUIDATION, ExitReason.LIQUIDATION), (ExecutionKind.ADL, ExitReason.ADL)])
@pytest.mark.asyncio
async def test_pain_07_liquidation_and_adl_are_booked_as_such(kind: ExecutionKind, reason: ExitReason) -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        await opened(floor)
        floor.venue.seize(floor.key, kind, share="0.4")
        floor.venue.seize(floor.key, kind)
        await floor.until(lambda: len(floor.told(StopFilled)) == 2)
    assert [(event.trigger, event.left) for event in floor.told(StopFilled)] == [(reason, 600), (reason, 0)]


@both
@pytest.mark.parametrize("mute", [False, True])
@pytest.mark.asyncio
async def test_pain_08_a_lost_reply_makes_exactly_one_order(domain: Domain, mute: bool) -> None:
    floor = LiveFloor(domain)
    floor.venue.mute = mute
    floor.venue.fate("create", Mishap.LOST_REPLY)
    async with floor.running():
        name = floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(Protected)))
        await floor.clock.advance(30)
    assert [ref for call, ref in floor.venue.calls if call == "create"] == [name]
    assert [event.order_id for event in floor.told(OrderUnknown)] == ([name] if mute else [])
    assert [event.fill.order_id for event in floor.told(OrderFilled)] == [name] and not floor.told(OrderRejected)


@pytest.mark.asyncio
async def test_pain_08_a_request_that_never_arrived_is_settled_only_after_the_window() -> None:
    floor = LiveFloor()
    floor.venue.fate("create", Mishap.LOST_REQUEST)
    async with floor.running():
        name = floor.place(floor.approved())
        await floor.clock.advance(7.9)
        assert not floor.told(OrderRejected) and floor.executor.busy
        await floor.until(lambda: bool(floor.told(OrderRejected)))
    [no] = floor.told(OrderRejected)
    assert (no.order_id, no.reason) == (name, "never reached the venue")
    assert floor.venue.writes("create") == 0 and not floor.venue.orders


@pytest.mark.asyncio
async def test_pain_08_a_close_that_nobody_heard_of_is_sent_again_under_the_same_id() -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        await opened(floor)
        floor.venue.fate("create", Mishap.LOST_REQUEST, Mishap.LOST_REQUEST, Mishap.LOST_REPLY)
        name = floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert [ref for call, ref in floor.venue.calls if call == "create"][1:] == [name]
    assert floor.venue.held(floor.key) == 0 and len(floor.told(OrderUnknown)) == 1


@pytest.mark.asyncio
async def test_pain_08_hiccups_repeat_the_same_id_and_end() -> None:
    floor = LiveFloor()
    floor.venue.fate("create", Mishap.HICCUP, Mishap.HICCUP)
    async with floor.running():
        name = floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderFilled)))
        floor.venue.down.add("create")
        other = floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        floor.venue.down.clear()
        await floor.clock.advance(5)
    assert [ref for call, ref in floor.venue.calls if call == "create"] == [name]
    assert floor.told(OrderRejected)[0].order_id == other


@pytest.mark.asyncio
async def test_pain_09_an_order_that_shows_late_is_found() -> None:
    floor = LiveFloor()
    floor.venue.mute = True
    floor.venue.fate("create", Mishap.LOST_REPLY)
    async with floor.running():
        approved = floor.approved()
        floor.venue.hide(approved.order_id, 6.0)
        name = floor.place(approved)
        await floor.clock.advance(5.9)
        assert not floor.told(OrderRejected) and not floor.told(OrderFilled)
        await floor.until(lambda: bool(floor.told(OrderFilled)))
    assert floor.venue.writes("create") == 1 and floor.told(OrderFilled)[0].fill.order_id == name


@pytest.mark.asyncio
async def test_pain_11_a_fill_told_by_both_sources_counts_once() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        floor.heard(list(await floor.venue.executions(0)) * 2)
        floor.heard(list(floor.venue.orders.values()))
    assert len(floor.told(OrderFilled)) == 1 and floor.tracker.held(floor.key).steps == 999


@both
@pytest.mark.asyncio
async def test_pain_15_a_close_whose_fill_is_late_is_not_sent_twice(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        floor.venue.fate("create", Slow(5.0))
        floor.venue.mute = True
        name = floor.close()
        await floor.clock.advance(4)
        floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert [ref for call, ref in floor.venue.calls if call == "create"][1:] == [name]
    assert abs(floor.venue.held(floor.key)) < Decimal("0.001")


@pytest.mark.asyncio
async def test_pain_15_a_close_with_nothing_to_reduce_asks_and_ends() -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        await opened(floor)
        floor.venue.mute = True
        floor.venue.move(floor.key, "94")
        name = floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert len(floor.told(StopFilled)) == 1
    assert [event.order_id for event in floor.told(OrderCancelled)] == [name]
    assert floor.venue.held(floor.key) == 0


@settings(max_examples=25)
@given(after=st.integers(0, 12), slow=st.floats(0, 0.5))
def test_pain_16_no_entry_leaves_once_halted(after: int, slow: float) -> None:
    async def scenario() -> None:
        floor = LiveFloor(symbols=("BTCUSDT", "ETHUSDT", "XRPUSDT"))
        for call in ("wallet", "prepare", "create"):
            floor.venue.fate(call, Slow(slow), Slow(slow))
        async with floor.running():
            for key in floor.instruments:
                floor.place(floor.approved(key=key))
            await floor.clock.advance(after * 0.05)
            floor.halted = True
            on_the_wire = floor.venue.writes("create")
            await floor.clock.advance(20)
        assert floor.venue.writes("create") == on_the_wire
        assert len(floor.told(OrderRejected)) == 3 - on_the_wire

    asyncio.run(scenario())


@pytest.mark.asyncio
async def test_short_of_funds_nothing_is_sent() -> None:
    floor = LiveFloor()
    floor.venue.cash = Decimal(100)
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        assert "insufficient balance: 100 free, 100.1 needed" in floor.told(OrderRejected)[0].reason
        floor.venue.cash = Decimal("100.1")
        floor.venue.fate("create", Refuse(NO_FUNDS))
        floor.place(floor.approved())
        await floor.until(lambda: len(floor.told(OrderRejected)) == 2)
    assert floor.venue.writes("create") == 0 and floor.venue.prepared == [floor.key]


@pytest.mark.asyncio
async def test_an_entry_taken_back_is_cancelled_and_one_past_its_time_is_not_sent() -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        name = floor.place(floor.approved(limit=990, order_type=OrderType.MAKER))
        await floor.until(lambda: bool(floor.told(OrderAccepted)))
        floor.executor.submit(Cancel(floor.account, floor.key, name))
        await floor.until(lambda: bool(floor.told(OrderCancelled)))
        late = floor.place(floor.approved(expires_ms=-100))
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        resting = floor.place(floor.approved(limit=990, order_type=OrderType.MAKER, expires_ms=5_000))
        await floor.clock.advance(8)
    assert floor.told(OrderRejected)[0].order_id == late
    assert [event.order_id for event in floor.told(OrderCancelled)] == [name, resting]


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.asyncio
async def test_an_order_in_flight_at_the_crash_is_asked_about_and_never_sent_again(arrived: bool) -> None:
    floor = LiveFloor()
    approved = floor.approved()
    if arrived:
        floor.venue.mute = True
        async with floor.running():
            floor.place(approved)
            await floor.until(lambda: floor.venue.writes("create") == 1)
        floor.venue.mute = False
    floor.events.clear()
    floor.boot()
    order = Order(order_id=approved.order_id, account=floor.account, key=floor.key, entry=True, steps=1_000, state=OrderState.IN_FLIGHT)
    floor.executor.restore([order], {floor.key: Held(side=1, stop=950, target=1_100)})
    async with floor.running():
        await floor.until(lambda: not floor.executor.busy)
    assert floor.venue.writes("create") == int(arrived)
    assert len(floor.told(OrderFilled)) == int(arrived) and len(floor.told(OrderRejected)) == int(not arrived)
