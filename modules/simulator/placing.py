"""order/create: from a request to an order in the books, or the venue's refusal."""

from __future__ import annotations

from modules.simulator import flow, order_checks, statuses
from modules.simulator.account import Account
from modules.simulator.desk import Desk
from modules.simulator.order_checks import Checked
from modules.simulator.order_types import ZERO, Accepted, Now, Order, OrderRequest, Refused

DUPLICATE = {"spot": Refused(170141, "Duplicate clientOrderId."), "linear": Refused(110072, "OrderLinkedID is duplicate")}


def place(desk: Desk, account: Account, request: OrderRequest, now: Now) -> Accepted | Refused:
    """Check everything, then take the order in and let it meet the market."""
    listing = desk.listings.get(f"{request.category}:{request.symbol}")
    if listing is None:
        return (
            Refused(170121, "Invalid symbol.") if request.category == "spot" else Refused(order_checks.PARAMETER, "Not supported symbols")
        )
    point = desk.books[listing.key].point
    if point is None:
        return statuses.NOT_OPEN[request.category]
    if no := statuses.refusal(request.category, listing.status, closes=_closes(account, request)):
        return no
    if request.link_id:
        if not order_checks.LINK_ID.fullmatch(request.link_id):
            return Refused(170130 if request.category == "spot" else order_checks.PARAMETER, "params error: orderLinkId invalid")
        if request.link_id in account.links:
            return DUPLICATE[request.category]
    checked = order_checks.spot(listing, point, request) if request.category == "spot" else order_checks.linear(listing, point, request)
    if isinstance(checked, Refused):
        return checked
    order = _order(desk, account, request, checked, now)
    if request.category == "linear" and (no := _position_rules(account, request, order, checked)):
        return no
    if no := _too_many(account, order, checked):
        return no
    order.status = "Untriggered" if checked.conditional else ""
    no = flow.lacking(desk, order)
    order.status = ""
    if no:
        return no
    if checked.conditional:
        if order.order_type == "Market":
            order.price = ZERO  # the protective price is made when it triggers
        desk.enter(order, "Untriggered", now)
    else:
        desk.enter(order, "New", now)
        flow.activate(desk, order, now)
    return Accepted(order.order_id, order.link_id)


def cancellable(order: Order, order_filter: str, stop_order_type: str) -> bool:
    """Whether cancel-all with this filter means the order."""
    if order.category == "spot":
        return order.order_filter == (order_filter or "Order")
    if stop_order_type and order.stop_order_type != stop_order_type:
        return False
    waiting = order.status == "Untriggered"
    attached = waiting and order.stop_order_type != "Stop"
    wanted = {"": True, "Order": not waiting, "StopOrder": waiting, "tpslOrder": attached}
    return wanted.get(order_filter, False)


def _order(desk: Desk, account: Account, request: OrderRequest, checked: Checked, now: Now) -> Order:
    number = desk.ids.next()
    order_id = desk.new_id(request.category, number)
    spot, market = request.category == "spot", request.order_type == "Market"
    if spot:
        kind = request.order_filter if request.order_filter == "tpslOrder" else ("Stop" if checked.conditional else "")
    else:
        kind = "Stop" if checked.conditional else ""
    unit = ("quoteCoin" if checked.by_quote else "baseCoin") if spot and market else ""
    return Order(
        uid=account.uid, seq=number, order_id=order_id, link_id=request.link_id or (order_id[::-1] if spot else ""),
        category=request.category, symbol=request.symbol, side=request.side, order_type=request.order_type, qty=request.qty,
        price=checked.price, time_in_force="IOC" if market else request.time_in_force, created=now.ts, updated=now.ts, market_unit=unit,
        position_idx=0 if spot else request.position_idx or 0, reduce_only=not spot and request.reduce_only,
        close_on_trigger=not spot and request.close_on_trigger, order_filter=request.order_filter if spot else "Order",
        stop_order_type=kind, create_type="CreateByUser" if not checked.conditional else "CreateByStopOrder",
        trigger_price=request.trigger_price if checked.conditional else None, trigger_direction=checked.direction,
        trigger_by=request.trigger_by if not spot else "LastPrice", take_profit=request.take_profit or None,
        stop_loss=request.stop_loss or None, tp_order_type=request.tp_order_type, sl_order_type=request.sl_order_type,
        tp_limit_price=request.tp_limit_price or None, sl_limit_price=request.sl_limit_price or None,
        tpsl_mode="" if spot or not (request.take_profit or request.stop_loss) else request.tpsl_mode or "Full",
        tp_trigger_by=request.tp_trigger_by, sl_trigger_by=request.sl_trigger_by, slippage_type=request.slippage_type,
        slippage=request.slippage, smp_type=request.smp_type, last_price=desk.point(request.category, request.symbol).price,
    )  # fmt: skip


def _closes(account: Account, request: OrderRequest) -> bool:
    """Whether the order can only make smaller what is held."""
    if request.category == "spot":
        return request.side == "Sell"
    return request.reduce_only or (account.hedge.get(request.symbol, False) and (request.side == "Buy") != (request.position_idx == 1))


def _position_rules(account: Account, request: OrderRequest, order: Order, checked: Checked) -> Refused | None:
    hedge, idx = account.hedge.get(request.symbol, False), order.position_idx
    if (idx not in {1, 2}) if hedge else idx != 0:
        return Refused(order_checks.PARAMETER, "position idx not match position mode")
    if hedge and (request.side == "Buy") != (idx == 1):
        order.reduce_only = True  # in hedge mode the other side of an index only closes
        if order.take_profit or order.stop_loss:
            return Refused(order_checks.PARAMETER, "params error: TP/SL is not supported in reduce-only orders")
    if not order.reduce_only:
        return None
    position = account.positions.get(f"{request.symbol}:{idx}")
    if position is None or not position.size or position.side == order.side:
        if checked.conditional:
            return None  # looked at again when it triggers
        return Refused(110017, "current position is zero, cannot fix reduce-only order qty")
    if not checked.conditional:
        order.qty = min(order.qty, position.size) if order.qty else position.size
    return None


def _too_many(account: Account, order: Order, checked: Checked) -> Refused | None:
    spot = order.category == "spot"
    standing = [one for one in account.open_orders(order.category) if spot or one.symbol == order.symbol]
    if checked.conditional:
        alike = [
            one
            for one in standing
            if one.status == "Untriggered" and one.symbol == order.symbol and one.stop_order_type == order.stop_order_type
        ]
        if len(alike) >= order_checks.CONDITIONAL_LIMITS[order.category]:
            return Refused(170810, "Too many TP/SL orders.") if spot else Refused(110009, "The number of stop orders exceeds the limit.")
    elif len([one for one in standing if spot or one.resting]) >= order_checks.OPEN_LIMITS[order.category]:
        return Refused(170810, "Too many open orders.") if spot else Refused(110020, "Not allowed to have more than 500 active orders")
    return None
