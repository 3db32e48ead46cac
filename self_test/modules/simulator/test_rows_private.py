from __future__ import annotations

import re
from typing import Any

import pytest

from modules.simulator import rows_private
from self_test.modules.simulator.stage import UID, D, Stage


def words(text: str) -> list[str]:
    return text.split()


ORDER = words(
    """orderId orderLinkId blockTradeId symbol price qty side isLeverage positionIdx orderStatus cancelType rejectReason
    avgPrice leavesQty leavesValue cumExecQty cumExecValue cumExecFee timeInForce orderType stopOrderType orderIv
    triggerPrice takeProfit stopLoss tpTriggerBy slTriggerBy tpLimitPrice slLimitPrice triggerDirection triggerBy
    lastPriceOnCreated reduceOnly closeOnTrigger placeType smpType smpGroup smpOrderId marketUnit createdTime updatedTime
    cumFeeDetail"""
)
EXECUTION = words(
    """symbol orderId orderLinkId side orderPrice orderQty leavesQty orderType stopOrderType execFee execId execPrice execQty
    execType execValue execTime feeCurrency isMaker feeRate tradeIv markIv markPrice indexPrice underlyingPrice blockTradeId
    closedSize seq"""
)
POSITION = words(
    """positionIdx riskId riskLimitValue symbol side size avgPrice positionValue tradeMode positionStatus autoAddMargin
    adlRankIndicator leverage positionBalance markPrice liqPrice bustPrice positionMM positionIM positionMMByMp
    positionIMByMp tpslMode takeProfit stopLoss trailingStop unrealisedPnl curRealisedPnl cumRealisedPnl sessionAvgPrice
    breakEvenPrice createdTime updatedTime openTime seq isReduceOnly mmrSysUpdatedTime leverageSysUpdatedTime"""
)
WALLET = words(
    """accountType accountIMRate accountMMRate accountLTV totalEquity totalWalletBalance totalMarginBalance
    totalAvailableBalance totalPerpUPL totalInitialMargin totalMaintenanceMargin coin"""
)
COIN = words(
    """coin equity usdValue walletBalance locked spotHedgingQty borrowAmount availableToBorrow availableToWithdraw
    accruedInterest totalOrderIM totalPositionIM totalPositionMM unrealisedPnl cumRealisedPnl bonus collateralSwitch
    marginCollateral spotBorrow"""
)
NUMBERS = {"positionIdx", "smpGroup", "triggerDirection", "seq", "riskId", "tradeMode", "autoAddMargin", "adlRankIndicator", "openTime"}
FLAGS = {"reduceOnly", "closeOnTrigger", "isMaker", "isReduceOnly", "collateralSwitch", "marginCollateral"}


def strict(row: dict[str, Any], wanted: list[str]) -> None:
    """Every field is there, nothing is null, everything is text but what the venue types."""
    assert set(wanted) <= set(row)
    for key, value in row.items():
        if key in NUMBERS:
            assert type(value) is int, key
        elif key in FLAGS:
            assert type(value) is bool, key
        elif key == "cumFeeDetail":
            assert all(type(one) is str for one in value.values())
        elif key != "coin" or isinstance(value, str):
            assert type(value) is str and not re.match(r"-?[0-9.]+E", value), key


@pytest.mark.parametrize("category", ["spot", "linear"])
@pytest.mark.parametrize("price", ["", "79000"])
@pytest.mark.parametrize("stream", [False, True])
def test_order_rows_are_complete(category: str, price: str, stream: bool):
    row = rows_private.order(Stage().place(category, "Buy", "50" if category == "spot" and not price else "0.01", price), stream=stream)
    strict(row, ORDER)
    assert ("tpslMode" in row) == ("createType" in row) == (category == "linear")
    assert ("category" in row) == ("feeCurrency" in row) == stream


