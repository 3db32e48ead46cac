"""Questions to OANDA's market: budgets, retries, pages, and a token that stands in no message."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from forex.oanda_parse import rfc3339, time_ms
from forex.oanda_rest import CONNECT_SCOPE, SCOPE, NoAnswer, NotSent
from self_test.forex.scripted import ACCOUNT, EURUSD, INSTRUMENT, PRICE, TOKEN, Handler, QuickClock, candle, rest_at, said, served
from utils.clock import SECOND, WallClock
from utils.errors import Rejected, Transient
from utils.frames import FrameError
from utils.throttle import Throttle, Urgency

M15 = 900_000
START = 1_741_075_200_000
pytestmark = pytest.mark.asyncio


async def test_instruments_are_asked_of_the_account_with_the_token():
    handler, asked = said((200, {"instruments": [INSTRUMENT]}))
    async with served(handler) as url, rest_at(url) as rest:
        assert await rest.instruments(["EURUSD"]) == [EURUSD]
        assert await rest.instruments() == [EURUSD]
        with pytest.raises(Rejected) as caught:
            await rest.instruments(["EURXXX"])
    assert caught.value.code == "symbol"
    assert asked[0].path == f"/v3/accounts/{ACCOUNT}/instruments"
    assert asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked[0].headers["Accept-Datetime-Format"] == "RFC3339"


async def test_prices_now():
    handler, asked = said((200, {"prices": [PRICE], "time": PRICE["time"]}))
    async with served(handler) as url, rest_at(url) as rest:
        [one] = await rest.prices([EURUSD])
    assert (one.quote.bid, one.quote.ask, one.tradeable) == (110_010, 110_024, True)
    assert asked[0].query["instruments"] == "EUR_USD"


def stored(count: int, skip: range = range(0)) -> Handler:
    """A market of `count` quarters of an hour, without those in `skip`; the last one still runs."""

    async def handler(request: web.Request) -> web.StreamResponse:
        assert not {"from", "to", "count"} <= request.query.keys()
        first, wanted = (time_ms(request.query["from"]) - START) // M15, int(request.query["count"])
        rows = [
            candle(rfc3339(START + number * M15), "1.1", "1.1", "1.1", "1.1", complete=number < count - 1)
            for number in range(max(0, first), count)
            if number not in skip
        ][:wanted]
        return web.json_response({"instrument": "EUR_USD", "granularity": request.query["granularity"], "candles": rows})

    return handler


async def test_candles_over_pages_and_holes_without_the_one_that_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("forex.oanda_rest.CANDLES", 10)
    pages: list[int] = []
    async with served(stored(40, range(12, 25))) as url, rest_at(url) as rest:
        found = await rest.candles(EURUSD, M15, START - M15 + 1, START + 60 * M15, on_page=pages.append)
        short = await rest.candles(EURUSD, M15, START + 2 * M15, START + 4 * M15)
        none = await rest.candles(EURUSD, M15, START + 2 * M15 + 1, START + 3 * M15)
    assert [(one.ts - START) // M15 for one in found] == [*range(12), *range(25, 39)]
    assert pages == [10, 10, 7]
    assert [(one.ts - START) // M15 for one in short] == [2, 3]
    assert none == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_reading_is_asked_again_a_few_times(status: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("forex.oanda_rest.BUSY_S", 0.01)
    handler, asked = said((status, {"errorMessage": "busy"}), (200, {"instruments": []}))
    clock = QuickClock()
    async with served(handler) as url, rest_at(url, clock) as rest:
        assert await rest.terms() == []
    assert len(asked) == 2 and len(clock.slept) == 1
    lasting, asked = said((status, {"errorMessage": "busy"}))
    async with served(lasting) as url, rest_at(url, tries=3) as rest:
        with pytest.raises(Transient, match=str(status)):
            await rest.terms()
    assert len(asked) == 3


async def test_too_many_requests_hold_everybody_back():
    handler, _ = said((429, {"errorMessage": "Too many requests"}), (200, {"instruments": []}))
    async with served(handler) as url:
        throttle = Throttle({}, WallClock())
        async with rest_at(url, throttle=throttle, tries=1) as rest:
            with pytest.raises(Transient):
                await rest.terms()
            assert throttle.wait_s(SCOPE) > 0.5


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"errorMessage": "Insufficient authorization to perform request."}, 401),
        (403, {"errorMessage": "Forbidden"}, 403),
        (404, {"errorCode": "NO_SUCH_ACCOUNT", "errorMessage": "gone"}, "NO_SUCH_ACCOUNT"),
        (400, {"errorMessage": "Invalid value specified for 'count'"}, 400),
    ],
)
async def test_an_explicit_no_is_not_asked_again_and_tells_no_token(status: int, body: dict[str, str], code: object):
    handler, asked = said((status, body))
    async with served(handler) as url, rest_at(url) as rest:
        with pytest.raises(Rejected) as caught:
            await rest.terms()
    assert caught.value.code == code and body["errorMessage"] in str(caught.value)
    assert len(asked) == 1 and TOKEN not in str(caught.value)


async def test_what_cannot_be_understood_is_named():
    handler, _ = said((200, {"instruments": [{"name": "EUR_USD", "type": "CURRENCY"}]}))
    async with served(handler) as url, rest_at(url) as rest:
        with pytest.raises(FrameError, match="pipLocation"):
            await rest.terms()


async def test_a_redirect_is_not_followed_because_the_token_is_for_one_host():
    hits: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        hits.append(request.path)
        return web.json_response({})

    async with served(elsewhere) as other:

        async def redirect(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(other)

        async with served(redirect) as url, rest_at(url) as rest:
            with pytest.raises(Rejected):
                await rest.terms()
    assert hits == []


async def test_nobody_there_means_nothing_sent_and_silence_means_no_answer():
    async with served(said((200, {}))[0]) as url:
        pass
    async with rest_at(url) as rest:
        with pytest.raises(NotSent) as gone:
            await rest.wire.send("POST", "/v3/x", body={})
        with pytest.raises(Transient):
            await rest.terms()

    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(silent) as url, rest_at(url, timeout_s=0.1) as rest:
        with pytest.raises(NoAnswer) as lost:
            await rest.wire.send("POST", "/v3/x", body={})
    assert TOKEN not in f"{gone.value!r}{lost.value!r}"


async def test_a_write_carries_json_and_its_answer_comes_whole():
    handler, asked = said((201, {"lastTransactionID": "7"}))
    async with served(handler) as url, rest_at(url) as rest:
        reply = await rest.wire.send("POST", "/v3/x", body={"order": {"units": "1"}})
        assert await asked[0].json() == {"order": {"units": "1"}}
    assert (reply.status, reply.body, reply.request_id) == (201, b'{"lastTransactionID": "7"}', "42")
    assert reply.date and asked[0].content_type == "application/json"


async def test_no_more_connections_a_second_than_the_venue_takes():
    handler, asked = said((200, {"instruments": []}))
    throttle, clock = Throttle({}, WallClock()), WallClock()
    async with served(handler) as url, rest_at(url, throttle=throttle) as rest:
        began = clock.monotonic_ns()
        await asyncio.gather(*(rest.terms() for _ in range(30)))
        first = (clock.monotonic_ns() - began) / SECOND
        for _ in range(30):
            await rest.wire.room(Urgency.MARKET)
            await rest.wire.send("GET", "/v3/x")
    assert len(asked) == 60, f"all were answered, over few connections that are kept ({first:.1f} s)"
    peers = {one.transport.get_extra_info("peername") if one.transport else None for one in asked} - {None}
    assert len(peers) <= 4
    assert throttle.snapshot().left[CONNECT_SCOPE] <= 2
