"""Positions over the wire: rows by symbol and by coin, settings with their not-modified codes, trading-stop, closed profits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from self_test.modules.simulator.signed import LINEAR, Customer

TAKE = LINEAR | {"side": "Buy", "orderType": "Market", "qty": "0.01"}
LIST, LEVERAGE, MODE, STOP = (f"/v5/position/{name}" for name in ("list", "set-leverage", "switch-mode", "trading-stop"))


@pytest.fixture
def one() -> Customer:
    return Customer()


def test_rows_by_symbol_even_when_empty(one: Customer) -> None:
    [empty] = one.get(LIST, **LINEAR)["list"]
    assert (empty["positionIdx"], empty["side"], empty["size"], empty["avgPrice"], empty["liqPrice"]) == (0, "", "0", "0", "")
    assert one.get(LIST, category="linear", settleCoin="USDT")["list"] == []
    one.order(**TAKE)
    [held] = one.get(LIST, category="linear", settleCoin="USDT")["list"]
    assert (held["side"], held["size"], held["symbol"]) == ("Buy", "0.01", "BTCUSDT") and None not in held.values()
    assert one.get(LIST, category="linear", settleCoin="USDC")["list"] == []
    assert one.get(LIST, category="inverse") == {"category": "inverse", "list": [], "nextPageCursor": ""}


def test_hedge_mode_has_two_rows_in_pages(one: Customer) -> None:
    assert one.code(MODE, **LINEAR, mode=0) == 110025
    assert one.post(MODE, **LINEAR, mode=3) == {}
    assert one.code(MODE, category="linear", coin="USDT", mode="3") == 110025
    assert [row["positionIdx"] for row in one.get(LIST, **LINEAR)["list"]] == [1, 2]
    first = one.get(LIST, **LINEAR, limit=1)
    second = one.get(LIST, **LINEAR, limit=1, cursor=first["nextPageCursor"])
    assert ([row["positionIdx"] for row in second["list"]], second["nextPageCursor"]) == ([2], "")
    assert one.code("/v5/order/create", **TAKE) == 10001, "positionIdx is needed now"
    one.order(**TAKE, positionIdx=1)
    assert one.code(MODE, **LINEAR, mode=0) == 110024
    assert one.post("/v5/order/create", **TAKE | {"side": "Sell"}, positionIdx=1)["orderId"]
    one.order(**LINEAR, side="Buy", orderType="Limit", qty="0.01", price="79000", positionIdx=1)
    assert one.code(MODE, **LINEAR, mode=0) == 110028


def test_leverage(one: Customer) -> None:
    assert one.post(LEVERAGE, **LINEAR, buyLeverage="5", sellLeverage=5) == {}
    assert one.code(LEVERAGE, **LINEAR, buyLeverage="5", sellLeverage="5") == 110043
    assert one.code(LEVERAGE, **LINEAR, buyLeverage="500", sellLeverage="500") == 110013
    for body in ({"buyLeverage": "0.5", "sellLeverage": "0.5"}, {"buyLeverage": "5", "sellLeverage": "6"}, {"buyLeverage": "5"}, {}):
        assert one.code(LEVERAGE, **LINEAR, **body) == 10001
    [row] = one.get(LIST, **LINEAR)["list"]
    assert row["leverage"] == "5"


def test_trading_stop(one: Customer) -> None:
    assert one.code(STOP, **LINEAR, stopLoss="70000") == 10001, "there is no position"
    one.order(**TAKE)
    assert one.post(STOP, **LINEAR, stopLoss="70000", takeProfit=90000) == {}
    assert one.code(STOP, **LINEAR, stopLoss="70000", tpslMode="Full", positionIdx=0) == 34040
    assert one.code(STOP, **LINEAR, stopLoss="90000") == 10001, "on the wrong side"
    [row] = one.get(LIST, **LINEAR)["list"]
    assert (row["stopLoss"], row["takeProfit"]) == ("70000", "90000")
    children = one.get("/v5/order/realtime", **LINEAR)["list"]
    assert {each["stopOrderType"] for each in children} == {"StopLoss", "TakeProfit"} and all(each["reduceOnly"] for each in children)
    assert one.post(STOP, **LINEAR, stopLoss="0", takeProfit="0") == {}
    assert one.get("/v5/order/realtime", **LINEAR)["list"] == []


def test_margin_mode(one: Customer) -> None:
    path = "/v5/account/set-margin-mode"
    assert one.code(path, setMarginMode="REGULAR_MARGIN") == 110026
    answer = one.send("POST", path, b'{"setMarginMode":"ISOLATED_MARGIN"}')[2]
    assert (answer["retCode"], answer["result"]) == (0, {"reasons": []})
    assert one.get("/v5/account/info")["marginMode"] == "ISOLATED_MARGIN"
    no = one.send("POST", path, b'{"setMarginMode":"PORTFOLIO_MARGIN"}')[2]
    assert no["retCode"] == 3400045 and no["result"]["reasons"][0]["reasonMsg"]
    assert one.code(path, setMarginMode="NONE") == one.code(path) == 10001


def test_closed_profits(one: Customer) -> None:
    one.order(**TAKE)
    one.order(**TAKE | {"side": "Sell", "qty": "0.004"}, reduceOnly=True)
    one.order(**TAKE | {"side": "Sell", "qty": "0.006"}, reduceOnly=True)
    rows = one.get("/v5/position/closed-pnl", **LINEAR)["list"]
    assert [row["closedSize"] for row in rows] == ["0.006", "0.004"] and {row["side"] for row in rows} == {"Sell"}
    assert all(isinstance(value, str) for row in rows for value in row.values())
    first = one.get("/v5/position/closed-pnl", category="linear", limit=1)
    second = one.get("/v5/position/closed-pnl", category="linear", limit=1, cursor=first["nextPageCursor"])
    assert [first["list"][0], second["list"][0]] == rows and second["nextPageCursor"] == ""
    at = int(rows[1]["updatedTime"])
    assert one.get("/v5/position/closed-pnl", **LINEAR, startTime=at, endTime=at)["list"] == rows[1:]
    assert one.get("/v5/position/closed-pnl", category="spot")["list"] == []


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", LIST, {}), ("GET", LIST, {"category": "linear"}), ("GET", LIST, {"category": "spot"}),
        ("GET", LIST, {"category": "linear", "symbol": "NOPE"}),
        ("GET", "/v5/position/closed-pnl", {"category": "linear", "symbol": "NOPE"}),
        ("POST", LEVERAGE, {"category": "linear", "symbol": "NOPE", "buyLeverage": "5", "sellLeverage": "5"}),
        ("POST", LEVERAGE, {"category": "spot", "symbol": "BTCUSDT", "buyLeverage": "5", "sellLeverage": "5"}),
        ("POST", LEVERAGE, {"category": "inverse", "symbol": "BTCUSD", "buyLeverage": "5", "sellLeverage": "5"}),
        ("POST", MODE, LINEAR), ("POST", MODE, {"category": "linear", "mode": 3}), ("POST", MODE, LINEAR | {"mode": 1}),
        ("POST", MODE, {"category": "linear", "mode": 3, "coin": "USDC"}),
        ("POST", MODE, {"category": "linear", "mode": 3, "symbol": "NOPE"}),
        ("POST", STOP, {"category": "linear", "symbol": "NOPE", "stopLoss": "1"}),
    ],
)  # fmt: skip
def test_wrong_parameters_are_10001(one: Customer, method: str, path: str, fields: dict[str, Any]) -> None:
    found = one.get_code(path, **fields) if method == "GET" else one.send("POST", path, msgspec.json.encode(fields))[2]["retCode"]
    assert found == 10001
