"""What the client library holds of orders, fills and positions, as reports. Pure.

The library's objects are read by their attributes and never kept. Rows of other instruments than the options listed here are not this
bot's business and are left out; a row of ours that cannot be understood is a `Transient`: what the venue says of our money nothing is
guessed for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from modules.exchange.ibkr_contracts import BY_SYMBOL, CALL, PUT, CmeOption, number, premium_of
from modules.exchange.ibkr_orders import STOP, TARGET
from modules.exchange.reports import ZERO, ExecutionKind, ExecutionReport, OrderKind, OrderReport, OrderStatus, PositionReport, WalletReport
from utils.errors import Transient

STATES = {
    "PendingSubmit": OrderStatus.OPEN,
    "ApiPending": OrderStatus.OPEN,
    "PreSubmitted": OrderStatus.OPEN,
    "Submitted": OrderStatus.OPEN,
    "PendingCancel": OrderStatus.OPEN,
    "ValidationError": OrderStatus.OPEN,  # a warning of the library's; the order stands
    "ApiUpdate": OrderStatus.OPEN,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "ApiCancelled": OrderStatus.CANCELLED,
    "Inactive": OrderStatus.REJECTED,
}
"""PendingCancel still stands until it is gone. `Inactive` is how a refused order ends."""
GONE = frozenset({"Cancelled", "ApiCancelled", "Inactive"})
HUGE = 1e300
"""The library's "no value" is the largest float."""


def option_in(contract: Any) -> CmeOption | None:
    """The listed option that a contract of the library is; None for anything else."""
    product = BY_SYMBOL.get(contract.symbol)
    if product is None or contract.secType != "FOP" or str(contract.multiplier) != str(product.units):
        return None
    right = {"C": CALL, "CALL": CALL, "P": PUT, "PUT": PUT}.get(contract.right)
    if right is None:
        raise Transient(f"an option on {contract.symbol} with the right {contract.right!r}")
    try:
        expiry = date.fromisoformat(contract.lastTradeDateOrContractMonth[:8])
    except ValueError as error:
        raise Transient(f"an option on {contract.symbol} that expires {contract.lastTradeDateOrContractMonth!r}") from error
    return CmeOption(product=product, right=right, strike=number(contract.strike), expiry=expiry)


def kind_of(order: Any) -> OrderKind:
    """What an order is for: children bear it in their reference; a stop of anybody is a stop, when it sells."""
    if order.orderRef.endswith(TARGET):
        return OrderKind.TAKE_PROFIT
    if order.orderRef.endswith(STOP) or (order.orderType in {"STP", "STP LMT", "STP PRT"} and order.action == "SELL"):
        return OrderKind.STOP_LOSS
    if order.orderType in {"TRAIL", "TRAIL LIMIT"}:
        return OrderKind.TRAILING
    return OrderKind.PLAIN if order.orderType in {"LMT", "MKT"} else OrderKind.CONDITIONAL


def order(trade: Any, ts: int, legs: Mapping[str, tuple[Decimal, Decimal]], *, reason: str = "") -> OrderReport | None:
    """An order; None when it is on nothing of ours or not taken yet. `legs`: reference of an entry -> (stop, target)."""
    option = option_in(trade.contract)
    placed, state = trade.order, trade.orderStatus
    perm = placed.permId or state.permId
    if option is None or not perm:
        return None
    if state.status not in STATES:
        raise Transient(f"order {perm} is {state.status!r}, which is not known")
    units = Decimal(option.product.units)
    kind, status = kind_of(placed), STATES[state.status]
    filled = filled_of(trade)
    qty = number(placed.totalQuantity) if placed.totalQuantity else number(filled)
    if status is OrderStatus.REJECTED and filled:
        status = OrderStatus.CANCELLED
    if status is OrderStatus.OPEN:
        status = OrderStatus.PARTIAL if filled else OrderStatus.OPEN if kind is OrderKind.PLAIN else OrderStatus.WAITING
    stop, target = legs.get(placed.orderRef, (ZERO, ZERO))
    level = placed.lmtPrice if kind in {OrderKind.PLAIN, OrderKind.TAKE_PROFIT} else placed.auxPrice
    price = ZERO if level is None or abs(level) > HUGE else premium_of(option.product, level)
    return OrderReport(
        key=option.key,
        venue_id=str(perm),
        link_id=placed.orderRef,
        side=1 if placed.action == "BUY" else -1,
        kind=kind,
        status=status,
        qty=qty * units,
        filled=number(filled) * units,
        price=price if kind is OrderKind.PLAIN else ZERO,
        trigger=ZERO if kind is OrderKind.PLAIN else price,
        stop=stop,
        target=target,
        reduce_only=placed.action == "SELL",
        reason=reason or (state.status if state.status in GONE else ""),
        created_ts=0,  # the gateway does not say
        ts=ts,
    )


