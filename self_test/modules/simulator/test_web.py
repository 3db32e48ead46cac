"""Real sockets: routes, the 404 of the venue, both kinds of ping, streams from start to end."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
import websockets

from self_test.modules.simulator.live import serving
from utils.clock import WallClock

LIMIT_S = 20.0


@pytest.mark.asyncio
async def test_rest_control_and_the_unknown() -> None:
    async with serving() as simulator, aiohttp.ClientSession() as session:
        base = simulator.http
        async with session.get(f"{base}/v5/market/tickers?category=spot&symbol=BTCUSDT&") as answer:
            assert answer.status == 200 and answer.content_type == "application/json"
            assert (await answer.json())["result"]["list"][0]["symbol"] == "BTCUSDT"
        for method, path in (
            ("GET", "/v5/nothing"),
            ("POST", "/v5/market/time"),
            ("GET", "/"),
            ("GET", "/v5/public/spot"),
            ("GET", "/v5/public/x"),
        ):
            async with session.request(method, base + path) as answer:
                assert answer.status == 404 and (await answer.json())["retCode"] == 10017
        async with session.get(f"{base}/control/healthz") as answer:
            assert (await answer.json())["ok"] is True
        async with session.get(f"{base}/control/clock") as answer:
            assert (await answer.json())["speed"] == 600.0
        async with session.post(f"{base}/control/clock", data=b'{"register": "bot"}') as answer:
            assert (await answer.json())["daemons"] == ["bot"]
        async with session.post(f"{base}/control/clock", data=b"nonsense") as answer:
            assert answer.status == 400 and "error" in await answer.json()
        async with session.get(f"{base}/control/nothing") as answer:
            assert answer.status == 404


@pytest.mark.asyncio
async def test_a_stream_by_another_library() -> None:
    async with serving() as simulator, asyncio.timeout(LIMIT_S):
        url = simulator.http.replace("http", "ws")
        async with websockets.connect(f"{url}/v5/public/linear") as socket:
            await socket.send('{"op":"subscribe","req_id":1,"args":["kline.1.BTCUSDT","publicTrade.BTCUSDT"]}')
            await (await socket.ping())
            assert json.loads(await socket.recv())["success"] is True
            confirmed: set[int] = set()
            while len(confirmed) < 3:
                message = json.loads(await socket.recv())
                if message["topic"].startswith("kline") and message["data"][0]["confirm"]:
                    assert message["data"][0]["start"] not in confirmed
                    confirmed.add(message["data"][0]["start"])
            await socket.send('{"op":"ping","req_id":"p"}')
            while "topic" in (message := json.loads(await socket.recv())):
                continue
            assert message["ret_msg"] == "pong"
        while simulator.hub.clients:  # the server notices that we are gone
            await WallClock().sleep(0.0)


@pytest.mark.asyncio
async def test_the_end_of_the_server_closes_streams_properly() -> None:
    async with asyncio.timeout(LIMIT_S):
        async with serving() as simulator:
            socket = await websockets.connect(simulator.http.replace("http", "ws") + "/v5/public/spot")
            await socket.send('{"op":"ping"}')
            await socket.recv()
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
