"""Nothing live is left naked: stops stand, move, come back and go with their position, at a venue that misbehaves as venues do."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.exchange.reports import ExecutionKind, ExecutionReport, OrderKind, OrderReport, OrderStatus
from modules.exchange.steps import Limits
from modules.ports import NOT_TRADING
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Refuse, Slow
from self_test.scenarios.live_orders import both, opened
from state.accounts import Domain
from state.intents import ExitReason, Side
from state.messages import (
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    Protected,
    ProtectionFailed,
    StopFilled,
    TargetTouched,
)


@both
@settings(max_examples=25)
@given(moves=st.lists(st.integers(940, 1_090), min_size=1, max_size=6), mishaps=st.lists(st.sampled_from(list(Mishap)), max_size=3))
def test_pain_01_a_moved_stop_never_leaves_a_gap(domain: Domain, moves: list[int], mishaps: list[Mishap]) -> None:
    async def scenario() -> None:
        floor = LiveFloor(domain)
        async with floor.running():
            await opened(floor)
            floor.venue.price[floor.key] = Decimal("109.5")
            best = 950
            for move in moves:
                floor.venue.fate("amend" if domain is Domain.CRYPTO else "set_stops", *mishaps)
                best = max(best, move)
                floor.protect(move)

                def arrived(best: int = best) -> bool:
                    assert not floor.venue.naked(floor.key)
                    return floor.told(Protected)[-1].stop == best

                await floor.until(arrived, 60)
            assert floor.venue.writes("cancel") == 0
            assert all(event.gap_ms == 0 for event in floor.told(Protected)[1:])

    asyncio.run(scenario())


@both
@pytest.mark.parametrize("way", ["market", "stop", "target", "race"])
@pytest.mark.asyncio
async def test_pain_02_no_stop_survives_its_position(domain: Domain, way: str) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        if way == "market":
            floor.close()
        elif way == "race":
            floor.close()
            floor.venue.move(floor.key, "94")
        else:
            floor.venue.move(floor.key, "94" if way == "stop" else "111")
        await floor.until(lambda: not floor.executor.busy)
        await floor.clock.advance(2)
    assert floor.venue.open(floor.key) == []
    assert abs(floor.venue.held(floor.key)) < Decimal("0.001")
    assert floor.tracker.held(floor.key).steps == 0


@pytest.mark.asyncio
async def test_pain_02_an_exit_order_of_a_position_that_is_gone_is_swept() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        [exit_order] = floor.venue.open(floor.key)
        floor.venue.mute = True
        floor.venue.coins["BTC"] = Decimal(0)  # sold by an execution the stream tells alone
    floor.venue.mute = False
    async with floor.running():
        report = ExecutionReport(
            key=floor.key, exec_id="gone", kind=ExecutionKind.TRADE, order_kind=OrderKind.SPOT_BRACKET, venue_id="other", link_id="9other",
            side=-1, price=Decimal("94.9"), qty=Decimal("0.999"), fee=Decimal(0), fee_coin="USDT", ts=floor.clock.now_ms(),
        )  # fmt: skip
        twin = msgspec.structs.replace(exit_order, venue_id="other", link_id="9other", status=OrderStatus.FILLED, filled=exit_order.qty)
        floor.heard([twin, report])
        await floor.until(lambda: not floor.venue.open(floor.key))
    assert ("cancel", exit_order.venue_id) in floor.venue.calls


@both
@pytest.mark.asyncio
async def test_pain_03_a_resting_exit_is_not_written_again_in_an_hour(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        before = len(floor.venue.calls)
        for _ in range(36):
            floor.protect(950)
            await floor.clock.advance(100)
    assert len(floor.venue.calls) == before


@pytest.mark.asyncio
async def test_pain_03_moves_are_at_most_one_in_a_confirm_interval() -> None:
    floor = LiveFloor(limits=Limits(confirm_ms=1_000))
    async with floor.running():
        await opened(floor)
        floor.venue.price[floor.key] = Decimal(109)
        for stop in range(951, 1_051):
            floor.protect(stop)
            await floor.clock.advance(0.1)
        await floor.until(lambda: floor.told(Protected)[-1].stop == 1_050)
    assert floor.venue.writes("amend") <= 12


@both
@pytest.mark.asyncio
async def test_pain_04_the_stop_is_on_the_venue_with_the_fill(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderAccepted)))
    # the process is dead; the market falls
    floor.venue.move(floor.key, "80")
    assert abs(floor.venue.held(floor.key)) < Decimal("0.001")


@pytest.mark.asyncio
async def test_pain_04_an_exit_order_that_does_not_come_is_made_within_two_seconds() -> None:
    floor = LiveFloor()
    floor.venue.no_exit_orders = True
    async with floor.running():
        await opened(floor)
        [covered] = floor.told(Protected)
        assert covered.software_target and covered.stop == 950
        assert 0 < covered.gap_ms < 2_000 and not floor.told(ProtectionFailed)
        [stop] = floor.venue.open(floor.key)
        assert (stop.kind, stop.qty, stop.trigger) == (OrderKind.SPOT_EXIT, Decimal("0.999"), Decimal(95))
        floor.executor.on_quote(floor.key, 1_099, 1_101)
        assert not floor.told(TargetTouched)
        floor.executor.on_quote(floor.key, 1_100, 1_101)
        floor.executor.on_quote(floor.key, 1_105, 1_106)
        assert len(floor.told(TargetTouched)) == 1


@both
@pytest.mark.asyncio
async def test_pain_04_a_stop_that_cannot_be_had_is_told_after_two_seconds(domain: Domain) -> None:
    floor = LiveFloor(domain)
    floor.venue.no_exit_orders = True
    async with floor.running():
        if domain is Domain.PERPS:
            floor.venue.lose = lambda item: False
            await opened(floor)
            row = floor.venue.rows[floor.key]
            floor.venue.down.add("set_stops")
            floor.venue.rows[floor.key] = msgspec.structs.replace(row, stop=Decimal(0), target=Decimal(0))
            floor.venue.tell(floor.venue.rows[floor.key])
        else:
            await floor.clock.settle()
            floor.venue.fate("create", Slow(0))
            name = floor.place(floor.approved())
            await floor.until(lambda: any(event.fill.order_id == name for event in floor.told(OrderFilled)))
            floor.venue.down.add("create")
        began = floor.clock.monotonic_ns()
        await floor.until(lambda: bool(floor.told(ProtectionFailed)))
        assert (floor.clock.monotonic_ns() - began) / 1e9 <= 2.2
        assert floor.executor.unprotected[floor.key] >= 2_000
        floor.venue.down.clear()
        floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert abs(floor.venue.held(floor.key)) < Decimal("0.001")


@both
@pytest.mark.asyncio
async def test_pain_05_stops_are_market_orders_and_fill_through_a_gap(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        floor.venue.move(floor.key, "60")
        await floor.until(lambda: bool(floor.told(StopFilled)))
    [stopped] = floor.told(StopFilled)
    assert (stopped.trigger, stopped.fill.price, stopped.left) == (ExitReason.STOP, 600, 0)


@pytest.mark.asyncio
async def test_pain_09_no_second_stop_is_made_while_the_first_is_only_hidden() -> None:
    floor = LiveFloor()
    floor.venue.lose = lambda item: isinstance(item, OrderReport) and item.kind is OrderKind.SPOT_BRACKET
    async with floor.running():
        floor.venue.fate("open_orders", Mishap.HICCUP, Mishap.HICCUP, Mishap.HICCUP)
        await opened(floor)
        await floor.clock.advance(20)
    assert len(floor.venue.open(floor.key)) == 1 and floor.venue.writes("create") == 1


@both
@pytest.mark.parametrize("standing", [True, False])
@pytest.mark.asyncio
async def test_pain_14_protection_is_found_again_or_attached_anew_after_a_restart(domain: Domain, standing: bool) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        held = floor.tracker.held(floor.key)
    if not standing:
        for one in floor.venue.open(floor.key):
            del floor.venue.orders[one.venue_id]
        if domain is Domain.PERPS:
            floor.venue.rows[floor.key] = msgspec.structs.replace(floor.venue.rows[floor.key], stop=Decimal(0), target=Decimal(0))
    before = len(floor.venue.calls)
    floor.boot()
    floor.events.clear()
    floor.executor.restore([], {floor.key: held})
    async with floor.running():
        await floor.until(lambda: bool(floor.told(Protected)))
        [covered] = floor.told(Protected)
        assert covered.stop == 950 and not floor.venue.naked(floor.key)
        assert (len(floor.venue.calls) == before) == standing
        floor.venue.move(floor.key, "94")
        await floor.until(lambda: bool(floor.told(StopFilled)))
    assert floor.told(StopFilled)[0].left == 0


@pytest.mark.asyncio
async def test_pain_36_a_stop_that_the_venue_made_otherwise_is_not_taken_for_one() -> None:
    """The venue answered yes and made a plain order of it, or put it at another level: what is read back counts."""
    floor = LiveFloor()
    floor.venue.no_exit_orders = True
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderFilled)))
        lane = floor.executor._lanes[floor.key]
        wrong = OrderReport(
            key=floor.key, venue_id="w", link_id="CLabc-BTCUSDT-1-s9", side=-1, kind=OrderKind.PLAIN, status=OrderStatus.OPEN,
            qty=Decimal("0.999"), filled=Decimal(0), price=Decimal(95), created_ts=1, ts=1,
        )  # fmt: skip
        floor.executor.on_reports([wrong])
        assert lane.orders and not floor.told(Protected)


@pytest.mark.asyncio
async def test_a_close_that_fails_on_spot_brings_the_stop_back_at_once() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        floor.venue.fate("create", Refuse(NOT_TRADING))
        floor.close()
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        await floor.clock.advance(0.5)
        assert not floor.venue.naked(floor.key)
        [stop] = floor.venue.open(floor.key)
        assert stop.kind is OrderKind.SPOT_EXIT and stop.qty == Decimal("0.999")


@pytest.mark.asyncio
async def test_a_slow_request_on_one_instrument_does_not_hold_up_the_stop_of_another() -> None:
    symbols = ("BTCUSDT", *(f"C{n}USDT" for n in range(8)))
    floor = LiveFloor(symbols=symbols)
    async with floor.running():
        await opened(floor)
        floor.venue.price[floor.key] = Decimal(109)
        floor.venue.fate("create", *[Slow(30.0)] * 8)
        for key in list(floor.instruments)[1:]:
            floor.place(floor.approved(key=key))
        await floor.clock.advance(1)
        floor.protect(1_000)
        await floor.until(lambda: floor.told(Protected)[-1].stop == 1_000, 1.0)


@pytest.mark.asyncio
async def test_a_short_perpetual_is_protected_the_other_way_round() -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        floor.place(floor.approved(side=Side.SHORT, stop=1_050, target=900, limit=999))
        await floor.until(lambda: bool(floor.told(Protected)))
        floor.protect(1_060, target=900, side=-1)  # against the position
        floor.protect(1_040, target=900, side=-1)
        await floor.until(lambda: floor.told(Protected)[-1].stop == 1_040)
        floor.venue.move(floor.key, "89")
        await floor.until(lambda: bool(floor.told(StopFilled)))
    assert floor.told(StopFilled)[0].trigger is ExitReason.TARGET


async def _hanging(domain: Domain) -> LiveFloor:
    """The reply to an entry hangs for ten seconds while its fill has been told and no exit order came."""
    floor = LiveFloor(domain)
    floor.venue.no_exit_orders = True
    floor.venue.fate("create", Slow(10.0))
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(Protected)), 2.0)
        assert floor.executor.busy
        await floor.until(lambda: not floor.executor.busy)
    return floor


@both
@pytest.mark.asyncio
async def test_pain_04_a_hanging_reply_does_not_hold_up_the_stop(domain: Domain) -> None:
    floor = await _hanging(domain)
    assert not floor.told(ProtectionFailed) and not floor.venue.naked(floor.key)
