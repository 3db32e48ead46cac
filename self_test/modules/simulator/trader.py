"""A signed client over real sockets, written from the protocol page: REST by aiohttp, the private stream by websockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import aiohttp
import msgspec
import websockets

from utils.clock import WallClock

BUY = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"}
LIMIT_S = 30.0


class Trader:
    """Use as `async with Trader(http, key, secret) as trader`."""

    def __init__(self, http: str, key: str, secret: str) -> None:
        self.http, self._key, self._secret = http, key, secret
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT_S))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def headers(self, payload: str, stamp: int | None = None) -> dict[str, str]:
        ts = str(WallClock().now_ms() if stamp is None else stamp)
        return {
            "X-BAPI-API-KEY": self._key,
            "X-BAPI-TIMESTAMP": ts,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": self._sign(f"{ts}{self._key}5000{payload}"),
        }

    async def get(self, path: str, query: str = "") -> dict[str, Any]:
        """The decoded answer of a signed GET."""
        async with self.session.get(f"{self.http}{path}?{query}", headers=self.headers(query)) as answer:
            found: dict[str, Any] = await answer.json(content_type=None)
            return found

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """The decoded answer of a signed POST."""
        text = msgspec.json.encode(body).decode()
        async with self.session.post(self.http + path, data=text, headers=self.headers(text)) as answer:
            found: dict[str, Any] = await answer.json(content_type=None)
            return found

    async def order(self, **more: Any) -> dict[str, Any]:
        """A market buy of 0.01 BTC perpetual, unless it says otherwise."""
        return await self.post("/v5/order/create", **(BUY | more))

    async def fault(self, **fields: Any) -> str:
        """Post a fault and return its id."""
        async with self.session.post(f"{self.http}/control/faults", data=msgspec.json.encode(fields)) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["id"])

    async def control(self, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Status and answer of the control API."""
        data = msgspec.json.encode(body) if body else b""
        async with self.session.request(method, f"{self.http}/control{path}", data=data) as answer:
            return answer.status, await answer.json()

    @contextlib.asynccontextmanager
    async def listening(self, *topics: str) -> AsyncIterator[Listening]:
        """The private stream, signed in and subscribed."""
        async with websockets.connect(self.http.replace("http", "ws", 1) + "/v5/private") as socket:
            expires = WallClock().now_ms() + 10_000
            await socket.send(
                msgspec.json.encode({"op": "auth", "args": [self._key, expires, self._sign(f"GET/realtime{expires}")]}).decode()
            )
            await socket.send(msgspec.json.encode({"op": "subscribe", "args": list(topics)}).decode())
            listening = Listening(socket)
            await listening.until(lambda one: one.get("op") == "subscribe" and one.get("success") is True)
            yield listening


class Listening:
    """Messages of a stream, kept as they come."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is wanted; all are kept."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                message: dict[str, Any] = msgspec.json.decode(await self.socket.recv())
                self.seen.append(message)
                if wanted(message):
                    return message

    async def pong(self) -> dict[str, Any]:
        """Everything that was sent before has been seen when this returns."""
        await self.socket.send('{"op":"ping"}')
        return await self.until(lambda one: one.get("op") == "pong" or one.get("ret_msg") == "pong")

    def rows(self, topic: str) -> list[dict[str, Any]]:
        """All rows of a topic so far."""
        return [row for one in self.seen if one.get("topic") == topic for row in one["data"]]
