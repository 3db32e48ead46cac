"""Bybit v5 private REST without a socket: bytes in, bytes out; who asks, how often, what, in the order of checks of bybit_v5 §2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from modules.simulator import private_account, private_order_lists, private_orders, private_positions
from modules.simulator.credentials import Credentials, Key
from modules.simulator.envelope import NO_ROUTE, PARAMETER, TIMED_OUT, TOO_MANY, TOO_MANY_IP, ApiError, envelope
from modules.simulator.exchange import Exchange
from modules.simulator.order_types import Now
from modules.simulator.private_calls import Call, Listings, Route, Routes
from modules.simulator.rate_limits import RateLimits
from modules.simulator.request_fields import Fields

ROUTES: Routes = {**private_orders.ROUTES, **private_order_lists.ROUTES, **private_positions.ROUTES, **private_account.ROUTES}
LARGEST_BODY = 256 * 1024
MOST_FIELDS = 100
_BODY = msgspec.json.Decoder(float_hook=Decimal)

Reply = tuple[int, dict[str, str], bytes]
"""HTTP status, headers, body."""


class Done(msgspec.Struct, frozen=True):
    """What became of a call: the parts of an envelope, and the X-Bapi-Limit headers."""

    code: int
    message: str
    result: dict[str, Any]
    ext: dict[str, Any]
    headers: dict[str, str]


class PrivateRest:
    """The signed half of the REST API. `now` gives venue and wall time, as the API has it; `listings` by series key (`category:SYMBOL`).

    `truth`: the instant at which what is asked for is done, where the API's clock may be wrong (default: `now`).
    """

    def __init__(
        self,
        exchange: Exchange,
        credentials: Credentials,
        limits: RateLimits,
        now: Callable[[], Now],
        listings: Listings,
        truth: Callable[[], Now] | None = None,
    ) -> None:
        self._truth = truth or now
        self._exchange = exchange
        self._credentials = credentials
        self._limits = limits
        self._now = now
        self._listings = listings

    def admit(self, peer: str) -> Reply | None:
        """Count a request of any kind under /v5/ by its address; the 403 of the ban when there were too many."""
        wall = self._now().wall
        if self._limits.visit(peer, wall):
            return None
        return 403, {}, _encode(envelope({}, wall, code=TOO_MANY_IP, message="access too frequent. Please try again in 10 minutes."))

    def serves(self, method: str, path: str) -> bool:
        """Whether this is one of its routes."""
        return (method, path) in ROUTES

    def handle(self, method: str, path: str, query_raw: str, headers: Mapping[str, str], body: bytes, peer: str = "") -> Reply:
        """Answer a request. `query_raw` and `body` as they came over the wire: the signature covers these bytes."""
        now = self._now()
        route = ROUTES.get((method, path))
        if route is None:
            return 404, {}, _encode(envelope({}, now.wall, code=NO_ROUTE, message="Route not found."))
        limits: dict[str, str] = {}
        try:
            key = self._credentials.rest(headers, query_raw.encode(errors="surrogateescape") if method == "GET" else body, now.wall, peer)
            fields, broken = _query(query_raw) if method == "GET" else _body(body)
            done = self._do(route, path, key, fields, broken)
            limits = done.headers
        except ApiError as error:
            return 200, limits, _encode(envelope({}, now.wall, code=error.code, message=error.message))
        return 200, limits, _encode(envelope(done.result, now.wall, code=done.code, message=done.message, ext=done.ext))

    def order(self, key: Key, path: str, body: Mapping[str, Any]) -> Done:
        """What REST does for a POST route, for a sender who is already known: order entry over a stream shares checks and budgets."""
        route = ROUTES.get(("POST", path))
        if route is None:
            return Done(NO_ROUTE, "Route not found.", {}, {}, {})
        try:
            return self._do(route, path, key, Fields(body), None)
        except ApiError as error:
            return Done(error.code, error.message, {}, {}, {})

    def refuse_body(self) -> Reply:
        """The answer to a body that is too large to be looked at."""
        return self._hang_up(PARAMETER, "params error: request body is too large")

    def refuse_wait(self) -> Reply:
        """The answer to a body that does not come."""
        return self._hang_up(TIMED_OUT, "Server Timeout")

    def _hang_up(self, code: int, message: str) -> Reply:
        return 200, {"Connection": "close"}, _encode(envelope({}, self._now().wall, code=code, message=message))

    def _do(self, route: Route, path: str, key: Key, fields: Fields, broken: ApiError | None) -> Done:
        """Permission, then budget, then the work; ApiError only before the budget is spent."""
        spot = fields.raw("category") == "spot"
        if route.need:
            scope = ("Spot", "SpotTrade") if spot else ("ContractTrade", route.need)
            key.check_may(*scope)
        now = self._now()
        per_second = route.spot_limit if spot and route.spot_limit is not None else route.limit
        items = fields.raw("request") if route.batch else None
        count = len(items) if isinstance(items, list) and items else 1
        grant = self._limits.take(key.uid, f"{path} {'spot' if spot else ''}", per_second, now.wall, count)
        limits = grant.headers()
        if not grant.granted:
            return Done(TOO_MANY, private_orders.EXCEEDED, {}, {}, limits)
        call = Call(
            exchange=self._exchange, listings=self._listings, uid=key.uid, fields=fields, now=self._truth(), granted=grant.granted, key=key
        )  # fmt: skip
        try:
            if broken is not None:
                raise broken
            answer = route.handle(call)
        except ApiError as error:
            return Done(error.code, error.message, {}, {}, limits)
        return Done(answer.code, answer.message, answer.result, answer.ext, limits)


def _query(raw: str) -> tuple[Fields, ApiError | None]:
    try:
        return Fields(dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=MOST_FIELDS))), None
    except ValueError:
        return Fields({}), ApiError(PARAMETER, "params error: too many parameters")


def _body(raw: bytes) -> tuple[Fields, ApiError | None]:
    if not raw:
        return Fields({}), None
    try:
        found = _BODY.decode(raw)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return Fields({}), ApiError(PARAMETER, "params error: request body is not valid JSON")
    if not isinstance(found, dict):
        return Fields({}), ApiError(PARAMETER, "params error: request body is not an object")
    return Fields(found), None


def _encode(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)
