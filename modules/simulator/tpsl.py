"""Targets and stops: linear children that live and die with the position, spot exit orders that follow a filled entry.

Linear `Full`: one target and one stop per position, market, sized like the position; a new pair changes the old one. `Partial`: pairs of
fixed size; when one leg fires the other goes. All children end when the position is flat. Spot: when an entry with attached legs is done,
one exit order for what it really brought (less the fee in base) holds the coin once; with both legs it is bidirectional.
"""

from __future__ import annotations

from decimal import Decimal

from modules.simulator.account import Account, Position
from modules.simulator.desk import Desk
from modules.simulator.matching import down, other
from modules.simulator.order_types import ZERO, Now, Order, OrderType, TriggerBy

CREATE_TYPES = {
    "TakeProfit": "CreateByTakeProfit",
    "StopLoss": "CreateByStopLoss",
    "PartialTakeProfit": "CreateByPartialTakeProfit",
    "PartialStopLoss": "CreateByPartialStopLoss",
    "TrailingStop": "CreateByTrailingStop",
}
CHILDREN = frozenset(CREATE_TYPES)
FULL = frozenset({"TakeProfit", "StopLoss", "TrailingStop"})
TARGETS = frozenset({"TakeProfit", "PartialTakeProfit"})
Leg = tuple[str, Decimal | None, TriggerBy, OrderType, Decimal | None]
"""(kind, trigger price, what triggers it, order type, limit price)."""


def children(account: Account, position: Position) -> list[Order]:
    """The untriggered TP/SL orders of a position."""
    return [
        one
        for one in account.open_orders("linear", position.symbol)
        if one.position_idx == position.idx and one.status == "Untriggered" and one.stop_order_type in CHILDREN
    ]


def leg(account: Account, position: Position, kind: str) -> Order | None:
    """The Full child of a kind, if there is one."""
    return next((one for one in children(account, position) if one.stop_order_type == kind), None)


def add(
    desk: Desk, account: Account, position: Position, kind: str, qty: Decimal, trigger: Decimal, now: Now, *, by: TriggerBy = "LastPrice",
    order_type: OrderType = "Market", limit: Decimal | None = None, parent: str = "",
) -> Order:  # fmt: skip
    """Make a child; it waits for its trigger."""
    number = desk.ids.next()
    rising = (kind in TARGETS) == (position.side == "Buy")
    child = Order(
        uid=account.uid, seq=number, order_id=desk.new_id("linear", number), link_id="", category="linear", symbol=position.symbol,
        side=other(position.side), order_type=order_type, qty=qty, price=limit if order_type == "Limit" and limit else ZERO,
        time_in_force="GTC" if order_type == "Limit" else "IOC", created=now.ts, updated=now.ts, position_idx=position.idx,
        reduce_only=True, close_on_trigger=True, stop_order_type=kind, create_type=CREATE_TYPES[kind], trigger_price=trigger,
        trigger_direction=1 if rising else 2, trigger_by=by, tpsl_mode="Full" if kind in FULL else "Partial", parent_id=parent,
        last_price=desk.point("linear", position.symbol).price,
    )  # fmt: skip
    desk.enter(child, "Untriggered", now)
    return child


def set_full(
    desk: Desk, account: Account, position: Position, kind: str, price: Decimal, by: TriggerBy, now: Now, parent: str = ""
) -> bool:
    """Set, move or (0) remove the Full target or stop; whether anything changed."""
    known = leg(account, position, kind)
    if not price:
        if known is None:
            return False
        desk.end(known, now, cancel="CancelByUser", reason="EC_PerCancelRequest")
    elif known is None:
        add(desk, account, position, kind, position.size, price, now, by=by, parent=parent)
    elif (known.trigger_price, known.trigger_by) == (price, by):
        return False
    else:
        known.trigger_price, known.trigger_by, known.updated = price, by, now.ts
        desk.tell(known, now)
    mirror(account, position)
    return True


def mirror(account: Account, position: Position) -> None:
    """The position row shows its Full legs."""
    found = {one.stop_order_type: one for one in children(account, position)}
    target, stop, trail = (found.get(kind) for kind in ("TakeProfit", "StopLoss", "TrailingStop"))
    position.take_profit = target.trigger_price or ZERO if target else ZERO
    position.stop_loss = stop.trigger_price or ZERO if stop else ZERO
    position.trailing_stop = trail.trail or ZERO if trail else ZERO


def add_pair(
    desk: Desk, account: Account, position: Position, qty: Decimal, legs: tuple[Leg, ...],
    now: Now, parent: str = "",
) -> None:  # fmt: skip
    """One or two Partial children of a fixed size that know of each other."""
    made = [
        add(desk, account, position, kind, qty, price, now, by=by, order_type=order_type, limit=limit, parent=parent)
        for kind, price, by, order_type, limit in legs
        if price
    ]
    if len(made) == 2:
        made[0].pair_id, made[1].pair_id = made[1].order_id, made[0].order_id


