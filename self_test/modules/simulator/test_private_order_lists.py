"""What realtime, history and execution/list show: filters, ids, time windows, pages, and rows that a strict client accepts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from self_test.modules.simulator.signed import LINEAR, SPOT, Customer

NOW_PATH, HISTORY, FILLS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"
BUY = LINEAR | {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "79000"}
TAKE = LINEAR | {"side": "Buy", "orderType": "Market", "qty": "0.01"}
DAY = 86_400_000


@pytest.fixture
def one() -> Customer:
    return Customer(BTC="1")


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["orderId"] for row in answer["list"]]


def walk(one: Customer, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every row of every page."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = one.get(path, **query, cursor=cursor)
        rows += answer["list"]
        cursor = answer["nextPageCursor"]
        if not cursor:
            return rows


def test_open_orders_newest_first_in_pages(one: Customer) -> None:
    made = [one.order(**BUY) for _ in range(7)]
    assert ids(one.get(NOW_PATH, **LINEAR)) == made[::-1]
    assert [row["orderId"] for row in walk(one, NOW_PATH, **LINEAR, limit=3)] == made[::-1]
    page = one.get(NOW_PATH, **LINEAR, limit=3)
    one.post("/v5/order/cancel", **LINEAR, orderId=page["list"][-1]["orderId"])
    rest = one.get(NOW_PATH, **LINEAR, limit=50, cursor=page["nextPageCursor"])
    assert ids(rest) == made[3::-1], "the row that the cursor names may be gone"


def test_filters(one: Customer) -> None:
    plain, stop = one.order(**BUY), one.order(**BUY, triggerPrice="81000", triggerDirection=1)
    assert ids(one.get(NOW_PATH, **LINEAR, orderFilter="Order")) == [plain]
    assert ids(one.get(NOW_PATH, **LINEAR, orderFilter="StopOrder")) == [stop]
    assert ids(one.get(NOW_PATH, **LINEAR, orderFilter="tpslOrder")) == []
    assert ids(one.get(NOW_PATH, category="linear", settleCoin="USDT")) == ids(one.get(NOW_PATH, category="linear", baseCoin="BTC"))
    assert (
        one.get(NOW_PATH, category="linear", settleCoin="USDC")["list"]
        == one.get(NOW_PATH, category="linear", baseCoin="ETH")["list"]
        == []
    )
    sell = SPOT | {"side": "Sell", "orderType": "Market", "qty": "0.01"}
    tpsl = one.order(**sell, orderFilter="tpslOrder", triggerPrice="70000")
    assert ids(one.get(NOW_PATH, category="spot")) == [tpsl] == ids(one.get(NOW_PATH, category="spot", orderFilter="tpslOrder"))
    assert ids(one.get(NOW_PATH, category="spot", orderFilter="Order")) == []


def test_by_id_open_or_recently_closed(one: Customer) -> None:
    made = one.post("/v5/order/create", **BUY, orderLinkId="me")
    assert ids(one.get(NOW_PATH, category="linear", orderLinkId="me")) == [made["orderId"]]
    assert ids(one.get(NOW_PATH, category="spot", orderLinkId="me")) == []
    one.post("/v5/order/cancel", **LINEAR, orderLinkId="me")
    assert one.get(NOW_PATH, **LINEAR)["list"] == []
    for path in (NOW_PATH, HISTORY):
        [row] = one.get(path, category="linear", orderId=made["orderId"])["list"]
        assert (row["orderStatus"], row["leavesQty"], row["cancelType"]) == ("Cancelled", "0", "CancelByUser")
    assert ids(one.get(NOW_PATH, **LINEAR, openOnly=1)) == [made["orderId"]]
    assert (
        one.get(NOW_PATH, category="linear", orderId="nobody")["list"]
        == one.get(HISTORY, category="linear", orderId="nobody")["list"]
        == []
    )


def test_history_filters_and_forgets_the_cancelled(one: Customer) -> None:
    filled = one.order(**TAKE)
    cancelled = one.order(**BUY)
    assert ids(one.get(HISTORY, **LINEAR)) == [filled], "an open order is no history"
    one.post("/v5/order/cancel", **LINEAR, orderId=cancelled)
    assert ids(one.get(HISTORY, **LINEAR)) == [cancelled, filled]
    assert ids(one.get(HISTORY, category="linear", orderStatus="Filled")) == [filled]
    created = int(one.get(HISTORY, **LINEAR)["list"][0]["createdTime"])
    assert ids(one.get(HISTORY, **LINEAR, startTime=created)) == [cancelled]
    assert ids(one.get(HISTORY, **LINEAR, endTime=created - 1)) == [filled]
    one.stage.tick(DAY + 1)
    assert ids(one.get(HISTORY, **LINEAR)) == [filled]
    one.stage.tick(7 * DAY)
    assert one.get(HISTORY, **LINEAR)["list"] == [] and ids(one.get(HISTORY, **LINEAR, startTime=created - DAY)) == [filled]
    assert ids(one.get(HISTORY, category="linear", orderId=filled)) == [filled], "by id time does not matter"


def test_a_spot_row_has_no_tpsl_mode(one: Customer) -> None:
    one.order(**SPOT, side="Buy", orderType="Market", qty="1000")
    one.order(**TAKE)
    [spot] = one.get(HISTORY, category="spot")["list"]
    [linear] = one.get(HISTORY, category="linear")["list"]
    assert "tpslMode" not in spot and "createType" not in spot and {"tpslMode", "createType"} <= set(linear)
    assert None not in spot.values() and None not in linear.values()
    assert (spot["marketUnit"], spot["price"], spot["orderStatus"], spot["timeInForce"]) == ("quoteCoin", "0", "Filled", "IOC")


def test_executions(one: Customer) -> None:
    made = [one.order(**TAKE) for _ in range(5)]
    one.order(**SPOT, side="Buy", orderType="Market", qty="1000")
    rows = walk(one, FILLS, **LINEAR, limit=2)
    assert [row["orderId"] for row in rows] == made[::-1] and len({row["execId"] for row in rows}) == 5
    assert {row["execType"] for row in rows} == {"Trade"} and isinstance(rows[0]["isMaker"], bool) and rows[0]["feeCurrency"] == "USDT"
    assert ids(one.get(FILLS, category="linear", orderId=made[0], symbol="NOPE", execType="Funding", startTime=1)) == [made[0]]
    assert one.get(FILLS, **LINEAR, execType="Funding", size=50)["list"] == []
    assert one.get(FILLS, category="linear", baseCoin="ETH")["list"] == []
    [spot] = one.get(FILLS, category="spot")["list"]
    assert spot["feeCurrency"] == "BTC"
    at = int(rows[2]["execTime"])
    assert ids(one.get(FILLS, **LINEAR, startTime=at, endTime=at)) == [made[2]]


def test_funding_is_an_execution(one: Customer) -> None:
    one.order(**TAKE)
    one.stage.exchange.on_funding("BTCUSDT", Decimal("0.0001"), one.stage.tick())
    [row] = one.get(FILLS, **LINEAR, execType="Funding")["list"]
    assert (row["orderType"], row["execQty"]) == ("UNKNOWN", "0.01") and float(row["execFee"]) > 0


@pytest.mark.parametrize("path", [NOW_PATH, HISTORY, FILLS])
def test_nothing_where_nothing_is_listed(one: Customer, path: str) -> None:
    for category in ("inverse", "option"):
        assert one.get(path, category=category) == {"category": category, "list": [], "nextPageCursor": ""}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (NOW_PATH, {}), (NOW_PATH, {"category": "linear"}), (NOW_PATH, {"category": "linear", "symbol": "NOPE"}),
        (NOW_PATH, LINEAR | {"limit": "0"}), (NOW_PATH, LINEAR | {"openOnly": "2"}), (NOW_PATH, LINEAR | {"cursor": "x"}),
        (HISTORY, LINEAR | {"startTime": "1", "endTime": str(7 * DAY + 2)}), (HISTORY, LINEAR | {"startTime": "2", "endTime": "1"}),
        (HISTORY, LINEAR | {"startTime": "-1"}), (FILLS, LINEAR | {"startTime": "1", "endTime": str(7 * DAY + 2)}),
        (FILLS, {"category": "spot", "symbol": "NOPE"}), (FILLS, {}),
    ],
)  # fmt: skip
def test_wrong_parameters_are_10001(one: Customer, path: str, query: dict[str, str]) -> None:
    assert one.get_code(path, **query) == 10001
