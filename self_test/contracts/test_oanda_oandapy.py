"""`oandapyV20` against the simulated OANDA: the same conversation by a client of somebody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("six", reason="oandapyV20 needs it without saying so")
pytest.importorskip("oandapyV20", reason="of requirements-dev.txt")

from oandapyV20.endpoints import accounts, instruments, orders, positions, pricing, trades, transactions
from oandapyV20.exceptions import V20Error

from modules.simulator.server import Simulator
from self_test.contracts.clients import off_loop
from self_test.contracts.oanda_clients import box, oandapy


def conversation(simulator: Simulator) -> None:
    account = simulator.oanda.account_id
    with oandapy(simulator) as api:
        first = api.request(accounts.AccountSummary(account))
        assert first["account"]["balance"] == "10000.0000" and first["lastTransactionID"] == "3"
        assert len(api.request(accounts.AccountInstruments(account))["instruments"]) == 7
        rows = api.request(instruments.InstrumentsCandles("USD_JPY", params={"granularity": "H1", "count": 50, "price": "B"}))["candles"]
        assert len(rows) == 50 and set(rows[0]) == {"time", "volume", "complete", "bid"}
        price = api.request(pricing.PricingInfo(account, params={"instruments": "USD_JPY"}))["prices"][0]
        bid = float(price["bids"][0]["price"])
        order = {
            "type": "MARKET", "instrument": "USD_JPY", "units": "2000", "timeInForce": "FOK", "positionFill": "DEFAULT",
            "stopLossOnFill": {"price": f"{bid - 2:.3f}"}, "takeProfitOnFill": {"price": f"{bid + 2:.3f}"},
        }  # fmt: skip
        made = api.request(orders.OrderCreate(account, data={"order": order}))
        trade = made["orderFillTransaction"]["tradeOpened"]["tradeID"]
        moved = api.request(trades.TradeCRCDO(account, tradeID=trade, data={"stopLoss": {"price": f"{bid - 1:.3f}"}, "takeProfit": None}))
        assert moved["takeProfitOrderCancelTransaction"]["reason"] == "CLIENT_REQUEST"
        assert moved["stopLossOrderTransaction"]["price"] == f"{bid - 1:.3f}"
        held = api.request(positions.OpenPositions(account))["positions"]
        assert [(one["instrument"], one["long"]["units"], one["short"]["units"]) for one in held] == [("USD_JPY", "2000", "0")]
        changes = api.request(accounts.AccountChanges(account, params={"sinceTransactionID": "3"}))
        assert [one["id"] for one in changes["changes"]["tradesOpened"]] == [trade] and changes["state"]["trades"][0]["id"] == trade
        done = api.request(positions.PositionClose(account, "USD_JPY", data={"longUnits": "ALL", "shortUnits": "NONE"}))
        assert done["longOrderFillTransaction"]["reason"] == "MARKET_ORDER_POSITION_CLOSEOUT"
        found = api.request(transactions.TransactionsSinceID(account, params={"id": "3"}))
        assert found["lastTransactionID"] == found["transactions"][-1]["id"]
        pages = api.request(transactions.TransactionList(account, params={"pageSize": 2}))
        assert pages["count"] == int(found["lastTransactionID"]) and pages["pages"][0].endswith("/transactions/idrange?from=1&to=2")


def refusals(simulator: Simulator) -> None:
    account = simulator.oanda.account_id
    with oandapy(simulator, token="nobody") as api, pytest.raises(V20Error) as no:
        api.request(accounts.AccountSummary(account))
    assert no.value.code == 401
    with oandapy(simulator) as api:
        order = {"type": "MARKET", "instrument": "EUR_USD", "units": "10", "stopLossOnFill": {"price": "0.123456"}}
        with pytest.raises(V20Error) as no:
            api.request(orders.OrderCreate(account, data={"order": order}))
        said = json.loads(no.value.msg)
        assert no.value.code == 400 and said["errorCode"] == "STOP_LOSS_ON_FILL_PRICE_PRECISION_EXCEEDED"
        assert said["orderRejectTransaction"]["type"] == "MARKET_ORDER_REJECT"
        with pytest.raises(V20Error) as no:
            api.request(instruments.InstrumentsCandles("EUR_USD", params={"granularity": "M15", "count": 5001}))
        assert no.value.code == 400


def streams(simulator: Simulator) -> None:
    account = simulator.oanda.account_id
    with oandapy(simulator) as api:
        kinds = set[str]()
        for row in api.request(pricing.PricingStream(account, params={"instruments": "EUR_GBP"})):
            kinds.add(row["type"])
            if len(kinds) == 2:
                break
        assert kinds == {"PRICE", "HEARTBEAT"}
        for row in api.request(transactions.TransactionsStream(account)):
            assert row["type"] == "HEARTBEAT" and row["lastTransactionID"] == "3"
            break


@pytest.mark.asyncio
@pytest.mark.parametrize("say", [conversation, refusals, streams])
async def test_the_other_client(say: Any) -> None:
    async with box() as simulator:
        await off_loop(simulator, say)
