"""The life of an order inside the exchange: funds, meeting the market, resting, triggering, and what its fills bring about."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator import fills, margin, order_checks, tpsl
from modules.simulator.account import QUOTE, Account, lock_of
from modules.simulator.desk import Desk
from modules.simulator.matching import Book, Fill, Point
from modules.simulator.order_types import ZERO, Now, Order, Refused

NO_FUNDS = {"spot": Refused(170131, "Insufficient balance."), "linear": Refused(110007, "ab not enough for new order")}


def plan(desk: Desk, order: Order) -> list[Fill]:
    """What an order would get if it went to the market now, within its price."""
    step = desk.listings[f"{order.category}:{order.symbol}"].instrument.step
    book = desk.book(order)
    if order.by_quote:
        return book.quote(order.side, order.price, amount=order.leaves, step=step)
    return book.quote(order.side, order.price, qty=order.qty - order.filled, step=step)


def lacking(desk: Desk, order: Order) -> Refused | None:
    """The venue's refusal when the account cannot carry the order; what the order itself holds already counts as free."""
    status = order.status
    need = _spot_need(desk, order) if order.category == "spot" else None
    if need is None and (order.reduce_only or status == "Untriggered"):
        return None
    order.status = ""
    try:
        account = desk.accounts[order.uid]
        if need is None:
            return _lacking_margin(desk, account, order)
        return NO_FUNDS["spot"] if need[1] > desk.spendable(account, need[0]) else None
    finally:
        order.status = status


def _spot_need(desk: Desk, order: Order) -> tuple[str, Decimal]:
    """(coin, amount) that a spot order must find."""
    base = desk.base_of[order.symbol]
    coin = QUOTE if order.side == "Buy" else base
    if order.status == "Untriggered" or order.order_type == "Limit":
        return coin, lock_of(order, base)[1]
    if order.by_quote == (order.side == "Buy"):
        return coin, order.qty - (order.filled_value if order.by_quote else order.filled)
    if order.side == "Buy":
        return coin, sum((one.qty * one.price for one in plan(desk, order)), ZERO)
    return coin, sum((one.qty for one in plan(desk, order)), ZERO)


def _lacking_margin(desk: Desk, account: Account, order: Order) -> Refused | None:
    price = order.price
    if order.order_type == "Market" and (planned := plan(desk, order)):
        price = max(one.price for one in planned)
    sums = desk.figures(account)
    opening = margin.opening(account, order.symbol, order.position_idx, order.side, [(order.qty - order.filled, price)])
    fee = sum((qty * at for qty, at in opening), ZERO) * desk.fees.linear_taker
    need = margin.order_margin(account, order, price) - sums.order_im
    if need > 0 and need + fee > sums.available:
        return NO_FUNDS["linear"]
    position = account.positions.get(f"{order.symbol}:{order.position_idx}")
    held = position.size if position is not None and position.side == order.side else ZERO
    waiting = [one for one in account.open_orders("linear", order.symbol) if one.resting and one is not order and one.side == order.side]
    value = (held + sum((qty for qty, _ in opening), ZERO)) * price
    value += sum((one.leaves * one.price for one in waiting if not one.reduce_only and one.position_idx == order.position_idx), ZERO)
    table = desk.tiers[order.symbol]
    if opening and (value > table[-1].limit or account.lever(order.symbol) > margin.tier_at(table, value).max_leverage):
        return Refused(110090, "The position would exceed the risk limit of the current leverage.")
    return None


def activate(desk: Desk, order: Order, now: Now) -> None:
    """A New order meets the market: it takes what it may, then rests or ends as its time in force says."""
    book = desk.book(order)
    market = order.order_type == "Market"
    if order.time_in_force == "PostOnly" and not market and book.crosses(order.side, order.price):
        desk.end(order, now, reason="EC_PostOnlyWillTakeLiquidity")
        return
    if not spare_itself(desk, order, now):
        return
    planned = plan(desk, order)
    if order.time_in_force == "FOK" and not market and sum((one.qty for one in planned), ZERO) < order.leaves:
        desk.end(order, now, reason="EC_NoEnoughQtyToFill")
        return
    for one in planned:
        qty = one.qty if order.by_quote else min(one.qty, order.leaves)
        if one.maker is not None:
            qty = min(qty, one.maker.leaves)
        if qty <= 0 or not order.is_open:
            continue
        book.take(order.side, Fill(one.price, qty, one.maker))
        if one.maker is not None:
            fill(desk, one.maker, qty, one.price, now, maker=True)
        if order.is_open:
            fill(desk, order, min(qty, _room(desk, order, qty)), one.price, now, maker=False)
    if not order.is_open:
        return
    if order.by_quote and planned and order.leaves < planned[-1].price * desk.listings[f"spot:{order.symbol}"].instrument.step:
        desk.move(order, "Filled", now)
    elif market or order.time_in_force in {"IOC", "FOK"}:
        end(desk, order, now, reason="EC_CancelForNoFullFill" if order.filled else "EC_NoImmediateQtyToFill")
    else:
        order.queue = book.displayed(order.side, order.price)
        book.resting[order.order_id] = order


def spare_itself(desk: Desk, order: Order, now: Now) -> bool:
    """Self-match prevention as the order asks for; whether the order goes on."""
    if order.smp_type == "None":
        return True
    mine = [one.maker for one in plan(desk, order) if one.maker is not None and one.maker.uid == order.uid]
    if not mine:
        return True
    if order.smp_type in {"CancelMaker", "CancelBoth"}:
        for maker in mine:
            maker.smp_order_id = order.order_id
            end(desk, maker, now, cancel="CancelBySmp", reason="EC_BySelfMatch")
    if order.smp_type in {"CancelTaker", "CancelBoth"}:
        order.smp_order_id = mine[0].order_id
        desk.end(order, now, cancel="CancelBySmp", reason="EC_BySelfMatch")
    return order.is_open


