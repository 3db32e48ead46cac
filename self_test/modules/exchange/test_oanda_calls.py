"""What the outcome of a request to OANDA proves: three shapes of no, limits, silence, and nothing sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from forex.oanda_parse import beat
from modules.exchange.oanda_calls import OandaCalls, killed
from modules.ports import BAD_KEY, BARRED, DUPLICATE_ID, NO_FUNDS, NO_SUCH_ORDER
from self_test.forex.scripted import ACCOUNT, TOKEN, Handler, rest_at, said, served
from self_test.modules.exchange.oanda_samples import BASE, FILLED, MADE
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def calls_at(handler: Handler, **limits: Any) -> AsyncIterator[OandaCalls]:
    async with served(handler) as url, rest_at(url, **limits) as rest:
        yield OandaCalls(rest)


async def sent(handler: Handler, **limits: Any) -> Any:
    async with calls_at(handler, **limits) as calls:
        return await calls.write("POST", "/orders", {"order": {}}, Urgency.ENTRY)


async def test_what_a_write_did():
    handler, asked = said((201, {"orderCreateTransaction": MADE, "orderFillTransaction": FILLED, "lastTransactionID": "8"}))
    did = await sent(handler)
    assert {name: one.type for name, one in did.items()} == {"orderCreateTransaction": "MARKET_ORDER", "orderFillTransaction": "ORDER_FILL"}
    assert killed(did) is None
    assert (asked[0].method, asked[0].path) == ("POST", f"/v3/accounts/{ACCOUNT}/orders")


async def test_taken_and_killed_in_one_answer():
    dead = BASE | {"id": "8", "type": "ORDER_CANCEL", "orderID": "7", "reason": "MARKET_HALTED"}
    did = await sent(said((201, {"orderCreateTransaction": MADE, "orderCancelTransaction": dead}))[0])
    one = killed(did)
    assert one is not None and one.reason == "MARKET_HALTED"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"errorMessage": "Insufficient authorization to perform request."}, BAD_KEY),
        (403, {"errorMessage": "Forbidden"}, BAD_KEY),
        (400, {"orderRejectTransaction": {"rejectReason": "CLIENT_ORDER_ID_ALREADY_EXISTS"}, "errorCode": "x"}, DUPLICATE_ID),
        (400, {"orderRejectTransaction": {"rejectReason": "INSUFFICIENT_MARGIN"}}, NO_FUNDS),
        (404, {"orderCancelRejectTransaction": {"rejectReason": "ORDER_DOESNT_EXIST"}}, NO_SUCH_ORDER),
        (400, {"errorMessage": "Invalid value specified for 'order.type'"}, 400),
        (405, {}, 405),
        (400, {"orderRejectTransaction": {"rejectReason": "OF_TOMORROW"}}, "OF_TOMORROW"),
    ],
)
async def test_an_explicit_no(status: int, body: dict[str, Any], code: object):
    handler, asked = said((status, body))
    with pytest.raises(Rejected) as caught:
        await sent(handler)
    assert caught.value.code == code and len(asked) == 1 and TOKEN not in str(caught.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302, 204])
async def test_what_proves_nothing_is_unknown_and_never_sent_again(status: int):
    handler, asked = said((status, {"errorMessage": "x"}))
    with pytest.raises(Unknown):
        await sent(handler)
    assert len(asked) == 1


async def test_an_answer_that_cannot_be_read_is_unknown():
    bodies: tuple[Any, ...] = ({"orderCreateTransaction": {"id": "7"}}, {"orderFillTransaction": FILLED | {"pl": "NaN"}}, [])
    for body in bodies:
        with pytest.raises(Unknown):
            await sent(said((201, body))[0])


async def test_silence_and_a_cut_are_unknown_and_nobody_there_is_transient():
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    with pytest.raises(Unknown):
        await sent(silent, timeout_s=0.1)
    with pytest.raises(Unknown):
        await sent(cut)
    async with served(cut) as url:
        pass
    async with rest_at(url) as rest:
        with pytest.raises(Transient):
            await OandaCalls(rest).write("POST", "/orders", {}, Urgency.ENTRY)


async def test_a_limit_had_no_effect():
    with pytest.raises(Transient):
        await sent(said((429, {"errorMessage": "slow down"}))[0])


async def test_the_last_look_comes_after_every_wait():
    handler, asked = said((201, {}))
    async with calls_at(handler) as calls:
        with pytest.raises(Rejected) as caught:
            await calls.write("POST", "/orders", {}, Urgency.ENTRY, lambda: "halted")
    assert caught.value.code == BARRED and asked == []


async def test_reading_is_understood_or_transient_and_never_unknown():
    async def parsed(*answers: tuple[int, Any]) -> object:
        async with calls_at(said(*answers)[0], tries=2) as calls:
            return await calls.read("/summary", {}, Urgency.ACCOUNT, lambda raw: beat(raw, "x"))

    good = {"time": "1741075200", "lastTransactionID": "3"}
    assert await parsed((502, {}), (200, good)) == beat(b'{"time": "1741075200", "lastTransactionID": "3"}', "x")
    useless: tuple[tuple[int, Any], ...] = ((200, {}), (200, []), (503, {}))
    for broken in useless:
        with pytest.raises(Transient):
            await parsed(broken)
    for status, code in ((401, BAD_KEY), (403, BAD_KEY), (404, 404)):
        with pytest.raises(Rejected) as caught:
            await parsed((status, {"errorMessage": "no"}))
        assert caught.value.code == code
    with pytest.raises(Rejected) as caught:
        await parsed((404, {"errorCode": "ORDER_DOESNT_EXIST"}))
    assert caught.value.code == NO_SUCH_ORDER


async def test_the_venues_clock_stands_in_a_header():
    async with calls_at(said((200, {}))[0]) as calls:
        assert (await calls.date()).endswith("GMT")
    async with calls_at(said((401, {}))[0]) as calls:
        with pytest.raises(Rejected) as caught:
            await calls.date()
        assert caught.value.code == BAD_KEY
