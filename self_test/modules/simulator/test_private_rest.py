"""The dispatcher: envelope, order of checks, budgets on the wire, and everything that a request can be except well-formed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.simulator.private_rest import MOST_FIELDS, ROUTES
from modules.simulator.rate_limits import RateLimits
from self_test.modules.simulator.signed import BOUND, EXPIRED, KEY, LINEAR, READ_ONLY, SPOT, SPOT_ONLY, WALL, Customer

ORDER = LINEAR | {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "79000"}


def encoded(**body: object) -> bytes:
    return msgspec.json.encode(body)


def test_the_envelope_and_the_headers() -> None:
    one = Customer()
    status, headers, answer = one.send("GET", "/v5/account/info")
    assert status == 200 and set(answer) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
    assert (answer["retCode"], answer["retMsg"], answer["retExtInfo"], answer["time"]) == (0, "OK", {}, WALL)
    assert headers == {"X-Bapi-Limit": "5000", "X-Bapi-Limit-Status": "4999", "X-Bapi-Limit-Reset-Timestamp": str(WALL)}


def test_an_unknown_route_is_404_for_everybody() -> None:
    status, _, answer = Customer().send("GET", "/v5/order/create", sign="wrong")
    assert status == 404 and answer["retCode"] == 10017


def test_checks_come_in_the_venues_order() -> None:
    """Each row repairs what the row before was refused for."""
    one = Customer()
    late = str(WALL - 6000)
    rows: list[tuple[int, dict[str, Any]]] = [
        (10001, {"api_key": None, "sign": None, "timestamp": late}),
        (10003, {"api_key": "unknown", "sign": "00", "timestamp": late}),
        (10002, {"sign": "00", "timestamp": late}),
        (10004, {"sign": "00"}),
    ]
    for code, changed in rows:
        status, headers, answer = one.send("POST", "/v5/order/create", b"not json", **changed)
        assert (status, answer["retCode"], headers, answer["result"]) == (200, code, {}, {})
    assert one.send("POST", "/v5/order/create", b"not json", key=EXPIRED)[2]["retCode"] == 33004
    assert one.send("POST", "/v5/order/create", b"not json", key=BOUND, peer="10.9.9.9")[2]["retCode"] == 10010
    assert one.send("POST", "/v5/order/create", b"not json", key=READ_ONLY)[2]["retCode"] == 10005
    assert one.send("POST", "/v5/order/create", b"not json")[2]["retCode"] == 10001


def test_permissions_go_by_category() -> None:
    one = Customer()
    spot = encoded(**SPOT, side="Buy", orderType="Limit", qty="0.01", price="79000")
    assert one.send("POST", "/v5/order/create", spot, key=SPOT_ONLY)[2]["retCode"] == 0
    assert one.send("POST", "/v5/order/create", encoded(**ORDER), key=SPOT_ONLY)[2]["retCode"] == 10005
    assert one.send("POST", "/v5/position/set-leverage", encoded(**LINEAR), key=SPOT_ONLY)[2]["retCode"] == 10005
    assert one.send("GET", "/v5/account/info", key=READ_ONLY)[2]["retCode"] == 0


def test_the_signature_covers_the_bytes_as_received() -> None:
    one = Customer()
    odd = b'{ "category":"linear" ,"symbol":"BTCUSDT","side":"Buy","orderType":"Limit", "qty":0.010,"price":7.9e4}'
    answer = one.send("POST", "/v5/order/create", odd)[2]
    assert answer["retCode"] == 0
    [row] = one.get("/v5/order/realtime", **LINEAR)["list"]
    assert (row["qty"], row["price"]) == ("0.01", "79000")
    query = "category=linear&cursor=a%3A1%2Cb%3A2&symbol=BTCUSDT"
    assert one.send("GET", "/v5/order/realtime", query.encode())[2]["retCode"] == 0
    status, _, body = one.rest.handle("GET", "/v5/order/realtime", query.replace("%3A", ":"), one.headers(query.encode()), b"")
    assert status == 200 and msgspec.json.decode(body)["retCode"] == 10004


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"7", b'"x"', b"\xff\xfe", b'{"a":\xff}', b"[" * 100_000, b'{"x":' * 50_000, b"null", b'{"qty":1e999999}', b""],
)
def test_malformed_bodies(body: bytes) -> None:
    one = Customer()
    status, headers, answer = one.send("POST", "/v5/order/create", body)
    assert (status, answer["retCode"]) == (200, 10001) and "Traceback" not in answer["retMsg"]
    assert headers["X-Bapi-Limit-Status"] == "999", "it was a request all the same"


def test_malformed_queries() -> None:
    one = Customer()
    many = "&".join(f"a{index}=1" for index in range(MOST_FIELDS + 1))
    for query in (many, "category", "=&=&", "category=%ff", "category=linear&limit=\udce9", "%zz"):
        status, _, answer = one.send("GET", "/v5/order/realtime", query.encode(errors="replace"))
        assert (status, answer["retCode"]) == (200, 10001)
    raw = "category=linear\udce9"
    headers = one.headers(raw.encode(errors="surrogateescape"))
    assert msgspec.json.decode(one.rest.handle("GET", "/v5/order/realtime", raw, headers, b"")[2])["retCode"] == 10001


@given(
    st.sampled_from(sorted(ROUTES)), st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=5)
)
def test_any_route_answers_any_value_in_any_field(route: tuple[str, str], value: object) -> None:
    one = CUSTOMER
    names = ("accountType", "coin", "coinName", "symbol", "qty", "request", "limit", "cursor", "orderId", "mode", "product", "timeWindow")
    for category in ("linear", "spot", "inverse"):
        body = {"category": category, "settleCoin": "USDT", **dict.fromkeys(names, value)}
        payload = (
            msgspec.json.encode(body) if route[0] == "POST" else "&".join(f"{name}={value}" for name in names).encode(errors="replace")
        )
        status, _, answer = one.send(*route, payload)
        assert status == 200 and isinstance(answer["retCode"], int) and "Error:" not in answer["retMsg"]


CUSTOMER = Customer(limits=RateLimits(scale=10_000_000))


def test_too_many_requests() -> None:
    one = Customer(limits=RateLimits())
    codes = [one.send("POST", "/v5/order/create", encoded(**ORDER))[2]["retCode"] for _ in range(10)]
    status, headers, answer = one.send("POST", "/v5/order/create", encoded(**ORDER))
    assert codes == [0] * 10 and (status, answer["retCode"], answer["result"]) == (200, 10006, {})
    assert headers["X-Bapi-Limit"] == "10" and headers["X-Bapi-Limit-Status"] == "0"
    assert int(headers["X-Bapi-Limit-Reset-Timestamp"]) > one.wall
    spot = encoded(**SPOT, side="Buy", orderType="Limit", qty="0.001", price="79000")
    assert [one.send("POST", "/v5/order/create", spot)[2]["retCode"] for _ in range(21)] == [0] * 20 + [10006]
    assert one.send("POST", "/v5/order/cancel-all", encoded(**LINEAR))[2]["retCode"] == 0, "another endpoint, another budget"
    one.wall = int(headers["X-Bapi-Limit-Reset-Timestamp"])
    assert one.send("POST", "/v5/order/create", encoded(**ORDER))[2]["retCode"] == 0


def test_every_budget_is_the_venues() -> None:
    """The numbers of the protocol page, written once more by hand."""
    ten = {
        "order/create",
        "order/amend",
        "order/cancel",
        "order/cancel-all",
        "order/create-batch",
        "order/amend-batch",
        "order/cancel-batch",
    }
    ten |= {"position/set-leverage", "position/switch-mode", "position/trading-stop", "user/query-api"}
    five = {"account/fee-rate", "order/disconnected-cancel-all", "account/set-margin-mode", "account/query-dcp-info"}
    five |= {"asset/coin/query-info", "asset/transfer/query-account-coins-balance"}
    others = {"account/transaction-log": 25, "asset/transfer/query-account-coin-balance": 450}
    for (_, path), route in ROUTES.items():
        name = path.removeprefix("/v5/")
        assert route.limit == (10 if name in ten else 5 if name in five else others.get(name, 50)), name
    twenty = {path for (_, path), route in ROUTES.items() if route.spot_limit == 20}
    assert twenty == {f"/v5/order/{name}" for name in ("create", "cancel", "cancel-all", "create-batch", "amend-batch", "cancel-batch")}


def test_an_address_that_asks_too_much() -> None:
    one = Customer(limits=RateLimits(ip_limit=2))
    assert one.rest.admit("10.0.0.1") is None and one.rest.admit("10.0.0.1") is None
    banned = one.rest.admit("10.0.0.1")
    assert banned is not None and banned[0] == 403 and msgspec.json.decode(banned[2])["retCode"] == 10018
    assert one.rest.admit("10.0.0.2") is None


def test_order_entry_of_streams_is_the_same_door() -> None:
    one = Customer(limits=RateLimits())
    done = one.rest.order(KEY, "/v5/order/create", ORDER)
    assert done.code == 0 and done.result["orderId"] and done.headers["X-Bapi-Limit-Status"] == "9"
    assert one.send("POST", "/v5/order/create", encoded(**ORDER))[1]["X-Bapi-Limit-Status"] == "8", "one budget for both"
    assert one.rest.order(KEY, "/v5/order/cancel", LINEAR).code == 10001
    assert one.rest.order(READ_ONLY, "/v5/order/create", ORDER).code == 10005
    assert one.rest.order(KEY, "/v5/order/realtime", LINEAR).code == 10017
    several = one.rest.order(KEY, "/v5/order/create-batch", {"category": "linear", "request": [ORDER, {}]})
    assert several.code == 0 and [each["code"] for each in several.ext["list"]] == [0, 10001]


def test_hanging_up() -> None:
    for (status, headers, body), code in ((Customer().rest.refuse_body(), 10001), (Customer().rest.refuse_wait(), 10000)):
        assert (status, headers["Connection"], msgspec.json.decode(body)["retCode"]) == (200, "close", code)
