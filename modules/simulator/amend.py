"""order/amend: an open order changes in place, keeps its queue place only when nothing but its size shrinks, and may trade at once."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from modules.simulator import flow, order_checks, statuses, tpsl
from modules.simulator.desk import Desk
from modules.simulator.order_types import AmendRequest, Now, Order, Refused

SAME = Refused(order_checks.PARAMETER, "The order remains unchanged as the parameters entered match the existing ones.")
DECIMALS = {"spot": (170134, 170137), "linear": (order_checks.PARAMETER, order_checks.PARAMETER)}


def apply(desk: Desk, order: Order, request: AmendRequest, now: Now) -> Refused | None:
    """Check, change, and let the order meet the market again where it must; None = done."""
    if no := _refused(desk, order, request):
        return no
    before = msgspec.structs.replace(order)
    _change(desk, order, request)
    if order == before:
        return SAME
    if (
        order.qty > before.qty
        or order.price != before.price
        or order.trigger_price != before.trigger_price
        or _legs(order) != _legs(before)
    ) and (no := flow.lacking(desk, order)):
        for field in before.__struct_fields__:
            setattr(order, field, getattr(before, field))
        return no
    order.updated = now.ts
    if order.status == "Untriggered":
        if order.stop_order_type in tpsl.CHILDREN:
            account = desk.accounts[order.uid]
            tpsl.mirror(account, account.position(order.symbol, order.position_idx))
        desk.tell(order, now)
    elif order.price != before.price or order.qty > before.qty:
        order.seq = desk.ids.next()
        desk.book(order).resting.pop(order.order_id, None)
        desk.tell(order, now)
        flow.activate(desk, order, now)
    else:
        desk.tell(order, now)
    desk.touch_wallet(order.uid)
    return None


def _legs(order: Order) -> tuple[Decimal | None, ...]:
    return order.take_profit, order.stop_loss, order.tp_limit_price, order.sl_limit_price


def _refused(desk: Desk, order: Order, request: AmendRequest) -> Refused | None:
    listing = desk.listings[f"{order.category}:{order.symbol}"]
    one = listing.instrument
    spot = order.category == "spot"
    closes = order.side == "Sell" if spot else order.reduce_only
    if no := statuses.refusal(order.category, listing.status, closes=closes):
        return no
    bad_price, bad_qty = DECIMALS[order.category]
    prices = (request.price, request.trigger_price, request.take_profit, request.stop_loss, request.tp_limit_price, request.sl_limit_price)
    if any(value is not None and (value < 0 or not order_checks.on_grid(value, one.tick)) for value in prices):
        return Refused(bad_price, "Order price decimal too long." if spot else "params error: price invalid")
    if request.qty is not None:
        if order.by_quote or order.stop_order_type in tpsl.FULL:
            return Refused(order_checks.PARAMETER, "params error: the size of this order cannot be changed")
        if not order_checks.on_grid(request.qty, one.step):
            return Refused(bad_qty, "Order volume decimal too long." if spot else "params error: qty invalid")
        if request.qty <= order.filled:
            return Refused(170313 if spot else 110064, "The order quantity must be greater than the executed quantity.")
    point = desk.point(order.category, order.symbol)
    if request.price is not None:
        if order.order_type != "Limit" or not request.price:
            return Refused(bad_price, "params error: price invalid")
        if no := order_checks.band(listing, request.trigger_price or order.trigger_price or point.price, order.side, request.price):
            return no
    qty, price = request.qty or order.qty, request.price or order.price
    if not order.reduce_only and order.order_type == "Limit" and qty * price < one.min_notional:
        return Refused(170140 if spot else 110094, "Order does not meet minimum order value")
    if request.trigger_price is not None:
        if order.status != "Untriggered" or not request.trigger_price or order.stop_order_type == "BidirectionalTpslOrder":
            return Refused(order_checks.PARAMETER, "params error: triggerPrice cannot be changed")
        current = point.source(request.trigger_by or order.trigger_by)
        if not spot and order.trigger_direction == 1 and request.trigger_price <= current:
            return Refused(110092, "expect Rising, but trigger_price <= current")
        if not spot and order.trigger_direction == 2 and request.trigger_price >= current:
            return Refused(110093, "expect Falling, but trigger_price >= current")
    return _legs_refused(order, request, price or point.price, point.price)


def _legs_refused(order: Order, request: AmendRequest, base: Decimal, last: Decimal) -> Refused | None:
    code = 170130 if order.category == "spot" else order_checks.PARAMETER
    if request.take_profit is None and request.stop_loss is None:
        return None
    if order.stop_order_type == "BidirectionalTpslOrder":
        if request.take_profit == 0 or request.stop_loss == 0:
            return Refused(code, "A bidirectional order keeps both legs; cancel it instead.")
        entry = "Buy" if order.side == "Sell" else "Sell"
        return order_checks.sides("Buy" if entry == "Buy" else "Sell", last, request.take_profit, request.stop_loss, code)
    if order.reduce_only or order.stop_order_type in {"tpslOrder", *tpsl.CHILDREN}:
        return Refused(code, "params error: this order cannot carry TP/SL")
    return order_checks.sides(order.side, base, request.take_profit, request.stop_loss, code)


def _change(desk: Desk, order: Order, request: AmendRequest) -> None:
    for name in ("qty", "price", "trigger_price", "trigger_by", "tp_trigger_by", "sl_trigger_by", "tp_limit_price", "sl_limit_price"):
        value = getattr(request, name)
        if value is not None:
            setattr(order, name, value)
    for name in ("take_profit", "stop_loss"):
        value = getattr(request, name)
        if value is not None:
            setattr(order, name, value or None)
    if order.category == "spot" and request.trigger_price is not None:
        order.trigger_direction = 1 if request.trigger_price > desk.point("spot", order.symbol).price else 2
    if order.reduce_only and order.status != "Untriggered":
        position = desk.accounts[order.uid].position(order.symbol, order.position_idx)
        order.qty = min(order.qty, order.filled + position.size)
