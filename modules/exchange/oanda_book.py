"""What stands on an OANDA account, kept up by its transactions, and what each of them means as reports. Pure.

Transactions of a protective order name its trade and nothing else, so trades are remembered with their pair and size. A leg that is
replaced is told as gone only after the one that replaces it: in between nobody shall believe that no stop stands.
"""

from __future__ import annotations

import msgspec

from forex import oanda_parse as parse
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda_rows import Snapshot, Trade, Transaction
from modules.exchange.reports import ZERO, AccountItem, OrderReport, OrderStatus


class OandaBook:
    """Open orders and trades of one account, as of the transaction numbered `cursor`. `home`: the account's currency."""

    def __init__(self, snapshot: Snapshot, home: str) -> None:
        self._home = home
        self._trades = {one.id: one for one in snapshot.trades}
        self._orders = {one.venue_id: one for one in rows.orders(snapshot)}
        self._replaced: dict[str, OrderReport] = {}
        self.cursor = parse.integer(snapshot.last_id, "account", "lastTransactionID")

    def take(self, one: Transaction) -> list[AccountItem]:
        """The news in the next transaction; nothing in one that was taken before. FrameError when it cannot be understood."""
        if one.number <= self.cursor:
            return []
        self.cursor = one.number
        if one.type in rows.MADE:
            return self._made(one)
        if one.type == rows.CANCEL:
            return self._cancelled(one)
        if one.type == rows.FILL:
            return self._filled(one)
        return list(rows.executions(one, self._home))

    def _made(self, one: Transaction) -> list[AccountItem]:
        report = rows.made(one, self._trades)
        self._orders[report.venue_id] = report
        before = self._replaced.pop(one.replaces, None)
        return [report] if before is None else [report, before]

    def _cancelled(self, one: Transaction) -> list[AccountItem]:
        known = self._orders.pop(one.order_id, None)
        if known is None:
            return []
        ts = parse.time_ms(one.time, "transaction")
        report = msgspec.structs.replace(known, status=OrderStatus.CANCELLED, reason=one.reason, ts=ts)
        if one.replaced_by:
            self._replaced[one.order_id] = report
            return []
        return [report]

    def _filled(self, one: Transaction) -> list[AccountItem]:
        told: list[AccountItem] = [*rows.executions(one, self._home)]
        for part in one.parts:
            trade = self._trades.pop(part.trade_id, None)
            if part is one.trade_opened:
                self._trades[part.trade_id] = Trade(part.trade_id, one.instrument, part.price or ZERO, part.units)
            elif trade is not None and part is one.trade_reduced:
                self._trades[part.trade_id] = msgspec.structs.replace(trade, units=trade.units + part.units)
        known = self._orders.pop(one.order_id, None)
        if known is not None:
            filled = known.qty if one.units is None else abs(one.units)
            told.append(msgspec.structs.replace(known, status=OrderStatus.FILLED, filled=filled, ts=parse.time_ms(one.time, "transaction")))
        return told
