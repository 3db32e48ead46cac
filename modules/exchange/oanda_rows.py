"""OANDA v20 rows of an account (the snapshot, orders, trades, transactions) into reports. Pure.

Extra keys are allowed; a missing field, an unknown state or text that is no number is a `FrameError` that names it: in what the venue says
of our money nothing has a default. A transaction or an order of a type that nobody here knows is kept as what can be said of any: it is
never booked, and stops nobody. Money is in the account's currency ("home").
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from forex import oanda_parse as parse
from modules.exchange.reports import (
    ZERO,
    CashReport,
    ExecutionKind,
    ExecutionReport,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from utils.frames import FrameError

ORDER_KINDS = {
    "MARKET": OrderKind.PLAIN,
    "LIMIT": OrderKind.PLAIN,
    "FIXED_PRICE": OrderKind.PLAIN,
    "STOP": OrderKind.CONDITIONAL,
    "MARKET_IF_TOUCHED": OrderKind.CONDITIONAL,
    "TAKE_PROFIT": OrderKind.TAKE_PROFIT,
    "STOP_LOSS": OrderKind.STOP_LOSS,
    "GUARANTEED_STOP_LOSS": OrderKind.STOP_LOSS,
    "TRAILING_STOP_LOSS": OrderKind.TRAILING,
}
"""Any other type counts as CONDITIONAL: something foreign that waits."""
LEGS = frozenset({OrderKind.TAKE_PROFIT, OrderKind.STOP_LOSS, OrderKind.TRAILING})
STATES = {
    "PENDING": OrderStatus.OPEN,
    "TRIGGERED": OrderStatus.TRIGGERED,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
}
ENDING = "_ORDER"
MADE = frozenset(f"{name}{ENDING}" for name in ORDER_KINDS)
"""Types of transactions that make an order."""
FILL, CANCEL, FINANCING = "ORDER_FILL", "ORDER_CANCEL", "DAILY_FINANCING"
MOVES = frozenset({"TRANSFER_FUNDS", "DIVIDEND_ADJUSTMENT"})
"""Types that move cash without an order."""
KNOWN = MADE | MOVES | {FILL, CANCEL, FINANCING}
CLOSEOUT = "MARKET_ORDER_MARGIN_CLOSEOUT"


class Ext(msgspec.Struct, frozen=True):
    """What a client may write on an order or trade."""

    id: str = ""
    tag: str = ""


class Leg(msgspec.Struct, frozen=True):
    """A protective order to be made on fill."""

    price: Decimal | None = None


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """What a fill did to one trade; `units` signed as the fill."""

    trade_id: str = msgspec.field(name="tradeID")
    units: Decimal
    price: Decimal | None = None
    realized_pl: Decimal = msgspec.field(name="realizedPL", default=ZERO)
    financing: Decimal = ZERO


class Financed(msgspec.Struct, frozen=True):
    """Financing of one position over a day: positive = received."""

    instrument: str
    financing: Decimal


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order of the snapshot or a look-up."""

    id: str
    type: str
    state: str
    create_time: str
    instrument: str = ""
    units: Decimal | None = None
    price: Decimal | None = None
    trailing_stop_value: Decimal | None = None
    trade_id: str = msgspec.field(name="tradeID", default="")
    ext: Ext = msgspec.field(name="clientExtensions", default=Ext())
    stop_loss_on_fill: Leg | None = None
    take_profit_on_fill: Leg | None = None
    position_fill: str = ""
    filling: str = msgspec.field(name="fillingTransactionID", default="")
    cancelling: str = msgspec.field(name="cancellingTransactionID", default="")
    filled_time: str = ""
    cancelled_time: str = ""


class Trade(msgspec.Struct, frozen=True, rename="camel"):
    """An open trade; `units` signed."""

    id: str
    instrument: str
    price: Decimal
    units: Decimal = msgspec.field(name="currentUnits")
    ext: Ext = msgspec.field(name="clientExtensions", default=Ext())


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """The account's figures, and what it is."""

    id: str
    currency: str
    balance: Decimal
    margin_available: Decimal
    hedging: bool = msgspec.field(name="hedgingEnabled")
    guaranteed: str = msgspec.field(name="guaranteedStopLossOrderMode", default="DISABLED")


class Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    """The whole account at one moment."""

    orders: list[Order]
    trades: list[Trade]
    last_id: str = msgspec.field(name="lastTransactionID")