def test_a_spot_market_order_shows_no_price_and_a_linear_one_the_protective():
    stage = Stage()
    spot, linear = rows_private.order(stage.place("spot", "Buy", "50")), rows_private.order(stage.place("linear", "Buy", "0.01"))
    assert (spot["price"], spot["timeInForce"], spot["orderId"].isdigit(), spot["orderLinkId"].isdigit()) == ("0", "IOC", True, True)
    assert (linear["price"], linear["timeInForce"], linear["orderLinkId"], linear["tpslMode"]) == ("84000", "IOC", "", "")
    assert linear["avgPrice"] == "80000" and len(linear["orderId"]) == 36
    assert rows_private.order(stage.place("linear", "Buy", "0.01", "79000"))["avgPrice"] == ""


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_execution_rows_are_complete(category: str):
    stage = Stage()
    stage.place(category, "Buy", "100" if category == "spot" else "0.01")
    (one,) = stage.exchange.executions(UID, category)  # type: ignore[arg-type]
    strict(rows_private.execution(one), EXECUTION)
    streamed = rows_private.execution(one, stream=True)
    assert {"category", "isLeverage", "marketUnit", "execPnl"} <= set(streamed)
    assert streamed["orderQty"] == ("0" if category == "spot" else "0.01")
    assert len(rows_private.fast_execution(one)) == 11


def test_position_rows_held_and_empty():
    stage = Stage()
    (empty,) = stage.exchange.positions(UID, "BTCUSDT")
    strict(empty, POSITION)
    shown = ("side", "size", "avgPrice", "positionValue", "liqPrice", "unrealisedPnl")
    assert [empty[key] for key in shown] == ["", "0", "0", "", "", ""]
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.move("80100")
    (held,) = stage.exchange.positions(UID)
    strict(held, POSITION)
    filled = ("side", "size", "avgPrice", "positionValue", "unrealisedPnl", "positionIM", "positionMM", "stopLoss")
    assert [held[key] for key in filled] == [
        "Buy", "0.1", "80000", "8000", "10", "801", "80.1", "79000",
    ]  # fmt: skip
    assert held["breakEvenPrice"] == "80088.04842663"
    streamed = [one.row for one in stage.events("position")][-1]
    assert streamed["entryPrice"] == "80000" and streamed["category"] == "linear" and "avgPrice" not in streamed


def test_a_flat_position_streams_zeros():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Sell", "0.1")
    row = [one.row for one in stage.events("position")][-1]
    assert (row["positionValue"], row["unrealisedPnl"], row["liqPrice"], row["side"]) == ("0", "0", "0", "")


def test_wallet_rows():
    stage = Stage(BTC="1")
    stage.place("spot", "Buy", "0.01", "79000")
    stage.place("linear", "Buy", "0.1")
    row = stage.exchange.wallet(UID)
    strict(row, WALLET)
    for coin in row["coin"]:
        strict(coin, COIN)
    usdt = next(one for one in row["coin"] if one["coin"] == "USDT")
    assert (usdt["walletBalance"], usdt["locked"], usdt["totalPositionIM"], usdt["availableToWithdraw"]) == ("9995.6", "790", "800", "")
    assert row["totalEquity"] == "89995.6" and row["totalAvailableBalance"] == str(D("9995.6") - 790 - 800)
    assert [one["coin"] for one in stage.exchange.wallet(UID, ["BTC", "SOL"])["coin"]] == ["BTC", "SOL"]


def test_transaction_closed_pnl_and_risk_rows():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Sell", "0.1")
    stage.exchange.on_funding("BTCUSDT", D("0.0001"), stage.tick())
    row = rows_private.transaction(stage.exchange.transaction_log(UID)[0])
    assert (row["type"], row["funding"], row["change"], row["cashFlow"]) == ("TRADE", "", "-4.499945", "-0.1")
    pnl = rows_private.closed_pnl(stage.exchange.closed_pnl(UID)[0])
    assert (pnl["closedPnl"], pnl["openFee"], pnl["closeFee"], pnl["avgExitPrice"]) == ("-8.899945", "4.4", "4.399945", "79999")
    limits = stage.exchange.risk_limits("BTCUSDT")
    assert [one["isLowestRisk"] for one in limits] == [1, 0, 0, 0, 0] and limits[0]["maxLeverage"] == "50"
