"""OANDA's line streams: lines that come in pieces, silence, ends, refusals; and the token in no message."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from forex.oanda_parse import Beat, Priced
from forex.oanda_stream import StreamLimits, pricing_stream
from self_test.forex.scripted import ACCOUNT, EURUSD, PRICE, TOKEN, served
from utils.backoff import Backoff
from utils.clock import SECOND, WallClock
from utils.frames import Down, Malformed, Up

BEAT = {"type": "HEARTBEAT", "time": "2025-03-04T08:00:05.000000000Z"}
QUICK = StreamLimits(silent_s=0.3, open_s=1.0, backoff=Backoff(base_s=0.01, cap_s=0.02))
pytestmark = pytest.mark.asyncio


def line(body: Any) -> bytes:
    return json.dumps(body).encode() + b"\n"


class Host:
    """A streaming host: each connection gets the next script (chunks; None = stays silent), the last one repeats."""

    def __init__(self, *scripts: list[bytes | None], status: int = 200) -> None:
        self.scripts, self.status = list(scripts), status
        self.asked: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        response = web.StreamResponse(status=self.status)
        await response.prepare(request)
        for chunk in script:
            if chunk is None:
                await asyncio.Event().wait()
            else:
                await response.write(chunk)
                await asyncio.sleep(0)
        return response


@contextlib.asynccontextmanager
async def heard(host: Host, limits: StreamLimits = QUICK) -> AsyncIterator[AsyncGenerator[Any, None]]:
    async with served(host.answer) as url, aiohttp.ClientSession() as session:
        stream = pricing_stream(session, url, TOKEN, ACCOUNT, [EURUSD], WallClock(), random.Random(1), limits)
        async with contextlib.aclosing(stream.items()) as items:
            yield items


async def some(items: AsyncGenerator[Any, None], count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [await anext(items) for _ in range(count)]


async def test_prices_and_heartbeats_in_whatever_pieces_they_come():
    whole = line(PRICE) + line(BEAT)
    host = Host([whole[:40], whole[40:-30], whole[-30:] + b"\n" + line({"type": "NEWS"}) + line(BEAT), None])
    async with heard(host) as items:
        up, price, *beats = await some(items, 4)
    assert isinstance(up, Up) and isinstance(price, Priced) and beats == [Beat(1_741_075_205_000)] * 2
    assert price.quote.bid == 110_010
    [asked] = host.asked
    assert asked.path == f"/v3/accounts/{ACCOUNT}/pricing/stream"
    assert dict(asked.query) == {"instruments": "EUR_USD", "snapshot": "true"}
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"


async def test_a_line_that_is_none_is_dropped_and_the_stream_goes_on():
    async with heard(Host([b"not json\n", line({"type": "PRICE"}), line(BEAT), None])) as items:
        up, first, second, beat = await some(items, 4)
    assert isinstance(up, Up) and isinstance(beat, Beat)
    assert all(isinstance(one, Malformed) and one.topic == "pricing" for one in (first, second))


async def test_silence_is_death_told_once_and_the_stream_comes_back():
    async with heard(Host([line(BEAT), None], [None], [line(BEAT), None])) as items:
        found = await some(items, 7)
    kinds = [type(one) for one in found]
    assert kinds == [Up, Beat, Down, Up, Down, Up, Beat]
    assert "silent" in found[2].reason


async def test_an_end_is_a_loss():
    async with heard(Host([line(BEAT)], [line(BEAT), None])) as items:
        up, _, down, again, _ = await some(items, 5)
    assert isinstance(up, Up) and isinstance(down, Down) and isinstance(again, Up)
    assert "ended" in down.reason


async def test_a_refused_token_is_a_lost_link_told_once_without_the_token():
    host = Host([line({"errorMessage": "Insufficient authorization to perform request."})], status=401)
    async with heard(host) as items:
        [down] = await some(items, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(items)
    assert isinstance(down, Down) and "401" in down.reason and "Insufficient" in down.reason and TOKEN not in down.reason
    assert len(host.asked) > 2, "it goes on trying"


async def test_nobody_there():
    async with served(Host([]).answer) as url:
        pass
    async with aiohttp.ClientSession() as session:
        stream = pricing_stream(session, url, TOKEN, ACCOUNT, [EURUSD], WallClock(), random.Random(1), QUICK)
        async with contextlib.aclosing(stream.items()) as items:
            [down] = await some(items, 1)
    assert isinstance(down, Down)


async def test_an_endless_line_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("forex.oanda_stream.LONGEST", 1000)
    async with heard(Host([b"x" * 2000, None])) as items:
        up, down = await some(items, 2)
    assert isinstance(up, Up) and isinstance(down, Down) and "line" in down.reason


class Jumping(WallClock):
    """The machine's clock, put forward by hand."""

    ahead_ns = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_ns


async def test_a_slow_consumer_is_not_a_dead_venue():
    clock = Jumping()
    async with served(Host([line(BEAT), line(BEAT), None]).answer) as url, aiohttp.ClientSession() as session:
        stream = pricing_stream(session, url, TOKEN, ACCOUNT, [EURUSD], clock, random.Random(1), QUICK)
        async with contextlib.aclosing(stream.items()) as items:
            await some(items, 2)
            clock.ahead_ns = 100 * SECOND
            [second] = await some(items, 1)
    assert isinstance(second, Beat)
