"""Create, amend, cancel over the wire, alone and in batches: answers, codes, and what becomes of the orders."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.simulator.rate_limits import RateLimits
from self_test.modules.simulator.signed import LINEAR, SPOT, Customer

BUY = LINEAR | {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "79000"}
SPOT_BUY = SPOT | {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "79000"}
CREATE, AMEND, CANCEL, ALL = (f"/v5/order/{name}" for name in ("create", "amend", "cancel", "cancel-all"))


@pytest.fixture
def one() -> Customer:
    return Customer()


def status(one: Customer, category: str, order_id: str) -> str:
    [row] = one.get("/v5/order/realtime", category=category, orderId=order_id)["list"]
    found: str = row["orderStatus"]
    return found


def test_an_order_from_creation_to_cancellation(one: Customer) -> None:
    made = one.post(CREATE, **BUY, orderLinkId="mine-1")
    assert made["orderLinkId"] == "mine-1" and made["orderId"]
    assert one.post(AMEND, **LINEAR, orderLinkId="mine-1", qty="0.02", price="78000") == made
    [row] = one.get("/v5/order/realtime", **LINEAR)["list"]
    assert (row["qty"], row["price"], row["orderStatus"]) == ("0.02", "78000", "New")
    assert one.post(CANCEL, **LINEAR, orderId=made["orderId"]) == made
    assert status(one, "linear", made["orderId"]) == "Cancelled"


def test_spot_answers_carry_a_link_id_of_digits(one: Customer) -> None:
    made = one.post(CREATE, **SPOT_BUY)
    assert made["orderId"].isdigit() and made["orderLinkId"].isdigit()
    assert one.order(**BUY).count("-") == 4


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (CREATE, BUY | {"symbol": "NOPE"}, 10001),
        (CREATE, SPOT_BUY | {"symbol": "NOPE"}, 170121),
        (CREATE, BUY | {"price": "79000.05"}, 10001),
        (CREATE, SPOT_BUY | {"price": "79000.005"}, 170134),
        (CREATE, SPOT_BUY | {"qty": "0.0100001"}, 170137),
        (CREATE, SPOT_BUY | {"qty": "0.00001"}, 170140),
        (CREATE, BUY | {"qty": "0.0005"}, 10001),
        (CREATE, BUY | {"price": "1000"}, 0),
        (CREATE, BUY | {"price": "99000"}, 110003),
        (CREATE, SPOT_BUY | {"price": "99000"}, 170193),
        (CREATE, BUY | {"qty": "1000"}, 110007),
        (CREATE, SPOT_BUY | {"qty": "7"}, 170131),
        (CREATE, SPOT_BUY | {"qty": "70"}, 170124),
        (CREATE, BUY | {"positionIdx": 1}, 10001),
        (CREATE, BUY | {"reduceOnly": True, "side": "Sell", "price": "81000"}, 110017),
        (CREATE, BUY | {"triggerPrice": "79000", "triggerDirection": 1}, 110092),
        (CREATE, BUY | {"triggerPrice": "81000", "triggerDirection": 2}, 110093),
        (CREATE, SPOT_BUY | {"orderType": "Market", "takeProfit": "90000"}, 170130),
        (CREATE, BUY | {"orderLinkId": "x" * 37}, 10001),
        (AMEND, LINEAR | {"orderId": "nobody", "qty": "1"}, 110001),
        (AMEND, SPOT | {"orderId": "nobody", "qty": "1"}, 170213),
        (CANCEL, LINEAR | {"orderId": "nobody"}, 110001),
        (CANCEL, SPOT | {"orderLinkId": "nobody"}, 170213),
        (CANCEL, {"category": "option", "symbol": "X", "orderId": "1"}, 10001),
        (ALL, {"category": "linear"}, 10001),
        (ALL, {"category": "linear", "symbol": "NOPE"}, 10001),
        (ALL, {"category": "spot", "orderFilter": "All"}, 170130),
        ("/v5/order/disconnected-cancel-all", {"timeWindow": 10}, 10005),
        ("/v5/order/disconnected-cancel-all", {"timeWindow": 2}, 10001),
        ("/v5/order/disconnected-cancel-all", {"timeWindow": 10, "product": "FUTURES"}, 10001),
    ],
)
def test_refusals(one: Customer, path: str, body: dict[str, Any], code: int) -> None:
    assert one.code(path, **body) == code


def test_a_link_id_is_used_once_for_ever(one: Customer) -> None:
    for body, code in ((BUY, 110072), (SPOT_BUY, 170141)):
        link = f"id-{code}"
        one.post(CREATE, **body, orderLinkId=link)
        one.post(CANCEL, category=body["category"], symbol="BTCUSDT", orderLinkId=link)
        assert one.code(CREATE, **body, orderLinkId=link) == code


def test_cancel_all_linear(one: Customer) -> None:
    plain, stop = one.order(**BUY), one.order(**BUY, triggerPrice="81000", triggerDirection=1)
    for body in ({"baseCoin": "ETH"}, {"settleCoin": "USDC"}, {"symbol": "BTCUSDT", "orderFilter": "tpslOrder"}):
        assert one.post(ALL, category="linear", **body)["list"] == []
    gone = one.post(ALL, category="linear", symbol="BTCUSDT", orderFilter="StopOrder")
    assert [row["orderId"] for row in gone["list"]] == [stop] and gone["success"] == "1"
    assert [row["orderId"] for row in one.post(ALL, category="linear", settleCoin="USDT")["list"]] == [plain]
    again = one.order(**BUY)
    assert [row["orderId"] for row in one.post(ALL, category="linear", baseCoin="BTC")["list"]] == [again]
    assert one.post(ALL, category="linear", settleCoin="USDT")["list"] == []


def test_cancel_all_spot_leaves_the_other_worlds(one: Customer) -> None:
    plain = one.order(**SPOT_BUY)
    stop = one.order(**SPOT_BUY, orderFilter="StopOrder", triggerPrice="79500")
    assert [row["orderId"] for row in one.post(ALL, category="spot")["list"]] == [plain]
    assert status(one, "spot", stop) == "Untriggered"
    assert one.code(CANCEL, **SPOT, orderId=stop) == 170213, "its own filter is needed"
    assert one.post(CANCEL, **SPOT, orderId=stop, orderFilter="StopOrder")["orderId"] == stop


def test_batches(one: Customer) -> None:
    items: list[Any] = [
        {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": str(79000 - step), "orderLinkId": f"b{step}"}
        for step in range(3)
    ]
    items.insert(1, {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "zero", "orderLinkId": "bad"})
    items.append("no order at all")
    answer = one.send("POST", "/v5/order/create-batch", msgspec.json.encode({"category": "linear", "request": items}))[2]
    rows, said = answer["result"]["list"], answer["retExtInfo"]["list"]
    assert answer["retCode"] == 0 and [each["code"] for each in said] == [0, 10001, 0, 0, 10001]
    assert [bool(row["orderId"]) for row in rows] == [True, False, True, True, False]
    assert [row["orderLinkId"] for row in rows] == ["b0", "bad", "b1", "b2", ""]
    assert rows[0]["createAt"].isdigit() and rows[1]["createAt"] == "" and rows[0]["symbol"] == "BTCUSDT"
    amended = one.send(
        "POST",
        "/v5/order/amend-batch",
        msgspec.json.encode(
            {
                "category": "linear",
                "request": [{"symbol": "BTCUSDT", "orderLinkId": "b0", "qty": "0.03"}, {"symbol": "BTCUSDT", "orderId": "x", "qty": "1"}],
            }
        ),
    )[2]
    assert [each["code"] for each in amended["retExtInfo"]["list"]] == [0, 110001]
    gone = one.post(
        "/v5/order/cancel-batch", category="linear", request=[{"symbol": "BTCUSDT", "orderLinkId": f"b{step}"} for step in range(3)]
    )
    assert all(row["orderId"] for row in gone["list"]) and one.get("/v5/order/realtime", **LINEAR)["list"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"category": "linear"}, {"category": "linear", "request": []}, {"category": "linear", "request": "x"},
        {"category": "option", "request": [{}]},
        {"category": "linear", "request": [{}] * 21}, {"category": "spot", "request": [{}] * 11}, {"request": [{}]},
    ],
)  # fmt: skip
def test_what_a_batch_cannot_be(one: Customer, body: dict[str, Any]) -> None:
    assert one.code("/v5/order/create-batch", **body) == 10001


def test_a_batch_over_the_limit_fails_in_part() -> None:
    one = Customer(limits=RateLimits())
    item = {key: value for key, value in BUY.items() if key != "category"}
    assert one.code(CREATE, **BUY) == 0
    status_, headers, answer = one.send(
        "POST", "/v5/order/create-batch", msgspec.json.encode({"category": "linear", "request": [item] * 12})
    )
    assert (status_, answer["retCode"]) == (200, 0)
    assert [each["code"] for each in answer["retExtInfo"]["list"]] == [0] * 10 + [10006] * 2, "its own budget, counted per order"
    assert int(headers["X-Bapi-Limit-Reset-Timestamp"]) > one.wall and headers["X-Bapi-Limit-Status"] == "0"
    assert one.code("/v5/order/create-batch", category="linear", request=[item]) == 10006
