"""position/trading-stop: what a request may change about a position's target, stop and trailing stop, and what it is refused for."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator import order_checks, tpsl
from modules.simulator.account import Account, Position
from modules.simulator.desk import Desk
from modules.simulator.order_types import Now, Refused, StopRequest

NOT_MODIFIED = Refused(34040, "not modified")
MOST_PAIRS = 20


def apply(desk: Desk, account: Account, request: StopRequest, now: Now) -> Refused | None:
    """Check, then change; None = done."""
    position = account.positions.get(f"{request.symbol}:{request.position_idx}")
    if position is None or not position.size:
        return Refused(order_checks.PARAMETER, "can not set tp/sl/ts for zero position")
    tick = desk.listings[f"linear:{request.symbol}"].instrument.tick
    given = (
        request.take_profit,
        request.stop_loss,
        request.trailing_stop,
        request.active_price,
        request.tp_limit_price,
        request.sl_limit_price,
    )
    if any(value is not None and (value < 0 or not order_checks.on_grid(value, tick)) for value in given):
        return Refused(order_checks.PARAMETER, "params error: price invalid")
    point = desk.point("linear", request.symbol)
    for target, stop, by in ((request.take_profit, None, request.tp_trigger_by), (None, request.stop_loss, request.sl_trigger_by)):
        if no := order_checks.sides(position.side, point.source(by), target, stop, order_checks.PARAMETER):
            return no
    if request.tpsl_mode == "Partial" and (request.take_profit or request.stop_loss):
        return _partial(desk, account, position, request, now)
    return _full(desk, account, position, request, now)


def _full(desk: Desk, account: Account, position: Position, request: StopRequest, now: Now) -> Refused | None:
    if "Limit" in {request.tp_order_type, request.sl_order_type}:
        return Refused(order_checks.PARAMETER, "params error: tpslMode Full supports market orders only")
    changed = False
    for kind, price, by in (
        ("TakeProfit", request.take_profit, request.tp_trigger_by),
        ("StopLoss", request.stop_loss, request.sl_trigger_by),
    ):
        if price is not None:
            changed |= tpsl.set_full(desk, account, position, kind, price, by, now)
    if request.trailing_stop is not None:
        changed |= _trailing(desk, account, position, request.trailing_stop, request.active_price, now)
    if not changed:
        return NOT_MODIFIED
    desk.touch_position(account.uid, position.symbol, position.idx)
    return None


def _trailing(desk: Desk, account: Account, position: Position, distance: Decimal, active: Decimal | None, now: Now) -> bool:
    known = tpsl.leg(account, position, "TrailingStop")
    if known is not None:
        if known.trail == distance and (not active or active == known.active):
            return False
        desk.end(known, now, cancel="CancelByUser", reason="EC_PerCancelRequest")
    elif not distance:
        return False
    if distance:
        price = desk.point("linear", position.symbol).price
        made = tpsl.add(desk, account, position, "TrailingStop", position.size, price - position.sign * distance, now)
        made.trail = distance
        made.active = active or None
    tpsl.mirror(account, position)
    return True


def _partial(desk: Desk, account: Account, position: Position, request: StopRequest, now: Now) -> Refused | None:
    sizes = [one for one in (request.tp_size, request.sl_size) if one]
    step = desk.listings[f"linear:{request.symbol}"].instrument.step
    if not sizes or len(set(sizes)) > 1 or not order_checks.on_grid(sizes[0], step) or sizes[0] > position.size:
        return Refused(order_checks.PARAMETER, "params error: tpSize/slSize invalid")
    legs = (
        ("PartialTakeProfit", request.take_profit, request.tp_trigger_by, request.tp_order_type, request.tp_limit_price),
        ("PartialStopLoss", request.stop_loss, request.sl_trigger_by, request.sl_order_type, request.sl_limit_price),
    )
    if any(price and kind == "Limit" and not limit for _, price, _, kind, limit in legs):
        return Refused(order_checks.PARAMETER, "params error: a limit TP/SL needs its limit price")
    standing = [one for one in tpsl.children(account, position) if one.stop_order_type not in tpsl.FULL]
    if len(standing) >= 2 * MOST_PAIRS:
        return Refused(110061, "The number of TP/SL orders exceeds the limit.")
    tpsl.add_pair(desk, account, position, sizes[0], legs, now)
    desk.touch_position(account.uid, position.symbol, position.idx)
    return None
