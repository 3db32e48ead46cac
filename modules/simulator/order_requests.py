"""Bodies of order/create, order/amend, order/cancel and position/trading-stop as typed requests (bybit_v5 §4, §7).

Only the shape is judged here (10001); whether the venue takes the order is the exchange's business. What a category ignores is dropped
before it is looked at: clients send strays.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.filters import Category
from modules.simulator.order_types import (
    AmendRequest,
    OrderFilter,
    OrderRequest,
    OrderType,
    Side,
    StopRequest,
    TimeInForce,
    TpslMode,
    TriggerBy,
)  # fmt: skip
from modules.simulator.request_fields import Fields, invalid

SIDES: tuple[Side, ...] = ("Buy", "Sell")
TYPES: tuple[OrderType, ...] = ("Market", "Limit")
FORCES: tuple[TimeInForce, ...] = ("GTC", "IOC", "FOK", "PostOnly")
TRIGGERS: tuple[TriggerBy, ...] = ("LastPrice", "MarkPrice", "IndexPrice")
FILTERS: tuple[OrderFilter, ...] = ("Order", "tpslOrder", "StopOrder", "OcoOrder", "BidirectionalTpslOrder")
MODES: tuple[TpslMode, ...] = ("Full", "Partial")
UNITS: tuple[Literal["", "baseCoin", "quoteCoin"], ...] = ("baseCoin", "quoteCoin")
SELF_MATCH: tuple[Literal["None", "CancelMaker", "CancelTaker", "CancelBoth"], ...] = ("None", "CancelMaker", "CancelTaker", "CancelBoth")
SLIPPAGE = {"TickSize": (Decimal(1), Decimal(10_000)), "Percent": (Decimal("0.01"), Decimal(10))}
NOT_SUPPORTED = ApiError(PARAMETER, "Not supported symbols")


class CancelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of order/cancel."""

    category: Category
    symbol: str
    order_id: str = ""
    link_id: str = ""
    order_filter: OrderFilter | Literal[""] = ""


def tradable(fields: Fields) -> Category:
    """The category of a request that changes something: there is nothing to trade in the others."""
    category = fields.category()
    if category == "spot":
        return "spot"
    if category == "linear":
        return "linear"
    raise NOT_SUPPORTED


def order_filter(fields: Fields) -> OrderFilter | Literal[""]:
    """The kind of order, "" when not sent."""
    if not fields.has("orderFilter"):
        return ""
    text = fields.text("orderFilter")
    for one in FILTERS:
        if one == text:
            return one
    raise ApiError(170130, "Data sent for parameter 'orderFilter' is not valid.")


def create(fields: Fields) -> OrderRequest:
    """Body of order/create; ApiError 10001 for a field that is missing or of no sense."""
    category = tradable(fields)
    spot = category == "spot"
    kind = fields.choice("orderType", TYPES)
    market = kind == "Market"
    slippage_type, slippage = _slippage(fields) if market else ("", None)
    return OrderRequest(
        category=category,
        symbol=fields.needed("symbol"),
        side=fields.choice("side", SIDES),
        order_type=kind,
        qty=fields.needed_number("qty"),
        price=None if market else fields.number("price"),
        market_unit=fields.choice("marketUnit", UNITS, "") if spot and market else "",
        time_in_force=fields.choice("timeInForce", FORCES, "GTC"),
        link_id=fields.text("orderLinkId"),
        position_idx=None if spot else fields.integer("positionIdx", (0, 1, 2)),
        reduce_only=False if spot else fields.flag("reduceOnly"),
        close_on_trigger=False if spot else fields.flag("closeOnTrigger"),
        trigger_price=_positive(fields, "triggerPrice"),
        trigger_direction=None if spot else fields.integer("triggerDirection", (1, 2)),
        trigger_by="LastPrice" if spot else fields.choice("triggerBy", TRIGGERS, "LastPrice"),
        order_filter=(order_filter(fields) or "Order") if spot else "Order",
        take_profit=_positive(fields, "takeProfit"),
        stop_loss=_positive(fields, "stopLoss"),
        tp_order_type=fields.choice("tpOrderType", TYPES, "Market"),
        sl_order_type=fields.choice("slOrderType", TYPES, "Market"),
        tp_limit_price=_positive(fields, "tpLimitPrice"),
        sl_limit_price=_positive(fields, "slLimitPrice"),
        tpsl_mode="" if spot else fields.choice("tpslMode", MODES, ""),
        tp_trigger_by="LastPrice" if spot else fields.choice("tpTriggerBy", TRIGGERS, "LastPrice"),
        sl_trigger_by="LastPrice" if spot else fields.choice("slTriggerBy", TRIGGERS, "LastPrice"),
        slippage_type=slippage_type,
        slippage=slippage,
        smp_type=fields.choice("smpType", SELF_MATCH, "None"),
    )


