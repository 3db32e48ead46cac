"""Clients that others wrote, with nothing but URL and key changed: ccxt and ccxt.pro, pybit over REST and over its sockets."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import queue
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import ccxt.pro
import pybit._websocket_trading
import pybit.unified_trading

from modules.simulator.credentials import Key
from modules.simulator.envelope import TOO_MANY
from modules.simulator.keyring import UID
from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving

LIMIT_S = 40.0
PATIENCE_S = 10.0
"""How long a client waits for one thing that must come."""
ASK_S = 0.04
"""So often something is asked again: below the 50 a second of the venue."""
READ_ONLY = Key(api_key="readonly", secret="s3cr3t", uid=UID, read_only=True)
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


# ccxt ---------------------------------------------------------------------------------------------------------------------------------
def urls(simulator: Simulator) -> dict[str, Any]:
    http = simulator.http
    ws = http.replace("http", "ws")
    return {
        "api": {
            **dict.fromkeys(("spot", "futures", "v2", "public", "private"), http),
            "ws": {
                "public": {category: f"{ws}/v5/public/{category}" for category in ("spot", "linear", "inverse", "option")},
                "private": {
                    "spot": {"unified": f"{ws}/v5/private", "nonUnified": f"{ws}/v5/private"},
                    "contract": f"{ws}/v5/private",
                    "usdc": f"{ws}/v5/private",
                    "trade": f"{ws}/v5/trade",
                },
            },
        }
    }


@contextlib.asynccontextmanager
async def ccxt_at(simulator: Simulator, **more: Any) -> AsyncIterator[Any]:
    """ccxt.pro pointed at this simulator; `more` are constructor options, e.g. another key."""
    keys = {"apiKey": simulator.private.api_key, "secret": simulator.private.api_secret}
    exchange = ccxt.pro.bybit({"urls": urls(simulator), "enableRateLimit": False, **keys, **more})
    try:
        yield exchange
    finally:
        await exchange.close()


@contextlib.asynccontextmanager
async def market(**more: Any) -> AsyncIterator[tuple[Simulator, Any]]:
    """A running simulator, and ccxt without a key."""
    async with asyncio.timeout(LIMIT_S), serving(**more) as simulator, ccxt_at(simulator, apiKey=None, secret=None) as exchange:
        yield simulator, exchange


@contextlib.asynccontextmanager
async def trading(**more: Any) -> AsyncIterator[tuple[Simulator, Any]]:
    """A simulator at speed 1 (unless told otherwise) and ccxt with its key, markets loaded."""
    async with venue(**more) as simulator, ccxt_at(simulator) as exchange:
        await exchange.load_markets()
        yield simulator, exchange


async def code_of(call: Awaitable[Any]) -> int:
    """The venue's code in the answer of an implicit method, whether ccxt raises or not."""
    try:
        answer = await call
    except ccxt.BaseError as error:
        answer = json.loads(str(error).removeprefix("bybit "))
    return int(answer["retCode"])


Case = tuple[int, Callable[[Any], Awaitable[Any]], dict[str, Any]]
"""The code that is expected, the implicit method, its parameters."""


async def check(exchange: Any, cases: list[Case]) -> None:
    """Each call gets its code; who is over the rate limit waits until the time in the header, as a client should."""
    for number, (code, call, fields) in enumerate(cases):
        while (found := await code_of(call(fields))) == TOO_MANY:
            headers = {name.lower(): value for name, value in exchange.last_response_headers.items()}
            await asyncio.sleep((int(headers["x-bapi-limit-reset-timestamp"]) - exchange.milliseconds()) / 1000 + 0.001)
        assert (number, found) == (number, code), fields


async def expect(until: Callable[[], Awaitable[Any]]) -> Any:
    """Ask again and again until the answer is not empty."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await until()):  # noqa: ASYNC110 - what is waited for lies behind a REST API
            await asyncio.sleep(ASK_S)
        return found


# pybit --------------------------------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def pybit_at(simulator: Simulator, **more: Any) -> Iterator[Any]:
    """pybit's REST client pointed at this simulator. It blocks: use it off the event loop."""
    keys = {"api_key": simulator.private.api_key, "api_secret": simulator.private.api_secret}
    session = pybit.unified_trading.HTTP(**{**keys, **more})
    session.endpoint = simulator.http
    try:
        yield session
    finally:
        session.client.close()


class Ears(queue.Queue[dict[str, Any]]):
    """A callback of pybit: what it was told, in order, as it was then (its books are one object, which its reader goes on changing)."""

    def __call__(self, message: dict[str, Any]) -> None:
        self.put(copy.deepcopy(message))

    def one(self) -> dict[str, Any]:
        """The next message; queue.Empty when none comes."""
        return self.get(timeout=PATIENCE_S)

    def rows_until(self, done: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """All rows of the messages up to and with the one that has a row like this."""
        heard: list[dict[str, Any]] = []
        until = time.monotonic() + PATIENCE_S
        while True:
            rows = self.get(timeout=max(0.0, until - time.monotonic()))["data"]
            heard += rows
            if any(done(row) for row in rows):
                return heard


@contextlib.contextmanager
def pybit_socket(simulator: Simulator, kind: str, **more: Any) -> Iterator[Any]:
    """A socket of pybit: `spot`, `linear`, `private` or `trade`. Its thread must live until the test is done, and then end."""
    ws = simulator.http.replace("http", "ws")
    pybit.unified_trading.PUBLIC_WSS = ws + "/v5/public/{CHANNEL_TYPE}"
    pybit.unified_trading.PRIVATE_WSS = ws + "/v5/private"
    pybit._websocket_trading.TRADE_WSS = ws + "/v5/trade"
    # its reader looks whether it shall end once in each ping_timeout; pings begin after ping_interval
    options: dict[str, Any] = {"testnet": False, "retries": 3, "restart_on_error": False, "ping_interval": 60, "ping_timeout": 0.1}
    if kind in {"private", "trade"}:
        options |= {"api_key": simulator.private.api_key, "api_secret": simulator.private.api_secret, "private_auth_expire": 10}
    options |= more
    made = pybit.unified_trading
    socket = made.WebSocketTrading(**options) if kind == "trade" else made.WebSocket(channel_type=kind, **options)
    reader = socket.wst
    try:
        yield socket
        assert reader.is_alive() and socket.is_connected(), f"pybit's {kind} socket died"
    finally:
        socket.exit()
        reader.join(PATIENCE_S)
        assert not reader.is_alive()


async def off_loop(simulator: Simulator, body: Callable[[Simulator], None]) -> None:
    """Run blocking client code in a thread while the simulator goes on."""
    await asyncio.to_thread(body, simulator)


@contextlib.asynccontextmanager
async def venue(**more: Any) -> AsyncIterator[Simulator]:
    """A simulator at speed 1 (unless told otherwise), with one coin and funds."""
    chosen: dict[str, Any] = {"speed": 1.0, "balance": "USDT=100000,BTC=1", "symbols": ("BTCUSDT",), **more}
    async with asyncio.timeout(LIMIT_S), serving(**chosen) as simulator:
        yield simulator
