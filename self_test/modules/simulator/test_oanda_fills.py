"""Fills: depth, reasons to cancel, money in other currencies, legs that come with the fill."""

from __future__ import annotations

from typing import Any

import pytest

from modules.simulator import oanda_fills as fills
from self_test.modules.simulator.oanda_toy import D, broker, buy, desk, quote


def test_size_beyond_the_first_bucket_pays_more() -> None:
    made = desk()
    assert fills.swept(made, "EUR_USD", D("1000000"), D("1.10010")) == D("1.10010")
    assert fills.swept(made, "EUR_USD", D("2000000"), D("1.10010")) == D("1.10012"), "half of it four ticks up"
    assert fills.swept(made, "EUR_USD", D("-2000000"), D("1.10000")) == D("1.09998")
    assert fills.swept(made, "EUR_USD", D("1500000"), D("1.10010")) == D("1.10012"), "rounded against the order"
    assert fills.swept(made, "EUR_USD", D("18000001"), D("1.10010")) is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"units": "20000000"}, "INSUFFICIENT_LIQUIDITY"),
        ({"units": "300000"}, "INSUFFICIENT_MARGIN"),
        ({"priceBound": "1.10009"}, "BOUNDS_VIOLATION"),
        ({"units": "-100", "priceBound": "1.10001"}, "BOUNDS_VIOLATION"),
        ({"stopLossOnFill": {"price": "1.10000"}}, "STOP_LOSS_ON_FILL_LOSS"),
        ({"units": "-100", "stopLossOnFill": {"price": "1.10010"}}, "STOP_LOSS_ON_FILL_LOSS"),
        ({"takeProfitOnFill": {"price": "1.09990"}}, "TAKE_PROFIT_ON_FILL_LOSS"),
        ({"units": "-100", "takeProfitOnFill": {"price": "1.20000"}}, "TAKE_PROFIT_ON_FILL_LOSS"),
        ({"positionFill": "REDUCE_ONLY"}, "TIME_IN_FORCE_EXPIRED"),
    ],
)
def test_accepted_and_killed_at_once(more: dict[str, Any], reason: str) -> None:
    machine = broker()
    units = str(more.pop("units", "100")) if "units" in more else "100"
    answer = buy(machine, units, **dict(more))
    assert answer["orderCancelTransaction"]["reason"] == reason and machine.desk.open_trades() == []


def test_the_most_that_the_margin_carries() -> None:
    """10,000 less the spread of the entry: 272,900 EURUSD bind 9,996.68."""
    machine = broker()
    assert "orderFillTransaction" in buy(machine, "272000")


def test_what_only_reduces_needs_no_margin() -> None:
    machine = broker()
    buy(machine, "200000")
    machine.desk.state.balance = D("6000")
    assert "orderFillTransaction" in buy(machine, "-100000")


def test_gains_and_losses_in_yen_come_home_at_the_worse_price() -> None:
    machine = broker()
    buy(machine, "1000", "USD_JPY")
    quote(machine, "USD_JPY", "151.010")
    row = buy(machine, "-1000", "USD_JPY")["orderFillTransaction"]
    assert D(row["quotePL"]) == 1000 and row["pl"] == f"{1000 / D('151.020'):.4f}"
    buy(machine, "1000", "USD_JPY")
    quote(machine, "USD_JPY", "150.020")
    row = buy(machine, "-1000", "USD_JPY")["orderFillTransaction"]
    assert D(row["quotePL"]) == -1000 and row["pl"] == f"{-1000 / D('150.020'):.4f}"
    assert D(row["accountBalance"]) == machine.desk.state.balance == 10_000 + machine.desk.state.pl


def test_distances_are_counted_from_the_fill() -> None:
    machine = broker()
    buy(machine, "-1000", stopLossOnFill={"distance": "0.00500"})
    [order] = machine.desk.pending()
    assert order.price == D("1.10500")


def test_half_the_spread_is_told() -> None:
    machine = broker()
    row = buy(machine, "1000", "USD_JPY")["orderFillTransaction"]
    assert row["halfSpreadCost"] == f"{D('5') / D('150.005'):.4f}", "0.005 yen a dollar"
    assert row["fullPrice"]["asks"][0] == {"price": "150.010", "liquidity": "1000000"}
