"""Private streams over real sockets, by two client libraries: order of things, several connections, and every way to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import websockets
from aiohttp import web

from modules.simulator import filters
from modules.simulator.exchange import Exchange
from modules.simulator.matching import Point
from modules.simulator.order_types import Now
from modules.simulator.private_rest import PrivateRest
from modules.simulator.private_streams import PATHS, Drained, PrivateStreams, idle_limit
from modules.simulator.rate_limits import RateLimits
from modules.simulator.trade_ws import OrderEntry
from self_test.modules.simulator.live import serving
from self_test.modules.simulator.private_toys import (
    KEY,
    OTHER_KEY,
    OTHER_SECRET,
    OTHER_UID,
    SECRET,
    UID,
    Clerk,
    Mouth,
    auth,
    event,
    keyring,
)
from utils.clock import WallClock

LIMIT_S = 20.0
CLOCK = WallClock()


def wall_ms() -> int:
    return CLOCK.now_ms()


def now() -> Now:
    return Now(wall_ms(), wall_ms())


def signed(api_key: str = KEY, key_secret: str = SECRET) -> str:
    return json.dumps(auth(api_key, key_secret, wall_ms() + 10_000))


def subscribe(*topics: str) -> str:
    return json.dumps({"op": "subscribe", "args": list(topics)})


class Hall:
    """The streams on a port, pumped by hand."""

    def __init__(self, exchange: Drained, entry: OrderEntry, **more: Any) -> None:
        self.streams = PrivateStreams(exchange, keyring(), entry, wall_ms=wall_ms, **more)
        self.url = ""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Hall]:
        app = web.Application()
        for path in PATHS:
            app.router.add_get(path, self.streams.listen)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with asyncio.timeout(LIMIT_S):
                yield self
        finally:
            await self.streams.close()
            await runner.cleanup()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the sockets work until something holds (bounded by the time limit of the hall)."""
        while not holds():
            await CLOCK.sleep(0.0)

    async def enter(self, *topics: str, key: tuple[str, str] = (KEY, SECRET)) -> websockets.ClientConnection:
        """A connection that is signed in, and has its acknowledgements."""
        socket = await websockets.connect(f"{self.url}/v5/private", ping_interval=None)
        await socket.send(signed(*key))
        assert json.loads(await socket.recv())["success"] is True
        if topics:
            await socket.send(subscribe(*topics))
            assert json.loads(await socket.recv())["success"] is True
        return socket


def quiet(**more: Any) -> tuple[Mouth, Clerk, Hall]:
    """A hall over an exchange that says what it is told to."""
    mouth = Mouth()
    clerk = Clerk(mouth)
    return mouth, clerk, Hall(mouth, clerk, **more)


@pytest.mark.asyncio
async def test_three_topics_without_waiting_and_an_order_at_once() -> None:
    mouth, clerk, hall = quiet()
    async with hall.open(), aiohttp.ClientSession() as session:
        private = await session.ws_connect(f"{hall.url}/v5/private")
        trade = await session.ws_connect(f"{hall.url}/v5/trade")
        for text in (signed(), subscribe("order"), subscribe("wallet"), subscribe("execution")):
            await private.send_str(text)
        await trade.send_str(signed())
        request = {"reqId": "1", "header": {"X-BAPI-TIMESTAMP": wall_ms()}, "op": "order.create", "args": [{"category": "linear"}]}
        await trade.send_json(request)
        await hall.until(lambda: bool(clerk.taken) and sum(len(line.topics) for line in hall.streams.hub.lines) == 3)
        hall.streams.pump()
        assert hall.streams.outstanding
        said = [await private.receive_json() for _ in range(5)]
        assert [one.get("op", one.get("topic")) for one in said] == ["auth", "subscribe", "subscribe", "subscribe", "order"]
        answers = [await trade.receive_json() for _ in range(2)]
        assert [one["op"] for one in answers] == ["auth", "order.create"] and answers[1]["data"]["orderId"] == "o1"
        assert hall.streams.outstanding == 0 and mouth.waiting() == []
        await private.close()
        await trade.close()
        await hall.until(lambda: not hall.streams.hub.lines)