class Transaction(msgspec.Struct, frozen=True, rename="camel"):
    """One transaction; of a type that is not KNOWN only the first three fields."""

    id: str
    time: str
    type: str
    instrument: str = ""
    units: Decimal | None = None
    price: Decimal | None = None
    trailing_stop_value: Decimal | None = None
    reason: str = ""
    pl: Decimal = ZERO
    financing: Decimal = ZERO
    commission: Decimal = ZERO
    guaranteed_fee: Decimal = msgspec.field(name="guaranteedExecutionFee", default=ZERO)
    amount: Decimal = ZERO
    order_id: str = msgspec.field(name="orderID", default="")
    client_order_id: str = msgspec.field(name="clientOrderID", default="")
    trade_id: str = msgspec.field(name="tradeID", default="")
    replaces: str = msgspec.field(name="replacesOrderID", default="")
    replaced_by: str = msgspec.field(name="replacedByOrderID", default="")
    position_fill: str = ""
    ext: Ext = msgspec.field(name="clientExtensions", default=Ext())
    stop_loss_on_fill: Leg | None = None
    take_profit_on_fill: Leg | None = None
    trade_opened: Part | None = None
    trade_reduced: Part | None = None
    trades_closed: list[Part] = []
    position_financings: list[Financed] = []
    dividend_adjustment: Decimal = ZERO

    @property
    def number(self) -> int:
        """Its id as a number: they grow by one."""
        return int(self.id)

    @property
    def parts(self) -> list[Part]:
        """What a fill did, closings first."""
        return [*self.trades_closed, *(part for part in (self.trade_reduced, self.trade_opened) if part is not None)]


class _Head(msgspec.Struct):
    id: str
    time: str
    type: str


def transaction(raw: bytes) -> Transaction:
    """One transaction as it stands in a list, an answer or the stream."""
    where = "transaction"
    head = parse.decode(raw, _Head, where)
    parse.integer(head.id, where, "id")
    if head.type not in KNOWN:
        return Transaction(head.id, head.time, head.type)
    found = parse.decode(raw, Transaction, f"{where} {head.type}")
    finite(where, found.pl, found.financing, found.commission, found.guaranteed_fee, found.amount, found.units, found.price)
    for part in found.parts:
        finite(where, part.units, part.price, part.realized_pl, part.financing)
    finite(where, *(one.financing for one in found.position_financings))
    return found


def finite(where: str, *amounts: Decimal | None) -> None:
    """FrameError when one of them is no finite number."""
    for amount in amounts:
        if amount is not None and not amount.is_finite():
            raise FrameError(where, "amount", f"{amount} is not a number")


def side_of(units: Decimal) -> int:
    """+1, -1, or 0."""
    return (units > 0) - (units < 0)


def order(row: Order, trades: Mapping[str, Trade], *, key: str = "", filled: Decimal | None = None, reason: str = "") -> OrderReport:
    """An order of the account. A leg has no size of its own: its trade's, when that is among `trades`; else `key` says of what it was."""
    where = "order"
    kind = ORDER_KINDS.get(row.type, OrderKind.CONDITIONAL)
    if row.state not in STATES:
        raise FrameError(where, "state", f"{row.state!r} is not known")
    status = STATES[row.state]
    if status is OrderStatus.OPEN and kind is not OrderKind.PLAIN:
        status = OrderStatus.WAITING
    trade = trades.get(row.trade_id)
    units = row.units if row.units is not None else -trade.units if trade is not None else ZERO
    level = row.trailing_stop_value if kind is OrderKind.TRAILING else row.price
    finite(where, units, level)
    name = row.instrument or (trade.instrument if trade is not None else "")
    if filled is None:
        filled = abs(units) if status is OrderStatus.FILLED else ZERO
    made = parse.time_ms(row.create_time, where)
    ended = row.filled_time or row.cancelled_time
    return OrderReport(
        key=parse.key_of(name) if name else key,
        venue_id=row.id,
        link_id=row.ext.id,
        side=side_of(units),
        kind=kind,
        status=status,
        qty=abs(units),
        filled=filled,
        price=row.price or ZERO if kind is OrderKind.PLAIN else ZERO,
        trigger=level or ZERO if kind is not OrderKind.PLAIN else ZERO,
        stop=_level(row.stop_loss_on_fill),
        target=_level(row.take_profit_on_fill),
        reduce_only=kind in LEGS or row.position_fill == "REDUCE_ONLY",
        reason=reason,
        created_ts=made,
        ts=parse.time_ms(ended, where) if ended else made,
    )


def orders(snapshot: Snapshot) -> list[OrderReport]:
    """Every open order."""
    trades = {one.id: one for one in snapshot.trades}
    return [order(row, trades) for row in snapshot.orders]


def positions(snapshot: Snapshot) -> list[PositionReport]:
    """One row an instrument, of all trades in it; its stop counts only when every trade has one, and is the farthest."""
    legs: dict[tuple[str, OrderKind], Decimal] = {}
    for row in snapshot.orders:
        kind = ORDER_KINDS.get(row.type, OrderKind.CONDITIONAL)
        level = row.trailing_stop_value if kind is OrderKind.TRAILING else row.price
        if kind in LEGS and level is not None:
            legs[row.trade_id, OrderKind.TAKE_PROFIT if kind is OrderKind.TAKE_PROFIT else OrderKind.STOP_LOSS] = level
    by_name: dict[str, list[Trade]] = {}
    for trade in snapshot.trades:
        finite("trade", trade.units, trade.price)
        by_name.setdefault(trade.instrument, []).append(trade)
    return [_position(name, trades, legs) for name, trades in by_name.items()]