def filled_of(trade: Any) -> float:
    """Contracts that an order has filled: of a live one in its status, of an ended one in the order."""
    said = trade.order.filledQuantity
    return float(trade.orderStatus.filled or (said if said is not None and said < HUGE else 0.0))


def attached(trades: Iterable[Any]) -> dict[str, tuple[Decimal, Decimal]]:
    """Reference of an entry -> (stop, target) of its children among `trades`."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for trade in trades:
        option = option_in(trade.contract)
        ref = trade.order.orderRef
        if option is None or not ref.endswith((STOP, TARGET)):
            continue
        entry = ref.rpartition(":")[0]
        stop, target = found.get(entry, (ZERO, ZERO))
        if ref.endswith(STOP):
            stop = premium_of(option.product, trade.order.auxPrice)
        else:
            target = premium_of(option.product, trade.order.lmtPrice)
        found[entry] = (stop, target)
    return found


def execution(fill: Any) -> ExecutionReport | None:
    """A fill, once its commission is known; None when it is on nothing of ours. Transient while the commission is not told."""
    option = option_in(fill.contract)
    if option is None:
        return None
    done, cost = fill.execution, fill.commissionReport
    if not cost.execId:
        raise Transient(f"the commission of execution {done.execId} is not told yet")
    corrected = done.execId.rpartition(".")[2] not in {"01", "1", done.execId}
    ref = done.orderRef
    kind = OrderKind.STOP_LOSS if ref.endswith(STOP) else OrderKind.TAKE_PROFIT if ref.endswith(TARGET) else OrderKind.PLAIN
    bought = done.side.upper() in {"BOT", "BUY"}
    return ExecutionReport(
        key=option.key,
        exec_id=done.execId,
        kind=ExecutionKind.OTHER if corrected else ExecutionKind.TRADE,
        order_kind=kind,
        venue_id=str(done.permId),
        link_id=ref,
        side=1 if bought else -1,
        price=premium_of(option.product, done.price),
        qty=number(done.shares) * option.product.units,
        fee=number(cost.commission),
        fee_coin=cost.currency,
        maker=done.lastLiquidity == 1,
        said="correction of an earlier execution" if corrected else "",
        ts=ms_of(done.time),
    )


def ms_of(moment: datetime) -> int:
    """Milliseconds UTC."""
    if moment.tzinfo is None:
        raise Transient(f"the gateway tells a time without a zone: {moment}")
    return int(moment.astimezone(UTC).timestamp() * 1000)


def positions(rows: Iterable[Any], account: str, trades: Iterable[Any]) -> list[PositionReport]:
    """The account's positions in listed options, with the stop and target that stand for them.

    A stop or target counts only while what stands of it covers the whole position; of several the worst stop, the farthest target.
    """
    standing: dict[str, dict[OrderKind, list[tuple[float, Decimal]]]] = {}
    for trade in trades:
        option, kind = option_in(trade.contract), kind_of(trade.order)
        if option is None or trade.order.action != "SELL" or STATES.get(trade.orderStatus.status, OrderStatus.CANCELLED).final:
            continue
        if kind in {OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}:
            level = trade.order.auxPrice if kind is OrderKind.STOP_LOSS else trade.order.lmtPrice
            left = trade.order.totalQuantity - trade.orderStatus.filled
            standing.setdefault(option.key, {}).setdefault(kind, []).append((left, premium_of(option.product, level)))
    found = []
    for row in rows:
        option = option_in(row.contract)
        if option is None or row.account != account or not row.position:
            continue
        units = option.product.units
        mine = standing.get(option.key, {})
        found.append(
            PositionReport(
                key=option.key,
                side=1 if row.position > 0 else -1,
                size=abs(number(row.position)) * units,
                entry=number(row.avgCost) / units,
                stop=_level(mine.get(OrderKind.STOP_LOSS, []), abs(row.position), min),
                target=_level(mine.get(OrderKind.TAKE_PROFIT, []), abs(row.position), max),
            )
        )
    return found


def _level(legs: list[tuple[float, Decimal]], size: float, worst: Any) -> Decimal:
    if sum(left for left, _ in legs) < size:
        return ZERO
    found: Decimal = worst(level for _, level in legs)
    return found


def wallet(summary: Mapping[str, tuple[str, str]], ts: int) -> WalletReport:
    """Cash and what is free of it, US dollars. Transient when a figure is missing."""
    try:
        cash, free = (Decimal(summary[tag][0]) for tag in ("TotalCashValue", "AvailableFunds"))
    except (KeyError, ArithmeticError) as error:
        raise Transient(f"the account summary lacks a figure: {error}") from error
    return WalletReport(cash=cash, free=max(ZERO, free), ts=ts)


def equity_usd(summary: Mapping[str, tuple[str, str]]) -> Decimal:
    """Net liquidation value. Transient when it is missing."""
    try:
        return Decimal(summary["NetLiquidation"][0])
    except (KeyError, ArithmeticError) as error:
        raise Transient(f"the account summary lacks its value: {error}") from error