@pytest.mark.asyncio
async def test_an_acknowledgement_takes_its_moment() -> None:
    _, _, hall = quiet()
    async with hall.open():
        socket = await websockets.connect(f"{hall.url}/v5/private")
        before = CLOCK.monotonic_ns()
        await socket.send(signed())
        await socket.recv()
        assert CLOCK.monotonic_ns() - before >= 20_000_000
        await socket.close()


@pytest.mark.asyncio
async def test_every_connection_of_the_account_and_no_other() -> None:
    mouth, _, hall = quiet()
    async with hall.open():
        first, second = await hall.enter("order"), await hall.enter("order.linear", "wallet")
        stranger = await hall.enter("order", key=(OTHER_KEY, OTHER_SECRET))
        mouth.say(event("order", orderId="a"), event("wallet", ""))
        mouth.say(event("order", orderId="b"), uid=OTHER_UID)
        hall.streams.pump()
        assert json.loads(await first.recv())["data"] == [{"orderId": "a"}]
        assert [json.loads(await second.recv())["topic"] for _ in range(2)] == ["order.linear", "wallet"]
        assert json.loads(await stranger.recv())["data"] == [{"orderId": "b"}]
        await first.close()
        await hall.until(lambda: len(hall.streams.hub.lines) == 2)
        mouth.say(event("order", orderId="c"))
        hall.streams.pump()
        assert json.loads(await second.recv())["data"] == [{"orderId": "c"}]
        await second.close()
        await stranger.close()


@pytest.mark.asyncio
async def test_nothing_is_repeated_to_who_comes_later() -> None:
    mouth, _, hall = quiet()
    async with hall.open():
        mouth.say(event("order", orderId="lost"))
        hall.streams.pump()
        socket = await hall.enter("order")
        mouth.say(event("order", orderId="seen"))
        hall.streams.pump()
        assert json.loads(await socket.recv())["data"] == [{"orderId": "seen"}]
        await socket.close()


@pytest.mark.asyncio
async def test_who_never_reads_is_disconnected_and_delays_nobody() -> None:
    mouth, _, hall = quiet(pile_limit=256 * 1024)
    async with hall.open():
        _, writer = await asyncio.open_connection(*hall.url.removeprefix("ws://").split(":"), limit=1024)
        writer.write(
            b"GET /v5/private HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await hall.until(lambda: len(hall.streams.hub.lines) == 1)
        [deaf] = hall.streams.hub.lines
        deaf.key, deaf.topics["order"] = keyring().find("k"), None
        good = await hall.enter("order")
        padding = "x" * 50_000
        count = 0
        while not deaf.cut_off:
            mouth.say(event("order", orderId=str(count), padding=padding))
            hall.streams.pump()
            assert json.loads(await good.recv())["data"][0]["orderId"] == str(count)
            count += 1
        await hall.until(lambda: deaf not in hall.streams.hub.lines)
        await good.close()
        writer.transport.abort()


@pytest.mark.asyncio
async def test_a_flood_of_pings_by_who_never_reads_ends_too() -> None:
    _, _, hall = quiet(pile_limit=64 * 1024)
    async with hall.open():
        socket = await websockets.connect(f"{hall.url}/v5/trade", max_queue=1, ping_interval=None)
        text = json.dumps({"op": "ping", "reqId": "x" * 900_000})
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await socket.send(text)
        await hall.until(lambda: not hall.streams.hub.lines)


@pytest.mark.asyncio
async def test_a_message_that_is_too_large_ends_its_own_connection_only() -> None:
    _, _, hall = quiet()
    async with hall.open():
        good = await hall.enter()
        socket = await websockets.connect(f"{hall.url}/v5/private", ping_interval=None)
        with pytest.raises(websockets.ConnectionClosed):
            await socket.send("x" * 10_000_000)
            await socket.recv()
        await good.send('{"op":"ping"}')
        assert json.loads(await good.recv())["op"] == "pong"
        await good.close()


@pytest.mark.asyncio
async def test_protocol_pings_and_binary_messages() -> None:
    _, _, hall = quiet()
    async with hall.open():
        socket = await hall.enter()
        await (await socket.ping(b"hello"))
        await socket.send(b'{"op":"ping","req_id":5}')
        assert json.loads(await socket.recv())["req_id"] == 5
        await socket.close()


@pytest.mark.asyncio
async def test_idle_connections_are_ended_by_their_own_limit() -> None:
    clock = [1000.0]
    mouth, _, hall = quiet(now_s=lambda: clock[0])
    async with hall.open():
        # a clock that stands still never releases what is held, so nobody waits for an acknowledgement here
        short = await websockets.connect(f"{hall.url}/v5/private?max_active_time=30s", ping_interval=None)
        long = await websockets.connect(f"{hall.url}/v5/private", ping_interval=None)
        await hall.until(lambda: len(hall.streams.hub.lines) == 2)
        clock[0] += 29
        await short.send('{"op":"ping"}')
        await short.recv()
        clock[0] += 30
        hall.streams.pump()
        assert len(hall.streams.hub.lines) == 2
        clock[0] += 2
        hall.streams.pump()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await short.recv()
        assert closed.value.rcvd is not None and (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "idle")
        await hall.until(lambda: len(hall.streams.hub.lines) == 1)
        clock[0] += 600
        hall.streams.pump()
        with pytest.raises(websockets.ConnectionClosed):
            await long.recv()
        assert mouth.waiting() == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 600), ("30s", 30), ("600s", 600), ("1m", 60), ("10m", 600), ("29s", 600), ("11m", 600), ("x", 600), ("-40s", 600), ("60", 600)],
)
def test_idle_limits(text: str, seconds: float) -> None:
    assert idle_limit(text) == seconds


