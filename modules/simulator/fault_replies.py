"""Where faults meet requests: between the socket and whoever answers. Each acts before or after the request took effect, as it says.

drop: no effect, no reply · lose_reply: effect, no reply · delay, reorder: effect, a late reply · cut: effect, half a reply ·
duplicate: the request arrives twice, the second answer is the reply · http_status: no effect (value `after`: effect) and that status ·
maintenance: the venue answers that it is restarting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from modules.simulator.envelope import TOO_MANY, TOO_MANY_IP, envelope
from modules.simulator.faults import AFTER, HIDE, REPLY_KINDS, Entry, FaultTable
from modules.simulator.order_types import Now

RESTARTING = 10016
RESTARTING_TEXT = "Internal System Error: the service is restarting, please try again later."
STATUS_CODES = {429: (TOO_MANY, "Too many visits. Exceeded the API Rate Limit."), 403: (TOO_MANY_IP, "access too frequent")}
REORDER_S = 1.0
"""A reordered reply waits so long for another one to overtake it when the fault does not say."""
ORDER_ROWS = ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list")
MOST_HIDDEN = 10_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ReplyFaults:
    """`now`: the instant on both clocks; `wall_ms`: the time that the API tells; `account_of`: the uid of an API key, "" when nobody's."""

    def __init__(
        self, table: FaultTable, now: Callable[[], Now], wall_ms: Callable[[], int], account_of: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._table, self._now, self._wall_ms, self._account_of = table, now, wall_ms, account_of
        self._hidden: dict[str, int] = {}
        self._answered = asyncio.Event()
        self._held = 0

    async def around(self, request: web.Request, handle: Handler) -> web.StreamResponse:
        """Let `handle` answer, with whatever goes wrong on the way."""
        if not self._table.replies and not self._hidden:
            response = await handle(request)
            self._overtake()
            return response
        now = self._now()
        path, method, account = request.path, request.method, self._account_of(request.headers.get("X-BAPI-API-KEY", ""))
        if (down := self._table.standing("maintenance", path, now, account=account, method=method)) is not None:
            return self._maintenance(down)
        body = (await request.read()).decode(errors="replace")
        one = self._table.strike(REPLY_KINDS, path, f"{request.query_string} {body}", now, account=account, method=method)
        response = await handle(request) if one is None else await self._struck(one, request, handle)
        if self._hidden and request.path in ORDER_ROWS and isinstance(response, web.Response):
            self._hide(response)
        self._overtake()
        return response

    def _overtake(self) -> None:
        """A reply goes out: whoever is held back for one may follow."""
        if self._held:
            self._answered.set()
            self._answered = asyncio.Event()

    async def _struck(self, one: Entry, request: web.Request, handle: Handler) -> web.StreamResponse:
        fault = one.fault
        match fault.kind:
            case "drop":
                return _gone(request)
            case "http_status":
                if fault.value == AFTER:
                    await handle(request)
                return self._status(fault.status)
            case "lose_reply":
                await handle(request)
                return _gone(request)
            case "duplicate":
                await handle(request)
                return await handle(request)
        response = await handle(request)
        if fault.kind == "cut":
            return await _half(request, response)
        if fault.value == HIDE:
            self._remember(response, fault.ms)
        elif fault.kind == "delay":
            await asyncio.sleep(fault.ms / 1000)
        else:
            await self._overtaken(fault.ms / 1000 or REORDER_S)
        return response

    async def _overtaken(self, patience_s: float) -> None:
        """Until another reply has gone out."""
        self._held += 1
        try:
            await asyncio.wait_for(self._answered.wait(), patience_s)
        except TimeoutError:
            return
        finally:
            self._held -= 1

    def _status(self, status: int) -> web.Response:
        if status in STATUS_CODES:
            code, text = STATUS_CODES[status]
            return _json(envelope({}, self._wall_ms(), code=code, message=text), status)
        return web.Response(status=status, text=f"<html><body><h1>{status}</h1></body></html>", content_type="text/html")

    def _maintenance(self, one: Entry) -> web.Response:
        if one.fault.status:
            return self._status(one.fault.status)
        return _json(envelope({}, self._wall_ms(), code=RESTARTING, message=RESTARTING_TEXT))

    def _remember(self, response: web.StreamResponse, ms: int) -> None:
        """The order that this reply tells of is not seen for a while."""
        order_id = _result(response).get("orderId")
        if isinstance(order_id, str) and order_id:
            self._hidden[order_id] = self._now().wall + ms
            if len(self._hidden) > MOST_HIDDEN:
                del self._hidden[next(iter(self._hidden))]

    def _hide(self, response: web.Response) -> None:
        """Take the rows of hidden orders out of an answer."""
        wall = self._now().wall
        self._hidden = {order_id: until for order_id, until in self._hidden.items() if until > wall}
        rows = _result(response).get("list")
        if not isinstance(rows, list) or not any(row.get("orderId") in self._hidden for row in rows):
            return
        whole = _decoded(response)
        whole["result"]["list"] = [row for row in rows if row.get("orderId") not in self._hidden]
        response.body = msgspec.json.encode(whole)


def _decoded(response: web.StreamResponse) -> dict[str, Any]:
    """The JSON object in a response, empty when it is none."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes):
        return {}
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _result(response: web.StreamResponse) -> dict[str, Any]:
    found = _decoded(response).get("result")
    return found if isinstance(found, dict) else {}


def _gone(request: web.Request) -> web.StreamResponse:
    """End the connection without a word; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send half of the body that the head promises, then end the connection."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"{}"
    torn = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await torn.prepare(request)
    await torn.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return torn


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
