"""Bybit v5 `/v5/trade`: orders over a socket, through the same checks and budgets as over REST (bybit_v5 §13)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from modules.simulator.credentials import DEFAULT_WINDOW_MS, LONGEST_WINDOW_MS, Credentials, Key, check_time, whole
from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.hub import HOLD_S
from modules.simulator.private_hub import Line
from modules.simulator.private_ws import CATEGORIES, decoded, echoed, sign_in

PATH = "/v5/trade"
PATHS = {f"order.{verb}{many}": f"/v5/order/{verb}{many}" for verb in ("create", "amend", "cancel") for many in ("", "-batch")}
"""Which REST path does the work of an `op`."""
NO_OP = ApiError(10404, "op type is not found")
BAD_JSON = ApiError(PARAMETER, "params error: a request is a JSON object")
LONGEST_ID = 36
TIMES = {"X-BAPI-TIMESTAMP": "", "X-BAPI-RECV-WINDOW": DEFAULT_WINDOW_MS}
"""Of the header inside a message, with their defaults."""
LIMIT_HEADERS = ("X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp")
NOTHING: Mapping[str, Any] = {}


class OrderAnswer(Protocol):
    """What REST would answer: its envelope and its headers."""

    @property
    def code(self) -> int:
        """RetCode."""

    @property
    def message(self) -> str:
        """RetMsg."""

    @property
    def result(self) -> Mapping[str, Any]:
        """Result."""

    @property
    def ext(self) -> Mapping[str, Any]:
        """RetExtInfo."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The X-Bapi-Limit ones, and others."""


class OrderEntry(Protocol):
    """The work behind the order paths, for REST and for this stream."""

    def order(self, key: Key, path: str, body: dict[str, Any]) -> OrderAnswer:
        """Charge the budget of the path and do what the body says."""


class TradeStream:
    """Answers the requests of order-entry connections. `wall_ms`: the API clock."""

    def __init__(self, credentials: Credentials, entry: OrderEntry, wall_ms: Callable[[], int]) -> None:
        self._credentials, self._entry, self._wall_ms = credentials, entry, wall_ms
        self._traces = itertools.count(1)

    def handle(self, line: Line, text: bytes) -> None:
        """One message from the client; what is not understood is answered, never fatal."""
        request = decoded(text)
        if request is None:
            self._answer(line, "", {}, BAD_JSON)
            return
        match request.get("op"):
            case "ping":
                pong = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(self._wall_ms())], "connId": line.id}
                line.send("pong", "ping", msgspec.json.encode(echoed(request, "reqId") | pong))
            case "auth":
                self._auth(line, request)
            case str(op) if op in PATHS:
                self._order(line, op, request)
            case other:
                self._answer(line, str(other or ""), request, NO_OP)

    def _auth(self, line: Line, request: dict[str, Any]) -> None:
        code, message = 0, "OK"
        try:
            if line.key is not None:
                raise ApiError(20001, "Repeat auth")
            line.key = sign_in(self._credentials, request.get("args"), self._wall_ms(), line.peer)
        except ApiError as error:
            code, message = error.code, error.message
        answer = {"retCode": code, "retMsg": message, "op": "auth", "connId": line.id}
        line.send("ack", "auth", msgspec.json.encode(echoed(request, "reqId") | answer), HOLD_S)

    def _order(self, line: Line, op: str, request: dict[str, Any]) -> None:
        try:
            key, body = self._checked(line, request)
        except ApiError as error:
            self._answer(line, op, request, error)
            return
        done = self._entry.order(key, PATHS[op], body)
        self._answer(line, op, request, done, done.result, done.ext, done.headers)

    def _checked(self, line: Line, request: dict[str, Any]) -> tuple[Key, dict[str, Any]]:
        """Who asks for what; ApiError for what the stream itself refuses, before the order is looked at."""
        if line.key is None:
            raise ApiError(10007, "User authentication failed.")
        req_id = request.get("reqId", "")
        if not isinstance(req_id, str | int) or len(str(req_id)) > LONGEST_ID:
            raise ApiError(PARAMETER, "params error: reqId is invalid")
        if req_id != "" and not line.first_use(str(req_id)):
            raise ApiError(20006, "reqId is duplicated")
        header = request.get("header")
        header = header if isinstance(header, dict) else {}
        stamp, window = (str(header.get(name, default)) for name, default in TIMES.items())
        check_time(whole(stamp, "X-BAPI-TIMESTAMP"), min(LONGEST_WINDOW_MS, whole(window, "X-BAPI-RECV-WINDOW")), self._wall_ms())
        match request.get("args"):
            case [dict() as body]:
                if body.get("category") not in CATEGORIES:
                    raise ApiError(10404, "category is not correct/supported")
                return line.key, body
        raise ApiError(PARAMETER, "params error: args should hold one object")

    def _answer(
        self,
        line: Line,
        op: str,
        request: dict[str, Any],
        verdict: ApiError | OrderAnswer,
        data: Mapping[str, Any] = NOTHING,
        ext: Mapping[str, Any] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        limits = {name: headers[name] for name in LIMIT_HEADERS if name in headers}
        answer = {
            "retCode": verdict.code,
            "retMsg": verdict.message,
            "op": op,
            "data": data,
            "retExtInfo": ext,
            "header": limits | {"Traceid": f"{next(self._traces):032x}", "Timenow": str(self._wall_ms())},
            "connId": line.id,
        }
        line.send("trade", op, msgspec.json.encode(echoed(request, "reqId") | answer), HOLD_S)
