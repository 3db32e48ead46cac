from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import msgspec
import pytest
from aiohttp import web

from modules.chaos.control import Control
from utils.errors import Transient

T = TypeVar("T")


def spoken(
    work: Callable[[Control], Awaitable[T]], answers: dict[tuple[str, str], tuple[int, bytes]]
) -> tuple[T, list[tuple[str, str, Any]]]:
    """What `work` gives against a server with these answers, and what that server was asked."""
    asked: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        asked.append((request.method, request.path, msgspec.json.decode(body) if body else None))
        status, text = answers[request.method, request.path]
        return web.Response(status=status, body=text)

    async def go() -> T:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            async with aiohttp.ClientSession() as session:
                return await work(Control(session, f"http://127.0.0.1:{runner.addresses[0][1]}"))
        finally:
            await runner.cleanup()

    return asyncio.run(go()), asked


def test_it_speaks_the_control_api() -> None:
    async def work(control: Control) -> tuple[int, list[str], str, dict[str, dict[str, Any]], dict[str, Any]]:
        await control.attach("chaos", 5)
        fault = await control.post_fault({"kind": "drop"})
        await control.lift(fault)
        return await control.now(), await control.accounts(), fault, await control.faults(), await control.ledger()

    found, asked = spoken(
        work,
        {
            ("POST", "/clock"): (200, b"{}"),
            ("GET", "/clock"): (200, b'{"now": 7}'),
            ("GET", "/accounts"): (200, b'{"accounts": [{"uid": "1"}, {"uid": "2"}]}'),
            ("POST", "/faults"): (200, b'{"id": "f1"}'),
            ("GET", "/faults"): (200, b'{"faults": [{"id": "f1", "hits": 2}]}'),
            ("DELETE", "/faults/f1"): (404, b'{"error": "gone"}'),
            ("GET", "/ledger"): (200, b'{"orders": []}'),
        },
    )
    assert found == (7, ["1", "2"], "f1", {"f1": {"id": "f1", "hits": 2}}, {"orders": []})
    assert asked[0] == ("POST", "/clock", {"register": "chaos", "pid": 5}) and asked[1] == ("POST", "/faults", {"kind": "drop"})


@pytest.mark.parametrize(
    "status, body, said", [(400, b'{"error": "no"}', 'POST /faults: 400 {"error": "no"}'), (200, b"{", "does not answer")]
)
def test_a_no_and_nonsense_are_transient(status: int, body: bytes, said: str) -> None:
    with pytest.raises(Transient, match=said.replace("{", r"\{")):
        spoken(lambda control: control.post_fault({"kind": "x"}), {("POST", "/faults"): (status, body)})


def test_nobody_there_is_transient() -> None:
    async def go() -> None:
        async with aiohttp.ClientSession() as session:
            await Control(session, "http://127.0.0.1:9").now()

    with pytest.raises(Transient, match="does not answer"):
        asyncio.run(go())
