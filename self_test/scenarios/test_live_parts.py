"""What is held of a live entry is what is protected: fills in part, fees in the coin, dust."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.exchange.holdings import Held
from self_test.fakes.live_floor import LiveFloor
from self_test.scenarios.live_orders import both, opened
from state.accounts import Domain
from state.intents import OrderType
from state.messages import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Protected,
    ProtectionFailed,
)


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
