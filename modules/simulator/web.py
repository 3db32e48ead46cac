"""One port: Bybit's REST paths, public and signed, its public stream paths, and the control API; anything else is the venue's own 404."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from modules.simulator.bybit_rest import PublicRest
from modules.simulator.bybit_ws import PublicStream
from modules.simulator.control import PREFIX, BadRequest, Control
from modules.simulator.envelope import NO_ROUTE, envelope
from modules.simulator.fault_replies import ReplyFaults
from modules.simulator.faults import FaultError
from modules.simulator.hub import Client, Hub
from modules.simulator.private_rest import LARGEST_BODY, PrivateRest, Reply
from modules.simulator.private_streams import PATHS as PRIVATE_STREAMS
from modules.simulator.private_streams import PrivateStreams
from utils.errors import Refusal

STREAMS = {f"/v5/public/{category}": category for category in ("spot", "linear", "inverse", "option")}
LARGEST_MESSAGE = 1 << 20
LINGER_S = 1.0
BODY_PATIENCE_S = 10.0
"""So long a body may take to arrive."""
VENUE = "/v5/"


class Web:
    """The HTTP server. `wall_s`: wall time in seconds. Without `private` and `streams` only what is public is served."""

    def __init__(
        self,
        rest: PublicRest,
        stream: PublicStream,
        control: Control,
        hub: Hub,
        wall_s: Callable[[], float],
        *,
        private: PrivateRest | None = None,
        streams: PrivateStreams | None = None,
        faults: ReplyFaults | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._rest, self._stream, self._control, self._hub, self._wall_s = rest, stream, control, hub, wall_s
        self._private, self._streams, self._faults, self._told = private, streams, faults, told
        self.outstanding = 0
        """Signed requests that are here and not answered yet."""
        self.asked = 0
        """Requests so far: who asks is there, also before it is attached."""
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
        if self._streams is not None:
            await self._streams.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.asked += 1
        upgrades = request.headers.get("Upgrade", "").lower() == "websocket"
        if path in STREAMS and upgrades:
            return await self._listen(request, STREAMS[path])
        if path in PRIVATE_STREAMS and upgrades and self._streams is not None:
            return await self._streams.listen(request)
        if path.startswith(PREFIX + "/"):
            return await self._controlled(request, path.removeprefix(PREFIX))
        if self._private is not None and path.startswith(VENUE) and (refused := await self._receive(self._private, request)) is not None:
            return _reply(refused)
        if self._faults is None or not path.startswith(VENUE):
            return await self._answer(request)
        signed = self._private is not None and self._private.serves(request.method, path)
        self.outstanding += signed
        try:
            return await self._faults.around(request, self._answer)
        finally:
            self.outstanding -= signed

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if self._private is not None and path.startswith(VENUE) and (banned := self._private.admit(request.remote or "")) is not None:
            return _reply(banned)
        if self._rest.serves(request.method, path):
            return _json(self._rest.answer(path, request.query))
        if self._private is not None and self._private.serves(request.method, path):
            return await self._signed(self._private, request)
        return _json(envelope({}, int(self._wall_s() * 1000), code=NO_ROUTE, message="Route not found."), status=404)

    async def _receive(self, private: PrivateRest, request: web.Request) -> Reply | None:
        """Wait for the body, which aiohttp then remembers; too large is not read, and one that does not come is not waited for."""
        if (request.content_length or 0) > LARGEST_BODY:
            return private.refuse_body()
        try:
            async with asyncio.timeout(BODY_PATIENCE_S):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return private.refuse_body()
        except TimeoutError:
            return private.refuse_wait()
        return private.refuse_body() if len(body) > LARGEST_BODY else None

    async def _signed(self, private: PrivateRest, request: web.Request) -> web.Response:
        """Hand over the bytes as they came."""
        body, query = await request.read(), request.raw_path.partition("?")[2]
        reply = _reply(private.handle(request.method, request.path, query, request.headers, body, request.remote or ""))
        self._told()
        return reply

    async def _controlled(self, request: web.Request, path: str) -> web.Response:
        try:
            return _json(self._control.answer(request.method, path, await request.read()))
        except KeyError:
            return _json({"error": f"no {request.method} {path} here"}, status=404)
        except (BadRequest, FaultError) as error:
            return _json({"error": str(error)}, status=400)

    async def _listen(self, request: web.Request, category: str) -> web.WebSocketResponse:
        # compression off: frames are written to the transport as they are, once encoded for all
        socket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=LARGEST_MESSAGE)
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
                elif message.type is WSMsgType.PING and not client.silent:
                    await socket.pong(message.data)
        finally:
            self._sockets.discard(socket)
            self._hub.remove(client)
        return socket


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def _reply(reply: Reply) -> web.Response:
    status, headers, body = reply
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
