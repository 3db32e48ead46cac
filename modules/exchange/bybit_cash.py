"""Bybit's transaction log (bybit_v5 §3.4): the rows that no execution tells of, as reports. Pure.

Trades, liquidations, ADL and deliveries are executions, too, and booked from those. Funding stands in both, under one id: it is told
from both and booked once. Every other type counts, also one that nobody here has heard of: the wallet has moved by it all the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modules.exchange.bybit_account import number, shaped
from modules.exchange.reports import CashReport
from state.accounts import Domain
from utils.frames import FrameError

LOG = "/v5/account/transaction-log"
EXECUTED = frozenset({"TRADE", "LIQUIDATION", "ADL", "DELIVERY"})
"""Types that executions alone tell of."""
SETTLEMENT = "SETTLEMENT"
"""A funding settlement; `tradeId` is the id of its execution."""


class _Row(msgspec.Struct, rename="camel"):
    id: str
    type: str
    currency: str
    change: str
    transaction_time: str
    category: str = ""
    symbol: str = ""
    trade_id: str = ""


def movement(row: Any) -> CashReport | None:
    """A row of the log, None for one that an execution tells of. FrameError names the field that cannot be understood."""
    where = "transaction-log"
    one = shaped(row, _Row, where)
    if one.type in EXECUTED:
        return None
    funding = one.type == SETTLEMENT
    if funding and one.category != "linear":
        return None
    needed = (("tradeId", one.trade_id), ("symbol", one.symbol)) if funding else (("id", one.id),)
    for field, text in (*needed, ("type", one.type), ("currency", one.currency)):
        if not text:
            raise FrameError(where, field, "is empty")
    if not (one.transaction_time.isascii() and one.transaction_time.isdigit()):
        raise FrameError(where, "transactionTime", f"{one.transaction_time!r} is not a time in ms")
    return CashReport(
        ref=one.trade_id if funding else one.id,
        kind=one.type.lower(),
        coin=one.currency,
        amount=number(one.change, where, "change"),
        ts=int(one.transaction_time),
        key=f"{Domain.PERPS}:{one.symbol}" if funding else "",
    )
