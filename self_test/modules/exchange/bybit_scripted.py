"""Our adapter in front of a venue on loopback that answers each path as the test says."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_calls import CallLimits
from state.accounts import Domain
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.throttle import Throttle

PERP = "PERPS:BTCUSDT"
NOW = 1_700_000_000_000
DAY = 86_400_000
Answer = Callable[[dict[str, str]], Any]


class Scripted:
    """A venue that answers each path by a function of the request, and remembers every request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    def rows(self, path: str, *found: Any, cursor: str = "") -> None:
        self.answers[path] = lambda _: {"category": "c", "list": list(found), "nextPageCursor": cursor}

    async def serve(self, request: web.Request) -> web.Response:
        fields = dict(request.query) if request.method == "GET" else msgspec.json.decode(await request.read())
        self.asked.append((request.path, fields))
        answer = self.answers.get(request.path)
        result = {} if answer is None else answer(fields)
        code = result if isinstance(result, int) else 0
        body = {"retCode": code, "retMsg": "m", "result": {} if code else result, "retExtInfo": {}, "time": NOW}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    def count(self, path: str) -> int:
        return sum(one == path for one, _ in self.asked)


@asynccontextmanager
async def scripted(domain: Domain = Domain.PERPS, **more: Any) -> AsyncIterator[tuple[Scripted, BybitVenue]]:
    venue = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", venue.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    venue.url = site.name
    limits = CallLimits(tries=2, backoff=Backoff(base_s=0.001, cap_s=0.001))
    chosen: dict[str, Any] = {"venue_now": lambda: NOW, "limits": limits, **more}
    one = BybitVenue(venue.url, "k", "s3cr3t", domain, Throttle({}, WallClock()), WallClock(), random.Random(1), **chosen)
    try:
        yield venue, one
    finally:
        await one.close()
        await runner.cleanup()
