"""What is refused about an order, by the venue's own reasons; how trades and orders are found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.simulator import oanda_entry as entry
from modules.simulator.oanda_pairs import PAIRS
from modules.simulator.oanda_types import Malformed, Rejected
from self_test.modules.simulator.oanda_toy import NOW, broker, buy, desk

MARKET = {"instrument": "EUR_USD", "units": "100"}
LIMIT = MARKET | {"price": "1.00000"}


@pytest.mark.parametrize(
    ("type_", "given", "reason"),
    [
        ("MARKET", {"units": "1"}, "INSTRUMENT_MISSING"),
        ("MARKET", MARKET | {"instrument": "XAU_USD"}, "INSTRUMENT_UNKNOWN"),
        ("MARKET", {"instrument": "EUR_USD"}, "UNITS_MISSING"),
        ("MARKET", MARKET | {"units": "many"}, "UNITS_INVALID"),
        ("MARKET", MARKET | {"units": True}, "UNITS_INVALID"),
        ("MARKET", MARKET | {"units": "0"}, "UNITS_INVALID"),
        ("MARKET", MARKET | {"units": "1.5"}, "UNITS_PRECISION_EXCEEDED"),
        ("MARKET", MARKET | {"units": "0.5"}, "UNITS_MINIMUM_NOT_MET"),
        ("MARKET", MARKET | {"units": "100000001"}, "UNITS_LIMIT_EXCEEDED"),
        ("MARKET", MARKET | {"timeInForce": "GTC"}, "TIME_IN_FORCE_INVALID"),
        ("MARKET", MARKET | {"positionFill": "WHATEVER"}, "ORDER_FILL_POSITION_ACTION_INVALID"),
        ("MARKET", MARKET | {"priceBound": "1.123456"}, "PRICE_BOUND_PRECISION_EXCEEDED"),
        ("MARKET", MARKET | {"clientExtensions": {"id": ""}}, "CLIENT_ORDER_ID_INVALID"),
        ("MARKET", MARKET | {"clientExtensions": "x"}, "CLIENT_ORDER_ID_INVALID"),
        ("MARKET", MARKET | {"tradeClientExtensions": {"tag": 5}}, "CLIENT_TRADE_TAG_INVALID"),
        ("MARKET", MARKET | {"stopLossOnFill": {}}, "STOP_LOSS_ON_FILL_PRICE_MISSING"),
        ("MARKET", MARKET | {"stopLossOnFill": "x"}, "STOP_LOSS_ON_FILL_PRICE_MISSING"),
        ("MARKET", MARKET | {"stopLossOnFill": {"price": "1", "distance": "1"}}, "STOP_LOSS_ON_FILL_PRICE_AND_DISTANCE_BOTH_SPECIFIED"),
        ("MARKET", MARKET | {"stopLossOnFill": {"price": "1.000001"}}, "STOP_LOSS_ON_FILL_PRICE_PRECISION_EXCEEDED"),
        ("MARKET", MARKET | {"takeProfitOnFill": {"distance": "1"}}, "TAKE_PROFIT_ON_FILL_PRICE_MISSING"),
        ("MARKET", MARKET | {"takeProfitOnFill": {"price": "-1"}}, "TAKE_PROFIT_ON_FILL_PRICE_INVALID"),
        ("MARKET", MARKET | {"takeProfitOnFill": {"price": "2", "timeInForce": "FOK"}}, "TAKE_PROFIT_ON_FILL_TIME_IN_FORCE_INVALID"),
        ("MARKET", MARKET | {"stopLossOnFill": {"price": "1", "triggerCondition": "X"}}, "STOP_LOSS_ON_FILL_TRIGGER_CONDITION_INVALID"),
        ("MARKET", MARKET | {"trailingStopLossOnFill": {}}, "TRAILING_STOP_LOSS_ON_FILL_PRICE_DISTANCE_MISSING"),
        (
            "MARKET", MARKET | {"trailingStopLossOnFill": {"distance": "0.00010"}},
            "TRAILING_STOP_LOSS_ON_FILL_PRICE_DISTANCE_MINIMUM_NOT_MET",
        ),
        ("LIMIT", MARKET, "PRICE_MISSING"),
        ("LIMIT", LIMIT | {"price": "abc"}, "PRICE_INVALID"),
        ("LIMIT", LIMIT | {"triggerCondition": "NEVER"}, "TRIGGER_CONDITION_INVALID"),
        ("LIMIT", LIMIT | {"timeInForce": "GTD"}, "TIME_IN_FORCE_GTD_TIMESTAMP_MISSING"),
        ("LIMIT", LIMIT | {"timeInForce": "GTD", "gtdTime": "2025-03-04T08:00:00Z"}, "TIME_IN_FORCE_GTD_TIMESTAMP_IN_PAST"),
    ],
)  # fmt: skip
def test_refused_by_its_reason(type_: str, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected) as no:
        entry.opening(desk(), type_, given, NOW)
    assert no.value.reason == reason


def test_an_id_is_used_once_among_what_is_pending_or_open() -> None:
    machine = broker()
    ext: Any = {"clientExtensions": {"id": "one"}, "tradeClientExtensions": {"id": "mine"}}
    buy(machine, **ext)
    with pytest.raises(Rejected, match="CLIENT_TRADE_ID_ALREADY_EXISTS"):
        buy(machine, **ext)
    machine.create({"order": {"type": "LIMIT", **LIMIT, "clientExtensions": {"id": "two"}}}, NOW)
    with pytest.raises(Rejected, match="CLIENT_ORDER_ID_ALREADY_EXISTS"):
        buy(machine, clientExtensions={"id": "two"})
    assert "orderFillTransaction" in buy(machine, clientExtensions={"id": "one"}), "a filled order's id is free, as at the venue"


def test_without_a_price_no_order_is_taken() -> None:
    made = desk()
    del made.quotes["EUR_USD"]
    with pytest.raises(Rejected, match="INSTRUMENT_PRICE_UNKNOWN"):
        entry.opening(made, "MARKET", MARKET, NOW)


def test_finding_by_id_and_by_the_clients_own() -> None:
    machine = broker()
    for _ in range(2):
        buy(machine, clientExtensions={"id": "again"})
    assert entry.find_order(machine.desk, "@again") is machine.desk.state.orders["3"], "the newest"
    assert entry.find_order(machine.desk, "1") is machine.desk.state.orders["1"]
    assert entry.find_order(machine.desk, "@nobody") is None and entry.find_trade(machine.desk, "@nobody") is None
    with pytest.raises(Rejected, match="TRADE_ID_UNSPECIFIED"):
        entry.trade_of(machine.desk, {})
    with pytest.raises(Rejected, match="TRADE_DOESNT_EXIST"):
        entry.trade_of(machine.desk, {"tradeID": "99"})
    assert entry.trade_of(machine.desk, {"tradeID": "2"}).id == "2"


def test_parts() -> None:
    whole = Decimal(100)
    assert entry.part_of("ALL", whole, "L") == 100 and entry.part_of("40", whole, "L") == 40
    for bad in ("0", "-1", "1.5"):
        with pytest.raises(Rejected, match="UNITS_INVALID"):
            entry.part_of(bad, whole, "L")
    with pytest.raises(Rejected, match=r"^L$"):
        entry.part_of("101", whole, "L")


def test_no_order_no_type() -> None:
    for body in (None, {}, {"order": 5}, {"order": {"type": "GUESS"}}):
        with pytest.raises(Malformed):
            entry.order_type(body)
    assert entry.order_type({"order": {}}) == "MARKET"
    assert entry.leg(PAIRS["EUR_USD"], "STOP_LOSS", {"price": "1.1"}, NOW, "STOP_LOSS") == {"price": "1.10000", "timeInForce": "GTC"}
