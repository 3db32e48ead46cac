"""The account's figures: conversion, margin, what it is worth; transactions and what is remembered."""

from __future__ import annotations

import pytest

from modules.simulator import oanda_desk
from modules.simulator.oanda_types import ZERO
from self_test.modules.simulator.oanda_toy import NOW, D, broker, buy, desk, quote


def test_factors_of_gains_and_losses_differ_by_the_spread() -> None:
    made = desk()
    assert made.factors("USD") == (D(1), D(1))
    assert made.factors("GBP") == (D("1.30000"), D("1.30020"))
    gain, loss = made.factors("JPY")
    assert gain == (1 / D("150.010")).quantize(oanda_desk.FACTOR) and loss == (1 / D("150.000")).quantize(oanda_desk.FACTOR)
    del made.quotes["USD_CAD"]
    assert made.factors("CAD") == (ZERO, ZERO)


@pytest.mark.parametrize(
    ("pair", "units", "margin"),
    [
        ("EUR_USD", "1000", "36.6317"),  # 1000 x 1.10005 x 0.0333
        ("USD_JPY", "-1000", "33.3000"),  # a dollar is a dollar
        ("EUR_GBP", "1000", "55.0025"),  # 1000 x 1.10005 x 0.05: the base counts
        ("AUD_USD", "2000", "43.2933"),  # 2000 x 0.65005 x 0.0333
    ],
)
def test_margin_is_of_the_base_in_home_currency(pair: str, units: str, margin: str) -> None:
    assert desk().margin_of(pair, D(units)) == D(margin)


def test_what_the_account_is_worth() -> None:
    machine = broker()
    buy(machine, "1000")
    buy(machine, "1000", "USD_JPY")
    quote(machine, "EUR_USD", "1.10510")
    quote(machine, "USD_JPY", "149.500")
    found = machine.desk.figures()
    euro, yen = D("5.0000"), (D("-510") / D("149.500")).quantize(D("0.0001"))
    assert found.unrealized == euro + yen and found.nav == 10_000 + euro + yen
    assert found.margin_used == D("36.8015") + D("33.3000") and found.margin_available == found.nav - found.margin_used


def test_longs_and_shorts_of_a_pair_bind_their_net() -> None:
    machine = broker()
    buy(machine, "1000")
    buy(machine, "-400", positionFill="OPEN_ONLY")
    assert machine.desk.net("EUR_USD") == 600
    assert machine.desk.figures().margin_used == machine.desk.margin_of("EUR_USD", D("600"))


def test_nothing_left_is_far_beyond_the_closeout() -> None:
    machine = broker("40")
    buy(machine, "1000")
    machine.desk.state.balance = ZERO
    assert machine.desk.figures().closeout_percent == 999


def test_transactions_after_an_id() -> None:
    machine = broker()
    assert machine.desk.since(0) == []
    buy(machine)
    assert [row["id"] for row in machine.desk.since(1)] == ["2"] and machine.desk.since(2) == []
    assert "requestID" not in machine.desk.rows[0], "what is not there is left out"


def test_the_oldest_that_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oanda_desk, "KEEP_CLOSED", 2)
    machine = broker()
    buy(machine, "10")
    for _ in range(4):
        buy(machine, "5", "GBP_USD")
        buy(machine, "-5", "GBP_USD")
    machine.desk.trim()
    assert len(machine.desk.state.orders) == 2 and len(machine.desk.state.trades) == 3
    assert machine.desk.open_trades()[0].id == "2", "what is open stays"


def test_without_a_price_nothing_is_known() -> None:
    machine = broker()
    buy(machine)
    del machine.desk.quotes["EUR_USD"]
    [trade] = machine.desk.open_trades()
    assert machine.desk.unrealized(trade) == 0 and not machine.desk.tradeable("EUR_USD")
    assert machine.desk.figures().closeout_unrealized == 0
    assert trade.ts == NOW
