"""The end of positions that the venue closes itself: maintenance margin, takeover at the bankruptcy price, ADL, and the insurance fund.

Cross: when what is left over spot locks falls to the maintenance margin, orders that bind margin are cancelled; when the whole margin
balance falls to it, every position is taken over at its bankruptcy price, the largest loss first. Isolated: each by its own margin.
A takeover is a fill with exec type BustTrade at the taker fee, so that nothing of that margin is left. A wallet that a gap has pushed
below zero is filled up by the insurance fund (a LIQUIDATION row without an order). ADL closes at mark without a fee.
"""

from __future__ import annotations

from decimal import Decimal

from modules.simulator import flow, margin
from modules.simulator.account import QUOTE, Account, Position
from modules.simulator.desk import Desk
from modules.simulator.fills import Kind
from modules.simulator.matching import other
from modules.simulator.order_types import ZERO, Now, Order, PrivateEvent


def check(desk: Desk, account: Account, now: Now, *, only_bankrupt: bool = False) -> None:
    """Liquidate what has to be; `only_bankrupt`: only where nothing at all is left (a gap beyond every stop)."""
    if account.held():
        if account.isolated:
            _isolated(desk, account, now, only_bankrupt=only_bankrupt)
        else:
            _cross(desk, account, now, only_bankrupt=only_bankrupt)
    if only_bankrupt:
        return
    if account.balance(QUOTE) < 0 and (account.isolated or not account.held()):
        desk.book_cash(account, now, "LIQUIDATION", QUOTE, flow=-account.balance(QUOTE))  # the insurance fund pays the rest
    short = account.locked(QUOTE, desk.base_of) - account.balance(QUOTE)
    if short > 0:
        for order in [one for one in account.open_orders("spot") if one.side == "Buy"][::-1]:
            if account.locked(QUOTE, desk.base_of) <= account.balance(QUOTE):
                break
            flow.end(desk, order, now, cancel="CancelByAdmin")


def _cross(desk: Desk, account: Account, now: Now, *, only_bankrupt: bool) -> None:
    if only_bankrupt:
        balance = account.balance(QUOTE) + sum((one.profit_at(desk.mark(one.symbol)) for one in account.held()), ZERO)
        if balance > 0:
            return  # cheap: this is asked at every point
    sums = desk.figures(account)
    needed = ZERO if only_bankrupt else sums.position_mm
    if not only_bankrupt and sums.margin_balance - sums.locked <= needed and (sums.locked or sums.order_im):
        for order in list(account.open_orders()):
            if (order.category == "spot" and order.side == "Buy") or (
                order.resting and order.category == "linear" and not order.reduce_only
            ):
                flow.end(desk, order, now, cancel="CancelAllBeforeLiq")
    if sums.margin_balance > needed:
        return
    for position in sorted(account.held(), key=lambda one: one.profit_at(desk.mark(one.symbol))):
        balance = desk.figures(account).margin_balance
        take_over(desk, account, position, balance, now)


def _isolated(desk: Desk, account: Account, now: Now, *, only_bankrupt: bool) -> None:
    for position in account.held():
        mark = desk.mark(position.symbol)
        balance = position.margin + position.profit_at(mark)
        needed = ZERO if only_bankrupt else margin.maintenance(desk.tiers[position.symbol], position.size * mark)
        if balance <= needed:
            take_over(desk, account, position, balance, now)


def own_balance(desk: Desk, account: Account, position: Position) -> Decimal:
    """What stands behind a position now: its margin and profit, or in cross the account's margin balance."""
    if account.isolated:
        return position.margin + position.profit_at(desk.mark(position.symbol))
    return desk.figures(account).margin_balance


def take_over(desk: Desk, account: Account, position: Position, balance: Decimal, now: Now) -> None:
    """Cancel the position's orders and close it at the price where `balance` is used up."""
    position.status = "Liq"
    desk.emit(account.uid, PrivateEvent("position", "linear", now.ts, desk.position_row(account, position, stream=True)))
    for order in list(account.open_orders("linear", position.symbol)):
        if order.position_idx == position.idx:
            flow.end(desk, order, now, cancel="CancelByPrepareLiq")
    tick = desk.listings[f"linear:{position.symbol}"].instrument.tick
    price = margin.bankruptcy(position, desk.mark(position.symbol), balance, desk.fees.linear_taker, tick)
    desk.liquidated.append((now.ts, position.symbol, position.side, position.size, price))
    close(desk, account, position, position.size, price, "BustTrade", "CreateByTakeOver_PassThrough", now)
    position.status = "Normal"


def close(desk: Desk, account: Account, position: Position, qty: Decimal, price: Decimal, kind: Kind, create_type: str, now: Now) -> None:
    """The venue's own closing order, filled at once at a given price."""
    number = desk.ids.next()
    order = Order(
        uid=account.uid, seq=number, order_id=desk.new_id("linear", number), link_id="", category="linear", symbol=position.symbol,
        side=other(position.side), order_type="Market", qty=qty, price=price, time_in_force="IOC", created=now.ts, updated=now.ts,
        position_idx=position.idx, reduce_only=True, create_type=create_type,
        last_price=desk.point("linear", position.symbol).price,
    )  # fmt: skip
    desk.enter(order, "New", now)
    flow.fill(desk, order, qty, price, now, maker=False, kind=kind)
