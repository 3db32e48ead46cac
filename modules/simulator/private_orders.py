"""The routes that change orders (bybit_v5 §3.2): create, amend, cancel, each alone and in batches, and cancel-all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules.simulator import order_requests
from modules.simulator.account import QUOTE
from modules.simulator.envelope import NO_PERMISSION, PARAMETER, TOO_MANY, ApiError
from modules.simulator.order_types import Accepted, Refused
from modules.simulator.private_calls import Answer, Call, Route, Routes, accepted
from modules.simulator.request_fields import Fields, decimal, invalid

MOST_IN_BATCH = {"linear": 20, "spot": 10}
EXCEEDED = "Too many visits. Exceeded the API Rate Limit."
PRODUCTS = ("DERIVATIVES", "SPOT", "OPTIONS")
Work = Callable[[Call, Fields], Accepted | Refused]


def _create(call: Call, fields: Fields) -> Accepted | Refused:
    return call.exchange.create_order(call.uid, order_requests.create(fields), call.now)


def _amend(call: Call, fields: Fields) -> Accepted | Refused:
    return call.exchange.amend_order(call.uid, order_requests.amend(fields), call.now)


def _cancel(call: Call, fields: Fields) -> Accepted | Refused:
    asked = order_requests.cancel(fields)
    return call.exchange.cancel_order(
        call.uid, asked.category, asked.symbol, call.now,
        order_id=asked.order_id, link_id=asked.link_id, order_filter=asked.order_filter,
    )  # fmt: skip


def _single(work: Work) -> Callable[[Call], Answer]:
    def handle(call: Call) -> Answer:
        return Answer(_ids(accepted(work(call, call.fields))))

    return handle


def _batch(work: Work, *, timed: bool = False) -> Callable[[Call], Answer]:
    """Result and retExtInfo lists in parallel; what is over the rate limit fails, the rest goes on."""

    def handle(call: Call) -> Answer:
        category = order_requests.tradable(call.fields)
        items = call.fields.raw("request")
        if not isinstance(items, list) or not items:
            raise invalid("request")
        if len(items) > MOST_IN_BATCH[category]:
            raise ApiError(PARAMETER, f"params error: request holds more than {MOST_IN_BATCH[category]} orders")
        rows: list[dict[str, Any]] = []
        said: list[dict[str, Any]] = []
        for index, item in enumerate(items):
            row: dict[str, Any] = {"category": category, "symbol": _word(item, "symbol"), "orderId": "", "orderLinkId": ""}
            if timed:
                row["createAt"] = ""
            try:
                if index >= call.granted:
                    raise ApiError(TOO_MANY, EXCEEDED)
                if not isinstance(item, dict):
                    raise invalid("request")
                taken = accepted(work(call, Fields({**item, "category": category})))
            except ApiError as error:
                row["orderLinkId"] = _word(item, "orderLinkId")
                said.append({"code": error.code, "msg": error.message})
            else:
                row |= _ids(taken)
                if timed:
                    row["createAt"] = str(call.now.ts)
                said.append({"code": 0, "msg": "OK"})
            rows.append(row)
        return Answer({"list": rows}, {"list": said})

    return handle


def cancel_all(call: Call) -> Answer:
    """Linear needs symbol, baseCoin or settleCoin; at most 500."""
    fields = call.fields
    category = order_requests.tradable(fields)
    symbol, base, settle = (fields.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    if category == "linear" and not symbol and not base and not settle:
        raise ApiError(PARAMETER, "params error: symbol, baseCoin or settleCoin is missing")
    kind, stop_type = order_requests.order_filter(fields), fields.text("stopOrderType")
    if symbol:
        call.check_listed(category, symbol)
    elif base:
        symbol = f"{base}{QUOTE}"
    nothing = (symbol and f"{category}:{symbol}" not in call.listings) or (category == "linear" and not symbol and settle != QUOTE)
    gone = [] if nothing else call.exchange.cancel_all(
        call.uid, category, call.now, symbol=symbol or None, order_filter=kind, stop_order_type=stop_type
    )  # fmt: skip
    return Answer({"list": [_ids(one) for one in gone], "success": "1"})


def disconnected_cancel_all(call: Call) -> Answer:
    """Checked, then refused: only institutional accounts have it."""
    call.fields.choice("product", PRODUCTS, "OPTIONS")
    seconds = decimal(call.fields.raw("timeWindow"))
    if seconds is None or not 3 <= seconds <= 300:
        raise invalid("timeWindow")
    raise ApiError(NO_PERMISSION, "Permission denied, DCP is for institutional accounts only.")


def _ids(one: Accepted) -> dict[str, str]:
    return {"orderId": one.order_id, "orderLinkId": one.link_id}


def _word(item: Any, name: str) -> str:
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""


_NEED = "Order"
ROUTES: Routes = {
    ("POST", "/v5/order/create"): Route(handle=_single(_create), limit=10, spot_limit=20, need=_NEED),
    ("POST", "/v5/order/amend"): Route(handle=_single(_amend), limit=10, need=_NEED),
    ("POST", "/v5/order/cancel"): Route(handle=_single(_cancel), limit=10, spot_limit=20, need=_NEED),
    ("POST", "/v5/order/cancel-all"): Route(handle=cancel_all, limit=10, spot_limit=20, need=_NEED),
    ("POST", "/v5/order/create-batch"): Route(handle=_batch(_create, timed=True), limit=10, spot_limit=20, need=_NEED, batch=True),
    ("POST", "/v5/order/amend-batch"): Route(handle=_batch(_amend), limit=10, spot_limit=20, need=_NEED, batch=True),
    ("POST", "/v5/order/cancel-batch"): Route(handle=_batch(_cancel), limit=10, spot_limit=20, need=_NEED, batch=True),
    ("POST", "/v5/order/disconnected-cancel-all"): Route(handle=disconnected_cancel_all, limit=5, need=_NEED),
}
