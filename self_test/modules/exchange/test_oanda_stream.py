"""OANDA's account stream: a skipped number and a heartbeat that knows more are gaps, and gaps are filled before anything is told."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from forex.oanda_parse import Beat
from forex.oanda_rest import RestLimits
from forex.oanda_stream import StreamLimits
from modules.exchange.oanda import OandaVenue
from modules.exchange.oanda_stream import OandaAccountStream, line
from modules.exchange.reports import ExecutionReport, Link, OrderReport
from self_test.forex.scripted import ACCOUNT, TOKEN, QuickClock, served
from self_test.modules.exchange.oanda_samples import FILLED, LIFE, MADE, NEW_KIND, STOP, SUMMARY, TARGET, TIME, raw
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.frames import FrameError
from utils.throttle import Throttle

QUICK = StreamLimits(silent_s=0.5, open_s=1.0, backoff=Backoff(base_s=0.005, cap_s=0.01))
pytestmark = pytest.mark.asyncio


def beat(last: int) -> dict[str, str]:
    return {"type": "HEARTBEAT", "lastTransactionID": str(last), "time": TIME}


class Host:
    """An account that begins with transaction 6; `lines` of one connection each, the last one stays open. `down`: answers fail so often."""

    def __init__(self, *lines: list[Any], later: list[dict[str, Any]] | None = None, down: int = 0) -> None:
        self.lines, self.later, self.down = list(lines), later or [], down
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(f"/v3/accounts/{ACCOUNT}")
        self.asked.append(path + (f"?{request.query_string}" if request.query_string else ""))
        if path == "/transactions/stream":
            return await self._stream(request)
        if self.down:
            self.down -= 1
            return web.json_response({"errorMessage": "down"}, status=503)
        if path == "":
            return web.json_response({"account": SUMMARY | {"orders": [], "trades": [], "lastTransactionID": "6"}})
        after = int(request.query["id"])
        found = [row for row in self.later if int(row["id"]) > after]
        return web.json_response({"transactions": found, "lastTransactionID": str(max([after, *(int(row["id"]) for row in found)]))})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        last = len(self.lines) == 1
        for row in self.lines[0] if last else self.lines.pop(0):
            await response.write((row if isinstance(row, bytes) else raw(row)) + b"\n")
        if last:
            await asyncio.Event().wait()
        return response


@contextlib.asynccontextmanager
async def heard(host: Host, token: str = TOKEN) -> AsyncIterator[AsyncGenerator[Any, None]]:
    async with served(host.answer) as url:
        clock = WallClock()
        venue = OandaVenue(url, token, ACCOUNT, Throttle({}, clock), QuickClock(), random.Random(1), limits=RestLimits(tries=1))
        stream = OandaAccountStream(venue, url, token, clock, random.Random(1), QUICK)
        try:
            async with contextlib.aclosing(stream.items()) as items:
                yield items
        finally:
            await venue.close()


async def some(items: AsyncGenerator[Any, None], count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [words(await anext(items)) for _ in range(count)]


def words(item: Any) -> str:
    if isinstance(item, Link):
        return "up" if item.up else "down"
    if isinstance(item, ExecutionReport):
        return f"exec {item.exec_id}"
    assert isinstance(item, OrderReport)
    return f"{item.venue_id} {item.status}"


ENTRY = ["7 open", "exec 8", "7 filled", "9 waiting", "10 waiting"]


async def test_what_happens_is_told_in_order_and_once():
    host = Host([beat(6), MADE, FILLED, TARGET, FILLED, STOP, beat(10)])
    async with heard(host) as items:
        assert await some(items, 6) == ["up", *ENTRY]
    assert host.asked == ["/transactions/stream", "", "/transactions/sinceid?id=6"]


async def test_a_skipped_number_is_asked_for_before_anything_after_it_is_told():
    host = Host([MADE, STOP])
    host.later = [MADE, FILLED, TARGET]
    async with heard(host) as items:
        host.later = []
        assert await some(items, 2) == ["up", "7 open"]
        host.later = [MADE, FILLED, TARGET]
        assert await some(items, 4) == ENTRY[1:]
    assert "/transactions/sinceid?id=7" in host.asked


async def test_a_heartbeat_that_knows_of_more_is_a_gap_too():
    host = Host([beat(6), beat(10)])
    async with heard(host) as items:
        assert await some(items, 1) == ["up"]
        host.later = [MADE, FILLED, TARGET, STOP]
        assert await some(items, 5) == ENTRY


async def test_what_happened_while_the_stream_was_lost_is_told_after_it_is_back():
    host = Host([MADE], [beat(10)])
    async with heard(host) as items:
        assert await some(items, 3) == ["up", "7 open", "down"]
        host.later = [MADE, FILLED, TARGET, STOP]
        assert await some(items, 5) == ["up", *ENTRY[1:]]


async def test_while_what_was_missed_cannot_be_read_the_link_is_lost():
    async with heard(Host([beat(6), MADE], down=3)) as items:
        assert await some(items, 3) == ["down", "up", "7 open"]
    host = Host([beat(6), STOP])
    async with heard(host) as items:
        assert await some(items, 1) == ["up"]
        host.down, host.later = 2, [MADE, FILLED, TARGET]
        assert await some(items, 7) == ["down", "up", *ENTRY]


async def test_a_line_that_is_none_is_missed_by_its_number_and_an_unknown_type_is_not():
    host = Host([beat(6), b"not json", NEW_KIND | {"id": "7"}, raw(MADE | {"id": "8"}).replace(b'"1000"', b'"NaN"'), beat(8)])
    async with heard(host) as items:
        assert await some(items, 1) == ["up"]
        host.later = [MADE | {"id": "8"}]
        assert await some(items, 1) == ["8 open"]


async def test_a_row_that_makes_no_sense_breaks_the_link_for_a_moment():
    nothing = {name: value for name, value in FILLED.items() if name != "tradeOpened"}
    async with heard(Host([beat(6), MADE, nothing, TARGET])) as items:
        assert await some(items, 5) == ["up", "7 open", "down", "up", "9 waiting"]


async def test_lines():
    assert line(raw(beat(12))) == Beat(1_741_075_200_000, 12)
    assert [getattr(line(raw(row)), "id", "") for row in LIFE] == [row["id"] for row in LIFE]
    for bad in (b"{", raw({"type": "HEARTBEAT"}), raw({"type": "ORDER_FILL", "id": "8"})):
        with pytest.raises(FrameError):
            line(bad)
