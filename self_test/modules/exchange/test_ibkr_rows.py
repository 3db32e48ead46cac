from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from modules.exchange import ibkr_rows as rows
from modules.exchange.reports import ZERO, ExecutionKind, OrderKind, OrderStatus
from self_test.modules.exchange.ibkr_samples import MOMENT, UNSET, contract, fill, position, stop, target, trade
from utils.errors import Transient

KEY, UNITS = "OPTIONS:EURUSD-20261204-C-1.10000", Decimal(125_000)


@pytest.mark.parametrize("changes", [{"symbol": "AAPL"}, {"secType": "FUT"}, {"multiplier": "62500"}, {"secType": "OPT"}])
def test_what_is_none_of_our_options_is_left_out_everywhere(changes: dict[str, Any]) -> None:
    other = contract(**changes)
    assert rows.option_in(other) is None
    assert rows.order(trade(on=other), 1, {}) is None
    assert rows.execution(fill(on=other)) is None
    assert rows.positions([position(1, on=other)], "DU1234567", []) == []
    assert rows.attached([trade("a:stop", on=other)]) == {}


@pytest.mark.parametrize("changes", [{"right": "?"}, {"lastTradeDateOrContractMonth": "soon"}])
def test_an_option_of_ours_that_cannot_be_understood_is_never_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises(Transient):
        rows.option_in(contract(**changes))


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("Submitted", 0.0, OrderStatus.OPEN),
        ("PendingCancel", 0.0, OrderStatus.OPEN),
        ("ValidationError", 1.0, OrderStatus.PARTIAL),
        ("Filled", 2.0, OrderStatus.FILLED),
        ("Cancelled", 0.0, OrderStatus.CANCELLED),
        ("Inactive", 0.0, OrderStatus.REJECTED),
        ("Inactive", 1.0, OrderStatus.CANCELLED),
    ],
)
def test_an_order_stands_where_the_gateway_says(status: str, filled: float, expected: OrderStatus) -> None:
    found = rows.order(trade(status=status, filled=filled, totalQuantity=2.0), 7, {"bot-1": (Decimal("0.004"), Decimal("0.02"))})
    assert found is not None and (found.status, found.qty, found.filled) == (expected, 2 * UNITS, Decimal(filled) * UNITS)
    assert (found.key, found.venue_id, found.price, found.stop, found.target, found.ts) == (
        KEY, "900", Decimal("0.008"), Decimal("0.004"), Decimal("0.02"), 7,
    )  # fmt: skip


def test_a_status_that_nobody_knows_is_not_guessed_and_one_not_taken_is_not_told() -> None:
    with pytest.raises(Transient, match="Levitating"):
        rows.order(trade(status="Levitating"), 1, {})
    assert rows.order(trade(permId=0), 1, {}) is None


def test_children_are_known_by_their_reference_and_a_stop_of_anybody_by_its_type() -> None:
    waiting = rows.order(stop(0.0048), 1, {})
    assert waiting is not None and (waiting.kind, waiting.status, waiting.trigger, waiting.reduce_only) == (
        OrderKind.STOP_LOSS, OrderStatus.WAITING, Decimal("0.0048"), True,
    )  # fmt: skip
    found = rows.order(target(0.016), 1, {})
    assert found is not None and (found.kind, found.trigger, found.price) == (OrderKind.TAKE_PROFIT, Decimal("0.016"), ZERO)
    kinds = [rows.kind_of(trade("x", action="SELL", orderType=kind).order) for kind in ("STP LMT", "TRAIL", "MKT", "REL")]
    assert kinds == [OrderKind.STOP_LOSS, OrderKind.TRAILING, OrderKind.PLAIN, OrderKind.CONDITIONAL]
    assert rows.attached([stop(0.0048), target(0.016), trade()]) == {"bot-1": (Decimal("0.0048"), Decimal("0.016"))}
    market = rows.order(trade(orderType="MKT", lmtPrice=UNSET), 1, {})
    assert market is not None and market.price == ZERO


def test_an_ended_order_says_what_it_filled_in_itself() -> None:
    found = rows.order(trade(status="Filled", totalQuantity=0.0, filledQuantity=1.0), 1, {})
    assert found is not None and (found.qty, found.filled) == (UNITS, UNITS)


def test_an_execution_is_told_with_its_commission_and_not_before() -> None:
    found = rows.execution(fill(orderRef="bot-1:stop", side="SLD", lastLiquidity=1))
    assert found is not None
    assert (found.side, found.order_kind, found.price, found.qty, found.fee, found.maker) == (
        -1, OrderKind.STOP_LOSS, Decimal("0.008"), UNITS, Decimal("2.47"), True,
    )  # fmt: skip
    assert found.ts == int(MOMENT.timestamp() * 1000) and found.kind is ExecutionKind.TRADE
    with pytest.raises(Transient, match="commission"):
        rows.execution(fill(commission=""))
    with pytest.raises(Transient, match="without a zone"):
        rows.execution(fill(time=datetime(2026, 1, 1)))  # noqa: DTZ001  that is the point


def test_a_correction_of_an_execution_is_for_a_person() -> None:
    found = rows.execution(fill(execId="e.02", commission="e.02"))
    assert found is not None and (found.kind, found.said) == (ExecutionKind.OTHER, "correction of an earlier execution")


def test_a_position_is_protected_by_what_covers_all_of_it() -> None:
    (held,) = rows.positions([position(2, cost=1_000.0)], "DU1234567", [stop(0.004), stop(0.005), target(0.016)])
    assert (held.key, held.side, held.size, held.entry) == (KEY, 1, 2 * UNITS, Decimal("0.008"))
    assert (held.stop, held.target) == (Decimal("0.004"), ZERO)  # the worse stop counts; one target of two is none
    dead = stop(0.004)
    dead.orderStatus.status = "Cancelled"
    (bare,) = rows.positions([position(1)], "DU1234567", [dead])
    assert bare.stop == 0
    assert rows.positions([position(0), position(1, account="DU9")], "DU1234567", []) == []
    assert rows.positions([position(-1)], "DU1234567", [])[0].side == -1


def test_the_wallet_needs_its_figures() -> None:
    summary = {"TotalCashValue": ("10.5", "USD"), "AvailableFunds": ("-3", "USD"), "NetLiquidation": ("12", "USD")}
    found = rows.wallet(summary, 5)
    assert (found.cash, found.free, found.ts) == (Decimal("10.5"), ZERO, 5) and rows.equity_usd(summary) == 12
    for broken in ({}, {**summary, "TotalCashValue": ("n/a", "USD")}):
        with pytest.raises(Transient, match="lacks"):
            rows.wallet(broken, 5)
    with pytest.raises(Transient, match="lacks"):
        rows.equity_usd({})
