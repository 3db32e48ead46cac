"""Bybit's transaction log (bybit_v5 §3.4): the rows that no execution tells of, as reports. Pure.

Trades, funding, liquidations, ADL and deliveries are executions, too, and booked from those. Every other type counts, also one that
nobody here has heard of: the wallet has moved by it all the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from marketdata.grid import FrameError
from modules.exchange.bybit_account import number, shaped
from modules.exchange.reports import CashReport

LOG = "/v5/account/transaction-log"
EXECUTED = frozenset({"TRADE", "SETTLEMENT", "LIQUIDATION", "ADL", "DELIVERY"})
"""Types that executions tell of."""


class _Row(msgspec.Struct, rename="camel"):
    id: str
    type: str
    currency: str
    change: str
    transaction_time: str


def movement(row: Any) -> CashReport | None:
    """A row of the log, None for one that an execution tells of. FrameError names the field that cannot be understood."""
    where = "transaction-log"
    one = shaped(row, _Row, where)
    if one.type in EXECUTED:
        return None
    for field, text in (("id", one.id), ("type", one.type), ("currency", one.currency)):
        if not text:
            raise FrameError(where, field, "is empty")
    if not (one.transaction_time.isascii() and one.transaction_time.isdigit()):
        raise FrameError(where, "transactionTime", f"{one.transaction_time!r} is not a time in ms")
    return CashReport(
        ref=one.id, kind=one.type.lower(), coin=one.currency, amount=number(one.change, where, "change"), ts=int(one.transaction_time)
    )
