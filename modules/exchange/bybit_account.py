"""Bybit v5 rows of an account (orders, executions, positions, wallets), as REST and the private stream write them, into reports. Pure.

Extra keys are allowed; a missing field, an unknown status, kind or side, or text that is no number is a `FrameError` that names it: in
what the venue says of our money nothing has a default. An empty string means "not applicable" there; it becomes 0 only where the
report's 0 means "none".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from modules.exchange.reports import (
    ZERO,
    ExecutionKind,
    ExecutionReport,
    KeyRights,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from state.accounts import Domain
from utils.frames import FrameError, field_of

CATEGORY = {Domain.CRYPTO: "spot", Domain.PERPS: "linear"}
FOREIGN = frozenset({"spot", "linear", "inverse", "option"})
"""Every category that a stream of the whole account may speak of."""
QUOTE = "USDT"

SIDES = {"Buy": 1, "Sell": -1}
EMPTY_SIDES = frozenset({"", "None"})
STATUSES = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIAL,
    "Untriggered": OrderStatus.WAITING,
    "Triggered": OrderStatus.TRIGGERED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Deactivated": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
}
ORDER_KINDS = {
    "": OrderKind.PLAIN,
    "UNKNOWN": OrderKind.PLAIN,
    "Stop": OrderKind.CONDITIONAL,
    "MmRateClose": OrderKind.CONDITIONAL,
    "StopLoss": OrderKind.STOP_LOSS,
    "PartialStopLoss": OrderKind.STOP_LOSS,
    "TakeProfit": OrderKind.TAKE_PROFIT,
    "PartialTakeProfit": OrderKind.TAKE_PROFIT,
    "TrailingStop": OrderKind.TRAILING,
    "tpslOrder": OrderKind.SPOT_EXIT,
    "OcoOrder": OrderKind.SPOT_BRACKET,
    "BidirectionalTpslOrder": OrderKind.SPOT_BRACKET,
}
EXECUTION_KINDS = {
    "Trade": ExecutionKind.TRADE,
    "Funding": ExecutionKind.FUNDING,
    "BustTrade": ExecutionKind.LIQUIDATION,
    "AdlTrade": ExecutionKind.ADL,
}
"""Any other kind is OTHER: whoever trades by hand may cause it, and one row that nobody here can book must not hide all the others."""
NO_REASON = frozenset({"", "UNKNOWN", "EC_NoError"})

T = TypeVar("T")


class _Order(msgspec.Struct, rename="camel"):
    symbol: str
    order_id: str
    order_link_id: str
    side: str
    order_status: str
    stop_order_type: str
    cancel_type: str
    reject_reason: str
    qty: str
    cum_exec_qty: str
    price: str
    trigger_price: str
    stop_loss: str
    take_profit: str
    reduce_only: bool
    created_time: str
    updated_time: str


class _Execution(msgspec.Struct, rename="camel"):
    symbol: str
    order_id: str
    order_link_id: str
    side: str
    exec_id: str
    exec_type: str
    stop_order_type: str
    exec_price: str
    exec_qty: str
    exec_fee: str
    exec_time: str
    is_maker: bool
    fee_currency: str = ""
    """Needed where there is a fee, see `execution`."""


class _Position(msgspec.Struct, rename="camel"):
    symbol: str
    side: str
    size: str
    position_idx: int
    leverage: str
    stop_loss: str
    take_profit: str
    updated_time: str
    avg_price: str | None = None
    """REST says this,"""
    entry_price: str | None = None
    """the stream says this."""


class _Coin(msgspec.Struct, rename="camel"):
    coin: str
    wallet_balance: str
    locked: str
    order_margin: str = msgspec.field(name="totalOrderIM")
    position_margin: str = msgspec.field(name="totalPositionIM")


class _Wallet(msgspec.Struct):
    coin: list[_Coin]


class _Key(msgspec.Struct):
    user: int = msgspec.field(name="userID")
    read_only: int = msgspec.field(name="readOnly")
    permissions: dict[str, list[str]]
    ips: list[str] = []


class _Rate(msgspec.Struct, rename="camel"):
    symbol: str
    taker_fee_rate: str
    maker_fee_rate: str


class _Rates(msgspec.Struct):
    rates: list[_Rate] = msgspec.field(name="list")


class _Info(msgspec.Struct, rename="camel"):
    unified_margin_status: int
    margin_mode: str


def order(row: Any, domain: Domain) -> OrderReport:
    """A row of order/realtime, order/history or the topic `order`."""
    where = "order"
    one = shaped(row, _Order, where)
    said = [text for text in (one.cancel_type, one.reject_reason) if text not in NO_REASON]
    return OrderReport(
        key=f"{domain}:{one.symbol}",
        venue_id=one.order_id,
        link_id=one.order_link_id,
        side=_named(one.side, SIDES, where, "side"),
        kind=_named(one.stop_order_type, ORDER_KINDS, where, "stopOrderType"),
        status=_named(one.order_status, STATUSES, where, "orderStatus"),
        qty=number(one.qty, where, "qty"),
        filled=number(one.cum_exec_qty, where, "cumExecQty"),
        price=_or_none(one.price, where, "price"),
        trigger=_or_none(one.trigger_price, where, "triggerPrice"),
        stop=_or_none(one.stop_loss, where, "stopLoss"),
        target=_or_none(one.take_profit, where, "takeProfit"),
        reduce_only=one.reduce_only,
        reason=" ".join(said),
        created_ts=_time(one.created_time, where, "createdTime"),
        ts=_time(one.updated_time, where, "updatedTime"),
    )


def execution(row: Any, domain: Domain, quote: str = QUOTE) -> ExecutionReport:
    """A row of execution/list or the topic `execution`. Perpetuals pay in `quote` when the row names no coin."""
    where = "execution"
    one = shaped(row, _Execution, where)
    kind = EXECUTION_KINDS.get(_present(one.exec_type, where, "execType"), ExecutionKind.OTHER)
    if kind is ExecutionKind.OTHER:
        return _other(one, f"{domain}:{one.symbol}")
    fee = number(one.exec_fee, where, "execFee")
    coin = one.fee_currency or (quote if domain is Domain.PERPS or not fee else "")
    if not coin:
        raise FrameError(where, "feeCurrency", "a fee without its coin")
    return ExecutionReport(
        key=f"{domain}:{one.symbol}",
        exec_id=_present(one.exec_id, where, "execId"),
        kind=kind,
        order_kind=_named(one.stop_order_type, ORDER_KINDS, where, "stopOrderType"),
        venue_id=one.order_id,
        link_id=one.order_link_id,
        side=_named(one.side, SIDES, where, "side"),
        price=number(one.exec_price, where, "execPrice"),
        qty=number(one.exec_qty, where, "execQty"),
        fee=fee,
        fee_coin=coin,
        maker=one.is_maker,
        ts=_time(one.exec_time, where, "execTime"),
    )


def _other(one: _Execution, key: str) -> ExecutionReport:
    """A row of a kind that is told in words and never booked: what it leaves empty counts as none."""
    where = "execution"
    return ExecutionReport(
        key=key,
        exec_id=_present(one.exec_id, where, "execId"),
        kind=ExecutionKind.OTHER,
        order_kind=OrderKind.PLAIN,
        venue_id=one.order_id,
        link_id=one.order_link_id,
        side=SIDES.get(one.side, 0),
        price=_or_none(one.exec_price, where, "execPrice"),
        qty=_or_none(one.exec_qty, where, "execQty"),
        fee=_or_none(one.exec_fee, where, "execFee"),
        fee_coin=one.fee_currency,
        said=one.exec_type,
        ts=_time(one.exec_time, where, "execTime"),
    )


def position(row: Any, domain: Domain = Domain.PERPS) -> PositionReport:
    """A row of position/list or the topic `position`."""
    where = "position"
    one = shaped(row, _Position, where)
    size = number(one.size, where, "size")
    entry = one.avg_price if one.avg_price is not None else one.entry_price
    if entry is None:
        raise FrameError(where, "avgPrice", "neither avgPrice nor entryPrice")
    side = 0 if one.side in EMPTY_SIDES else _named(one.side, SIDES, where, "side")
    if bool(size) != bool(side) and size:
        raise FrameError(where, "side", f"size {size} without a side")
    return PositionReport(
        key=f"{domain}:{one.symbol}",
        side=side if size else 0,
        size=size,
        entry=number(entry, where, "avgPrice") if size else ZERO,
        stop=_or_none(one.stop_loss, where, "stopLoss"),
        target=_or_none(one.take_profit, where, "takeProfit"),
        leverage=_or_none(one.leverage, where, "leverage"),
        hedged=one.position_idx != 0,
        ts=_time(one.updated_time, where, "updatedTime") if one.updated_time else 0,
    )


def wallet(row: Any, ts: int, quote: str = QUOTE) -> WalletReport:
    """A row of account/wallet-balance: free = walletBalance - locked - initial margins of orders and positions, never below 0.

    A coin that is not listed is one of which there is nothing.
    """
    report = wallet_told(row, ts, quote)
    if report is not None:
        return report
    return WalletReport(cash=ZERO, free=ZERO, coins=_coins(shaped(row, _Wallet, "wallet"), quote), ts=ts)


def wallet_told(row: Any, ts: int, quote: str = QUOTE) -> WalletReport | None:
    """A row of the topic `wallet`; None when it does not speak of the quote coin, which is no proof that there is none of it."""
    where = "wallet"
    told = shaped(row, _Wallet, where)
    for one in told.coin:
        if one.coin == quote:
            cash = number(one.wallet_balance, where, "walletBalance")
            # margins are "" where they do not exist (portfolio margin), which is none
            bound = number(one.locked, where, "locked")
            bound += _or_none(one.order_margin, where, "totalOrderIM") + _or_none(one.position_margin, where, "totalPositionIM")
            return WalletReport(cash=cash, free=max(ZERO, cash - bound), coins=_coins(told, quote), ts=ts)
    return None


def rights(key: Any, info: Any) -> KeyRights:
    """What user/query-api and account/info say of the key and its account."""
    one, account = shaped(key, _Key, "user/query-api"), shaped(info, _Info, "account/info")
    may = one.permissions
    return KeyRights(
        account_id=str(one.user),
        read_only=one.read_only != 0,
        spot="SpotTrade" in may.get("Spot", []),
        derivatives={"Order", "Position"} <= set(may.get("ContractTrade", [])) or "DerivativesTrade" in may.get("Derivatives", []),
        withdraw="Withdraw" in may.get("Wallet", []),
        unified=account.unified_margin_status >= 3,  # 1 is the classic account, 3 to 6 are the unified ones
        ips=tuple(one.ips),
    )


def fee_rates(result: Any, domain: Domain) -> dict[str, tuple[int, int]]:
    """The list of account/fee-rate: instrument key -> (taker, maker) in ppm, rounded up; a rebate counts as nothing."""
    where = "account/fee-rate"
    return {
        f"{domain}:{one.symbol}": (
            _ppm(number(one.taker_fee_rate, where, "takerFeeRate")),
            _ppm(number(one.maker_fee_rate, where, "makerFeeRate")),
        )
        for one in shaped(result, _Rates, where).rates
    }


def _ppm(rate: Decimal) -> int:
    return max(0, math.ceil(rate * 1_000_000))


def margin_mode(info: Any) -> str:
    """The account's margin mode in the venue's words."""
    return shaped(info, _Info, "account/info").margin_mode


def is_ours(row: Any, domain: Domain, topic: str) -> bool:
    """Whether a streamed row, which names its category, is of this domain. FrameError for a category that nobody knows."""
    category = row.get("category") if isinstance(row, Mapping) else None
    if category not in FOREIGN:
        raise FrameError(topic, "category", f"{category!r} is not known")
    return bool(category == CATEGORY[domain])


def shaped(row: Any, shape: type[T], where: str) -> T:
    """`row` as `shape`; FrameError naming the field that does not fit."""
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError as error:
        raise FrameError(where, field_of(error), str(error)) from error


def number(text: str, where: str, field: str) -> Decimal:
    """A finite decimal; FrameError for anything else, also for empty text."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise FrameError(where, field, f"{text!r} is not a number")
    return value


def _or_none(text: str, where: str, field: str) -> Decimal:
    return number(text, where, field) if text else ZERO


def _time(text: str, where: str, field: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise FrameError(where, field, f"{text!r} is not a time in ms")
    return int(text)


def _present(text: str, where: str, field: str) -> str:
    if not text:
        raise FrameError(where, field, "is empty")
    return text


def _named(text: str, names: Mapping[str, T], where: str, field: str) -> T:
    if text not in names:
        raise FrameError(where, field, f"{text!r} is not known")
    return names[text]


def _coins(told: _Wallet, quote: str) -> dict[str, Decimal]:
    return {one.coin: number(one.wallet_balance, "wallet", "walletBalance") for one in told.coin if one.coin != quote}
