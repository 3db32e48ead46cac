"""The adapter against answers that a healthy simulator would not give; what it does at a whole venue is in self_test/contracts."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import web

from marketdata.backoff import Backoff
from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_calls import CallLimits
from modules.ports import NO_SUCH_ORDER, NOT_TRADING, Ticket, World
from self_test.modules.exchange.test_bybit_account import EXECUTION, ORDER, POSITION
from state.accounts import Domain
from utils.clock import WallClock
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Throttle, Urgency

PERP = "PERPS:BTCUSDT"
NOW = 1_700_000_000_000
DAY = 86_400_000
Answer = Callable[[dict[str, str]], Any]
pytestmark = pytest.mark.asyncio


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
        result = self.answers.get(request.path, lambda _: {})(fields)
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


async def test_every_address_of_the_client_is_ours():
    async with scripted() as (venue, one):
        client = one._wire._client

        def leaves(urls: Any) -> set[str]:
            return set().union(*map(leaves, urls.values())) if isinstance(urls, dict) else {urls}

        assert leaves(client.urls["api"]) == {venue.url}
        assert client.urls["test"] == {} and client.urls["demotrading"] == {}, "no switch brings another host in"
        assert client.enableRateLimit is False


async def test_leverage_is_bounded():
    for leverage in (0, 4):
        with pytest.raises(ValueError, match="leverage"):
            BybitVenue("http://x", "k", "s", Domain.PERPS, Throttle({}, WallClock()), WallClock(), random.Random(1), leverage=leverage)


async def test_executions_come_once_and_oldest_first_whatever_the_pages_repeat():
    first, second, third = (EXECUTION | {"execId": f"e{number}", "execTime": str(NOW - 10 + number)} for number in (1, 2, 3))
    pages = {"": ([third, second], "next%2Cpage"), "next%2Cpage": ([second, first], "")}
    async with scripted() as (venue, one):
        venue.answers["/v5/execution/list"] = lambda fields: dict(
            zip(("list", "nextPageCursor"), pages[fields.get("cursor", "").replace(",", "%2C")], strict=True)
        )
        assert [fill.exec_id for fill in await one.executions(NOW - DAY)] == ["e1", "e2", "e3"]
        assert venue.count("/v5/execution/list") == 2


async def test_executions_are_asked_in_windows_of_a_week_up_to_now():
    async with scripted() as (venue, one):
        venue.rows("/v5/execution/list")
        await one.executions(NOW - 20 * DAY)
        windows = [(int(fields["startTime"]), int(fields["endTime"])) for _, fields in venue.asked]
        assert windows[0][0] == NOW - 20 * DAY and windows[-1][1] >= NOW
        assert all(0 < end - start < 7 * DAY for start, end in windows)
        assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(windows)), "without a gap"
        assert len(windows) == 3


async def test_a_cursor_that_does_not_move_ends_the_reading():
    async with scripted() as (venue, one):
        venue.rows("/v5/position/list", POSITION, cursor="same")
        assert len(await one.positions()) == 2
        assert venue.count("/v5/position/list") == 2


@pytest.mark.parametrize("row", [ORDER | {"orderStatus": "Sleeping"}, {"orderId": "1"}])
async def test_what_cannot_be_understood_is_transient_not_empty(row: dict[str, Any]):
    async with scripted() as (venue, one):
        venue.rows("/v5/order/realtime", ORDER, row)
        with pytest.raises(Transient):
            await one.open_orders()
        with pytest.raises(Transient):
            await one.order(PERP, link_id="x")
        venue.answers["/v5/account/wallet-balance"] = lambda _: {"list": []}
        with pytest.raises(Transient):
            await one.wallet()
        venue.answers["/v5/position/list"] = lambda _: {"nothing": 1}
        with pytest.raises(Transient):
            await one.positions()


async def test_an_order_that_is_not_the_one_asked_for_is_not_it():
    async with scripted() as (venue, one):
        venue.rows("/v5/order/realtime", ORDER)
        venue.rows("/v5/order/history", ORDER | {"orderId": "2", "orderLinkId": "mine", "orderStatus": "Filled"})
        found = await one.order(PERP, link_id="mine")
        assert found is not None and found.venue_id == "2"
        assert await one.order(PERP, venue_id="3") is None


async def test_closed_orders_among_the_open_ones_are_left_out():
    async with scripted() as (venue, one):
        venue.rows("/v5/order/realtime", ORDER, ORDER | {"orderId": "2", "orderStatus": "Filled"})
        assert [order.venue_id for order in await one.open_orders()] == [ORDER["orderId"]]
        assert venue.asked[0][1]["settleCoin"] == "USDT"


async def test_spot_is_asked_for_every_world():
    async with scripted(Domain.CRYPTO) as (venue, one):
        venue.rows("/v5/order/realtime", ORDER)
        assert len(await one.open_orders()) == 1, "the same order in several worlds is one"
        worlds = {fields["orderFilter"] for _, fields in venue.asked}
        assert worlds == {"Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder"}


async def test_an_order_that_was_taken_without_a_name_is_unknown():
    async with scripted() as (_, one):
        with pytest.raises(Unknown):
            await one.create(Ticket(key=PERP, link_id="x", side=1, qty=Decimal(1)), Urgency.ENTRY)


def calm(venue: Scripted, *, leverage: str = "1", mode: str = "ISOLATED_MARGIN", idx: int = 0) -> None:
    venue.rows("/v5/position/list", POSITION | {"leverage": leverage, "positionIdx": idx})
    venue.answers["/v5/account/info"] = lambda _: {"marginMode": mode, "unifiedMarginStatus": 6}


async def test_what_is_right_already_is_not_set_again():
    async with scripted() as (venue, one):
        calm(venue)
        await one.prepare(PERP)
        await one.prepare(PERP)
        assert {path for path, _ in venue.asked} == {"/v5/account/info", "/v5/position/list"}
        assert venue.count("/v5/account/info") == 1, "the account's mode is asked once"


@pytest.mark.parametrize(
    "wrong, path, code",
    [
        ({"leverage": "10"}, "/v5/position/set-leverage", "leverage"),
        ({"mode": "REGULAR_MARGIN"}, "/v5/account/set-margin-mode", "margin_mode"),
        ({"idx": 1}, "/v5/position/switch-mode", "position_mode"),
    ],
)
async def test_what_does_not_change_when_set_keeps_the_instrument_out(wrong: dict[str, Any], path: str, code: str):
    async with scripted() as (venue, one):
        calm(venue, **wrong)
        with pytest.raises(Rejected) as caught:
            await one.prepare(PERP)
        assert caught.value.code == code and venue.count(path) == 1
        venue.answers[path] = lambda _: 110024
        with pytest.raises(Rejected) as caught:
            await one.prepare(PERP)
        assert caught.value.code == 110024


async def test_an_instrument_without_a_row_is_not_traded():
    async with scripted() as (venue, one):
        calm(venue)
        venue.rows("/v5/position/list")
        with pytest.raises(Rejected) as caught:
            await one.prepare(PERP)
        assert caught.value.code == NOT_TRADING


async def test_a_parameter_error_is_no_empty_position():
    async with scripted() as (venue, one):
        venue.answers["/v5/position/trading-stop"] = lambda _: 10001
        with pytest.raises(Rejected) as caught:
            await one.set_stops(PERP, Decimal(1), Decimal(2))
        assert caught.value.code == 10001


async def test_a_bracket_that_must_be_named_is_cancelled_by_its_name():
    async with scripted(Domain.CRYPTO) as (venue, one):
        venue.answers["/v5/order/cancel"] = lambda fields: {} if fields["orderFilter"] == "BidirectionalTpslOrder" else 170213
        await one.cancel("CRYPTO:BTCUSDT", World.PROTECTIVE, venue_id="7")
        assert [fields["orderFilter"] for _, fields in venue.asked] == ["tpslOrder", "BidirectionalTpslOrder"]
        venue.asked.clear()
        with pytest.raises(Rejected) as caught:
            await one.cancel("CRYPTO:BTCUSDT", World.PLAIN, venue_id="7")
        assert caught.value.code == NO_SUCH_ORDER and len(venue.asked) == 1
        venue.answers["/v5/order/cancel"] = lambda fields: 170130 if fields["orderFilter"] == "BidirectionalTpslOrder" else 170213
        with pytest.raises(Rejected) as caught:
            await one.cancel("CRYPTO:BTCUSDT", World.PROTECTIVE, venue_id="7")
        assert caught.value.code == NO_SUCH_ORDER, "what the venue makes of the other name is no answer"
