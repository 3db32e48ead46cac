"""REST: who may ask, how often, the shapes of a no, what each writing call answers."""

from __future__ import annotations

import pytest

from modules.simulator.oanda_rest import PER_SECOND, unix
from self_test.modules.simulator.oanda_stage import Stage


def test_who_may_ask() -> None:
    stage = Stage()
    assert stage.ask("GET", "summary", token="other")[0] == 401
    assert stage.ask("GET", "/v3/accounts/101-004-9-009/summary")[0] == 403
    assert stage.ask("GET", "/v3/accounts")[1]["accounts"][0]["id"] == stage.account
    assert stage.ask("GET", "nothing")[0] == 404 and stage.ask("DELETE", "summary")[0] == 405


def test_too_many_in_a_second_of_wall_time() -> None:
    stage = Stage()
    found = []
    for _ in range(PER_SECOND + 5):
        found.append(stage.ask("GET", "summary")[0])
        stage.wall -= 20
    assert found.count(429) == 5 and found[-1] == 429
    stage.wall += 1001
    assert stage.ask("GET", "summary")[0] == 200


def test_every_answer_says_where_the_account_stands() -> None:
    stage = Stage()
    stage.buy()
    for path in ("summary", "", "instruments", "orders", "openTrades", "openPositions"):
        assert stage.ask("GET", path)[1]["lastTransactionID"] == "5", path


def test_a_refusal_takes_a_number() -> None:
    stage = Stage()
    status, body = stage.ask("POST", "orders", {"order": {"type": "MARKET", "instrument": "EUR_USD"}})
    assert (status, body["errorCode"], body["orderRejectTransaction"]["id"]) == (400, "UNITS_MISSING", "4")
    assert body["relatedTransactionIDs"] == ["4"] and body["lastTransactionID"] == "4"


@pytest.mark.parametrize("body", [{"order": 1}, [1], {"order": {"type": "WISH"}}])
def test_nonsense_takes_none(body: object) -> None:
    stage = Stage()
    status, found = stage.ask("POST", "orders", body)
    assert status == 400 and set(found) == {"errorMessage"} and stage.side.desk.last_id == "3"


def test_a_leg_that_is_refused_names_itself_and_changes_nothing() -> None:
    stage = Stage()
    trade = stage.buy(stopLossOnFill={"price": "1.09000"})["orderFillTransaction"]["id"]
    body = {"stopLoss": {"price": "1.095"}, "takeProfit": {"price": "1.123456"}}
    status, found = stage.ask("PUT", f"trades/{trade}/orders", body)
    assert status == 400 and found["takeProfitOrderRejectTransaction"]["rejectReason"] == "TAKE_PROFIT_PRICE_PRECISION_EXCEEDED"
    assert stage.ask("GET", f"trades/{trade}")[1]["trade"]["stopLossOrder"]["price"] == "1.09000"
    status, found = stage.ask("PUT", "trades/99/orders", {"stopLoss": None})
    assert status == 404 and found["stopLossOrderRejectTransaction"]["rejectReason"] == "TRADE_DOESNT_EXIST"


def test_what_is_not_there() -> None:
    stage = Stage()
    for method, path, code in (
        ("PUT", "trades/99/close", "TRADE_DOESNT_EXIST"),
        ("PUT", "orders/99/cancel", "ORDER_DOESNT_EXIST"),
        ("PUT", "orders/@who/cancel", "ORDER_DOESNT_EXIST"),
        ("PUT", "positions/EUR_USD/close", "CLOSEOUT_POSITION_DOESNT_EXIST"),
        ("PUT", "trades/99/clientExtensions", "TRADE_DOESNT_EXIST"),
        ("GET", "trades/99", "NO_SUCH_TRADE"),
        ("GET", "orders/99", "NO_SUCH_ORDER"),
    ):
        status, found = stage.ask(method, path)
        assert (status, found["errorCode"]) == (404, code), path
    order = {"order": {"type": "LIMIT", "instrument": "EUR_USD", "units": "1", "price": "1.0"}}
    assert stage.ask("PUT", "orders/99", order)[0] == 404


@pytest.mark.parametrize("wild", [5, "x", [], {}, True, "1e99", "-1", {"price": "1e99"}, {"price": {}}, {"distance": []}, None])
def test_nothing_that_can_be_sent_breaks_it(wild: object) -> None:
    stage = Stage()
    trade = stage.buy()["orderFillTransaction"]["id"]
    sound = {"type": "LIMIT", "instrument": "EUR_USD", "units": "10", "price": "1.0"}
    for field in (*sound, "timeInForce", "gtdTime", "priceBound", "stopLossOnFill", "takeProfitOnFill", "trailingStopLossOnFill",
                  "clientExtensions", "positionFill"):  # fmt: skip
        assert stage.ask("POST", "orders", {"order": sound | {"timeInForce": "GTD"} | {field: wild}})[0] in {201, 400}, field
    for name in ("stopLoss", "takeProfit", "trailingStopLoss"):
        assert stage.ask("PUT", f"trades/{trade}/orders", {name: wild})[0] in {200, 400}
    for path in (f"trades/{trade}/close", "positions/EUR_USD/close"):
        assert stage.ask("PUT", path, {"units": wild, "longUnits": wild})[0] in {200, 400, 404}


def test_replacing_over_rest() -> None:
    stage = Stage()
    order = {"type": "LIMIT", "instrument": "EUR_USD", "units": "10", "price": "1.00000"}
    number = stage.ask("POST", "orders", {"order": order})[1]["orderCreateTransaction"]["id"]
    status, found = stage.ask("PUT", f"orders/{number}", {"order": order | {"price": "1.01000"}})
    assert status == 201 and found["orderCreateTransaction"]["replacesOrderID"] == number
    status, found = stage.ask("PUT", f"orders/{number}", {"order": order})
    assert status == 404 and found["orderRejectTransaction"]["rejectReason"] == "ORDER_DOESNT_EXIST"


def test_names_can_be_given_later() -> None:
    stage = Stage()
    trade = stage.buy()["orderFillTransaction"]["id"]
    assert stage.ask("PUT", f"trades/{trade}/clientExtensions", {"clientExtensions": {"id": "late"}})[0] == 200
    assert stage.ask("GET", "trades/@late")[1]["trade"]["id"] == trade
    status, found = stage.ask("PUT", f"trades/{trade}/clientExtensions", {"clientExtensions": {"id": ""}})
    assert status == 400 and found["tradeClientExtensionsModifyRejectTransaction"]["rejectReason"] == "CLIENT_TRADE_ID_INVALID"
    assert stage.ask("PATCH", "configuration", {"alias": "bot"})[0] == 200
    assert stage.ask("GET", "summary")[1]["account"]["alias"] == "bot"


def test_times_as_seconds_for_who_wants_them() -> None:
    assert unix({"time": "2025-03-04T08:00:00.250000000Z", "of": [1, "x"]}) == {"time": "1741075200.250000000", "of": [1, "x"]}
