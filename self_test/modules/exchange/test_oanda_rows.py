"""Rows of an OANDA account as reports: what they say of our money has no default, and what nobody knows stops nobody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from forex.oanda_parse import decode
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda_rows import Order, Snapshot, Summary
from modules.exchange.reports import CashReport, ExecutionKind, ExecutionReport, OrderKind, OrderStatus, PositionReport, WalletReport
from self_test.modules.exchange.oanda_samples import (
    FILLED,
    FINANCED,
    KEY,
    LEGS,
    LIFE,
    MADE,
    MONEY,
    NEW_KIND,
    STOPPED,
    SUMMARY,
    TRADE,
    TS,
    WHOLE,
    raw,
)
from utils.frames import FrameError


def told(row: dict[str, Any]) -> list[ExecutionReport]:
    return rows.executions(rows.transaction(raw(row)), "USD")


def snapshot(**changes: Any) -> Snapshot:
    return decode(raw(WHOLE | changes), Snapshot, "account")


def test_an_entry():
    [one] = told(FILLED)
    assert one == ExecutionReport(
        key=KEY,
        exec_id="8",
        kind=ExecutionKind.TRADE,
        order_kind=OrderKind.PLAIN,
        venue_id="7",
        link_id="FLabc-EURUSD-1-e",
        side=1,
        price=Decimal("1.10020"),
        qty=Decimal(1000),
        fee=Decimal("0.0500"),
        fee_coin="USD",
        ts=TS,
    )


def test_a_stop_says_what_it_gained_and_its_financing_stands_before_it():
    paid, stopped = told(STOPPED)
    assert (paid.kind, paid.key, paid.fee, paid.exec_id) == (ExecutionKind.FUNDING, KEY, Decimal("0.0312"), "13.EUR_USD")
    assert (stopped.order_kind, stopped.side, stopped.pl, stopped.fee) == (
        OrderKind.STOP_LOSS,
        -1,
        Decimal("-5.2200"),
        Decimal("0.0500"),
    )


@pytest.mark.parametrize(
    ("reason", "kind", "order_kind"),
    [
        ("TAKE_PROFIT_ORDER", ExecutionKind.TRADE, OrderKind.TAKE_PROFIT),
        ("TRAILING_STOP_LOSS_ORDER", ExecutionKind.TRADE, OrderKind.TRAILING),
        ("GUARANTEED_STOP_LOSS_ORDER", ExecutionKind.TRADE, OrderKind.STOP_LOSS),
        ("MARKET_ORDER_MARGIN_CLOSEOUT", ExecutionKind.LIQUIDATION, OrderKind.PLAIN),
        ("MARKET_ORDER_POSITION_CLOSEOUT", ExecutionKind.TRADE, OrderKind.PLAIN),
        ("SOMETHING_NEW", ExecutionKind.TRADE, OrderKind.PLAIN),
    ],
)
def test_what_made_it_execute(reason: str, kind: ExecutionKind, order_kind: OrderKind):
    [_, one] = told(STOPPED | {"reason": reason})
    assert (one.kind, one.order_kind) == (kind, order_kind)


def test_a_fill_that_closes_one_trade_reduces_another_and_opens_a_third_is_three_executions():
    parts = {
        "tradesClosed": [{"tradeID": "1", "units": "-100", "price": "1.1", "realizedPL": "1.5", "financing": "0"}],
        "tradeReduced": {"tradeID": "2", "units": "-50", "price": "1.1", "realizedPL": "-0.5", "financing": "0"},
        "tradeOpened": {"tradeID": "13", "units": "-850", "price": "1.09999"},
    }
    found = told(STOPPED | parts | {"financing": "0"})
    assert [(one.exec_id, one.qty, one.pl, one.fee) for one in found] == [
        ("13.0", Decimal(100), Decimal("1.5"), Decimal("0.0500")),
        ("13.1", Decimal(50), Decimal("-0.5"), Decimal(0)),
        ("13.2", Decimal(850), None, Decimal(0)),
    ]
    assert sum(one.qty for one in found) == 1000


def test_daily_financing_is_paid_and_received_by_pair():
    assert [(one.key, one.fee, one.exec_id) for one in told(FINANCED)] == [
        (KEY, Decimal("0.4000"), "15.EUR_USD"),
        ("FOREX:USDJPY", Decimal("-0.1000"), "15.USD_JPY"),
    ]


def test_transfers_move_cash_and_nothing_else_does():
    assert rows.movement(rows.transaction(raw(MONEY)), "USD") == CashReport(
        ref="16", kind="transfer_out", coin="USD", amount=Decimal("-250.0000"), ts=TS
    )
    came = rows.movement(rows.transaction(raw(MONEY | {"amount": "5"})), "USD")
    assert came is not None and came.kind == "transfer_in"
    dividend = rows.movement(rows.transaction(raw(MONEY | {"type": "DIVIDEND_ADJUSTMENT", "dividendAdjustment": "1.25"})), "USD")
    assert dividend is not None and (dividend.kind, dividend.amount) == ("dividend_adjustment", Decimal("1.25"))
    others = [rows.movement(rows.transaction(raw(row)), "USD") for row in LIFE if row is not MONEY]
    assert others == [None] * len(others)


def test_a_type_that_nobody_knows_is_kept_by_its_number_and_never_booked():
    one = rows.transaction(raw(NEW_KIND))
    assert (one.number, one.type) == (17, "MOON_PHASE_ADJUSTMENT")
    assert rows.executions(one, "USD") == [] and rows.movement(one, "USD") is None


@pytest.mark.parametrize(
    "broken",
    [
        {**FILLED, "id": "x"},
        {**FILLED, "time": "soon"},
        {**FILLED, "pl": "NaN"},
        {**FILLED, "commission": "much"},
        {**FILLED, "units": None, "tradeOpened": {"tradeID": "8", "units": "Infinity", "price": "1"}},
        {name: value for name, value in FILLED.items() if name != "tradeOpened"},
        {**FILLED, "price": None, "tradeOpened": {"tradeID": "8", "units": "1000"}},
        {**FINANCED, "positionFinancings": [{"instrument": "EUR_USD"}]},
        {**FINANCED, "positionFinancings": [{"instrument": "EUR_USD", "financing": "NaN"}]},
        {"type": "ORDER_FILL"},
        [],
    ],
)
def test_money_has_no_default(broken: Any):
    with pytest.raises(FrameError):
        told(broken)


def test_what_stands():
    target, stop = rows.orders(snapshot())
    assert (target.kind, target.trigger, target.qty, target.side, target.key) == (
        OrderKind.TAKE_PROFIT,
        Decimal("1.12000"),
        Decimal(1000),
        -1,
        KEY,
    )
    assert (stop.kind, stop.status, stop.reduce_only, stop.venue_id) == (OrderKind.STOP_LOSS, OrderStatus.WAITING, True, "10")
    assert rows.positions(snapshot()) == [
        PositionReport(key=KEY, side=1, size=Decimal(1000), entry=Decimal("1.10020"), stop=Decimal("1.09000"), target=Decimal("1.12000"))
    ]


def test_a_position_of_several_trades_is_protected_only_as_far_as_each_is():
    second = TRADE | {"id": "20", "currentUnits": "500", "price": "1.10080"}
    [bare] = rows.positions(snapshot(trades=[TRADE, second]))
    assert (bare.size, bare.stop, bare.target, bare.hedged) == (Decimal(1500), Decimal(0), Decimal(0), False)
    assert bare.entry == (Decimal(1000) * Decimal("1.10020") + Decimal(500) * Decimal("1.10080")) / 1500
    more = [
        *LEGS,
        {**LEGS[1], "id": "21", "tradeID": "20", "price": "1.08000"},
        {**LEGS[1], "id": "22", "tradeID": "20", "type": "TAKE_PROFIT", "price": "1.13"},
    ]
    [covered] = rows.positions(snapshot(trades=[TRADE, second], orders=more))
    assert (covered.stop, covered.target) == (Decimal("1.08000"), Decimal("1.12000"))
    [hedged] = rows.positions(snapshot(trades=[TRADE, {**second, "currentUnits": "-500"}]))
    assert hedged.hedged and hedged.size == 500


@pytest.mark.parametrize(
    ("change", "kind", "status"),
    [
        ({"type": "LIMIT", "instrument": "EUR_USD", "units": "-5", "price": "1.2"}, OrderKind.PLAIN, OrderStatus.OPEN),
        ({"type": "STOP", "instrument": "EUR_USD", "units": "-5", "price": "1.2"}, OrderKind.CONDITIONAL, OrderStatus.WAITING),
        ({"type": "OF_TOMORROW", "instrument": "EUR_USD", "units": "-5"}, OrderKind.CONDITIONAL, OrderStatus.WAITING),
        ({"type": "TRAILING_STOP_LOSS", "trailingStopValue": "1.2", "tradeID": "8"}, OrderKind.TRAILING, OrderStatus.WAITING),
        ({"type": "MARKET", "state": "FILLED", "filledTime": "2025-03-04T08:00:01Z"}, OrderKind.PLAIN, OrderStatus.FILLED),
        ({"type": "MARKET", "state": "CANCELLED"}, OrderKind.PLAIN, OrderStatus.CANCELLED),
    ],
)
def test_orders_of_every_kind(change: dict[str, Any], kind: OrderKind, status: OrderStatus):
    bare = {"id": "5", "state": "PENDING", "createTime": "2025-03-04T08:00:00Z"}
    found = rows.order(decode(raw(bare | change), Order, "order"), {}, key=KEY)
    assert (found.key, found.kind, found.status) == (KEY, kind, status)
    assert found.filled == 0 and found.created_ts == TS
    assert (found.price or found.trigger) == Decimal(change.get("price", change.get("trailingStopValue", 0)))


def test_an_unknown_state_is_named():
    with pytest.raises(FrameError, match="state"):
        rows.order(decode(raw({"id": "5", "type": "MARKET", "state": "HALF", "createTime": "2025-03-04T08:00:00Z"}), Order, "order"), {})


def test_a_wallet():
    one = decode(raw(SUMMARY), Summary, "summary")
    assert rows.wallet(one, 5) == WalletReport(cash=Decimal("9999.9500"), free=Decimal("9977.8100"), ts=5)
    owing = decode(raw(SUMMARY | {"marginAvailable": "-3"}), Summary, "summary")
    assert rows.wallet(owing, 5).free == 0
    with pytest.raises(FrameError):
        rows.wallet(decode(raw(SUMMARY | {"balance": "NaN"}), Summary, "summary"), 5)


def test_the_order_that_a_transaction_made():
    made = rows.made(rows.transaction(raw(MADE)), {})
    assert (made.venue_id, made.link_id, made.status, made.stop, made.target, made.qty) == (
        "7",
        "FLabc-EURUSD-1-e",
        OrderStatus.OPEN,
        Decimal("1.09000"),
        Decimal("1.12000"),
        Decimal(1000),
    )
