from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from modules.data import lockstep as source
from modules.data.lockstep import Lockstep
from state.messages import BarsClosed, FeedUp, Tick
from utils.clock import FakeClock
from utils.errors import Transient

LIMIT_S = 10.0


class Clock:
    """A control API that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.news = asyncio.Event()
        self.status, self.body = 200, b""
        self.stands(ended=False)

    def stands(self, *, ended: bool) -> None:
        self.body = msgspec.json.encode({"now": 77, "pace": "lockstep", "speed": 600.0, "ended": ended})

    async def answer(self, request: web.Request) -> web.Response:
        self.told.append(msgspec.json.decode(await request.read() or b'"how?"'))
        self.news.set()
        return web.Response(body=self.body, status=self.status)

    async def until(self, count: int) -> None:
        while len(self.told) < count:
            self.news.clear()
            await self.news.wait()


@asynccontextmanager
async def connected(
    ended: Callable[[], None] = lambda: None, idle: Callable[[], bool] = lambda: True, time: FakeClock | None = None
) -> AsyncIterator[tuple[Clock, Lockstep]]:
    clock, app = Clock(), web.Application()
    app.router.add_route("*", "/control/clock", clock.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with asyncio.timeout(LIMIT_S), aiohttp.ClientSession() as session:
            yield clock, Lockstep(session, f"http://127.0.0.1:{runner.addresses[0][1]}/control/", "me", ended, idle, time)
    finally:
        await runner.cleanup()


@pytest.mark.asyncio
async def test_registers_with_its_process_and_leaves() -> None:
    async with connected() as (clock, lockstep):
        assert (await lockstep.register())["pace"] == "lockstep"
        await lockstep.unregister()
        assert clock.told[0]["register"] == "me" and clock.told[0]["pid"] > 0
        assert clock.told[1] == {"unregister": "me"}


@pytest.mark.asyncio
async def test_sends_the_newest_close_once_and_never_a_late_one() -> None:
    async with connected() as (clock, lockstep), asyncio.TaskGroup() as group:
        lockstep.observe(1, BarsClosed(300), [])
        lockstep.observe(2, BarsClosed(600), [])
        task = group.create_task(lockstep.run())
        await clock.until(1)
        lockstep.observe(3, BarsClosed(900, late=True), [])
        lockstep.observe(4, Tick(950), [])
        lockstep.observe(5, BarsClosed(600), [])
        lockstep.observe(6, BarsClosed(1200), [])
        await clock.until(2)
        task.cancel()
    assert clock.told == [{"ack": 600, "name": "me"}, {"ack": 1200, "name": "me"}]
    assert lockstep.venue_now == 77


@pytest.mark.asyncio
async def test_what_came_late_is_told_once_the_feed_has_caught_up() -> None:
    """Else the simulator, which went on while the feed connected, would wait in vain for that close."""
    async with connected() as (clock, lockstep), asyncio.TaskGroup() as group:
        task = group.create_task(lockstep.run())
        lockstep.observe(1, BarsClosed(300, late=True), [])
        lockstep.observe(2, BarsClosed(600, late=True), [])
        lockstep.observe(3, FeedUp(610, "bybit-spot"), [])
        await clock.until(1)
        task.cancel()
    assert clock.told == [{"ack": 600, "name": "me"}]


@pytest.mark.asyncio
async def test_when_nothing_closes_it_asks_and_hears_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "QUIET_S", 0.01)
    ends: list[int] = []
    async with connected(lambda: ends.append(1)) as (clock, lockstep), asyncio.TaskGroup() as group:
        group.create_task(lockstep.run())
        await clock.until(2)
        assert clock.told[0] == "how?" and not ends
        clock.stands(ended=True)
    assert ends == [1], "said once, and then it is over"


@pytest.mark.asyncio
async def test_a_refusal_nonsense_and_silence_are_transient() -> None:
    async with connected() as (clock, lockstep):
        clock.status = 409
        with pytest.raises(Transient, match="refuses"):
            await lockstep.register()
        clock.status, clock.body = 200, b"<html>"
        with pytest.raises(Transient, match="does not answer"):
            await lockstep.register()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Transient, match="does not answer"):
            await Lockstep(session, "http://127.0.0.1:9/control", "me", lambda: None).register()


@pytest.mark.asyncio
async def test_a_close_is_told_when_the_orders_it_led_to_are_answered() -> None:
    busy, time = [True], FakeClock(0)
    async with connected(idle=lambda: not busy[0], time=time) as (clock, lockstep), asyncio.TaskGroup() as group:
        task = group.create_task(lockstep.run())
        lockstep.observe(1, BarsClosed(300), [])
        await time.advance(1.0)
        assert clock.told == []
        busy[0] = False
        await time.advance(0.01)
        await clock.until(1)
        task.cancel()
    assert clock.told == [{"ack": 300, "name": "me"}]


@pytest.mark.asyncio
async def test_longer_than_the_simulator_waits_it_does_not_wait_either() -> None:
    time = FakeClock(0)
    async with connected(idle=lambda: False, time=time) as (clock, lockstep), asyncio.TaskGroup() as group:
        task = group.create_task(lockstep.run())
        lockstep.observe(1, BarsClosed(300), [])
        await time.advance(source.PATIENCE_S - 0.01)
        assert clock.told == []
        await time.advance(0.02)
        await clock.until(1)
        task.cancel()
    assert clock.told == [{"ack": 300, "name": "me"}]
