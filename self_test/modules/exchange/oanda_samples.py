"""Rows of an OANDA account as the venue writes them (its own documents), for tests of what reads them."""

from __future__ import annotations

import json
from typing import Any

TIME = "2025-03-04T08:00:00.000000000Z"
TS = 1_741_075_200_000
KEY = "FOREX:EURUSD"
BASE: dict[str, Any] = {"time": TIME, "userID": 1, "accountID": "101-004-1234567-001", "batchID": "7", "requestID": "42"}
MADE = BASE | {
    "id": "7",
    "type": "MARKET_ORDER",
    "reason": "CLIENT_ORDER",
    "instrument": "EUR_USD",
    "units": "1000",
    "timeInForce": "FOK",
    "positionFill": "DEFAULT",
    "priceBound": "1.10100",
    "clientExtensions": {"id": "FLabc-EURUSD-1-e", "tag": "bot"},
    "stopLossOnFill": {"price": "1.09000", "timeInForce": "GTC"},
    "takeProfitOnFill": {"price": "1.12000", "timeInForce": "GTC"},
}
FILLED = BASE | {
    "id": "8",
    "type": "ORDER_FILL",
    "reason": "MARKET_ORDER",
    "orderID": "7",
    "clientOrderID": "FLabc-EURUSD-1-e",
    "instrument": "EUR_USD",
    "units": "1000",
    "price": "1.10020",
    "fullVWAP": "1.10020",
    "pl": "0.0000",
    "financing": "0.0000",
    "commission": "0.0500",
    "guaranteedExecutionFee": "0.0000",
    "accountBalance": "9999.9500",
    "halfSpreadCost": "0.0700",
    "tradeOpened": {"tradeID": "8", "units": "1000", "price": "1.10020", "halfSpreadCost": "0.07", "initialMarginRequired": "22.0"},
}
TARGET = BASE | {"id": "9", "type": "TAKE_PROFIT_ORDER", "reason": "ON_FILL", "tradeID": "8", "price": "1.12000", "timeInForce": "GTC"}
STOP = BASE | {"id": "10", "type": "STOP_LOSS_ORDER", "reason": "ON_FILL", "tradeID": "8", "price": "1.09000", "timeInForce": "GTC"}
MOVED = [
    BASE | {"id": "11", "type": "ORDER_CANCEL", "orderID": "10", "reason": "CLIENT_REQUEST_REPLACED", "replacedByOrderID": "12"},
    BASE
    | {
        "id": "12",
        "type": "STOP_LOSS_ORDER",
        "reason": "REPLACEMENT",
        "tradeID": "8",
        "price": "1.09500",
        "replacesOrderID": "10",
        "cancellingTransactionID": "11",
    },
]
STOPPED = BASE | {
    "id": "13",
    "type": "ORDER_FILL",
    "reason": "STOP_LOSS_ORDER",
    "orderID": "12",
    "instrument": "EUR_USD",
    "units": "-1000",
    "price": "1.09498",
    "pl": "-5.2200",
    "financing": "-0.0312",
    "commission": "0.0500",
    "accountBalance": "9994.6488",
    "tradesClosed": [{"tradeID": "8", "units": "-1000", "price": "1.09498", "realizedPL": "-5.2200", "financing": "-0.0312"}],
}
LINKED = BASE | {"id": "14", "type": "ORDER_CANCEL", "orderID": "9", "reason": "LINKED_TRADE_CLOSED"}
FINANCED = BASE | {
    "id": "15",
    "type": "DAILY_FINANCING",
    "financing": "-0.3000",
    "accountBalance": "9994.3488",
    "accountFinancingMode": "DAILY",
    "positionFinancings": [
        {"instrument": "EUR_USD", "financing": "-0.4000", "openTradeFinancings": []},
        {"instrument": "USD_JPY", "financing": "0.1000", "openTradeFinancings": []},
        {"instrument": "GBP_USD", "financing": "0.0000", "openTradeFinancings": []},
    ],
}
MONEY = BASE | {
    "id": "16",
    "type": "TRANSFER_FUNDS",
    "amount": "-250.0000",
    "fundingReason": "CLIENT_FUNDING",
    "accountBalance": "9744.3488",
}
NEW_KIND = BASE | {"id": "17", "type": "MOON_PHASE_ADJUSTMENT", "units": {"not": "a number"}, "price": []}
LIFE = [MADE, FILLED, TARGET, STOP, *MOVED, STOPPED, LINKED, FINANCED, MONEY, NEW_KIND]
"""An account from its first entry to a type of transaction that nobody knows."""
LEGS: list[dict[str, Any]] = [
    {"id": "9", "type": "TAKE_PROFIT", "state": "PENDING", "createTime": TIME, "tradeID": "8", "price": "1.12000", "timeInForce": "GTC"},
    {"id": "10", "type": "STOP_LOSS", "state": "PENDING", "createTime": TIME, "tradeID": "8", "price": "1.09000", "timeInForce": "GTC"},
]
TRADE: dict[str, Any] = {
    "id": "8",
    "instrument": "EUR_USD",
    "price": "1.10020",
    "openTime": TIME,
    "state": "OPEN",
    "initialUnits": "1000",
    "currentUnits": "1000",
    "realizedPL": "0.0000",
    "unrealizedPL": "-0.1400",
    "financing": "0.0000",
    "clientExtensions": {"id": "FLabc-EURUSD-1-e", "tag": "bot"},
    "takeProfitOrderID": "9",
    "stopLossOrderID": "10",
}
SUMMARY: dict[str, Any] = {
    "id": "101-004-1234567-001",
    "alias": "bot",
    "currency": "USD",
    "balance": "9999.9500",
    "marginAvailable": "9977.8100",
    "hedgingEnabled": False,
    "guaranteedStopLossOrderMode": "DISABLED",
    "lastTransactionID": "10",
}
WHOLE: dict[str, Any] = SUMMARY | {"orders": LEGS, "trades": [TRADE], "positions": []}


def raw(body: Any) -> bytes:
    """As it travels."""
    return json.dumps(body).encode()
