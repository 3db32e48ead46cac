"""Signed requests over real sockets, byte by byte; bad ones get the venue's own error and disturb nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from modules.simulator import web
from modules.simulator.credentials import sign
from modules.simulator.private_rest import LARGEST_BODY
from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving
from utils.clock import WallClock

LIMIT_S = 20.0


class Caller:
    """Writes requests by hand on one connection."""

    def __init__(self, simulator: Simulator) -> None:
        ready: Any = simulator.ready()
        self.key, self.secret = ready["api_key"], ready["api_secret"]
        self.port = int(simulator.http.rpartition(":")[2])

    def head(self, line: str, payload: bytes = b"", **more: object) -> bytes:
        stamp = str(WallClock().now_ms())
        signature = sign(self.secret, f"{stamp}{self.key}5000".encode() + payload)
        lines = [f"{line} HTTP/1.1", "Host: x", f"X-BAPI-API-KEY: {self.key}", f"X-BAPI-TIMESTAMP: {stamp}", "X-BAPI-RECV-WINDOW: 5000"]
        lines += [f"X-BAPI-SIGN: {signature}", *(f"{name.replace('_', '-')}: {value}" for name, value in more.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    async def send(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body of the one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            return await self.read(reader)
        finally:
            writer.close()

    @staticmethod
    async def read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
        status = int((await reader.readline()).split()[1])
        headers = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(":")
            headers[name.strip()] = value.strip()
        return status, headers, await reader.readexactly(int(headers.get("Content-Length", "0")))

    async def code(self, data: bytes) -> tuple[int, int]:
        """HTTP status and retCode."""
        status, _, body = await self.send(data)
        return status, json.loads(body)["retCode"]


@pytest.mark.asyncio
async def test_signed_requests_byte_by_byte() -> None:
    async with serving() as simulator, asyncio.timeout(LIMIT_S):
        one = Caller(simulator)
        status, headers, body = await one.send(one.head("GET /v5/account/info?"))
        assert status == 200 and json.loads(body)["result"]["marginMode"] == "REGULAR_MARGIN", "ccxt's trailing question mark"
        assert headers["X-Bapi-Limit"] == "50" and headers["X-Bapi-Limit-Status"] == "49"
        query = b"category=linear&settleCoin=USDT&cursor=a%3A1%2Ca%3A1&coin=b+c%20d"
        assert await one.code(one.head(f"GET /v5/order/realtime?{query.decode()}", query)) == (200, 0)
        decoded = query.replace(b"%3A", b":")
        assert await one.code(one.head(f"GET /v5/order/realtime?{query.decode()}", decoded)) == (200, 10004)
        order = b'{"category": "spot",  "symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":100,"marketUnit":"quoteCoin"}'
        assert await one.code(one.head("POST /v5/order/create", order, Content_Length=len(order)) + order) == (200, 0)
        assert await one.code(one.head("POST /v5/order/nothing", order, Content_Length=len(order)) + order) == (404, 10017)
        assert await one.code(one.head("GET /v5/order/create")) == (404, 10017)


@pytest.mark.asyncio
async def test_bodies_that_are_too_large() -> None:
    async with serving() as simulator, asyncio.timeout(LIMIT_S):
        one = Caller(simulator)
        huge = b" " * (10 << 20)
        for size in (len(huge), LARGEST_BODY + 1):
            data = one.head("POST /v5/order/create", huge[:size], Content_Length=size) + huge[:size]
            status, headers, body = await one.send(data)
            assert (status, json.loads(body)["retCode"], headers["Connection"]) == (200, 10001, "close")
        piece = b"%x\r\n" % 65536 + huge[:65536] + b"\r\n"
        for count in (160, 5):  # 10 MB that nobody announced, and a little more than is allowed
            data = one.head("POST /v5/order/create", Transfer_Encoding="chunked") + piece * count + b"0\r\n\r\n"
            assert await one.code(data) == (200, 10001)
        assert await one.code(one.head("GET /v5/account/info")) == (200, 0)


@pytest.mark.asyncio
async def test_malformed_requests_never_show_a_traceback() -> None:
    async with serving() as simulator, asyncio.timeout(LIMIT_S):
        one = Caller(simulator)
        for body in (b"{", b"[" * 50_000, b"\xff", b"\x00" * 100):
            status, _, answer = await one.send(one.head("POST /v5/order/create", body, Content_Length=len(body)) + body)
            assert status == 200 and json.loads(answer)["retCode"] == 10001
        for data in (b"NONSENSE\r\n\r\n", b"GET /v5/account/info HTTP/9.9\r\n\r\n", one.head("POST /v5/order/create", Content_Length="x")):
            status, _, answer = await one.send(data)
            assert status == 400 and b"Traceback" not in answer and b".py" not in answer


@pytest.mark.asyncio
async def test_slow_clients_block_nobody_and_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BODY_PATIENCE_S", 0.2)
    async with serving() as simulator, asyncio.timeout(LIMIT_S):
        one = Caller(simulator)
        slow = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(20)]
        for _, writer in slow[:10]:
            writer.write(one.head("POST /v5/order/create", Content_Length=100) + b"{")
        for _, writer in slow[10:]:
            writer.write(b"GET /v5/account/info HTT")
        assert await one.code(one.head("GET /v5/account/info")) == (200, 0)
        for reader, _ in slow[:10]:
            status, headers, body = await one.read(reader)
            assert (status, json.loads(body)["retCode"], headers["Connection"]) == (200, 10000, "close")
        for _, writer in slow:
            writer.close()


@pytest.mark.asyncio
async def test_an_address_that_asks_too_much_is_banned_from_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as simulator, asyncio.timeout(LIMIT_S):
        one = Caller(simulator)
        monkeypatch.setattr(simulator.private.rest._limits, "_ip_limit", 3)
        codes = [await one.code(one.head("GET /v5/account/info")) for _ in range(5)]
        assert codes == [(200, 0)] * 3 + [(403, 10018)] * 2
        assert await one.code(b"GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n") == (403, 10018)
        status, _, _ = await one.send(b"GET /control/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == 200
