"""The routes that show orders and executions (bybit_v5 §3.2): realtime, history, execution/list; newest first, in pages."""

from __future__ import annotations

from operator import attrgetter

from modules.simulator import order_requests, rows_private
from modules.simulator.account import QUOTE
from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.order_types import Execution, Order
from modules.simulator.paging import page, stamp
from modules.simulator.private_calls import Answer, Call, Route, Routes, empty, listed_category, window

REMEMBERED = 500
"""Closed orders that order/realtime still knows."""
PLAIN = frozenset({"", "UNKNOWN"})


def realtime(call: Call) -> Answer:
    """Open orders; with an id also recently closed ones; with openOnly=1 only those."""
    fields = call.fields
    category = fields.category()
    limit, only = fields.limit(20, 50), fields.integer("openOnly", (0, 1)) or 0
    order_id, link_id = fields.text("orderId"), fields.text("orderLinkId")
    known = listed_category(category)
    if known is None:
        return empty(category)
    if order_id or link_id:
        return _answer(call, category, _by_id(call, category, order_id, link_id, recent=True), limit)
    if known == "linear":
        _check_scope(call)
    if only:
        found = call.exchange.orders_closed(call.uid, known, call.now)[:REMEMBERED]
    else:
        found = call.exchange.orders_open(call.uid, known)
    return _answer(call, category, _chosen(call, found), limit)


def history(call: Call) -> Answer:
    """Closed orders of up to seven days; by id without regard to time."""
    fields = call.fields
    category = fields.category()
    limit = fields.limit(20, 50)
    order_id, link_id = fields.text("orderId"), fields.text("orderLinkId")
    start, end = window(fields, call.now.ts)
    status = fields.text("orderStatus")
    known = listed_category(category)
    if known is None:
        return empty(category)
    closed = call.exchange.orders_closed(call.uid, known, call.now)
    if order_id or link_id:
        found = [one for one in closed if (one.order_id == order_id if order_id else one.link_id == link_id)]
    else:
        found = _chosen(call, [one for one in closed if start <= one.created <= end])
        found = [one for one in found if one.status == status] if status else found
    return _answer(call, category, found, limit)


def executions(call: Call) -> Answer:
    """Fills, funding and takeovers; with an id every other filter is ignored."""
    fields = call.fields
    category = fields.category()
    limit = fields.limit(50, 100)
    order_id, link_id = fields.text("orderId"), fields.text("orderLinkId")
    start, end = window(fields, call.now.ts)
    symbol, base, kind = fields.text("symbol"), fields.text("baseCoin"), fields.text("execType")
    known = listed_category(category)
    if known is None:
        return empty(category)
    if symbol and not order_id and not link_id:
        call.check_listed(category, symbol)

    def wanted(one: Execution) -> bool:
        if order_id or link_id:
            return one.order_id == order_id if order_id else one.link_id == link_id
        if not start <= one.ts <= end:
            return False
        return symbol in {"", one.symbol} and kind in {"", one.exec_type} and base in {"", base_of(one.symbol)}

    rows = (one for one in call.exchange.executions(call.uid, known) if wanted(one))
    shown, cursor = page(rows, lambda one: f"{one.seq:012d}", limit, fields.text("cursor"))
    return Answer({"category": category, "list": [rows_private.execution(one) for one in shown], "nextPageCursor": cursor})


def base_of(symbol: str) -> str:
    """The coin that a symbol trades."""
    return symbol.removesuffix(QUOTE)


def _check_scope(call: Call) -> None:
    if not any(call.fields.has(name) for name in ("symbol", "baseCoin", "settleCoin")):
        raise ApiError(PARAMETER, "params error: symbol, baseCoin or settleCoin is missing")


def _by_id(call: Call, category: str, order_id: str, link_id: str, *, recent: bool) -> list[Order]:
    """The order of an id, if it is open or among the last that closed."""
    one = call.exchange.order(call.uid, order_id, "" if order_id else link_id)
    known = listed_category(category)
    if one is None or known is None or one.category != category:
        return []
    if one.is_open or not recent:
        return [one]
    return [one] if any(each is one for each in call.exchange.orders_closed(call.uid, known, call.now)[:REMEMBERED]) else []


def _chosen(call: Call, found: list[Order]) -> list[Order]:
    """By symbol, coins and kind of order."""
    fields = call.fields
    symbol, base, settle = (fields.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    if symbol:
        call.check_listed(fields.category(), symbol)
        found = [one for one in found if one.symbol == symbol]
    if base:
        found = [one for one in found if base_of(one.symbol) == base]
    if settle and settle != QUOTE and fields.category() == "linear":
        return []
    kind = order_requests.order_filter(fields)
    return [one for one in found if is_kind(one, kind)] if kind else found


def is_kind(order: Order, kind: str) -> bool:
    """Whether a query with this orderFilter means the order; on linear whatever waits or waited for a trigger is a StopOrder."""
    if order.category == "spot":
        return order.order_filter == kind
    triggered = order.stop_order_type not in PLAIN
    return {"Order": not triggered, "StopOrder": triggered, "tpslOrder": triggered and order.stop_order_type != "Stop"}.get(kind, False)


def _answer(call: Call, category: str, found: list[Order], limit: int) -> Answer:
    found = sorted(found, key=attrgetter("created", "order_id"), reverse=True)
    shown, cursor = page(found, lambda one: stamp(one.created, one.order_id), limit, call.fields.text("cursor"))
    return Answer({"category": category, "list": [rows_private.order(one) for one in shown], "nextPageCursor": cursor})


ROUTES: Routes = {
    ("GET", "/v5/order/realtime"): Route(handle=realtime, limit=50),
    ("GET", "/v5/order/history"): Route(handle=history, limit=50),
    ("GET", "/v5/execution/list"): Route(handle=executions, limit=50),
}