def attach(desk: Desk, order: Order, opened: Decimal, now: Now) -> None:
    """An entry with TP or SL has opened something: its legs come into being, or grow with further fills."""
    if not opened or not (order.take_profit or order.stop_loss):
        return
    account = desk.accounts[order.uid]
    position = account.position(order.symbol, order.position_idx)
    if order.tpsl_mode != "Partial":
        for kind, price, by in (("TakeProfit", order.take_profit, order.tp_trigger_by), ("StopLoss", order.stop_loss, order.sl_trigger_by)):
            if price:
                set_full(desk, account, position, kind, price, by, now, order.order_id)
        return
    mine = [one for one in children(account, position) if one.parent_id == order.order_id]
    for child in mine:
        child.qty += opened
        child.updated = now.ts
        desk.tell(child, now)
    if not mine:
        legs = (
            ("PartialTakeProfit", order.take_profit, order.tp_trigger_by, order.tp_order_type, order.tp_limit_price),
            ("PartialStopLoss", order.stop_loss, order.sl_trigger_by, order.sl_order_type, order.sl_limit_price),
        )
        add_pair(desk, account, position, opened, legs, now, order.order_id)


def follow(desk: Desk, account: Account, position: Position, now: Now) -> None:
    """After a change of size: Full children take it over, all children of the side that is gone end."""
    for child in children(account, position):
        if not position.size or child.side == position.side:
            desk.end(child, now, cancel="CancelByTpSlTsClear")
        elif child.stop_order_type in FULL and child.qty != position.size:
            child.qty, child.updated = position.size, now.ts
            desk.tell(child, now)
    mirror(account, position)


def part_from_pair(desk: Desk, order: Order, now: Now) -> None:
    """A leg of a pair fires or is cancelled: the other one goes (when it fires) or stands alone (when it is cancelled)."""
    pair = desk.accounts[order.uid].orders.get(order.pair_id)
    if pair is None or pair.status != "Untriggered":
        return
    pair.pair_id = ""
    if order.status == "Triggered":
        target = order.stop_order_type in TARGETS
        desk.end(pair, now, cancel="CancelByOCOSlCanceledByTpTriggered" if target else "CancelByOCOTpCanceledBySlTriggered")


def trail(order: Order, price: Decimal) -> bool:
    """Move a trailing stop after a price; whether it moved. It sleeps until `active` is reached."""
    if order.trail is None:
        return False
    sell = order.side == "Sell"
    if order.active is not None:
        if price < order.active if sell else price > order.active:
            return False
        order.active = None
        order.trigger_price = None
    wanted = price - order.trail if sell else price + order.trail
    if order.trigger_price is not None and (wanted <= order.trigger_price if sell else wanted >= order.trigger_price):
        return False
    order.trigger_price = wanted
    return True


def spot_exit(desk: Desk, parent: Order, now: Now) -> None:
    """The exit order of a finished spot entry; too little for a step gives none."""
    if parent.category != "spot" or parent.stop_order_type or parent.filled <= 0 or not (parent.take_profit or parent.stop_loss):
        return
    listing = desk.listings[f"spot:{parent.symbol}"].instrument
    fee = parent.fees.get(desk.base_of[parent.symbol], ZERO) if parent.side == "Buy" else ZERO
    qty = down(parent.filled - fee, listing.step)
    if qty <= 0:
        return
    number = desk.ids.next()
    both = bool(parent.take_profit) and bool(parent.stop_loss)
    target = bool(parent.take_profit)
    kind = parent.tp_order_type if target else parent.sl_order_type
    limit = parent.tp_limit_price if target else parent.sl_limit_price
    rising = target == (parent.side == "Buy")
    order_id = desk.new_id("spot", number)
    child = Order(
        uid=parent.uid, seq=number, order_id=order_id, link_id=order_id[::-1], category="spot", symbol=parent.symbol,
        side=other(parent.side),
        order_type="Market" if both else kind, qty=qty, price=limit if not both and kind == "Limit" and limit else ZERO,
        time_in_force="GTC", created=now.ts, updated=now.ts, market_unit="baseCoin",
        order_filter="BidirectionalTpslOrder" if both else "tpslOrder",
        stop_order_type="BidirectionalTpslOrder" if both else "tpslOrder",
        trigger_price=None if both else parent.take_profit or parent.stop_loss,
        trigger_direction=0 if both else (1 if rising else 2), parent_id=parent.order_id,
        take_profit=parent.take_profit if both else None, stop_loss=parent.stop_loss if both else None,
        tp_order_type=parent.tp_order_type, sl_order_type=parent.sl_order_type, tp_limit_price=parent.tp_limit_price,
        sl_limit_price=parent.sl_limit_price, last_price=desk.point("spot", parent.symbol).price,
    )  # fmt: skip
    account = desk.accounts[parent.uid]
    if parent.side == "Sell":  # buying back may cost more than there is: then there is no exit
        prices = (child.price, parent.take_profit, parent.stop_loss, parent.tp_limit_price, parent.sl_limit_price)
        if qty * max(one for one in prices if one) > desk.figures(account).spendable:
            desk.enter(child, "Untriggered", now)
            desk.end(child, now, reason="EC_CancelForNoFullFill")
            return
    desk.enter(child, "Untriggered", now)
