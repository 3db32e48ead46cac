"""The REST side of the simulated OANDA: who asks, how often, which call, and the three shapes of a refusal (oanda_v20, "Errors")."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from modules.simulator import oanda_entry as entry
from modules.simulator.oanda_broker import Broker
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_reads import Query, Reads
from modules.simulator.oanda_types import EPOCH, Malformed, Order, Rejected, Row

Reply = tuple[int, dict[str, str], bytes]
PREFIX = "/v3"
PER_SECOND = 120
"""Requests of one token in a rolling second of wall time."""
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
REJECTS = {"TAKE_PROFIT": "takeProfit", "STOP_LOSS": "stopLoss", "TRAILING_STOP_LOSS": "trailingStopLoss"}


class Rest:
    """`now`: venue time, `wall_ms`: the wall clock; `changed` is called after a request that booked something, before it is answered."""

    def __init__(
        self, broker: Broker, reads: Reads, token: str, now: Callable[[], int], wall_ms: Callable[[], int], changed: Callable[[], None]
    ) -> None:
        self._broker, self._reads = broker, reads
        self.token = token
        self._now, self._wall_ms, self._changed = now, wall_ms, changed
        self._seen: deque[int] = deque()
        self._count = 0

    @property
    def desk(self) -> Desk:
        """The account."""
        return self._broker.desk

    def authorised(self, headers: Mapping[str, str]) -> bool:
        """Whether the token is ours."""
        return headers.get("Authorization", "") == f"Bearer {self.token}" and not self.desk.state.revoked

    def busy(self) -> bool:
        """Count a request; whether it is one too many in this second."""
        wall = self._wall_ms()
        while self._seen and not wall - 1000 < self._seen[0] <= wall:
            self._seen.popleft()
        if len(self._seen) >= PER_SECOND:
            return True
        self._seen.append(wall)
        return False

    def handle(self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes, base: str) -> Reply:
        """Answer a request; `base`: our own address, for links in pages."""
        self._count += 1
        request = f"{self._wall_ms()}{self._count:04d}"
        told = {"RequestID": request}
        if not self.authorised(headers):
            return refusal(401, "Insufficient authorization to perform request.", told)
        if self.busy():
            return refusal(429, "Too many requests.", told)
        desk = self.desk
        before = desk.state.last_id
        desk.begin(request)
        try:
            status, found = self._call(method, path, query, body, base)
        except Malformed as no:
            return refusal(no.status, no.message, told, no.code)
        finally:
            if desk.state.last_id != before:
                self._changed()
        if desk.state.last_id != before and method != "GET":
            found["relatedTransactionIDs"] = [row["id"] for row in desk.since(before)]
        if status == 201:
            told["Location"] = f"{base}{PREFIX}/accounts/{desk.state.account_id}/orders/{found['orderCreateTransaction']['id']}"
        if headers.get("Accept-Datetime-Format", "").upper() == "UNIX":
            found = unix(found)
        return status, told, msgspec.json.encode(found)

    def _call(self, method: str, path: str, query: Query, body: bytes, base: str) -> tuple[int, Row]:
        desk = self.desk
        parts = [one for one in path.removeprefix(PREFIX).split("/") if one]
        match (method, parts):
            case ("GET", ["accounts"]):
                return 200, {"accounts": [{"id": desk.state.account_id, "tags": []}]}
            case ("GET", ["instruments", name, "candles"]):
                return 200, self._reads.candles(name, query)
            case (_, ["accounts", account, *rest]):
                if account != desk.state.account_id:
                    raise Malformed("Insufficient authorization to perform request.", 403)
                if method == "GET":
                    own = f"{base}{PREFIX}/accounts/{account}"
                    if (found := self._reads.answer(rest, query, own)) is not None:
                        return 200, found | {"lastTransactionID": desk.last_id}
                elif (done := self._write(method, rest, body)) is not None:
                    return done[0], done[1] | {"lastTransactionID": desk.last_id}
        raise Malformed("The requested path does not exist" if method == "GET" else "Method not allowed", 404 if method == "GET" else 405)

    # what changes something -----------------------------------------------------------------------------------------------------------
    def _write(self, method: str, parts: list[str], body: bytes) -> tuple[int, Row] | None:
        now, broker, desk = self._now(), self._broker, self.desk
        match (method, parts):
            case ("POST", ["orders"]):
                given = decoded(body)
                type_ = entry.order_type(given)
                return self._try(lambda: broker.create(given, now), 201, lambda no: self._no_order(type_, given["order"], now, no))
            case ("PUT", ["orders", spec]):
                given = decoded(body)
                type_ = entry.order_type(given)
                if (old := entry.find_order(desk, spec)) is None:
                    raise Malformed("The order ID specified does not exist", 404, "ORDER_DOESNT_EXIST")
                return self._replace(old, type_, given, now)
            case ("PUT", ["orders", spec, "cancel"]):
                order = entry.find_order(desk, spec)
                if order is None or order.state != "PENDING":
                    told: Row = {"orderID": spec} if not spec.startswith("@") else {"clientOrderID": spec[1:]}
                    row = desk.book("ORDER_CANCEL_REJECT", now, **told, reason="CLIENT_REQUEST", rejectReason="ORDER_DOESNT_EXIST")
                    return 404, {"orderCancelRejectTransaction": row} | _error(Rejected("ORDER_DOESNT_EXIST"))
                return 200, broker.cancel(order, now)
            case ("PUT", ["trades", spec, "close"]):
                given = decoded(body)
                told = {"tradeID": spec.removeprefix("@")}
                trade = entry.find_trade(desk, spec)
                if trade is None:
                    return self._no_order("MARKET", told, now, Rejected("TRADE_DOESNT_EXIST", status=404))
                return self._try(
                    lambda: broker.close_trade(trade, given.get("units"), now), 200, lambda no: self._no_order("MARKET", told, now, no)
                )
            case ("PUT", ["trades", spec, "orders"]):
                return self._legs(spec, decoded(body), now)
            case ("PUT", ["positions", name, "close"]):
                given = decoded(body)
                return self._try(lambda: broker.close_position(name, given, now), 200, lambda no: self._no_position(given, name, now, no))
            case ("PUT", [("trades" | "orders") as what, spec, "clientExtensions"]):
                return self._extend(what, spec, decoded(body), now)
            case ("PATCH", ["configuration"]):
                given = decoded(body)
                desk.state.alias = str(given.get("alias", desk.state.alias))
                row = desk.book("CLIENT_CONFIGURE", now, alias=given.get("alias"), marginRate=given.get("marginRate"))
                return 200, {"clientConfigureTransaction": row}
        return None

    def _replace(self, old: Order, type_: str, given: Row, now: int) -> tuple[int, Row]:
        return self._try(lambda: self._broker.replace(old, given, now), 201, lambda no: self._no_order(type_, given["order"], now, no))

    @staticmethod
    def _try(do: Callable[[], Row], status: int, refuse: Callable[[Rejected], tuple[int, Row]]) -> tuple[int, Row]:
        try:
            return status, do()
        except Rejected as no:
            return refuse(no)

    def _no_order(self, type_: str, given: Row, now: int, no: Rejected) -> tuple[int, Row]:
        row = self._broker.reject(f"{type_}_ORDER", given, now, no)
        return no.status, {"orderRejectTransaction": row} | _error(no)

    def _no_position(self, given: Row, name: str, now: int, no: Rejected) -> tuple[int, Row]:
        side = "short" if "longUnits" not in given and "shortUnits" in given else "long"
        row = self._broker.reject("MARKET_ORDER", {"instrument": name}, now, no, "POSITION_CLOSEOUT")
        return no.status, {f"{side}OrderRejectTransaction": row} | _error(no)

    def _legs(self, spec: str, given: Row, now: int) -> tuple[int, Row]:
        trade = entry.find_trade(self.desk, spec)
        named = [(type_, name) for type_, name in REJECTS.items() if name in given]
        if wrong := [name for _, name in named if not isinstance(given[name], dict | None)]:
            raise Malformed(f"Invalid value specified for '{wrong[0]}'")
        try:
            if trade is None:
                raise Rejected("TRADE_DOESNT_EXIST", status=404)
            return 200, self._broker.set_legs(trade, given, now)
        except Rejected as no:
            found: Row = {}
            for type_, name in named or [("STOP_LOSS", "stopLoss")]:
                told = (given.get(name) or {}) | {"tradeID": spec.removeprefix("@")}
                if named and not no.reason.startswith(type_) and not no.reason.startswith("TRADE"):
                    continue
                found[f"{name}OrderRejectTransaction"] = self._broker.reject(f"{type_}_ORDER", told, now, no)
            return no.status, found | _error(no)

    def _extend(self, what: str, spec: str, given: Row, now: int) -> tuple[int, Row]:
        noun = what.removesuffix("s")
        found: Any = entry.find_trade(self.desk, spec) if what == "trades" else entry.find_order(self.desk, spec)
        if found is None:
            raise Malformed(f"The {noun} ID specified does not exist", 404, f"{noun.upper()}_DOESNT_EXIST")
        told: Row = {f"{noun}ID": found.id}
        try:
            ext = entry.extensions(given.get("clientExtensions"), noun.upper())
        except Rejected as no:
            row = self.desk.book(f"{noun.upper()}_CLIENT_EXTENSIONS_MODIFY_REJECT", now, **told, rejectReason=no.reason)
            return 400, {f"{noun}ClientExtensionsModifyRejectTransaction": row} | _error(no)
        found.ext = ext
        row = self.desk.book(f"{noun.upper()}_CLIENT_EXTENSIONS_MODIFY", now, **told, **{f"{noun}ClientExtensionsModify": ext})
        return 200, {f"{noun}ClientExtensionsModifyTransaction": row}


def _error(no: Rejected) -> Row:
    return {"errorCode": no.reason, "errorMessage": no.message}


def refusal(status: int, message: str, headers: dict[str, str] | None = None, code: str = "") -> Reply:
    """An error without a transaction."""
    body: Row = {"errorMessage": message} | ({"errorCode": code} if code else {})
    return status, headers or {}, msgspec.json.encode(body)


def decoded(body: bytes) -> Row:
    """A JSON object; an empty body is an empty one. Malformed otherwise."""
    try:
        found = msgspec.json.decode(body) if body.strip() else {}
    except msgspec.DecodeError as error:
        raise Malformed("Invalid JSON, ParseErrorCode: 3") from error
    if not isinstance(found, dict):
        raise Malformed("The request body must be a JSON object")
    return found


def unix(value: Any) -> Any:
    """The same with every time as seconds since 1970."""
    if isinstance(value, dict):
        return {name: unix(one) for name, one in value.items()}
    if isinstance(value, list):
        return [unix(one) for one in value]
    if isinstance(value, str) and STAMP.fullmatch(value):
        whole = datetime.fromisoformat(value[:19] + "+00:00")
        return f"{int((whole - EPOCH).total_seconds())}.{value[20:29]}"
    return value
