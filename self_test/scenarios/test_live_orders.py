"""Live orders cannot be lost, doubled or left naked: the pains of the field, each against a venue that misbehaves as venues do."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.exchange.holdings import Held
from modules.exchange.reports import ExecutionKind, ExecutionReport, OrderKind, OrderReport, OrderStatus
from modules.exchange.steps import Limits
from modules.ports import NO_FUNDS, NOT_TRADING
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Refuse, Slow
from state.accounts import Domain
from state.intents import ExitReason, OrderType, Side
from state.messages import (
    Cancel,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Protected,
    ProtectionFailed,
    StopFilled,
    TargetTouched,
)
from state.orders import Order, OrderState

both = pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])


async def opened(floor: LiveFloor, steps: int = 1_000) -> str:
    """An entry that filled and is protected."""
    name = floor.place(floor.approved(steps))
    await floor.until(lambda: bool(floor.told(Protected)))
    return name


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
async def test_pain_09_no_second_stop_is_made_while_the_first_is_only_hidden() -> None:
    floor = LiveFloor()
    floor.venue.lose = lambda item: isinstance(item, OrderReport) and item.kind is OrderKind.SPOT_BRACKET
    async with floor.running():
        floor.venue.fate("open_orders", Mishap.HICCUP, Mishap.HICCUP, Mishap.HICCUP)
        await opened(floor)
        await floor.clock.advance(20)
    assert len(floor.venue.open(floor.key)) == 1 and floor.venue.writes("create") == 1


@pytest.mark.asyncio
async def test_pain_11_a_fill_told_by_both_sources_counts_once() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        floor.heard(list(await floor.venue.executions(0)) * 2)
        floor.heard(list(floor.venue.orders.values()))
    assert len(floor.told(OrderFilled)) == 1 and floor.tracker.held(floor.key).steps == 999


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


@both
@settings(max_examples=40)
@given(filled=st.integers(0, 1_000), minimum=st.sampled_from(["5", "20", "60"]))
def test_pain_17_a_partial_entry_is_protected_or_is_dust(domain: Domain, filled: int, minimum: str) -> None:
    async def scenario() -> None:
        floor = LiveFloor(domain, min_notional=minimum)
        floor.venue.depth[floor.key].append(Decimal(filled) / 1_000)
        async with floor.running():
            name = floor.place(floor.approved())
            await floor.until(lambda: not floor.executor.busy, 5)
            await floor.clock.advance(3)
            assert not floor.venue.naked(floor.key) or floor.tracker.held(floor.key).steps * 95 < Decimal(minimum) * 1_000
            assert sum(event.fill.steps for event in floor.told(OrderFilled)) == filled
            assert not floor.told(ProtectionFailed)
        ends = [event.order_id for event in floor.told(OrderCancelled)]
        assert ends == ([] if filled == 1_000 else [name])

    asyncio.run(scenario())


@pytest.mark.asyncio
async def test_pain_17_a_resting_spot_entry_that_fills_in_part_is_taken_back_and_protected() -> None:
    floor = LiveFloor()
    async with floor.running():
        name = floor.place(floor.approved(limit=990, order_type=OrderType.MAKER))
        await floor.until(lambda: bool(floor.told(OrderAccepted)))
        assert not floor.executor.busy
        floor.venue.fill_resting(name, "0.4")
        await floor.until(lambda: bool(floor.told(Protected)))
        assert floor.told(OrderCancelled)[0].order_id == name
        assert floor.told(Protected)[0].gap_ms < 2_000 and not floor.venue.naked(floor.key)


@pytest.mark.parametrize(("minimum", "stop_needed"), [("9.5", True), ("9.6", False)])
@pytest.mark.asyncio
async def test_pain_18_what_is_too_small_at_its_stop_is_dust(minimum: str, stop_needed: bool) -> None:
    """100 steps at a stop of 95 are worth 9.5."""
    floor = LiveFloor(Domain.PERPS, min_notional=minimum)
    async with floor.running():
        floor.place(floor.approved(100))
        await floor.until(lambda: bool(floor.told(OrderFilled)))
        await floor.clock.advance(3)
    assert bool(floor.told(Protected)) == stop_needed and not floor.told(ProtectionFailed)


@pytest.mark.parametrize(("fee", "steps"), [("0.001", 999), ("0", 1_000), ("0.0015", 998)])
@pytest.mark.asyncio
async def test_pain_19_what_is_held_is_fills_less_the_fee_in_the_coin(fee: str, steps: int) -> None:
    floor = LiveFloor()
    floor.venue.base_fee = Decimal(fee)
    async with floor.running():
        await opened(floor)
        assert floor.tracker.held(floor.key).steps == steps
        [fill] = [event.fill for event in floor.told(OrderFilled)]
        assert (fill.fee, fill.base_fee) == (0, Decimal(fee))
        floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert floor.told(OrderFilled)[-1].fill.steps == steps


@pytest.mark.asyncio
async def test_pain_20_residues_are_not_protected_and_not_sold() -> None:
    floor = LiveFloor()
    floor.executor.restore([], {floor.key: Held(side=1, steps=40, stop=950, target=1_100, coins=Decimal("0.0405"))})
    floor.venue.coins["BTC"] = Decimal("0.0405")
    async with floor.running():
        await floor.clock.advance(30)
        assert not floor.venue.calls and not floor.told(ProtectionFailed)
        floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert "below" in floor.told(OrderRejected)[0].reason


@settings(max_examples=25)
@given(parts=st.lists(st.integers(1, 300), min_size=1, max_size=3))
def test_pain_21_the_stop_is_resized_with_what_is_held(parts: list[int]) -> None:
    async def scenario() -> None:
        floor = LiveFloor()
        async with floor.running():
            await opened(floor)
            for part in parts:  # a partial close: the venue found only so much
                floor.venue.depth[floor.key].append(Decimal(part) / 1_000)
                floor.close(f"x{part}{floor.sent}")
                floor.sent += 1
                await floor.until(lambda: not floor.executor.busy)
                await floor.clock.advance(3)
                [stop] = floor.venue.open(floor.key)
                assert stop.qty == Decimal(floor.tracker.held(floor.key).steps) / 1_000
            assert floor.tracker.held(floor.key).steps == 999 - sum(parts)
            assert not floor.told(ProtectionFailed)

    asyncio.run(scenario())


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
