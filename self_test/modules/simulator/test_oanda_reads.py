"""What can be read: ranges, filters, changes, pages, and what makes no sense."""

from __future__ import annotations

import pytest

from self_test.modules.simulator.oanda_stage import Stage


def test_candles_and_their_limits() -> None:
    stage = Stage()
    path = "/v3/instruments/EUR_USD/candles"
    found = stage.ask("GET", path, granularity="M15", price="BA", count="3")[1]
    assert (
        found["granularity"] == "M15"
        and len(found["candles"]) == 3
        and set(found["candles"][0]) == {"complete", "volume", "time", "bid", "ask"}
    )
    assert len(stage.ask("GET", path)[1]["candles"]) == 500
    latest = stage.ask("GET", "candles/latest", candleSpecifications="EUR_USD:M15:B,USD_JPY:H1:M")[1]["latestCandles"]
    assert [one["granularity"] for one in latest] == ["M15", "H1"] and "mid" in latest[1]["candles"][0]


@pytest.mark.parametrize(
    "query",
    [
        {"granularity": "M3"},
        {"price": "X"},
        {"count": "5001"},
        {"count": "0"},
        {"count": "x"},
        {"from": "2025-03-03T00:00:00Z", "to": "2025-03-04T00:00:00Z", "count": "5"},
        {"from": "2025-03-05T00:00:00Z"},
        {"from": "2025-03-04T00:00:00Z", "to": "2025-03-03T00:00:00Z"},
        {"from": "then"},
        {"granularity": "S5", "from": "2025-03-03T08:00:00Z", "to": "2025-03-04T08:00:00Z"},
        {"alignmentTimezone": "Mars/Base"},
        {"weeklyAlignment": "Noday"},
    ],
)
def test_candles_that_make_no_sense(query: dict[str, str]) -> None:
    assert Stage().ask("GET", "instruments/EUR_USD/candles", **query)[0] == 400


def test_prices() -> None:
    stage = Stage()
    found = stage.ask("GET", "pricing", instruments="USD_JPY,EUR_USD", includeHomeConversions="true")[1]
    assert [one["instrument"] for one in found["prices"]] == ["USD_JPY", "EUR_USD"] and len(found["homeConversions"]) == 3
    assert stage.ask("GET", "pricing", instruments="EUR_USD", since="2025-03-04T08:00:00Z")[1]["prices"] == []
    assert stage.ask("GET", "pricing")[0] == 400 and stage.ask("GET", "pricing", instruments="XAU_USD")[0] == 400
    assert stage.ask("GET", "instruments/XAU_USD/candles")[0] == 400


def test_lists_of_orders_and_trades() -> None:
    stage = Stage()
    for units in ("10", "20", "30"):
        stage.buy(units, stopLossOnFill={"price": "1.00000"})
    stage.ask("PUT", "positions/EUR_USD/close", {"longUnits": "30"})
    trades = stage.ask("GET", "trades", state="ALL")[1]["trades"]
    assert [one["state"] for one in trades] == ["OPEN", "CLOSED", "CLOSED"], "newest first, and the oldest were closed"
    assert (
        len(stage.ask("GET", "trades")[1]["trades"]) == 1 and len(stage.ask("GET", "trades", state="CLOSED", count="1")[1]["trades"]) == 1
    )
    assert stage.ask("GET", "trades", state="ALL", ids=trades[2]["id"])[1]["trades"][0]["averageClosePrice"] == "1.10000"
    assert stage.ask("GET", "trades", state="ALL", beforeID=trades[1]["id"])[1]["trades"][0]["id"] == trades[1]["id"]
    assert stage.ask("GET", "trades", instrument="USD_JPY", state="ALL")[1]["trades"] == []
    assert len(stage.ask("GET", "pendingOrders")[1]["orders"]) == 1 and len(stage.ask("GET", "orders", state="FILLED")[1]["orders"]) == 4
    assert stage.ask("GET", "orders", count="501")[0] == 400


def test_changes_since() -> None:
    stage = Stage()
    stage.buy("100", trailingStopLossOnFill={"distance": "0.01"})
    found = stage.ask("GET", "changes", sinceTransactionID="3")[1]
    assert [len(found["changes"][name]) for name in ("ordersCreated", "ordersFilled", "tradesOpened", "tradesClosed", "transactions")] == [
        2,
        1,
        1,
        0,
        3,
    ]
    assert found["state"]["orders"][0]["trailingStopValue"] == "1.09000" and found["state"]["positions"][0]["instrument"] == "EUR_USD"
    stage.buy("-40")
    stage.buy("-60")
    found = stage.ask("GET", "changes", sinceTransactionID="6")[1]["changes"]
    assert [len(found[name]) for name in ("tradesReduced", "tradesClosed", "ordersCancelled", "positions")] == [1, 1, 1, 1]
    assert stage.ask("GET", "changes", sinceTransactionID="99")[0] == 400 and stage.ask("GET", "changes")[0] == 400


def test_transactions() -> None:
    stage = Stage()
    stage.buy()
    stage.buy("-1000")
    assert [one["id"] for one in stage.ask("GET", "transactions/idrange", **{"from": "2", "to": "4"})[1]["transactions"]] == ["2", "3", "4"]
    assert [one["id"] for one in stage.ask("GET", "transactions/sinceid", id="3", type="ORDER_FILL")[1]["transactions"]] == ["5", "7"]
    assert stage.ask("GET", "transactions/5")[1]["transaction"]["type"] == "ORDER_FILL"
    assert stage.ask("GET", "transactions/99")[0] == 404 and stage.ask("GET", "transactions/sinceid", id="99")[0] == 400
    found = stage.ask("GET", "transactions", pageSize="1", type="ORDER_FILL")[1]
    assert (
        found["count"] == 2
        and found["pages"][1] == f"http://here/v3/accounts/{stage.account}/transactions/idrange?from=7&to=7&type=ORDER_FILL"
    )
    assert stage.ask("GET", "transactions", to="2025-03-01T00:00:00Z")[1]["count"] == 0
