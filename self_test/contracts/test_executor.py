"""The executor over the wire: our adapter, stream, tracker and watch against the simulator, which keeps its own account of every gap."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from modules.exchange.reports import OrderKind, OrderStatus
from modules.ports import World
from self_test.contracts.test_watch import Desk, watching
from self_test.modules.exchange.watching import LIVE_FX, LIVE_PERP, LIVE_SPOT
from state.accounts import Account
from state.intents import ExitReason, Reduce, order_id
from state.messages import Close, OrderCancelled, OrderFilled, OrderRejected, OrderUnknown, Protect, Protected, ProtectionFailed

pytestmark = pytest.mark.asyncio
every = pytest.mark.parametrize("account", [LIVE_SPOT, LIVE_PERP, LIVE_FX])


def told(desk: Desk, *kinds: type) -> list[Any]:
    return [event for event in desk.told if isinstance(event, kinds)]


async def protected(desk: Desk) -> Protected:
    before = len(told(desk, Protected))
    await desk.until(lambda: len(told(desk, Protected, ProtectionFailed)) > before)
    assert not told(desk, ProtectionFailed)
    last: Protected = told(desk, Protected)[-1]
    return last


def close(desk: Desk, leg: str = "x") -> str:
    key, now = desk.instrument.key, desk.trader.now()
    name = order_id(desk.account, key, now, leg, "abc")
    desk.executor.submit(Close(Reduce(ts=now, account=desk.account, key=key, order_id=name, reason=ExitReason.OPERATOR)))
    return name


async def rest(desk: Desk) -> None:
    """Until nothing is on its way any more."""
    async with asyncio.timeout(10):
        while desk.executor.busy:  # noqa: ASYNC110 - its end is no event
            await asyncio.sleep(0.01)


def move(desk: Desk, share: str) -> int:
    """Want the stop at a share of the price; returns it in ticks."""
    held, ticks = desk.tracker.held(desk.instrument.key), desk.instrument.ticks
    stop = ticks(desk.trader.at(share))
    desk.executor.submit(Protect(desk.account, desk.instrument.key, 1, held.steps, stop, ticks(desk.trader.at("1.05")), trailed=True))
    return stop


@every
async def test_an_entry_is_protected_its_stop_moved_and_closed_flat(account: Account):
    async with watching(account) as desk:
        desk.enter()
        first = await protected(desk)
        assert first.gap_ms < 2_000 and not first.software_target
        stop = move(desk, "0.97")
        second = await protected(desk)
        assert (second.stop, second.gap_ms) == (stop, 0)
        move(desk, "0.96")  # against the position: nothing is sent
        [*exits] = [one for one in await desk.trader.venue.open_orders() if one.status is OrderStatus.WAITING]
        assert len(exits) == (1 if account == LIVE_SPOT else 2)
        assert desk.instrument.price(stop) in {exits[0].stop, exits[0].trigger, exits[-1].trigger}
        name = close(desk)
        await desk.until(lambda: any(event.fill.order_id == name and event.left == 0 for event in told(desk, OrderFilled)))
        await rest(desk)
        assert desk.tracker.held(desk.instrument.key).steps == 0
        assert await desk.trader.venue.open_orders() == [] and await desk.trader.venue.positions() == []
        assert not told(desk, OrderRejected, OrderCancelled, ProtectionFailed)


@every
@pytest.mark.parametrize("fault", [{"kind": "lose_reply"}, {"kind": "http_status", "status": 502, "value": "after"}])
async def test_pain_08_one_order_whatever_becomes_of_the_reply(account: Account, fault: dict[str, Any]):
    async with watching(account) as desk:
        desk.trader.fault(match=desk.trader.creates, count=1, **fault)
        name = desk.enter()
        await protected(desk)
        fills = told(desk, OrderFilled)
        assert {event.fill.order_id for event in fills} == {name} and sum(event.fill.steps for event in fills) > 0
        assert {event.order_id for event in told(desk, OrderUnknown)} <= {name}
        before = len(desk.fills())
        desk.trader.fault(match=desk.trader.closes, count=1, **fault)
        out = close(desk)
        await desk.until(lambda: desk.tracker.held(desk.instrument.key).steps == 0)
        await rest(desk)
        assert {fill.order_id for fill in desk.fills()[before:]} == {out}
        assert await desk.trader.venue.open_orders() == [] and await desk.trader.venue.positions() == []


async def test_pain_04_an_exit_order_that_somebody_took_away_is_made_again_in_time():
    async with watching(LIVE_SPOT) as desk:
        desk.enter()
        await protected(desk)
        [exit_order] = await desk.trader.venue.open_orders()
        await desk.trader.venue.cancel(desk.instrument.key, World.PROTECTIVE, venue_id=exit_order.venue_id)
        again = await protected(desk)
        assert again.software_target and 0 <= again.gap_ms < 2_000
        [stop] = await desk.trader.venue.open_orders()
        assert (stop.kind, stop.status, stop.qty) == (OrderKind.SPOT_EXIT, OrderStatus.WAITING, exit_order.qty)
        wanted = move(desk, "0.97")
        assert (await protected(desk)).stop == wanted
        close(desk)
        await desk.until(lambda: desk.tracker.held(desk.instrument.key).steps == 0)
        await rest(desk)
        assert await desk.trader.venue.open_orders() == []


@every
async def test_pain_19_what_is_sold_is_what_the_fee_left(account: Account):
    async with watching(account) as desk:
        desk.enter()
        await protected(desk)
        bought = sum(event.fill.steps for event in told(desk, OrderFilled))
        fee = sum((event.fill.base_fee for event in told(desk, OrderFilled)), Decimal(0))
        held = desk.tracker.held(desk.instrument.key).steps
        assert held == desk.instrument.steps(desk.instrument.qty(bought) - fee)
        assert (fee > 0) == (account == LIVE_SPOT)
