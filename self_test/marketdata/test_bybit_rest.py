from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from marketdata.bybit_rest import BAN_S, IP_LIMIT, IP_SCOPE, BybitRest, RestLimits
from self_test.marketdata.samples import M5, perp, spot
from self_test.marketdata.test_bybit_rows import LINEAR_ROW, SPOT_ROW
from state.accounts import Domain
from utils.backoff import Backoff
from utils.clock import FakeClock, WallClock
from utils.errors import Rejected, Transient
from utils.frames import FrameError
from utils.throttle import Banned, Throttle, Urgency

pytestmark = pytest.mark.asyncio

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ok(result: object) -> web.Response:
    return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1709891679050})


def refusal(code: int, message: str = "no") -> web.Response:
    return web.json_response({"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 1})


class Venue:
    """A venue whose answers are a function of the request; it remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({"path": request.path, **request.query})
        return await self._handler(request)


def scripted(*answers: web.Response | Handler) -> Venue:
    """Answers in order; the last one repeats."""
    left = list(answers)

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, web.Response):
            # a Response object can be sent once only
            return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)
        return await answer(request)

    return Venue(handler)


class QuickClock(WallClock):
    """The machine's clock, except that waiting takes no time and is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@asynccontextmanager
async def client(venue: Venue, clock: Any = None, throttle: Throttle | None = None, **limits: Any) -> AsyncIterator[BybitRest]:
    clock = clock or QuickClock()
    app = web.Application()
    app.router.add_get("/{path:.*}", venue.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    throttle = throttle or Throttle({IP_SCOPE: IP_LIMIT}, clock)
    try:
        async with aiohttp.ClientSession() as session:
            yield BybitRest(session, f"http://127.0.0.1:{port}/", throttle, clock, random.Random(1), RestLimits(**limits))
    finally:
        await runner.cleanup()


def kline_row(start: int) -> list[str]:
    return [str(start), "100", "102", "99", "101", "1.5", "150"]


async def candles_of_a_venue_that_lives_until(now: int, request: web.Request) -> web.Response:
    """The range rule of the venue, cut to the newest part, with the running candle."""
    limit = int(request.query["limit"])
    start, end = int(request.query.get("start", 0)), int(request.query.get("end", now))
    starts = list(range(start - start % M5, min(end, now) + 1, M5))[-limit:]
    return ok(
        {"symbol": request.query["symbol"], "category": request.query["category"], "list": [kline_row(ts) for ts in reversed(starts)]}
    )


async def test_candles_are_paged_by_windows_sorted_and_never_running():
    now = 2500 * M5 + 12_345

    async def handler(request: web.Request) -> web.Response:
        return await candles_of_a_venue_that_lives_until(now, request)

    venue = Venue(handler)
    pages: list[int] = []
    async with client(venue) as rest:
        candles = await rest.klines(spot(), M5, 7 * M5 + 1, now, pages.append)
    assert [candle.ts for candle in candles] == list(range(8 * M5, 2500 * M5, M5))
    assert [page["category"] for page in venue.asked] == ["spot"] * 3
    assert all((int(page["end"]) - int(page["start"])) // M5 < 1000 for page in venue.asked)
    assert pages == [1000, 1000, 492]


async def test_nothing_is_asked_for_an_empty_range():
    venue = scripted(ok({}))
    async with client(venue) as rest:
        assert await rest.klines(spot(), M5, 3 * M5 + 1, 4 * M5 - 1) == []
    assert venue.asked == []


async def test_before_the_listing_the_venue_answers_with_the_earliest_candles():
    async def handler(request: web.Request) -> web.Response:
        starts = [ts for ts in range(5000 * M5, 5003 * M5, M5) if ts >= int(request.query["start"])]
        return ok({"list": [kline_row(ts) for ts in reversed(starts)]})

    async with client(Venue(handler)) as rest:
        candles = await rest.klines(spot(), M5, 3000 * M5, 5003 * M5)
        none = await rest.klines(spot(), M5, 3000 * M5, 4000 * M5)
    assert [candle.ts // M5 for candle in candles] == [5000, 5001, 5002]
    assert none == []


async def test_the_newest_start_is_the_running_candle():
    async with client(scripted(ok({"list": [kline_row(9 * M5)]}), ok({"list": []}))) as rest:
        assert await rest.newest_start(spot(), M5) == 9 * M5
        assert await rest.newest_start(spot(), M5) is None


async def test_instruments_follow_the_cursor_to_its_end():
    async def handler(request: web.Request) -> web.Response:
        if request.query.get("cursor") == "page%3D2":
            return ok({"list": [LINEAR_ROW | {"symbol": "SOLUSDT"}], "nextPageCursor": ""})
        return ok({"list": [LINEAR_ROW], "nextPageCursor": "page%3D2"})

    venue = Venue(handler)
    async with client(venue) as rest:
        assert [i.symbol for i in await rest.instruments(Domain.PERPS)] == ["ETHUSDT", "SOLUSDT"]
        assert [i.symbol for i in await rest.instruments(Domain.PERPS, ["SOLUSDT", "ETHUSDT"])] == ["SOLUSDT", "ETHUSDT"]
    assert [page.get("cursor") for page in venue.asked] == [None, "page%3D2"] * 2


async def test_a_cursor_that_never_ends_does_not_loop():
    venue = scripted(ok({"list": [LINEAR_ROW], "nextPageCursor": "again"}))
    async with client(venue) as rest:
        assert len(await rest.instruments(Domain.PERPS)) == 1
    assert len(venue.asked) == 2


async def test_an_unknown_or_broken_symbol_is_named():
    page = ok({"list": [SPOT_ROW, SPOT_ROW | {"symbol": "ODDUSDT", "priceFilter": {}}]})
    async with client(scripted(page)) as rest:
        with pytest.raises(Rejected, match="NOPEUSDT"):
            await rest.instruments(Domain.CRYPTO, ["BTCUSDT", "NOPEUSDT"])
        with pytest.raises(FrameError, match="tickSize"):
            await rest.instruments(Domain.CRYPTO, ["ODDUSDT"])


async def test_funding_is_paged_backwards_with_both_times():
    hour = 3_600_000
    settled = list(range(0, 4000 * hour, 8 * hour))

    async def handler(request: web.Request) -> web.Response:
        first, last = int(request.query["startTime"]), int(request.query["endTime"])
        rows = [ts for ts in reversed(settled) if first <= ts <= last][: int(request.query["limit"])]
        return ok({"list": [{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(ts)} for ts in rows]})

    venue = Venue(handler)
    async with client(venue) as rest:
        rates = await rest.funding_history(perp(), 8 * hour, 3999 * hour)
    assert [rate.ts for rate in rates] == settled[1:]
    assert len(venue.asked) == 3


async def test_the_mark_price_at_an_instant_is_the_open_of_its_bar():
    rows = [["1700000100000", "27000.06", "27001", "26999", "27000"], ["1700000400000", "0", "1", "1", "1"]]
    venue = scripted(ok({"symbol": "BTCUSDT", "category": "linear", "list": rows[:1]}), ok({"list": []}), ok({"list": rows[1:]}))
    async with client(venue) as rest:
        assert await rest.mark_open(perp(), M5, 1700000100000) == 270_001, "ticks of 0.10"
        assert await rest.mark_open(perp(), M5, 1700000100000) is None
        with pytest.raises(FrameError, match="mark-price-kline BTCUSDT"):
            await rest.mark_open(perp(), M5, 1700000400000)
    assert venue.asked[0] == {
        "path": "/v5/market/mark-price-kline",
        "category": "linear",
        "symbol": "BTCUSDT",
        "interval": "5",
        "start": "1700000100000",
        "end": "1700000100000",
        "limit": "1",
    }


async def test_time_tickers_and_book():
    async def handler(request: web.Request) -> web.Response:
        answers: dict[str, object] = {
            "/v5/market/time": {"timeSecond": "1", "timeNano": "1700000000123456789"},
            "/v5/market/tickers": {
                "category": "spot",
                "list": [{"symbol": "BTCUSDT", "lastPrice": "100.01"}, {"symbol": "X", "lastPrice": "1"}],
            },
            "/v5/market/orderbook": {"s": "BTCUSDT", "b": [["100.00", "1"]], "a": [["100.01", "1"]], "ts": 5, "u": 6, "seq": 7},
        }
        return ok(answers[request.path])

    async with client(Venue(handler)) as rest:
        assert await rest.server_time_ms() == 1700000000123
        (ticker,) = await rest.tickers(Domain.CRYPTO, [spot()])
        assert (ticker.last, ticker.ts) == (10001, 1709891679050)
        assert (await rest.orderbook(spot(), 1)).bids == [(10000, 1_000_000)]


TIME = ok({"timeSecond": "1", "timeNano": "1700000000000000000"})


@pytest.mark.parametrize(
    "first",
    [
        refusal(10006, "Too many visits!"),
        refusal(10016),
        web.Response(status=502, text="<html>bad gateway"),
        web.Response(status=429),
        web.Response(text='{"retCode":0,"retMsg":'),
    ],
)
async def test_a_passing_trouble_is_tried_again_after_a_pause(first: web.Response):
    clock = QuickClock()
    venue = scripted(first, first, TIME)
    async with client(venue, clock, backoff=Backoff(base_s=2.0, cap_s=100.0)) as rest:
        assert await rest.server_time_ms() == 1700000000000
    assert len(venue.asked) == 3
    assert 1.0 <= clock.slept[0] <= 2.0 <= clock.slept[1] <= 4.0


async def test_tries_are_bounded():
    venue = scripted(refusal(10006, "Too many visits!"))
    async with client(venue, tries=3) as rest:
        with pytest.raises(Transient, match="10006"):
            await rest.server_time_ms()
    assert len(venue.asked) == 3


@pytest.mark.parametrize(
    "answer, code",
    [(refusal(10001, "params error"), 10001), (web.Response(status=404, text="not found"), 404)],
)
async def test_an_explicit_no_is_not_repeated(answer: web.Response, code: int):
    venue = scripted(answer)
    async with client(venue) as rest:
        with pytest.raises(Rejected) as caught:
            await rest.server_time_ms()
    assert caught.value.code == code
    assert len(venue.asked) == 1


async def test_a_ban_stops_all_traffic_for_ten_minutes():
    clock = FakeClock()
    venue = scripted(web.Response(status=403, text="access too frequent"), TIME)
    async with client(venue, clock) as rest:
        with pytest.raises(Banned) as caught:
            await rest.server_time_ms()
        assert caught.value.retry_after_s == BAN_S
        await clock.advance(BAN_S - 1)
        with pytest.raises(Banned) as again:
            await rest.newest_start(spot(), M5)
        assert again.value.retry_after_s == pytest.approx(1.0)
        assert len(venue.asked) == 1
        await clock.advance(1)
        assert await rest.server_time_ms() == 1700000000000


async def test_the_ban_of_a_signed_request_stops_ours_and_ours_stops_theirs():
    clock = FakeClock()
    throttle = Throttle({IP_SCOPE: IP_LIMIT}, clock)
    venue = scripted(web.Response(status=403))
    async with client(venue, clock, throttle) as rest:
        throttle.ban(IP_SCOPE, 30.0)
        with pytest.raises(Banned, match="for 30 s"):
            await rest.server_time_ms()
        assert venue.asked == []
        await clock.advance(30.0)
        with pytest.raises(Banned):
            await rest.server_time_ms()
        assert throttle.banned_s(IP_SCOPE) == BAN_S
        with pytest.raises(Banned):
            await throttle.acquire(IP_SCOPE, Urgency.ENTRY)
        await clock.advance(1.0)
        await asyncio.wait_for(throttle.acquire(IP_SCOPE, Urgency.PROTECTIVE), 5.0)


class Noting(Throttle):
    """A throttle that remembers how urgent each request was."""

    def __init__(self) -> None:
        super().__init__({IP_SCOPE: IP_LIMIT}, WallClock())
        self.urgencies: list[Urgency] = []

    async def acquire(self, scopes: str | Sequence[str], urgency: Urgency = Urgency.MARKET) -> None:
        self.urgencies.append(urgency)
        await super().acquire(scopes, urgency)


async def test_history_is_as_urgent_as_its_caller_says_and_all_else_is_market():
    throttle = Noting()
    async with client(scripted(ok({"list": [kline_row(9 * M5)]})), throttle=throttle) as rest:
        await rest.newest_start(spot(), M5)
        await rest.klines(spot(), M5, 9 * M5, 10 * M5)
        await rest.klines(spot(), M5, 9 * M5, 10 * M5, urgency=Urgency.BACKFILL)
    assert throttle.urgencies == [Urgency.MARKET, Urgency.MARKET, Urgency.BACKFILL]


async def test_a_venue_that_does_not_answer_is_a_passing_trouble():
    async def never(request: web.Request) -> web.StreamResponse:
        await request.content.read()
        await FakeClock().sleep(1)
        return TIME

    async with client(Venue(never), tries=2, timeout_s=0.05) as rest:
        with pytest.raises(Transient, match=r"no answer within 0\.05 s"):
            await rest.server_time_ms()


async def test_a_venue_that_is_not_there_is_a_passing_trouble():
    clock = QuickClock()
    async with aiohttp.ClientSession() as session:
        rest = BybitRest(session, "http://127.0.0.1:1", Throttle({IP_SCOPE: IP_LIMIT}, clock), clock, random.Random(1), RestLimits(tries=2))
        with pytest.raises(Transient, match="/v5/market/time"):
            await rest.server_time_ms()
    assert len(clock.slept) == 1