def amend(fields: Fields) -> AmendRequest:
    """Body of order/amend: "0" of a take profit or stop loss removes it."""
    category = tradable(fields)
    spot = category == "spot"
    order_id, link_id = ids(fields)
    return AmendRequest(
        category=category,
        symbol=fields.needed("symbol"),
        order_id=order_id,
        link_id=link_id,
        qty=fields.number("qty"),
        price=fields.number("price"),
        trigger_price=fields.number("triggerPrice"),
        trigger_by=None if spot else _trigger(fields, "triggerBy"),
        take_profit=fields.number("takeProfit"),
        stop_loss=fields.number("stopLoss"),
        tp_trigger_by=None if spot else _trigger(fields, "tpTriggerBy"),
        sl_trigger_by=None if spot else _trigger(fields, "slTriggerBy"),
        tp_limit_price=fields.number("tpLimitPrice"),
        sl_limit_price=fields.number("slLimitPrice"),
    )


def cancel(fields: Fields) -> CancelRequest:
    """Body of order/cancel."""
    category = tradable(fields)
    order_id, link_id = ids(fields)
    return CancelRequest(
        category=category,
        symbol=fields.needed("symbol"),
        order_id=order_id,
        link_id=link_id,
        order_filter=order_filter(fields) if category == "spot" else "",
    )


def trading_stop(fields: Fields) -> StopRequest:
    """Body of position/trading-stop (linear); `positionIdx` and `tpslMode` may be missing, as ccxt leaves them out."""
    if tradable(fields) != "linear":
        raise ApiError(PARAMETER, "params error: Category is invalid")
    return StopRequest(
        symbol=fields.needed("symbol"),
        position_idx=fields.integer("positionIdx", (0, 1, 2)) or 0,
        tpsl_mode="Partial" if fields.choice("tpslMode", MODES, "Full") == "Partial" else "Full",
        take_profit=fields.number("takeProfit"),
        stop_loss=fields.number("stopLoss"),
        trailing_stop=fields.number("trailingStop"),
        active_price=_positive(fields, "activePrice"),
        tp_size=_positive(fields, "tpSize"),
        sl_size=_positive(fields, "slSize"),
        tp_order_type=fields.choice("tpOrderType", TYPES, "Market"),
        sl_order_type=fields.choice("slOrderType", TYPES, "Market"),
        tp_limit_price=_positive(fields, "tpLimitPrice"),
        sl_limit_price=_positive(fields, "slLimitPrice"),
        tp_trigger_by=fields.choice("tpTriggerBy", TRIGGERS, "LastPrice"),
        sl_trigger_by=fields.choice("slTriggerBy", TRIGGERS, "LastPrice"),
    )


def ids(fields: Fields) -> tuple[str, str]:
    """The order's id and link id, one of which must be there; the id wins."""
    order_id, link_id = fields.text("orderId"), fields.text("orderLinkId")
    if not order_id and not link_id:
        raise ApiError(PARAMETER, "params error: orderId or orderLinkId is missing")
    return order_id, link_id


def _positive(fields: Fields, name: str) -> Decimal | None:
    """A number where 0 means the same as nothing."""
    return fields.number(name) or None


def _trigger(fields: Fields, name: str) -> TriggerBy | None:
    return fields.choice(name, TRIGGERS) if fields.has(name) else None


def _slippage(fields: Fields) -> tuple[Literal["", "TickSize", "Percent"], Decimal | None]:
    kind = fields.text("slippageToleranceType")
    if kind in {"", "UNKNOWN"}:
        return "", None
    if kind not in SLIPPAGE:
        raise invalid("slippageToleranceType")
    least, most = SLIPPAGE[kind]
    value = fields.needed_number("slippageTolerance")
    if not least <= value <= most or (kind == "TickSize" and value != value.to_integral_value()):
        raise invalid("slippageTolerance")
    return ("TickSize" if kind == "TickSize" else "Percent"), value
