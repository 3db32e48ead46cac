from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from modules.panel import live
from modules.panel.live import EVERY_S, MOST_CLIENTS, Hub
from self_test.modules.panel.house import House, open_house
from utils.clock import FakeClock

pytestmark = pytest.mark.asyncio
LIMIT_S = 10.0


async def parts(answer: aiohttp.ClientResponse, n: int) -> dict[str, Any]:
    """The next `n` parts."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(LIMIT_S):
        while n:
            line = await answer.content.readline()
            if line.startswith(b"data: "):
                one = json.loads(line[6:])
                found[one["name"]] = one["value"]
                n -= 1
    return found


async def standing(house: House, n: int) -> None:
    """Wait until `n` connections stand."""
    async with asyncio.timeout(LIMIT_S):
        while house.site.hub.clients != n:  # noqa: ASYNC110  a real socket is on its way
            await asyncio.sleep(0)


async def test_a_client_gets_everything_and_then_what_changed(house: House, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{house.url}/live/overview") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream") and answer.headers["Cache-Control"] == "no-store"
        await standing(house, 1)
        await house.site.hub.turn()
        first = await parts(answer, 7)
        assert "48000" in first["positions"] and first["equity"]["CRYPTO/PAPER"][1] == 1000.0
        await house.site.hub.turn()  # nothing changed: nothing is sent
        house.state.pos[0]["stop"] = 490_000
        await house.site.hub.turn()
        assert set(found := await parts(answer, 1)) == {"positions"} and "49000" in found["positions"]


async def test_everybody_gets_the_same_bytes_composed_once(house: House, web: aiohttp.ClientSession) -> None:
    drawn: list[str] = []
    draw = house.site.pages.draw

    def counted(name: str, **values: Any) -> str:
        drawn.append(name)
        return draw(name, **values)

    async with web.get(f"{house.url}/live/head") as one, web.get(f"{house.url}/live/head") as two:
        await standing(house, 2)
        house.site.pages.draw = counted  # type: ignore[method-assign]
        await house.site.hub.turn()
        assert await parts(one, 1) == await parts(two, 1)
        assert drawn == ["parts/head"]


async def test_a_slow_client_skips_to_the_newest(house: House, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{house.url}/live/head") as answer:
        await standing(house, 1)
        for minute in range(5):  # before it could be told of the first
            house.state.ts += 60_000 * minute
            topic = house.site.hub._topics["head"]
            topic.take(house.site._parts("head") or {})
        house.state.ts += 1_000
        await house.site.hub.turn()
        assert "21:25:01" in (await parts(answer, 1))["head"] or topic.version == 6


async def test_nobody_looks_nothing_is_composed() -> None:
    clock = FakeClock()
    composed: list[str] = []
    hub = Hub(composed.append, clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(hub.run())
        await clock.advance(10 * EVERY_S)
        task.cancel()
    assert (composed, hub.rounds) == ([], 0)


async def test_it_composes_no_faster_than_twice_a_second(house: House, web: aiohttp.ClientSession) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(house.site.hub.run())
        async with web.get(f"{house.url}/live/head"):
            await standing(house, 1)
            await house.clock.advance(0)
            before = house.site.hub.rounds
            for _ in range(4):
                await house.clock.advance(EVERY_S / 2)
            assert house.site.hub.rounds - before == 2
        task.cancel()


async def test_connections_are_bounded_and_given_back(house: House, web: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_CLIENTS", 2)
    assert MOST_CLIENTS > 2
    async with web.get(f"{house.url}/live/head") as one, web.get(f"{house.url}/live/overview") as two:
        await standing(house, 2)
        async with web.get(f"{house.url}/live/head") as third:
            assert third.status == 503 and third.headers["Retry-After"]
        one.close()
        two.close()
    async with asyncio.timeout(LIMIT_S):
        while house.site.hub.clients:  # a connection that is gone is noticed when it is written to
            house.state.ts += 1_000
            await house.site.hub.turn()
            await asyncio.sleep(0)
    assert house.site.hub._topics == {}


async def test_topics_are_bounded(house: House, web: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_TOPICS", 1)
    async with web.get(f"{house.url}/live/head"):
        await standing(house, 1)
        async with web.get(f"{house.url}/live/overview") as other:
            assert other.status == 503


async def test_who_may_no_longer_look_is_let_go(house: House, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{house.url}/live/head") as answer:
        await standing(house, 1)
        await house.site.hub.turn()
        await parts(answer, 1)
        house.site.settings = house.site.settings.model_copy(update={"look_needs_login": True})
        house.state.ts += 1_000
        await house.site.hub.turn()
        async with asyncio.timeout(LIMIT_S):
            assert b"2025" not in await answer.content.read()


async def test_the_end_of_the_server_ends_every_connection(web: aiohttp.ClientSession) -> None:
    async with open_house() as house:
        answer = await web.get(f"{house.url}/live/head")
        await standing(house, 1)
    async with asyncio.timeout(LIMIT_S):
        await answer.read()
    assert house.site.hub.clients == 0