def _position(name: str, trades: list[Trade], legs: Mapping[tuple[str, OrderKind], Decimal]) -> PositionReport:
    units = sum((one.units for one in trades), ZERO)
    size = sum((abs(one.units) for one in trades), ZERO)
    side = side_of(units)
    far = min if side > 0 else max
    stops = [legs.get((one.id, OrderKind.STOP_LOSS), ZERO) for one in trades]
    targets = [legs.get((one.id, OrderKind.TAKE_PROFIT), ZERO) for one in trades]
    return PositionReport(
        key=parse.key_of(name),
        side=side,
        size=abs(units),
        entry=sum((abs(one.units) * one.price for one in trades), ZERO) / size,
        stop=far(stops) if all(stops) else ZERO,
        target=far(targets) if all(targets) else ZERO,
        hedged=len({side_of(one.units) for one in trades}) > 1,
    )


def wallet(summary: Summary, ts: int) -> WalletReport:
    """`cash` is the balance (what is open apart), `free` the margin that is left."""
    finite("summary", summary.balance, summary.margin_available)
    return WalletReport(cash=summary.balance, free=max(ZERO, summary.margin_available), ts=ts)


def executions(one: Transaction, home: str) -> list[ExecutionReport]:
    """What a transaction executed or settled: financing first, then each trade that it closed, reduced or opened."""
    if one.type == FINANCING:
        return [_settled(one, row.instrument, row.financing, home) for row in one.position_financings if row.financing]
    if one.type != FILL:
        return []
    parts = one.parts
    if not parts or not one.instrument:
        raise FrameError("transaction ORDER_FILL", "tradeOpened", "a fill that says nothing of a trade")
    told = [_settled(one, one.instrument, one.financing, home)] if one.financing else []
    opened = one.trade_opened
    for number, part in enumerate(parts):
        price = part.price if part.price is not None else one.price
        if price is None:
            raise FrameError("transaction ORDER_FILL", "price", "is missing")
        fee = ZERO if number else one.commission + one.guaranteed_fee
        told.append(
            ExecutionReport(
                key=parse.key_of(one.instrument),
                exec_id=one.id if len(parts) == 1 else f"{one.id}.{number}",
                kind=ExecutionKind.LIQUIDATION if one.reason == CLOSEOUT else ExecutionKind.TRADE,
                order_kind=ORDER_KINDS.get(one.reason.removesuffix(ENDING), OrderKind.PLAIN),
                venue_id=one.order_id,
                link_id=one.client_order_id,
                side=side_of(part.units),
                price=price,
                qty=abs(part.units),
                fee=fee,
                fee_coin=home,
                pl=None if part is opened else part.realized_pl,
                ts=parse.time_ms(one.time, "transaction"),
            )
        )
    return told


def _settled(one: Transaction, name: str, amount: Decimal, home: str) -> ExecutionReport:
    return ExecutionReport(
        key=parse.key_of(name),
        exec_id=f"{one.id}.{name}",
        kind=ExecutionKind.FUNDING,
        order_kind=OrderKind.PLAIN,
        venue_id="",
        link_id="",
        side=0,
        price=ZERO,
        qty=ZERO,
        fee=-amount,
        fee_coin=home,
        ts=parse.time_ms(one.time, "transaction"),
    )


def movement(one: Transaction, home: str) -> CashReport | None:
    """Cash that a transaction moved without an execution, None for any other."""
    amount = one.amount if one.type == "TRANSFER_FUNDS" else one.dividend_adjustment
    if one.type not in MOVES or not amount:
        return None
    kind = one.type.lower() if one.type != "TRANSFER_FUNDS" else "transfer_in" if amount > 0 else "transfer_out"
    return CashReport(ref=one.id, kind=kind, coin=home, amount=amount, ts=parse.time_ms(one.time, "transaction"))


def made(one: Transaction, trades: Mapping[str, Trade]) -> OrderReport:
    """The order that a transaction made."""
    row = Order(
        id=one.id,
        type=one.type.removesuffix(ENDING),
        state="PENDING",
        create_time=one.time,
        instrument=one.instrument,
        units=one.units,
        price=one.price,
        trailing_stop_value=one.trailing_stop_value,
        trade_id=one.trade_id,
        ext=one.ext,
        stop_loss_on_fill=one.stop_loss_on_fill,
        take_profit_on_fill=one.take_profit_on_fill,
        position_fill=one.position_fill,
    )
    return order(row, trades)


def _level(leg: Leg | None) -> Decimal:
    return ZERO if leg is None or leg.price is None else leg.price
