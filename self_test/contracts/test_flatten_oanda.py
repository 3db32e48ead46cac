"""Flatten at OANDA, over the wire: what is ours is closed and taken back, verified by reading, whatever replies get lost on the way."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from modules.flatten import LiveAccount, flatten_account
from modules.flatten_plan import Ours
from self_test.contracts.oanda_at import PAIR, Broker, dealing
from self_test.modules.exchange.watching import LIVE_FX
from utils.clock import WallClock

pytestmark = pytest.mark.asyncio


async def account_of(broker: Broker, began: int) -> LiveAccount:
    ours = Ours(account=LIVE_FX, tag="abc", ts=broker.now(), instruments={PAIR: await broker.instrument()}, since_ms=began)
    return LiveAccount(ours, broker.venue)


async def enter(broker: Broker, name: str = "FLabc-EURUSD-1-e") -> None:
    await broker.create(name, price=broker.at("1.01"), stop=broker.at("0.95"), target=broker.at("1.05"))


@pytest.mark.parametrize(
    "fault", [{}, {"kind": "lose_reply", "count": 1}, {"kind": "http_status", "status": 503, "count": 2}, {"kind": "drop", "count": 1}]
)
async def test_everything_of_ours_is_closed_and_taken_back_whatever_gets_lost(fault: dict[str, Any]):
    async with dealing() as broker, asyncio.timeout(25):
        began = broker.now()
        await enter(broker)
        await broker.create("FLabc-EURUSD-2-e", price=broker.at("0.9"), immediate=False)
        if fault:
            broker.fault(match=broker.closes, **fault)
        report = await flatten_account(await account_of(broker, began), WallClock(), limit_s=15)
        assert report.verified and report.left == () and report.cancelled == 1
        assert await broker.venue.positions() == [] and await broker.venue.open_orders() == []
        fills = await broker.venue.executions(began)
        assert [(one.side, one.qty) for one in fills] == [(1, Decimal(1000)), (-1, Decimal(1000))], "sold once"


async def test_a_position_by_hand_is_left_alone_and_named():
    async with dealing() as broker, asyncio.timeout(25):
        began = broker.now()
        await broker.create("by-hand", price=broker.at("1.01"))
        report = await flatten_account(await account_of(broker, began), WallClock(), limit_s=5)
        assert report.verified and report.closed == 0 and any(PAIR in one for one in report.left)
        assert len(await broker.venue.positions()) == 1


async def test_a_halted_pair_cannot_be_closed_and_is_said_to_stand():
    async with dealing() as broker, asyncio.timeout(25):
        began = broker.now()
        await enter(broker)
        broker.fault(kind="filters", symbol="EURUSD", value={"status": "Closed"})
        report = await flatten_account(await account_of(broker, began), WallClock(), limit_s=1)
        assert not report.verified and "MARKET_HALTED" in report.trouble
        [position] = await broker.venue.positions()
        assert position.stop == broker.at("0.95"), "and its stop stands"
