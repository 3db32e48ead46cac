"""The daemon's HTTP face: /metrics, /healthz, /readyz and /status for reading; /control, on the private Unix socket only, for asking.

It knows nothing of trading: what it answers comes from the callables in `Answers`. On TCP these paths change nothing, whoever connects; the
panel, which is mounted beside them there, asks for a log-in before it changes anything.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from telemetry.local_socket import bind_private
from utils.errors import Refusal

LINGER_S = 1.0
"""What a request under way gets when the server closes."""
PORT_TROUBLE = frozenset({errno.EADDRINUSE, errno.EACCES})
LARGEST_REQUEST = 1 << 16
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of the operator, as it is posted to /control."""

    name: str
    args: dict[str, str] = {}
    who: str = ""
    sure: bool = False
    """The asking side has confirmed with its person; real money still takes the digits."""
    digits: str = ""
    """What a person typed for real money."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answers come from; each is called on the event loop, once a request, and must not block."""

    metrics: Callable[[], bytes]
    """The exposition text, freshly sampled."""
    unhealthy: Callable[[], Sequence[str]]
    """What is broken (the engine has stopped ...); empty while all is well."""
    missing: Callable[[], Sequence[str]]
    """What is still missing for trading (`feed crypto`, `warm-up`, `engine`); empty when ready."""
    status: Callable[[], Any]
    """What `status --json` shows (`telemetry.status.Status`)."""
    control: Callable[[Ask], Awaitable[Any]]
    """Carries out a request and returns a JSON answer; Refusal when it will not."""


class Server:
    """Serves `Answers` on a TCP address and on a Unix socket."""

    def __init__(self, answers: Answers, extend: Callable[[web.Application], None] | None = None) -> None:
        """`extend` adds pages to the TCP application (the panel); what they may change is theirs to guard."""
        self._answers = answers
        self._extend = extend
        self._runners: list[web.AppRunner] = []
        self._socket_path: Path | None = None
        self.host, self.port = "", 0

    @property
    def url(self) -> str:
        """Where people find it, once started."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self, host: str, port: int, socket_path: Path | None = None) -> None:
        """Listen on `host`:`port` (0: a free one, then in `port`) and on `socket_path`; Refusal, with nothing left open, when it cannot."""
        try:
            await self._listen_tcp(host, port)
            if socket_path is not None:
                await self._listen_local(socket_path)
        except Refusal:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what is under way, stop listening, remove the socket file. Closing twice is no error."""
        runners, self._runners = self._runners, []
        await asyncio.gather(*(runner.cleanup() for runner in runners))
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)
            self._socket_path = None

    async def _listen_tcp(self, host: str, port: int) -> None:
        app = self._reading()
        if self._extend is not None:
            self._extend(app)
        runner = await self._runner(app)
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror or error}"
            if error.errno in PORT_TROUBLE:
                raise Refusal(f"--http-port: {host}:{port} {why}; choose another, or 0 for a free one") from error
            raise Refusal(f"--http-host: {host}:{port} {why}; name an address of this machine, e.g. 127.0.0.1") from error
        self.host, self.port = host, int(runner.addresses[0][1])

    async def _listen_local(self, path: Path) -> None:
        app = self._reading()
        app.router.add_post("/control", self._control)
        bound = bind_private(path)
        self._socket_path = path
        await web.SockSite(await self._runner(app), bound).start()

    async def _runner(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=LINGER_S)
        self._runners.append(runner)
        await runner.setup()
        return runner

    def _reading(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/status", self._status)
        return app

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._answers.metrics(), headers={"Content-Type": METRICS_TYPE})

    async def _healthz(self, _: web.Request) -> web.Response:
        return _verdict("wrong", self._answers.unhealthy())  # that an answer comes at all shows that the loop turns

    async def _readyz(self, _: web.Request) -> web.Response:
        return _verdict("missing", self._answers.missing())

    async def _status(self, _: web.Request) -> web.Response:
        return _json(self._answers.status())

    async def _control(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=Ask)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _json({"error": f'expected {{"name", "args", "who"}}: {error}'}, status=400)
        try:
            return _json(await self._answers.control(wanted))
        except Refusal as error:
            return _json({"error": str(error), "code": int(error.code)}, status=409)


def _verdict(name: str, problems: Sequence[str]) -> web.Response:
    return _json({"ok": not problems, name: list(problems)}, status=503 if problems else 200)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
