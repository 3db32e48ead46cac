"""Bybit v5 `/v5/private`: auth, subscriptions and pings of one connection (bybit_v5 §12).

Requests take effect at once and in order; only their acknowledgement is held for a moment, and what follows it keeps its order.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from modules.simulator.credentials import Credentials, Key
from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.hub import HOLD_S
from modules.simulator.private_hub import Line, split_topic

PATH = "/v5/private"
CATEGORIES = ("spot", "linear", "inverse", "option")
TOPICS = frozenset(
    [
        *("order", "execution", "execution.fast", "position", "wallet", "greeks", "dcp.future", "dcp.spot", "dcp.option"),
        *(f"{base}.{category}" for base in ("order", "execution", "execution.fast") for category in CATEGORIES),
        *(f"position.{category}" for category in CATEGORIES[1:]),
    ]
)
"""What may be subscribed; greeks and dcp never say anything here."""
PARAMS_ERROR = "Params Error"
ARGS_CHARACTERS = 21_000
"""Of all names in one request."""

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class PrivateStream:
    """Answers the requests of private connections. `wall_ms`: the API clock, by which signatures expire and pongs tell the time."""

    def __init__(self, credentials: Credentials, wall_ms: Callable[[], int]) -> None:
        self._credentials = credentials
        self._wall_ms = wall_ms

    def handle(self, line: Line, text: bytes) -> None:
        """One message from the client; what is not understood is answered, never fatal."""
        request = decoded(text)
        if request is None:
            self._reply(line, {}, "", "Request should be a JSON object")
            return
        match request.get("op"):
            case "ping":
                pong = {"op": "pong", "args": [str(self._wall_ms())], "conn_id": line.id}
                line.send("pong", "ping", msgspec.json.encode(pong | echoed(request, "req_id")))
            case "auth":
                self._reply(line, request, "auth", self._auth(line, request.get("args")))
            case "subscribe" | "unsubscribe" as op:
                self._reply(line, request, op, self._subscription(line, op, request.get("args")))
            case other:
                self._reply(line, request, str(other or ""), f"error:unknown op,op:{other}")

    def _auth(self, line: Line, args: object) -> str:
        """Sign in; what is wrong with it, "" when all is well. Who is signed in may repeat it, but not become somebody else."""
        try:
            key = sign_in(self._credentials, args, self._wall_ms(), line.peer)
        except ApiError as error:
            return error.message
        if line.key is not None and line.uid != key.uid:
            return PARAMS_ERROR
        line.key = key
        return ""

    @staticmethod
    def _subscription(line: Line, op: str, args: object) -> str:
        """Take it into effect, all or nothing; what is wrong with it."""
        if not line.uid:
            return "Request not authorized"
        if not isinstance(args, list) or not args:
            return "error:args is empty"
        for name in args:
            if not isinstance(name, str) or name not in TOPICS:
                return f"error:handler not found,topic:{name if isinstance(name, str) else ''}"
        if sum(map(len, args)) > ARGS_CHARACTERS:
            return f"args length >{ARGS_CHARACTERS}"
        if op == "unsubscribe":
            for name in args:
                line.topics.pop(name, None)
            return ""
        for name in args:
            base, category = split_topic(name)
            if category and base in args:
                return f"error:all-in-one and categorised topics in one request,topic:{name}"
        line.topics |= dict.fromkeys(args)
        return ""

    @staticmethod
    def _reply(line: Line, request: dict[str, Any], op: str, problem: str = "") -> None:
        answer = {"success": not problem, "ret_msg": problem, "op": op, "conn_id": line.id}
        line.send("ack", op, msgspec.json.encode(answer | echoed(request, "req_id")), HOLD_S)


def decoded(text: bytes) -> dict[str, Any] | None:
    """The object in a message, fractions as Decimal; None when it is none, too deep, or holds impossible numbers."""
    try:
        request = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError, ArithmeticError):
        return None
    return request if isinstance(request, dict) else None


def echoed(request: dict[str, Any], name: str) -> dict[str, Any]:
    """The client's own id of a request, if there was one, as it was sent (only plain values come back)."""
    return {name: request[name]} if isinstance(request.get(name, ()), str | int | None) else {}


def sign_in(credentials: Credentials, args: object, wall_ms: int, peer: str) -> Key:
    """Whose `args` of an `auth` these are: [key, expires ms as number or text, signature]; ApiError when nobody's."""
    match args:
        case [str(api_key), int() | str() as expires, str(signature), *_] if not isinstance(expires, bool) and signature.isascii():
            return credentials.stream(api_key, expires, signature, wall_ms, peer)
    raise ApiError(PARAMETER, PARAMS_ERROR)
