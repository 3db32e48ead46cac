"""The private side of the venue as sockets: `/v5/private` and `/v5/trade`, and the events of accounts on their way to them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

from aiohttp import WSMsgType, web

from modules.simulator import private_ws, trade_ws
from modules.simulator.credentials import Credentials
from modules.simulator.order_types import PrivateEvent
from modules.simulator.private_hub import PILE_LIMIT, Line, PrivateHub
from modules.simulator.private_ws import PrivateStream
from modules.simulator.trade_ws import OrderEntry, TradeStream

PATHS = (private_ws.PATH, trade_ws.PATH)
LARGEST_MESSAGE = 1 << 20
IDLE_S = 600
SHORTEST_IDLE_S = 30
LOOK_S = 1.0
"""How often idle connections are looked for."""


class Drained(Protocol):
    """What is needed of the exchange here."""

    def waiting(self) -> list[str]:
        """Accounts that have events to drain."""

    def drain(self, uid: str) -> list[PrivateEvent]:
        """Events since the last call."""


class PrivateStreams:
    """All private connections. The server calls `pump` after each step that may have made events, and `close` at the end.

    Events of accounts that nobody listens to are forgotten: there is no replay. `entry` does the orders; `wall_ms` is the API clock;
    `now_s` a clock that only moves forward (default: the event loop's). Faults set `hub.frames_filter` and `hub.events_filter`.
    """

    def __init__(
        self,
        exchange: Drained,
        credentials: Credentials,
        entry: OrderEntry,
        *,
        wall_ms: Callable[[], int],
        now_s: Callable[[], float] | None = None,
        pile_limit: int = PILE_LIMIT,
    ) -> None:
        self.hub = PrivateHub(pile_limit=pile_limit)
        self._exchange, self._given_now = exchange, now_s
        handlers = PrivateStream(credentials, wall_ms).handle, TradeStream(credentials, entry, wall_ms).handle
        self._handlers: dict[str, Callable[[Line, bytes], None]] = dict(zip(PATHS, handlers, strict=True))
        self._sockets: set[web.WebSocketResponse] = set()
        self._looked_s = 0.0

    @property
    def outstanding(self) -> int:
        """Frames that are still to leave: lockstep waits for 0."""
        return self.hub.held

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until it ends. The path must be one of `PATHS`."""
        handle = self._handlers[request.path]
        # pings are answered here, in their order and under the same faults; compression off: frames are written as they are
        socket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=LARGEST_MESSAGE)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # gone between handshake and now
            return socket
        loop = asyncio.get_running_loop()
        line = Line(request.path, transport, self.hub, self._given_now or loop.time, loop.call_later, request.remote or "")
        line.idle_s = idle_limit(request.query.get("max_active_time", ""))
        self.hub.lines.add(line)
        self._sockets.add(socket)
        try:
            async for message in socket:
                match message.type:
                    case WSMsgType.TEXT:
                        line.arrived(message.data.encode(), handle)
                    case WSMsgType.BINARY:
                        line.arrived(message.data, handle)
                    case WSMsgType.PING:
                        line.pong(bytes(message.data))
                line.flush()
        finally:
            self._sockets.discard(socket)
            self.hub.lines.discard(line)
        return socket

    def pump(self) -> None:
        """Tell what has happened to the accounts, and end what has been idle for too long."""
        for uid in self._exchange.waiting():
            self.hub.publish(uid, self._exchange.drain(uid))
        if self.hub.lines:
            self._end_idle()

    def _end_idle(self) -> None:
        now = next(iter(self.hub.lines)).now_s()
        if now - self._looked_s < LOOK_S:
            return
        self._looked_s = now
        for line in self.hub.lines:
            if now - line.active_s > line.idle_s:
                line.close(1000, b"idle")

    async def close(self) -> None:
        """Close every connection with 1001, as the server goes."""
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"going away")


def idle_limit(text: str) -> float:
    """Seconds of silence after which a connection is ended, from `max_active_time` (30s to 600s, or 1m to 10m); else ten minutes."""
    match = re.fullmatch(r"([0-9]{1,4})([sm])", text)
    if match is None:
        return IDLE_S
    seconds = int(match[1]) * (60 if match[2] == "m" else 1)
    return seconds if SHORTEST_IDLE_S <= seconds <= IDLE_S else IDLE_S
