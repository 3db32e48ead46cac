"""The order state machine: entries, legs, triggers, replacing, closing, closeout, expiry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.simulator.oanda_broker import Broker, due
from modules.simulator.oanda_types import Malformed, Order, Quote, Rejected
from self_test.modules.simulator.oanda_toy import NOW, D, broker, buy, quote, types

LEGS: Any = {"stopLossOnFill": {"price": "1.09500"}, "takeProfitOnFill": {"price": "1.11000"}}


def held(machine: Broker) -> Any:
    [trade] = machine.desk.open_trades()
    return trade


def test_an_entry_with_both_legs_is_four_transactions_of_one_batch() -> None:
    machine = broker()
    answer = buy(machine, **LEGS)
    assert types(machine) == ["MARKET_ORDER", "ORDER_FILL", "TAKE_PROFIT_ORDER", "STOP_LOSS_ORDER"]
    assert len({row["batchID"] for row in machine.desk.rows}) == 1
    assert answer["orderFillTransaction"]["tradeOpened"]["price"] == "1.10010", "a buy pays the ask"
    assert held(machine).legs == {"TAKE_PROFIT": "3", "STOP_LOSS": "4"}


@pytest.mark.parametrize(
    ("bid", "jumped", "reason", "price"),
    [
        ("1.09490", False, "STOP_LOSS_ORDER", "1.09500"),
        ("1.09000", True, "STOP_LOSS_ORDER", "1.09000"),
        ("1.11050", False, "TAKE_PROFIT_ORDER", "1.11000"),
        ("1.12000", True, "TAKE_PROFIT_ORDER", "1.12000"),
    ],
)
def test_a_leg_is_filled_at_its_price_and_where_the_market_is_after_a_jump(bid: str, jumped: bool, reason: str, price: str) -> None:
    machine = broker()
    buy(machine, **LEGS)
    quote(machine, "EUR_USD", bid, jumped=jumped)
    fill, end = machine.desk.since(4)
    assert (fill["type"], fill["reason"], fill["price"]) == ("ORDER_FILL", reason, price)
    assert (end["type"], end["reason"]) == ("ORDER_CANCEL", "LINKED_TRADE_CLOSED")
    earned = (D(price) - D("1.10010")) * 1000
    assert D(fill["pl"]) == earned and machine.desk.state.balance == 10_000 + earned
    assert machine.desk.pending() == [] and machine.desk.open_trades() == []


def test_legs_of_a_short_look_at_the_ask() -> None:
    machine = broker()
    buy(machine, "-1000", stopLossOnFill={"price": "1.10500"})
    quote(machine, "EUR_USD", "1.10485", ask="1.10499")
    assert len(machine.desk.open_trades()) == 1
    quote(machine, "EUR_USD", "1.10490", ask="1.10500")
    assert machine.desk.open_trades() == []


def test_what_is_not_named_stays_null_cancels_an_object_replaces() -> None:
    machine = broker()
    buy(machine, **LEGS)
    done = machine.set_legs(held(machine), {"stopLoss": {"price": "1.09800"}}, NOW)
    assert done["stopLossOrderCancelTransaction"]["replacedByOrderID"] == done["stopLossOrderTransaction"]["id"]
    assert held(machine).legs["TAKE_PROFIT"] == "3"
    machine.set_legs(held(machine), {"takeProfit": None}, NOW)
    assert set(held(machine).legs) == {"STOP_LOSS"}


def test_a_stop_that_is_due_when_set_fills_at_once() -> None:
    machine = broker()
    buy(machine)
    done = machine.set_legs(held(machine), {"stopLoss": {"price": "1.20000"}}, NOW)
    assert done["stopLossOrderFillTransaction"]["reason"] == "STOP_LOSS_ORDER" and machine.desk.open_trades() == []


def test_a_losing_target_is_cancelled() -> None:
    machine = broker()
    buy(machine)
    done = machine.set_legs(held(machine), {"takeProfit": {"price": "1.09000"}}, NOW)
    assert done["takeProfitOrderCreatedCancelTransaction"]["reason"] == "LOSING_TAKE_PROFIT" and held(machine).legs == {}


def test_a_trailing_stop_follows_in_one_direction() -> None:
    machine = broker()
    buy(machine, trailingStopLossOnFill={"distance": "0.00500"})
    quote(machine, "EUR_USD", "1.11000")
    quote(machine, "EUR_USD", "1.10700")
    [order] = machine.desk.pending()
    assert order.trail == D("1.10500")
    quote(machine, "EUR_USD", "1.10490")
    assert machine.desk.open_trades() == [] and machine.desk.since(3)[0]["price"] == "1.10500"


def test_pending_entries_wait_for_their_side_and_fill_at_their_price() -> None:
    machine = broker()
    for type_, price in (("LIMIT", "1.09000"), ("STOP", "1.12000"), ("MARKET_IF_TOUCHED", "1.11000")):
        order = {"type": type_, "instrument": "EUR_USD", "units": "100", "price": price}
        assert set(machine.create({"order": order}, NOW)) == {"orderCreateTransaction"}
    quote(machine, "EUR_USD", "1.10995", ask="1.11005")
    assert [one.price for one in machine.desk.open_trades()] == [D("1.11000")]
    quote(machine, "EUR_USD", "1.12000", ask="1.12010")
    quote(machine, "EUR_USD", "1.08980", ask="1.08990")
    assert sorted(one.price for one in machine.desk.open_trades()) == [D("1.09000"), D("1.11000"), D("1.12000")]


def test_a_limit_through_the_market_fills_at_once_and_a_far_one_with_fok_ends() -> None:
    machine = broker()
    near = {"type": "LIMIT", "instrument": "EUR_USD", "units": "100", "price": "1.20000"}
    assert machine.create({"order": near}, NOW)["orderFillTransaction"]["price"] == "1.10010"
    far = near | {"price": "1.00000", "timeInForce": "FOK"}
    assert machine.create({"order": far}, NOW)["orderCancelTransaction"]["reason"] == "TIME_IN_FORCE_EXPIRED"


def test_opposite_orders_reduce_oldest_first_and_open_the_rest() -> None:
    machine = broker()
    buy(machine, "100")
    buy(machine, "200")
    row = buy(machine, "-150")["orderFillTransaction"]
    assert [one["units"] for one in row["tradesClosed"]] == ["-100"] and row["tradeReduced"]["units"] == "-50"
    row = buy(machine, "-400")["orderFillTransaction"]
    assert row["tradesClosed"][0]["units"] == "-150" and row["tradeOpened"]["units"] == "-250"
    row = buy(machine, "100", positionFill="OPEN_ONLY")["orderFillTransaction"]
    assert "tradesClosed" not in row and len(machine.desk.open_trades()) == 2


def test_closing_in_part_and_too_much() -> None:
    machine = broker()
    buy(machine, **LEGS)
    assert machine.close_trade(held(machine), "400", NOW)["orderFillTransaction"]["tradeReduced"]["units"] == "-400"
    assert held(machine).units == 600 and len(machine.desk.pending()) == 2
    with pytest.raises(Rejected, match="CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE"):
        machine.close_trade(held(machine), "601", NOW)
    trade = held(machine)
    machine.close_trade(trade, "ALL", NOW)
    with pytest.raises(Rejected, match="TRADE_DOESNT_EXIST"):
        machine.close_trade(trade, "ALL", NOW)


def test_closing_a_position_closes_all_its_trades() -> None:
    machine = broker()
    buy(machine, "100")
    buy(machine, "200")
    row = machine.close_position("EUR_USD", {"longUnits": "ALL", "shortUnits": "NONE"}, NOW)["longOrderFillTransaction"]
    assert len(row["tradesClosed"]) == 2 and machine.desk.open_trades() == []
    for body in ({"longUnits": "ALL"}, {"shortUnits": "ALL"}):
        with pytest.raises(Rejected, match="CLOSEOUT_POSITION_DOESNT_EXIST"):
            machine.close_position("EUR_USD", body, NOW)


def test_a_shut_market_cancels_entries_and_closes_and_leaves_what_rests() -> None:
    machine = broker()
    buy(machine, **LEGS)
    machine.desk.shut = {"EUR_USD"}
    assert buy(machine)["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    assert machine.close_trade(held(machine), "ALL", NOW)["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    assert len(machine.desk.pending()) == 2 and held(machine).units == 1000


def test_what_comes_due_while_the_pair_is_shut_waits_and_is_filled_where_the_market_then_is() -> None:
    machine = broker()
    buy(machine, **LEGS)
    machine.desk.shut = {"EUR_USD"}
    quote(machine, "EUR_USD", "1.09000")
    assert len(machine.desk.pending()) == 2 and held(machine).units == 1000
    machine.desk.shut = set()
    quote(machine, "EUR_USD", "1.08500")
    assert machine.desk.since(4)[0]["price"] == "1.08500", "not at its own price: nobody traded there"


def test_replacing_a_pending_order() -> None:
    machine = broker()
    order = {"type": "LIMIT", "instrument": "EUR_USD", "units": "100", "price": "1.00000", "clientExtensions": {"id": "one"}}
    old = machine.desk.state.orders[machine.create({"order": order}, NOW)["orderCreateTransaction"]["id"]]
    done = machine.replace(old, {"order": order | {"units": "200"}}, NOW)
    made = done["orderCreateTransaction"]
    assert done["orderCancelTransaction"]["replacedByOrderID"] == made["id"] == old.replaced_by and made["replacesOrderID"] == old.id
    with pytest.raises(Rejected, match="ORDER_DOESNT_EXIST"):
        machine.replace(old, {"order": order}, NOW)
    newer = machine.desk.state.orders[made["id"]]
    with pytest.raises(Rejected, match="UNITS_MISSING"):
        machine.replace(newer, {"order": {"type": "LIMIT", "instrument": "EUR_USD", "price": "1.00000"}}, NOW)
    assert newer.state == "PENDING", "a refusal leaves the old one"
    with pytest.raises(Rejected, match="REPLACING_ORDER_INVALID"):
        machine.replace(newer, {"order": order | {"type": "STOP"}}, NOW)
    machine.cancel(newer, NOW)
    with pytest.raises(Rejected, match="ORDER_DOESNT_EXIST"):
        machine.cancel(newer, NOW)


def test_a_leg_by_itself_and_its_twin() -> None:
    machine = broker()
    buy(machine)
    body = {"order": {"type": "STOP_LOSS", "tradeID": held(machine).id, "distance": "0.01000"}}
    machine.create(body, NOW)
    [order] = machine.desk.pending()
    assert order.price == D("1.09010"), "from the price of the trade"
    with pytest.raises(Rejected, match="STOP_LOSS_ORDER_ALREADY_EXISTS"):
        machine.create(body, NOW)
    done = machine.replace(order, {"order": {"type": "STOP_LOSS", "tradeID": held(machine).id, "price": "1.09500"}}, NOW)
    assert done["orderCreateTransaction"]["reason"] == "REPLACEMENT"


def test_orders_end_with_their_time() -> None:
    machine = broker()
    order = {"type": "LIMIT", "instrument": "EUR_USD", "units": "100", "price": "1.00000"}
    machine.create({"order": order | {"timeInForce": "GTD", "gtdTime": "2025-03-04T09:00:00.000000000Z"}}, NOW)
    machine.create({"order": order | {"timeInForce": "GFD"}}, NOW)
    machine.expire(NOW + 3_599_999)
    assert len(machine.desk.pending()) == 2
    machine.expire(NOW + 3_600_000)
    assert len(machine.desk.pending()) == 1
    machine.expire(NOW + 3_600_001, day_ends=True)
    assert machine.desk.pending() == [] and machine.desk.rows[-1]["reason"] == "TIME_IN_FORCE_EXPIRED"


def test_margin_closeout_at_half_the_margin() -> None:
    """At 1.06805 (middle) 200,000 EURUSD bind 7,113.21 and 3,590 are left; at 1.06775 7,111.22 and 3,530, which is less than half."""
    machine = broker()
    buy(machine, "200000")
    quote(machine, "EUR_USD", "1.06800")
    assert len(machine.desk.open_trades()) == 1
    quote(machine, "EUR_USD", "1.06770")
    assert machine.desk.open_trades() == []
    order, fill = machine.desk.since(2)
    assert order["reason"] == "MARGIN_CLOSEOUT" and fill["reason"] == "MARKET_ORDER_MARGIN_CLOSEOUT"


@pytest.mark.parametrize(
    ("trigger", "at", "expected"),
    [
        ("BID", "1.10000", True),
        ("ASK", "1.10000", False),
        ("MID", "1.10005", True),
        ("INVERSE", "1.10000", True),
        ("DEFAULT", "1.10005", False),
    ],
)
def test_the_price_that_a_trigger_looks_at(trigger: str, at: str, expected: bool) -> None:
    """A limit to buy: by default the ask must come down to it."""
    order = Order(id="1", type="LIMIT", ts=NOW, instrument="EUR_USD", units=Decimal(1), price=D(at), trigger=trigger)
    assert due(order, Quote(NOW, D("1.10000"), D("1.10010")), Decimal(1)) is expected


def test_a_body_without_an_order_is_no_request() -> None:
    with pytest.raises(Malformed):
        broker().create({"units": "1"}, NOW)
    with pytest.raises(Malformed):
        broker().create({"order": {"type": "WISH"}}, NOW)
