from __future__ import annotations

import msgspec
import pytest

from modules.health import HOUR_MS, Health
from self_test.scenarios.desk import LiveDesk, only
from state.messages import Control, Event, FeedDown, OrderAccepted, Place
from utils.clock import SECOND, FakeClock


@pytest.mark.asyncio
async def test_an_hour_of_counts_goes_to_the_engine_and_into_the_day() -> None:
    desk, clock, told = LiveDesk(), FakeClock(), list[Event]()
    taken: list[int] = []
    health = Health(desk.engine, clock, told.append, lambda: taken.append(1))
    health.taken()
    assert taken == [1]
    commands = desk.signal()
    health(1, desk.bars(10_000), [])
    told.clear()
    health(2, Control(desk.now, "x"), commands)
    order = only(Place, commands).order
    await clock.advance(1.5)
    accepted = OrderAccepted(desk.now, desk.live, order.order_id)
    health(3, accepted, [])
    health(4, accepted, [])  # told twice, counted once
    desk.tell(FeedDown(desk.now, "bybit-spot", "lost"))
    desk.now += HOUR_MS
    health(5, desk.bars(10_000), [])
    (event,) = told
    assert isinstance(event, Control) and event.name == "health"
    live = msgspec.json.decode(event.args[str(desk.live)])
    assert live == {"acks": 1, "slow_acks": 1, "feeds": 1, "slow_feeds": 1, "decisions": 1, "slow_decisions": 1}
    assert "acks" not in msgspec.json.decode(event.args[str(desk.paper)])
    desk.tell(event)
    assert desk.engine.state.health[str(desk.live)]["slow_acks"] == 1
    assert clock.monotonic_ns() >= 1.5 * SECOND
