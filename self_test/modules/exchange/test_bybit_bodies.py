from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from modules.exchange import bybit_bodies as bodies
from modules.ports import Ticket, World

SPOT, PERP = "CRYPTO:BTCUSDT", "PERPS:BTCUSDT"


def ticket(key: str, side: int = 1, **more: Any) -> Ticket:
    return Ticket(key=key, link_id="cl-1", side=side, qty=Decimal("0.010"), **more)


def test_a_spot_entry_is_an_ioc_limit_with_market_legs():
    assert bodies.create(ticket(SPOT, price=Decimal("98980.50"), stop=Decimal(93100), target=Decimal("102900.5"))) == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": "98980.5",
        "timeInForce": "IOC",
        "orderLinkId": "cl-1",
        "isLeverage": 0,
        "orderFilter": "Order",
        "takeProfit": "102900.5",
        "tpOrderType": "Market",
        "stopLoss": "93100",
        "slOrderType": "Market",
    }


@pytest.mark.parametrize("side, word", [(1, "Buy"), (-1, "Sell")])
def test_a_spot_market_order_always_names_the_coin(side: int, word: str):
    body = bodies.create(ticket(SPOT, side))
    assert (body["side"], body["orderType"], body["marketUnit"]) == (word, "Market", "baseCoin")
    assert "price" not in body and "timeInForce" not in body


@pytest.mark.parametrize("world, name", [(World.PROTECTIVE, "tpslOrder"), (World.CONDITIONAL, "StopOrder")])
def test_spot_worlds(world: World, name: str):
    body = bodies.create(ticket(SPOT, -1, trigger=Decimal(90000), world=world, reduce_only=True))
    assert (body["orderFilter"], body["triggerPrice"], body["marketUnit"]) == (name, "90000", "baseCoin")
    assert not {"reduceOnly", "triggerDirection", "positionIdx", "tpslMode"} & body.keys()
    assert bodies.cancel(SPOT, world, "7", "")["orderFilter"] == name


def test_a_perpetual_entry_protects_the_whole_position():
    body = bodies.create(ticket(PERP, -1, stop=Decimal(99000), target=Decimal(90000)))
    assert (body["positionIdx"], body["tpslMode"], body["slOrderType"]) == (0, "Full", "Market")
    assert not {"reduceOnly", "marketUnit", "orderFilter", "isLeverage"} & body.keys()
    assert (body["slTriggerBy"], body["tpTriggerBy"]) == ("LastPrice", "LastPrice")
    by_mark = bodies.create(ticket(PERP, -1, stop=Decimal(99000), target=Decimal(90000)), by=bodies.MARK)
    assert (by_mark["slTriggerBy"], by_mark["tpTriggerBy"]) == ("MarkPrice", "MarkPrice")
    assert "slTriggerBy" not in bodies.create(ticket(SPOT, price=Decimal(1), stop=Decimal(1)), by=bodies.MARK)
    one_leg = bodies.create(ticket(PERP, stop=Decimal(90000)))
    assert "takeProfit" not in one_leg and one_leg["stopLoss"] == "90000"


def test_a_perpetual_close_can_only_reduce():
    body = bodies.create(ticket(PERP, -1, reduce_only=True))
    assert body["reduceOnly"] is True and "tpslMode" not in body


@pytest.mark.parametrize("last, direction", [(95000, 1), (105000, 2)])
def test_the_direction_of_a_trigger_follows_from_the_price(last: int, direction: int):
    asked = ticket(PERP, -1, trigger=Decimal(100000), world=World.CONDITIONAL)
    assert bodies.create(asked, Decimal(last))["triggerDirection"] == direction
    with pytest.raises(ValueError, match="fresh price"):
        bodies.create(asked)


def test_a_resting_order():
    assert bodies.create(ticket(SPOT, price=Decimal(90000), immediate=False))["timeInForce"] == "GTC"


def test_amending_sends_only_what_changes():
    assert bodies.amend(SPOT, "7", Decimal("93000.10"), None, None, None) == {
        "category": "spot", "symbol": "BTCUSDT", "orderId": "7", "stopLoss": "93000.1",
    }  # fmt: skip
    everything = bodies.amend(PERP, "7", Decimal(1), Decimal(2), Decimal(3), Decimal(4))
    assert [everything[name] for name in ("stopLoss", "takeProfit", "triggerPrice", "qty")] == ["1", "2", "3", "4"]


def test_cancelling_by_either_id():
    assert bodies.cancel(PERP, World.CONDITIONAL, "7", "cl-1") == {"category": "linear", "symbol": "BTCUSDT", "orderId": "7"}
    assert bodies.cancel(SPOT, World.PLAIN, "", "cl-1") == {
        "category": "spot", "symbol": "BTCUSDT", "orderLinkId": "cl-1", "orderFilter": "Order",
    }  # fmt: skip


def test_position_stops():
    body = bodies.set_stops(PERP, Decimal(93000), Decimal(0), bodies.MARK)
    assert (body["slTriggerBy"], body["tpTriggerBy"]) == ("MarkPrice", "MarkPrice")
    body = bodies.set_stops(PERP, Decimal(93000), Decimal(0))
    assert (body["slTriggerBy"], body["tpTriggerBy"]) == ("LastPrice", "LastPrice"), "said, or the venue keeps what was there"
    assert (body["tpslMode"], body["positionIdx"], body["stopLoss"], body["takeProfit"]) == ("Full", 0, "93000", "0")


def test_no_amount_is_written_with_an_exponent_or_as_a_float():
    asked = Ticket(key=PERP, link_id="x", side=1, qty=Decimal("1E+3"), price=Decimal("1E-7"), stop=Decimal("5E-8"))
    body = bodies.create(asked)
    assert (body["qty"], body["price"], body["stopLoss"]) == ("1000", "0.0000001", "0.00000005")
    assert not any(isinstance(value, float) for value in body.values())
    assert msgspec.json.decode(msgspec.json.encode(body)) == body


def test_a_key_of_another_domain_is_refused():
    with pytest.raises(KeyError):
        bodies.where("FOREX:EURUSD")