@pytest.mark.asyncio
async def test_the_end_of_the_server_closes_streams_properly() -> None:
    _, _, hall = quiet()
    async with hall.open():
        socket = await hall.enter("order")
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await socket.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001


def venue() -> tuple[Exchange, Hall]:
    """The real exchange and the real checks of REST behind the streams."""
    listings = {one.key: one for one in (filters.listing("BTCUSDT", "spot"), filters.listing("BTCUSDT", "linear")) if one is not None}
    exchange = Exchange(listings.values())
    keys = keyring()
    for uid in keys.uids():
        exchange.open_account(uid, {"USDT": Decimal(10_000)}, now())
    for key in listings:
        price = Decimal("50000.0")
        point = Point(
            ts=wall_ms(), price=price, size=Decimal(1), taker="Buy", bid=price - 1, bid_size=Decimal(5), ask=price, ask_size=Decimal(5),
            mark=price, index=price,
        )  # fmt: skip
        exchange.on_point(key, point, now())
    rest = PrivateRest(exchange, keys, RateLimits(), now, listings)
    return exchange, Hall(exchange, rest)


@pytest.mark.asyncio
async def test_orders_of_the_real_exchange() -> None:
    exchange, hall = venue()
    async with hall.open():
        hall.streams.pump()  # the deposits
        private = await hall.enter("order", "execution", "position", "wallet")
        fast = await hall.enter("execution.fast.linear", "order.spot")
        trade = await websockets.connect(f"{hall.url}/v5/trade")
        await trade.send(signed())
        await trade.recv()

        async def send(op: str, **body: Any) -> dict[str, Any]:
            header = {"X-BAPI-TIMESTAMP": str(wall_ms())}
            await trade.send(json.dumps({"reqId": f"r{wall_ms()}", "header": header, "op": op, "args": [body]}))
            answer: dict[str, Any] = json.loads(await trade.recv())
            hall.streams.pump()
            return answer

        order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy"}
        taken = await send("order.create", **order, orderType="Market", qty="0.01", orderLinkId="mine")
        assert taken["retCode"] == 0 and taken["data"]["orderLinkId"] == "mine", taken
        assert (taken["header"]["X-Bapi-Limit"], taken["header"]["X-Bapi-Limit-Status"]) == ("10", "9")
        heard: dict[str, dict[str, Any]] = {}
        while not {"order", "execution", "position", "wallet"} <= heard.keys():
            message = json.loads(await private.recv())
            heard[message["topic"]] = message["data"][-1]
        assert heard["order"]["orderStatus"] == "Filled" and heard["order"]["orderId"] == taken["data"]["orderId"]
        assert heard["execution"]["execQty"] == "0.01" and heard["position"]["size"] == "0.01"
        assert heard["position"]["entryPrice"] and heard["wallet"]["accountType"] == "UNIFIED"
        [row] = json.loads(await fast.recv())["data"]
        assert row["orderLinkId"] == "mine" and "execFee" not in row

        assert (await send("order.create", **order, orderType="Market", qty="0.01", orderLinkId="mine"))["retCode"] == 110072
        assert (await send("order.cancel", category="linear", symbol="BTCUSDT", orderId="gone"))["retCode"] == 110001
        resting = order | {"orderType": "Limit", "price": "40000", "qty": "0.01"}
        batch = await send("order.create-batch", category="linear", request=[resting, resting | {"qty": "bad"}])
        assert [one["code"] == 0 for one in batch["retExtInfo"]["list"]] == [True, False] and len(batch["data"]["list"]) == 2
        order_id = batch["data"]["list"][0]["orderId"]
        ids = {"category": "linear", "symbol": "BTCUSDT", "orderId": order_id}
        assert (await send("order.amend", **ids, price="41000"))["retCode"] == 0
        assert (await send("order.cancel", **ids))["retCode"] == 0
        statuses = []
        while "Cancelled" not in statuses:
            message = json.loads(await private.recv())
            statuses += [row["orderStatus"] for row in message["data"] if row.get("orderId") == order_id and message["topic"] == "order"]
        assert exchange.orders_open(UID, "linear") == []
        for socket in (private, fast, trade):
            await socket.close()


