"""An account kept up by its transactions: each is news once, and a stop that moves is never seen to be missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from forex.oanda_parse import decode
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda_book import OandaBook
from modules.exchange.oanda_rows import Snapshot
from modules.exchange.reports import ExecutionKind, ExecutionReport, OrderKind, OrderReport, OrderStatus
from self_test.modules.exchange.oanda_samples import BASE, LIFE, LINKED, MOVED, NEW_KIND, STOPPED, WHOLE, raw

EMPTY = {"orders": [], "trades": [], "lastTransactionID": "6"}


def book(body: Any) -> OandaBook:
    return OandaBook(decode(raw(body), Snapshot, "account"), "USD")


def words(item: Any) -> tuple[str, str]:
    if isinstance(item, ExecutionReport):
        return item.exec_id, item.kind.value
    assert isinstance(item, OrderReport)
    return item.venue_id, item.status.value


def test_a_life_from_entry_to_stop():
    one = book(EMPTY)
    told = [words(item) for row in LIFE for item in one.take(rows.transaction(raw(row)))]
    assert told == [
        ("7", "open"),
        ("8", "trade"),
        ("7", "filled"),
        ("9", "waiting"),
        ("10", "waiting"),
        ("12", "waiting"),  # the new stop first,
        ("10", "cancelled"),  # the old one after it
        ("13.EUR_USD", "funding"),
        ("13", "trade"),
        ("12", "filled"),
        ("9", "cancelled"),
        ("15.EUR_USD", "funding"),
        ("15.USD_JPY", "funding"),
    ]
    assert one.cursor == 17
    assert [item for row in LIFE for item in one.take(rows.transaction(raw(row)))] == [], "none is news twice"


def test_legs_know_pair_size_and_side_by_their_trade_from_the_snapshot_too():
    one = book(WHOLE)
    [new, old] = [item for row in MOVED for item in one.take(rows.transaction(raw(row)))]
    assert isinstance(new, OrderReport) and isinstance(old, OrderReport)
    assert (new.key, new.side, new.qty, new.kind, new.trigger) == (
        "FOREX:EURUSD",
        -1,
        Decimal(1000),
        OrderKind.STOP_LOSS,
        Decimal("1.09500"),
    )
    assert (old.status, old.reason) == (OrderStatus.CANCELLED, "CLIENT_REQUEST_REPLACED")


def test_a_reduced_trade_is_smaller_and_a_closed_one_is_gone():
    one = book(WHOLE)
    part = {"tradesClosed": [], "tradeReduced": {"tradeID": "8", "units": "-400", "price": "1.1", "realizedPL": "-1", "financing": "0"}}
    one.take(rows.transaction(raw(STOPPED | part | {"units": "-400", "financing": "0"})))
    [leg] = one.take(rows.transaction(raw(BASE | {"id": "14", "type": "STOP_LOSS_ORDER", "tradeID": "8", "price": "1.08"})))
    assert isinstance(leg, OrderReport) and leg.qty == 600
    closed = STOPPED | {"id": "15", "orderID": "14", "financing": "0"}
    execution, order = one.take(rows.transaction(raw(closed)))
    assert isinstance(execution, ExecutionReport) and execution.kind is ExecutionKind.TRADE
    assert isinstance(order, OrderReport) and (order.status, order.filled) == (OrderStatus.FILLED, Decimal(1000))
    [orphan] = one.take(rows.transaction(raw(BASE | {"id": "16", "type": "STOP_LOSS_ORDER", "tradeID": "8", "price": "1.08"})))
    assert isinstance(orphan, OrderReport) and orphan.qty == 0


def test_the_end_of_an_order_that_was_never_seen_is_no_order_of_ours():
    one = book(EMPTY)
    assert one.take(rows.transaction(raw(LINKED))) == []
    assert one.take(rows.transaction(raw(NEW_KIND))) == []
    assert one.cursor == 17
