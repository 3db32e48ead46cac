"""What a fill does to an account: coins or position, fee, ledger rows, execution, and the order's own sums.

Spot: a buy pays quote and receives base less the fee in base; a sell the other way round with the fee in quote (a negative maker rate turns
the fee coin round). Linear: an opposite fill closes first and realises (exit − average) × quantity; the rest opens. The fee comes from the
wallet at the fill.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from modules.simulator.account import QUOTE, Account, ClosedPnl, Position, cash
from modules.simulator.desk import Desk
from modules.simulator.order_types import ZERO, Execution, Now, Order, PrivateEvent
from modules.simulator.rows_private import execution as execution_row

Kind = Literal["Trade", "BustTrade", "AdlTrade"]
LEDGER_KIND: dict[Kind, str] = {"Trade": "TRADE", "BustTrade": "LIQUIDATION", "AdlTrade": "ADL"}


def trade(desk: Desk, order: Order, qty: Decimal, price: Decimal, now: Now, *, maker: bool, kind: Kind = "Trade") -> Decimal:
    """Book a fill and tell of it; returns how much of it opened a position (linear; 0 on spot)."""
    account = desk.accounts[order.uid]
    rate = ZERO if kind == "AdlTrade" else desk.fees.rate(order.category, maker=maker)
    order.filled += qty
    order.filled_value += qty * price
    if order.category == "spot":
        _spot(desk, account, order, qty, price, rate, now, maker=maker)
        opened = ZERO
    else:
        opened = _linear(desk, account, order, qty, price, rate, now, maker=maker, kind=kind)
    done = not order.by_quote and order.filled == order.qty
    desk.move(order, "Filled" if done else "PartiallyFilled", now)
    return opened


def _execution(
    desk: Desk, order: Order, qty: Decimal, price: Decimal, fee: Decimal, coin: str, rate: Decimal, now: Now, *,
    maker: bool, kind: Kind = "Trade", closed: Decimal = ZERO, pnl: Decimal = ZERO,
) -> Execution:  # fmt: skip
    number = desk.ids.next()
    point = desk.point(order.category, order.symbol)
    rest = order.qty - order.filled if not order.by_quote else ZERO
    found = Execution(
        uid=order.uid, seq=number, exec_id=desk.ids.digits(number) if order.category == "spot" else desk.ids.uuid("exec", number),
        exec_type=kind, category=order.category, symbol=order.symbol, order_id=order.order_id, link_id=order.link_id, side=order.side,
        order_type=order.order_type, stop_order_type=order.stop_order_type, create_type=order.create_type,
        order_price=order.price if order.category == "linear" or order.order_type == "Limit" else ZERO,
        order_qty=ZERO if order.by_quote else order.qty, leaves=rest, price=price, qty=qty, value=qty * price, fee=fee, fee_coin=coin,
        fee_rate=rate, is_maker=maker, ts=now.ts, mark=point.mark, index=point.index, position_idx=order.position_idx,
        closed_size=closed, pnl=pnl, market_unit=order.market_unit,
    )  # fmt: skip
    order.fees[coin] = order.fees.get(coin, ZERO) + fee
    desk.accounts[order.uid].ran(found)
    desk.emit(order.uid, PrivateEvent("execution", order.category, now.ts, execution_row(found, stream=True)))
    return found


def _spot(desk: Desk, account: Account, order: Order, qty: Decimal, price: Decimal, rate: Decimal, now: Now, *, maker: bool) -> None:
    base, buy = desk.base_of[order.symbol], order.side == "Buy"
    in_base = buy == (rate >= 0)  # a rebate is paid in the other coin
    fee = cash((qty if in_base else qty * price) * rate)
    found = _execution(desk, order, qty, price, fee, base if in_base else QUOTE, rate, now, maker=maker)
    sign = 1 if buy else -1
    in_coin, in_quote = (fee, ZERO) if in_base else (ZERO, fee)
    desk.book_cash(account, now, "TRADE", base, flow=sign * qty, fee=in_coin, execution=found)
    desk.book_cash(account, now, "TRADE", QUOTE, flow=-sign * qty * price, fee=in_quote, execution=found)
    account.bought[order.symbol] = max(ZERO, account.bought.get(order.symbol, ZERO) + sign * qty - in_coin)


def _linear(
    desk: Desk, account: Account, order: Order, qty: Decimal, price: Decimal, rate: Decimal, now: Now, *, maker: bool, kind: Kind
) -> Decimal:
    position = account.position(order.symbol, order.position_idx)
    closing = min(qty, position.size) if order.side != position.side else ZERO
    opened = qty - closing
    fee = cash(qty * price * rate)
    close_fee = cash(fee * closing / qty)
    profit = ZERO
    if closing:
        share = closing / position.size
        entry = position.cost if closing == position.size else cash(position.cost * share)
        open_fee = position.open_fee if closing == position.size else cash(position.open_fee * share)
        profit = (closing * price - entry) * position.sign
        position.margin -= position.margin if closing == position.size else cash(position.margin * share)
        position.cost -= entry
        position.open_fee -= open_fee
        position.size -= closing
        net = cash(profit) - open_fee - close_fee
        order.closed_pnl += net
        account.closed_one(
            ClosedPnl(
                seq=desk.ids.next(), symbol=order.symbol, order_id=order.order_id, side=order.side, qty=order.qty, order_price=order.price,
                order_type=order.order_type, exec_type=kind, closed_size=closing, entry_value=entry, exit_value=closing * price, pnl=net,
                leverage=account.lever(order.symbol), open_fee=open_fee, close_fee=close_fee, ts=now.ts,
            )
        )  # fmt: skip
    change = cash(profit) - fee
    account.realised[QUOTE] = account.realised.get(QUOTE, ZERO) + change
    position.realised += cash(profit) - close_fee
    position.realised_ever += cash(profit) - close_fee
    if opened:
        _open(account, position, order, opened, price, fee - close_fee, now)
    number = desk.ids.next()
    position.updated, position.seq = now.ts, number
    found = _execution(desk, order, qty, price, fee, QUOTE, rate, now, maker=maker, kind=kind, closed=closing, pnl=cash(profit))
    desk.book_cash(
        account, now, LEDGER_KIND[kind], QUOTE, flow=profit, fee=fee, execution=found, size=position.sign * position.size
    )  # fmt: skip
    desk.touch_position(account.uid, position.symbol, position.idx)
    return opened


def _open(account: Account, position: Position, order: Order, qty: Decimal, price: Decimal, fee: Decimal, now: Now) -> None:
    if not position.size:
        position.side = order.side
        position.opened = now.ts
        position.created = position.created or now.ts
        position.realised = ZERO
        position.status = "Normal"
    position.size += qty
    position.cost += qty * price
    position.open_fee += fee
    position.realised -= fee
    position.realised_ever -= fee
    if account.isolated:
        position.margin += cash(qty * price / account.lever(order.symbol))
