"""One reading serves everybody who waits."""

from __future__ import annotations

import asyncio

import pytest

from modules.exchange.views import View, Views
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Slow
from utils.errors import Transient


@pytest.mark.asyncio
async def test_a_reading_serves_all_who_asked_before_it_began() -> None:
    floor = LiveFloor()
    seen: list[View] = []
    views = Views(floor.venue, floor.clock, seen.append)
    floor.venue.fate("open_orders", Slow(1.0))
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(views.refresh(0))
        await floor.clock.settle()
        group.create_task(views.refresh(1))  # asked for after the reading began
        await floor.clock.advance(2)
    assert [view.began_ns for view in seen] == [0, 1_000_000_000]


@pytest.mark.asyncio
async def test_a_failed_reading_says_nothing() -> None:
    floor = LiveFloor()
    seen: list[View] = []
    views = Views(floor.venue, floor.clock, seen.append)
    floor.venue.fate("positions", Mishap.HICCUP)
    with pytest.raises(Transient):
        await views.refresh(0)
    assert seen == []
    await views.refresh(0)
    assert len(seen) == 1