@pytest.mark.asyncio
async def test_the_budget_is_shared_and_the_reset_lies_ahead() -> None:
    _, hall = venue()
    async with hall.open():
        trade = await websockets.connect(f"{hall.url}/v5/trade")
        await trade.send(signed())
        await trade.recv()
        body = {"category": "linear", "symbol": "BTCUSDT", "orderId": "gone"}
        for number in range(40):
            header = {"X-BAPI-TIMESTAMP": str(wall_ms())}
            await trade.send(json.dumps({"reqId": str(number), "header": header, "op": "order.cancel", "args": [body]}))
        answers = [json.loads(await trade.recv()) for _ in range(40)]
        assert [one["reqId"] for one in answers] == [str(number) for number in range(40)]
        refused = [one for one in answers if one["retCode"] == 10006]
        assert refused and {one["retCode"] for one in answers} == {110001, 10006}
        assert all(int(one["header"]["X-Bapi-Limit-Reset-Timestamp"]) > int(one["header"]["Timenow"]) for one in refused)
        await trade.close()


@pytest.mark.asyncio
async def test_the_simulator_serves_and_pumps_them() -> None:
    async with serving(speed=1.0) as simulator, aiohttp.ClientSession() as session, asyncio.timeout(LIMIT_S):
        for path in PATHS:
            async with session.get(simulator.http + path) as answer:
                assert answer.status == 404, "without an upgrade it is no route"
        private, trade = [await session.ws_connect(simulator.http.replace("http", "ws") + path) for path in PATHS]
        for socket in (private, trade):
            await socket.send_str(signed(simulator.private.api_key, simulator.private.api_secret))
            await socket.receive()
        await private.send_str(subscribe("execution"))
        body = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"}
        await trade.send_json({"header": {"X-BAPI-TIMESTAMP": wall_ms()}, "op": "order.create", "args": [body]})
        taken = await trade.receive_json()
        while (message := await private.receive_json()).get("topic") != "execution":
            continue
        assert message["data"][0]["orderId"] == taken["data"]["orderId"]
        await private.close()
        await trade.close()
