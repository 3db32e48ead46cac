"""One port, three faces: Bybit's REST paths, its public stream paths, and the control API; anything else is the venue's own 404."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from modules.simulator.bybit_rest import NO_ROUTE, PublicRest, envelope
from modules.simulator.bybit_ws import PublicStream
from modules.simulator.control import PREFIX, BadRequest, Control
from modules.simulator.hub import Client, Hub
from utils.errors import Refusal

STREAMS = {f"/v5/public/{category}": category for category in ("spot", "linear", "inverse", "option")}
LARGEST_MESSAGE = 1 << 20
LINGER_S = 1.0


class Web:
    """The HTTP server. `wall_s`: wall time in seconds."""

    def __init__(self, rest: PublicRest, stream: PublicStream, control: Control, hub: Hub, wall_s: Callable[[], float]) -> None:
        self._rest, self._stream, self._control, self._hub, self._wall_s = rest, stream, control, hub, wall_s
        self._runner: web.AppRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen (port 0: a free one, then in `port`); Refusal when it is taken or not allowed."""
        app = web.Application(client_max_size=LARGEST_MESSAGE)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=LINGER_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror or error}"
            raise Refusal(f"--port: {host}:{port} {why}") from error
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Close every stream, then the server."""
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"going away")
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in STREAMS and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._listen(request, STREAMS[path])
        if path.startswith(PREFIX + "/"):
            return await self._controlled(request, path.removeprefix(PREFIX))
        if self._rest.serves(request.method, path):
            return _json(self._rest.answer(path, request.query))
        return _json(envelope({}, int(self._wall_s() * 1000), code=NO_ROUTE, message="Route not found."), status=404)

    async def _controlled(self, request: web.Request, path: str) -> web.Response:
        match (request.method, path):
            case ("GET", "/clock"):
                return _json(self._control.clock())
            case ("POST", "/clock"):
                try:
                    return _json(self._control.post_clock(await request.read()))
                except BadRequest as error:
                    return _json({"error": str(error)}, status=400)
            case ("GET", "/healthz"):
                return _json(self._control.health())
        return _json({"error": f"no {request.method} {path} here"}, status=404)

    async def _listen(self, request: web.Request, category: str) -> web.WebSocketResponse:
        # compression off: frames are written to the transport as they are, once encoded for all
        socket = web.WebSocketResponse(compress=False, max_msg_size=LARGEST_MESSAGE)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # gone between handshake and now
            return socket
        client = Client(category, transport, asyncio.get_running_loop().call_later)
        self._hub.clients.add(client)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._stream.handle(client, message.data)
                    client.flush()
        finally:
            self._sockets.discard(socket)
            self._hub.remove(client)
        return socket


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
