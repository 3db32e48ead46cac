"""Two ports for the simulated OANDA, as the real one has two hosts: REST on the first, the streams on the second."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from urllib.parse import parse_qsl

from aiohttp import web

from modules.simulator.fault_replies import ReplyFaults
from modules.simulator.faults import Entry
from modules.simulator.oanda_reads import Reads
from modules.simulator.oanda_rest import PREFIX, Reply, Rest, refusal
from modules.simulator.oanda_streams import MOST_STREAMS, PRICING, TRANSACTIONS, Line, Streams
from modules.simulator.oanda_types import Malformed, parse_time
from utils.errors import Refusal

LARGEST_BODY = 256 * 1024
LINGER_S = 1.0


class OandaReplyFaults(ReplyFaults):
    """The faults of requests, in this venue's own words."""

    def _status(self, status: int) -> web.Response:
        words = {429: "Too many requests.", 401: "Insufficient authorization to perform request.", 403: "Forbidden"}
        return _response(refusal(status, words.get(status, f"HTTP {status}")))

    def _maintenance(self, one: Entry) -> web.Response:
        return self._status(one.fault.status or 503)


class OandaWeb:
    """`wake` is called before each request; `now`: venue time."""

    def __init__(
        self, rest: Rest, reads: Reads, streams: Streams, faults: ReplyFaults, now: Callable[[], int], wake: Callable[[], None]
    ) -> None:
        self._rest, self._reads, self._streams, self._faults, self._now, self._wake = rest, reads, streams, faults, now, wake
        self._runners: list[web.AppRunner] = []
        self.outstanding = 0
        """Requests that are here and not answered yet."""
        self.asked = 0
        """Requests so far."""
        self.ports = (0, 0)
        self._host = ""

    async def start(self, host: str, ports: tuple[int, int]) -> None:
        """Listen on both (0: a free one, then in `ports`); Refusal when one is taken or not allowed."""
        self._host = host
        found = []
        for port, handler, option in zip(ports, (self._answer, self._stream), ("--oanda-port", "--oanda-stream-port"), strict=True):
            app = web.Application(client_max_size=LARGEST_BODY)
            app.router.add_route("*", "/{rest:.*}", handler)
            runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=LINGER_S)
            await runner.setup()
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                await runner.cleanup()
                await self.close()
                why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror or error}"
                raise Refusal(f"{option}: {host}:{port} {why}") from error
            self._runners.append(runner)
            found.append(int(runner.addresses[0][1]))
        self.ports = (found[0], found[1])

    async def close(self) -> None:
        """End streams, then the servers."""
        self._streams.close()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    def address(self, at: int) -> str:
        """Base URL of REST (0) or of the streams (1)."""
        return f"http://{self._host}:{self.ports[at]}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.outstanding += 1
        self.asked += 1
        try:
            return await self._faults.around(request, self._rested)
        finally:
            self.outstanding -= 1

    async def _rested(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _response(refusal(413, "Request entity too large"))
        self._wake()
        query = dict(parse_qsl(request.query_string, keep_blank_values=True))
        return _response(self._rest.handle(request.method, request.path, query, request.headers, body, self.address(0)))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self._faults.around(request, self._streamed)

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        if not self._rest.authorised(request.headers):
            return _response(refusal(401, "Insufficient authorization to perform request."))
        self._wake()
        account = self._rest.desk.state.account_id
        kind = next((one for one in (PRICING, TRANSACTIONS) if request.path == f"{PREFIX}/accounts/{account}/{one}/stream"), None)
        if kind is None or request.method != "GET":
            return _response(refusal(404, "The requested path does not exist"))
        if len(self._streams.lines) >= MOST_STREAMS:
            return _response(refusal(429, "Too many streams are open."))
        query = dict(request.query)
        try:
            names = self._reads.named(query, required=True) if kind == PRICING else []
            if query.get("since"):
                parse_time(query["since"])
        except Malformed as no:
            return _response(refusal(no.status, no.message))
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        line = Line(kind, request.path, account, names, asyncio.get_running_loop().call_later)
        self._streams.join(line, self._now(), snapshot=query.get("snapshot", "true").lower() != "false")
        try:
            while part := await line.take():
                line.writing = True
                await response.write(part)
                line.writing = False
        except ConnectionError:
            pass  # the client has gone
        finally:
            line.end()
            self._streams.lines.discard(line)
            if request.transport is not None:
                request.transport.close()  # a stream has no last object: it just ends
        return response


def _response(reply: Reply) -> web.Response:
    status, headers, body = reply
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
