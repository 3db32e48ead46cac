from __future__ import annotations

import asyncio
import random

import pytest

from modules.engine.inbox import Inbox
from self_test.fakes.books import SPOT
from state.market import Candle, Quote
from state.messages import AccountEvent, BarsClosed, Control, Event, FeedDown, FeedUp, OrderAccepted, Tick

pytestmark = pytest.mark.asyncio

QUOTE = Quote("CRYPTO:AAAUSDT", 1, 9_999, 10_001, 1, 1)
CANDLE = Candle("CRYPTO:AAAUSDT", 0, 1, 1, 1, 1, 1.0)


def accepted(n: int) -> AccountEvent:
    return OrderAccepted(n, SPOT, f"o{n}")


def bars(n: int) -> BarsClosed:
    return BarsClosed(n, (CANDLE,), (QUOTE,))


async def taken(*events: Event, room: int = 100) -> list[Event]:
    inbox = Inbox(room)
    for event in events:
        inbox.put(event)
    return await inbox.take()


async def test_account_and_control_events_come_before_market_events_each_in_its_order() -> None:
    pause = Control(9, "pause")
    got = await taken(bars(1), accepted(2), Tick(3), pause, FeedDown(4, "f", "r"), accepted(5), FeedUp(6, "f"))
    assert got == [accepted(2), pause, accepted(5), bars(1), Tick(3), FeedDown(4, "f", "r"), FeedUp(6, "f")]


async def test_a_lane_that_was_never_full_hands_everything_out_as_it_came() -> None:
    assert await taken(bars(1), bars(2), room=2) == [bars(1), bars(2)]


async def test_behind_nothing_is_lost_and_nothing_can_be_entered_on() -> None:
    inbox = Inbox(2)
    for event in (bars(1), Tick(2, (QUOTE,)), FeedDown(3, "f", "r"), bars(4), accepted(5)):
        inbox.put(event)
    assert inbox.behind and inbox.depth == 5
    got = await inbox.take()
    assert got == [
        accepted(5),
        BarsClosed(1, (CANDLE,), (), (), late=True),
        Tick(2),
        FeedDown(3, "f", "r"),
        BarsClosed(4, (CANDLE,), (), (), late=True),
    ]
    assert not inbox.behind and inbox.depth == 0
    inbox.put(bars(6))
    assert await inbox.take() == [bars(6)], "up to date again"


async def test_a_flood_of_account_events_is_not_behind() -> None:
    inbox = Inbox(2)
    inbox.put_account([accepted(n) for n in range(500)])
    inbox.put(bars(1))
    got = await inbox.take()
    assert len(got) == 501 and got[-1] == bars(1)


@pytest.mark.parametrize("lane", ["put", "put_account"])
async def test_whoever_waits_is_woken_by_the_first_event(lane: str) -> None:
    inbox = Inbox()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(inbox.take())
        inbox.put_account([])
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done(), "no event, no answer"
        if lane == "put":
            inbox.put(accepted(1))
        else:
            inbox.put_account([accepted(1)])
    assert waiting.result() == [accepted(1)]


async def test_nothing_is_lost_however_putting_and_taking_mix() -> None:
    chance = random.Random(7)
    inbox, put, got = Inbox(5), 0, []
    while put < 500:
        for _ in range(chance.randrange(1, 12)):
            put += 1
            inbox.put(accepted(put) if chance.random() < 0.5 else bars(put))
        got += await inbox.take()
    assert sorted(event.ts for event in got) == list(range(1, put + 1))
    for kind in (OrderAccepted, BarsClosed):
        order = [event.ts for event in got if isinstance(event, kind)]
        assert order == sorted(order)
