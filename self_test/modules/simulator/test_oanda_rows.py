"""Rows: what a position, a trade and an account say after a few deals."""

from __future__ import annotations

from modules.simulator import oanda_rows as rows
from self_test.modules.simulator.oanda_toy import D, broker, buy, quote


def test_a_position_of_two_trades() -> None:
    machine = broker()
    buy(machine, "100")
    quote(machine, "EUR_USD", "1.10200")
    buy(machine, "300")
    found = rows.position(machine.desk, "EUR_USD")
    assert found["long"]["units"] == "400" and found["long"]["averagePrice"] == "1.10160" and found["short"]["units"] == "0"
    assert D(found["unrealizedPL"]) == D("0.1900") - D("0.0300")
    buy(machine, "-400")
    assert rows.positions(machine.desk, open_only=True) == []
    [ever] = rows.positions(machine.desk, open_only=False)
    assert ever["pl"] == rows.summary(machine.desk)["pl"] == "0.1600"


def test_a_trade_with_its_legs_or_their_ids() -> None:
    machine = broker()
    buy(machine, stopLossOnFill={"price": "1.09000"}, tradeClientExtensions={"id": "t"})
    [trade] = machine.desk.open_trades()
    assert rows.trade(machine.desk, trade)["stopLossOrder"]["tradeID"] == trade.id
    assert rows.trade(machine.desk, trade, full=False)["stopLossOrderID"] == trade.legs["STOP_LOSS"]
    assert rows.account(machine.desk)["trades"][0]["clientExtensions"] == {"id": "t"}


def test_an_order_shows_what_was_to_come_with_its_fill() -> None:
    machine = broker()
    order = {
        "type": "LIMIT", "instrument": "EUR_USD", "units": "10", "price": "1.0", "timeInForce": "GTD", "gtdTime": "2025-03-05T00:00:00Z",
        "stopLossOnFill": {"price": "0.9", "timeInForce": "GTD", "gtdTime": "2025-03-06T00:00:00Z"},
    }  # fmt: skip
    machine.create({"order": order}, machine.desk.quotes["EUR_USD"].ts)
    [found] = [rows.order(machine.desk, one) for one in machine.desk.pending()]
    assert found["gtdTime"] == "2025-03-05T00:00:00.000000000Z" and found["stopLossOnFill"]["price"] == "0.90000"
    assert "gtd" not in found["stopLossOnFill"]


def test_prices_and_conversions() -> None:
    machine = broker()
    machine.desk.shut = {"USD_JPY"}
    found = rows.price(machine.desk, "USD_JPY", factors=True)
    assert found["tradeable"] is False and found["quoteHomeConversionFactors"]["negativeUnits"] == "0.00666667"
    assert [one["currency"] for one in rows.conversions(machine.desk, ["EUR_JPY", "EUR_USD"])] == ["EUR", "JPY", "USD"]