def _room(desk: Desk, order: Order, qty: Decimal) -> Decimal:
    """How much an order may still fill: a reduce-only one not more than the position."""
    room = qty if order.by_quote else order.leaves
    if order.reduce_only:
        position = desk.accounts[order.uid].position(order.symbol, order.position_idx)
        room = min(room, position.size if position.side != order.side else ZERO)
    return room


def fill(desk: Desk, order: Order, qty: Decimal, price: Decimal, now: Now, *, maker: bool, kind: fills.Kind = "Trade") -> None:
    """Book a fill and everything that follows from it: children, reduce-only orders that are too large now, a spot exit."""
    if qty <= 0:
        return
    opened = fills.trade(desk, order, qty, price, now, maker=maker, kind=kind)
    if order.category == "linear":
        account = desk.accounts[order.uid]
        position = account.position(order.symbol, order.position_idx)
        tpsl.follow(desk, account, position, now)
        tpsl.attach(desk, order, opened, now)
        trim(desk, account, order.symbol, order.position_idx, now)
    elif order.status == "Filled":
        tpsl.spot_exit(desk, order, now)


def trim(desk: Desk, account: Account, symbol: str, idx: int, now: Now) -> None:
    """Rested reduce-only orders never exceed the position: they are cut, or end with it."""
    position = account.position(symbol, idx)
    for order in list(account.open_orders("linear", symbol)):
        if not order.resting or not order.reduce_only or order.position_idx != idx:
            continue
        if not position.size or order.side == position.side:
            end(desk, order, now, cancel="CancelByReduceOnly")
        elif order.leaves > position.size:
            order.qty = order.filled + position.size
            order.updated = now.ts
            desk.tell(order, now)


def end(desk: Desk, order: Order, now: Now, *, cancel: str = "UNKNOWN", reason: str = "EC_NoError") -> None:
    """Close an order before it is full; a leg of a pair leaves the other alone, a part-filled spot entry still gets its exit."""
    if order.pair_id:
        tpsl.part_from_pair(desk, order, now)
    desk.end(order, now, cancel=cancel, reason=reason)
    if order.category == "spot" and order.order_filter == "Order":
        tpsl.spot_exit(desk, order, now)
    elif order.stop_order_type in tpsl.FULL:
        account = desk.accounts[order.uid]
        tpsl.mirror(account, account.position(order.symbol, order.position_idx))


def due(order: Order, point: Point) -> bool:
    """Whether a conditional order's trigger has come."""
    price = point.source(order.trigger_by)
    if order.stop_order_type == "BidirectionalTpslOrder":
        return _leg_due(order, price) != ""
    if order.trigger_price is None or order.active is not None:
        return False
    return price >= order.trigger_price if order.trigger_direction == 1 else price <= order.trigger_price


def _leg_due(order: Order, price: Decimal) -> str:
    target, stop = order.take_profit, order.stop_loss
    sell = order.side == "Sell"
    if stop and (price <= stop if sell else price >= stop):
        return "stop"
    if target and (price >= target if sell else price <= target):
        return "target"
    return ""


def trigger(desk: Desk, order: Order, now: Now) -> None:
    """A conditional order becomes a live one; it ends here when there is nothing to reduce or nothing to pay with."""
    book, account = desk.book(order), desk.accounts[order.uid]
    point = desk.point(order.category, order.symbol)
    book.conditional.pop(order.order_id, None)
    if order.category == "spot":
        if order.stop_order_type == "BidirectionalTpslOrder":
            stop = _leg_due(order, point.price) == "stop"
            order.order_type = order.sl_order_type if stop else order.tp_order_type
            limit = order.sl_limit_price if stop else order.tp_limit_price
            order.price = limit if order.order_type == "Limit" and limit else ZERO
            order.trigger_price = order.stop_loss if stop else order.take_profit
        order.order_filter = "Order"
    desk.move(order, "Triggered", now)
    tpsl.part_from_pair(desk, order, now)
    if order.order_type == "Market":
        listing = desk.listings[f"{order.category}:{order.symbol}"]
        order.price = order_checks.protective(listing, point, order.side, order.slippage_type, order.slippage)
    if order.reduce_only:
        position = account.position(order.symbol, order.position_idx)
        if not position.size or position.side == order.side:
            desk.end(order, now, cancel="CancelByReduceOnly")
            return
        order.qty = min(order.qty, position.size) if order.qty else position.size
    order.seq = desk.ids.next()
    if lacking(desk, order):
        desk.end(order, now, reason="EC_CancelForNoFullFill")
        return
    desk.move(order, "New", now)
    activate(desk, order, now)


def market_moved(desk: Desk, book: Book, now: Now) -> None:
    """A new point in one book: rested fills first, then trailing stops, then triggers, oldest order first."""
    for order, qty in book.rested_fills():
        if order.is_open:
            fill(desk, order, min(qty, _room(desk, order, qty)), order.price, now, maker=True)
    point = book.point
    if point is None or not book.conditional:
        return
    for order in list(book.conditional.values()):
        if order.trail is not None and tpsl.trail(order, point.source(order.trigger_by)):
            order.updated = now.ts
    waiting = sorted((one for one in book.conditional.values() if due(one, point)), key=lambda one: one.seq)
    for order in waiting:
        if order.status == "Untriggered":
            trigger(desk, order, now)
