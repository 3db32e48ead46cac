from __future__ import annotations

from typing import Any

import pytest

from self_test.modules.simulator.stage import D, Stage

SPOT: list[tuple[int, str, tuple[Any, ...], dict[str, Any]]] = [
    (170134, "price decimals", ("Buy", "0.01", "79000.001"), {}),
    (170134, "trigger decimals", ("Buy", "0.01", "79000"), {"order_filter": "StopOrder", "trigger_price": "79000.001"}),
    (170137, "quantity decimals", ("Buy", "0.0100001", "79000"), {}),
    (170148, "amount decimals", ("Buy", "10.00000001"), {}),
    (170140, "value below the minimum", ("Buy", "0.00001", "79000"), {}),
    (170140, "amount below the minimum", ("Buy", "4.99"), {}),
    (170124, "amount too large", ("Buy", "4000001"), {}),
    (170135, "quantity too large", ("Sell", "84", "80000"), {}),
    (170131, "not enough quote", ("Buy", "0.2", "79000"), {}),
    (170131, "not enough quote for a market buy", ("Buy", "10001"), {}),
    (170131, "not enough base", ("Sell", "0.1", "80100"), {}),
    (170131, "not enough base at market", ("Sell", "0.1"), {}),
    (170130, "target on a market order", ("Buy", "100"), {"take_profit": "90000"}),
    (170130, "stop on a market order", ("Buy", "100"), {"stop_loss": "70000"}),
    (170130, "stop on the wrong side", ("Buy", "0.01", "79000"), {"stop_loss": "79500"}),
    (170130, "no trigger", ("Buy", "0.01", "79000"), {"order_filter": "tpslOrder"}),
    (170130, "zero", ("Buy", "0", "79000"), {}),
    (170130, "a foreign world", ("Buy", "0.01", "79000"), {"order_filter": "OcoOrder"}),
    (170130, "link id", ("Buy", "0.01", "79000"), {"link_id": "a b"}),
    (170193, "buy far above", ("Buy", "0.01", "90000"), {}),
    (170194, "sell far below", ("Sell", "0.01", "70000"), {}),
    (170121, "unknown symbol", ("Buy", "0.01", "70000"), {"symbol": "XYZUSDT"}),
]
LINEAR: list[tuple[int, str, tuple[Any, ...], dict[str, Any]]] = [
    (10001, "price decimals", ("Buy", "0.01", "79000.05"), {}),
    (10001, "quantity decimals", ("Buy", "0.0101", "79000"), {}),
    (10001, "zero", ("Buy", "0", "79000"), {}),
    (10001, "too large at market", ("Buy", "239"), {}),
    (10001, "unknown symbol", ("Buy", "1"), {"symbol": "XYZUSDT"}),
    (10001, "index in one-way mode", ("Buy", "0.01"), {"position_idx": 1}),
    (10001, "stop above a long", ("Buy", "0.01", "79000"), {"stop_loss": "79500"}),
    (10001, "target below a long", ("Buy", "0.01"), {"take_profit": "79500"}),
    (10001, "target above a short", ("Sell", "0.01"), {"take_profit": "80500"}),
    (10001, "stop on reduce-only", ("Sell", "0.01"), {"stop_loss": "80500", "reduce_only": True}),
    (10001, "limit leg in Full", ("Buy", "0.01"), {"take_profit": "81000", "tp_order_type": "Limit", "tp_limit_price": "81000"}),
    (10001, "no direction", ("Buy", "0.01"), {"trigger_price": "81000"}),
    (110092, "rising, but below", ("Buy", "0.01"), {"trigger_price": "80000", "trigger_direction": 1}),
    (110093, "falling, but above", ("Buy", "0.01"), {"trigger_price": "80000", "trigger_direction": 2}),
    (110003, "buy far above", ("Buy", "0.01", "84000.1"), {}),
    (110003, "sell far below", ("Sell", "0.01", "75999.9"), {}),
    (110007, "no margin", ("Buy", "1.3", "79000"), {}),
    (110007, "no margin at market", ("Buy", "1.3"), {}),
    (110017, "nothing to reduce", ("Sell", "0.01"), {"reduce_only": True}),
    (110017, "nothing to close", ("Sell", "0"), {"reduce_only": True, "close_on_trigger": True}),
    (10001, "link id", ("Buy", "0.01"), {"link_id": "x" * 37}),
]


@pytest.mark.parametrize("code, name, order, more", SPOT, ids=[one[1] for one in SPOT])
def test_spot_refusals(code: int, name: str, order: tuple[Any, ...], more: dict[str, Any]):
    stage = Stage()
    assert stage.code("spot", *order, **more) == code
    assert stage.events() == [] and stage.open("spot") == [] and stage.usdt() == 10_000


@pytest.mark.parametrize("code, name, order, more", LINEAR, ids=[one[1] for one in LINEAR])
def test_linear_refusals(code: int, name: str, order: tuple[Any, ...], more: dict[str, Any]):
    stage = Stage()
    assert stage.code("linear", *order, **more) == code
    assert stage.events() == [] and stage.open() == [] and stage.usdt() == 10_000


def test_linear_minimum_value():
    stage = Stage()
    stage.move("4000")
    assert stage.code("linear", "Buy", "0.001") == 110094


@pytest.mark.parametrize("category, code", [("spot", 170141), ("linear", 110072)])
def test_a_link_id_is_used_once_for_ever(category: str, code: int):
    stage = Stage()
    order = stage.place(category, "Buy", "0.01", "79000", link_id="once")
    stage.cancel(order)
    assert stage.code(category, "Buy", "0.01", "79000", link_id="once") == code
    assert stage.exchange.order("1001", link_id="once") is order


def test_a_trigger_price_on_spot_without_a_filter_is_ignored():
    assert Stage().place("spot", "Buy", "0.01", "79000", trigger_price="70000").status == "New"


def test_market_orders_stop_at_the_slippage_that_was_asked_for():
    stage = Stage("1000000")
    order = stage.place("linear", "Buy", "5", slippage_type="TickSize", slippage="10")
    assert order.price == 80_001 and (order.status, order.filled) == ("Cancelled", D(4))
    assert stage.place("linear", "Sell", "1", slippage_type="Percent", slippage="1").price == D("79199.0")


@pytest.mark.parametrize("category, limit, code", [("linear", 10, 110009), ("spot", 30, 170810)])
def test_ceiling_of_conditional_orders(category: str, limit: int, code: int):
    stage = Stage()
    more = {"order_filter": "StopOrder"} if category == "spot" else {"trigger_direction": 1}
    for _ in range(limit):
        stage.place(category, "Buy", "0.01", "81000", trigger_price="81000", **more)
    assert stage.code(category, "Buy", "0.01", "81000", trigger_price="81000", **more) == code


@pytest.mark.parametrize("category, code", [("linear", 110020), ("spot", 170810)])
def test_ceiling_of_open_orders(category: str, code: int):
    stage = Stage("1000000")
    for _ in range(500):
        stage.place(category, "Buy", "0.001", "79000")
    assert stage.code(category, "Buy", "0.001", "79000") == code
    assert len(stage.exchange.cancel_all("1001", category, stage.tick())) == 500  # type: ignore[arg-type]
