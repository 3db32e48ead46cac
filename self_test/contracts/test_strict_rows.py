"""Every row as a typed client reads it: each field there, of its type, never null, as strict decoders of Bybit's rows require."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest

from modules.simulator.credentials import sign
from modules.simulator.faults import parse as fault
from modules.simulator.server import Simulator
from self_test.contracts.clients import ASK_S, PATIENCE_S, venue


def struct(name: str, texts: str, **others: type) -> Any:
    """A row type: fields of text by name, and those of another type. Nothing has a default, so nothing may be missing."""
    fields = [(field, str) for field in texts.split()] + list(others.items())
    return msgspec.defstruct(name, fields, kw_only=True)


LEVERAGE = struct("Leverage", "minLeverage maxLeverage leverageStep")
PRICE_FILTER = struct("PriceFilter", "minPrice maxPrice tickSize")
LOT = struct("Lot", "minOrderQty maxOrderQty qtyStep maxMktOrderQty postOnlyMaxOrderQty minNotionalValue")
RISK = struct("Risk", "priceLimitRatioX priceLimitRatioY")
LINEAR_INSTRUMENT = struct(
    "LinearInstrument",
    "symbol contractType status baseCoin quoteCoin settleCoin launchTime deliveryTime deliveryFeeRate priceScale upperFundingRate"
    " lowerFundingRate copyTrading",
    fundingInterval=int, unifiedMarginTrade=bool, isPreListing=bool, leverageFilter=LEVERAGE, priceFilter=PRICE_FILTER, lotSizeFilter=LOT,
    riskParameters=RISK,
)  # fmt: skip
SPOT_LOT = struct(
    "SpotLot",
    "basePrecision quotePrecision minOrderQty maxOrderQty minOrderAmt maxOrderAmt maxLimitOrderQty maxMarketOrderQty"
    " postOnlyMaxLimitOrderSize",
)
SPOT_INSTRUMENT = struct(
    "SpotInstrument", "symbol baseCoin quoteCoin innovation status marginTrading stTag",
    lotSizeFilter=SPOT_LOT, priceFilter=struct("SpotPriceFilter", "tickSize"), riskParameters=dict[str, str],
)  # fmt: skip
LINEAR_TICKER = struct(
    "LinearTicker",
    "symbol lastPrice indexPrice markPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h prevPrice1h openInterest openInterestValue"
    " turnover24h volume24h fundingRate nextFundingTime predictedDeliveryPrice basisRate basis deliveryFeeRate deliveryTime bid1Price"
    " bid1Size ask1Price ask1Size fundingIntervalHour fundingCap",
)
SPOT_TICKER = struct(
    "SpotTicker",
    "symbol bid1Price bid1Size ask1Price ask1Size lastPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h turnover24h volume24h"
    " usdIndexPrice",
)
BOOK = struct("Book", "s", b=list[tuple[str, str]], a=list[tuple[str, str]], ts=int, u=int, seq=int, cts=int)
CANDLE = tuple[str, str, str, str, str, str, str]
TRADE = struct("Trade", "execId symbol price size side time seq", isBlockTrade=bool, isRPITrade=bool)
FUNDING = struct("Funding", "symbol fundingRate fundingRateTimestamp")
ORDER_TEXTS = (
    "orderId orderLinkId blockTradeId symbol price qty side isLeverage orderStatus cancelType rejectReason avgPrice leavesQty leavesValue"
    " cumExecQty cumExecValue cumExecFee timeInForce orderType stopOrderType orderIv triggerPrice takeProfit stopLoss tpTriggerBy"
    " slTriggerBy tpLimitPrice slLimitPrice triggerBy lastPriceOnCreated placeType smpType smpOrderId marketUnit createdTime updatedTime"
)
ORDER_OTHERS: dict[str, Any] = {
    "positionIdx": int, "triggerDirection": int, "smpGroup": int, "reduceOnly": bool, "closeOnTrigger": bool,
    "cumFeeDetail": dict[str, str],
}  # fmt: skip
LINEAR_ORDER = struct("LinearOrder", ORDER_TEXTS + " tpslMode createType parentOrderLinkId", **ORDER_OTHERS)
SPOT_ORDER = struct("SpotOrder", ORDER_TEXTS, **ORDER_OTHERS)
STREAMED = " category feeCurrency closedPnl"
EXECUTION_TEXTS = (
    "symbol orderId orderLinkId side orderPrice orderQty leavesQty orderType stopOrderType execFee execId execPrice execQty execType"
    " execValue execTime feeCurrency feeRate tradeIv markIv markPrice indexPrice underlyingPrice blockTradeId closedSize"
)
EXECUTION = struct("Execution", EXECUTION_TEXTS, isMaker=bool, seq=int)
FAST = struct("Fast", "category symbol execId execPrice execQty orderId orderLinkId side execTime", isMaker=bool, seq=int)
POSITION_TEXTS = (
    "riskLimitValue symbol side size positionValue positionStatus leverage positionBalance markPrice liqPrice bustPrice positionMM"
    " positionIM positionMMByMp positionIMByMp tpslMode takeProfit stopLoss trailingStop unrealisedPnl curRealisedPnl cumRealisedPnl"
    " sessionAvgPrice breakEvenPrice createdTime updatedTime mmrSysUpdatedTime leverageSysUpdatedTime"
)
POSITION_OTHERS: dict[str, Any] = {
    "positionIdx": int, "riskId": int, "tradeMode": int, "autoAddMargin": int, "adlRankIndicator": int, "openTime": int, "seq": int,
    "isReduceOnly": bool,
}  # fmt: skip
POSITION = struct("Position", POSITION_TEXTS + " avgPrice", **POSITION_OTHERS)
COIN = struct(
    "Coin",
    "coin equity usdValue walletBalance locked spotHedgingQty borrowAmount availableToBorrow availableToWithdraw accruedInterest"
    " totalOrderIM totalPositionIM totalPositionMM unrealisedPnl cumRealisedPnl bonus spotBorrow",
    collateralSwitch=bool, marginCollateral=bool,
)  # fmt: skip
WALLET = struct(
    "Wallet",
    "accountType accountIMRate accountMMRate accountLTV totalEquity totalWalletBalance totalMarginBalance totalAvailableBalance"
    " totalPerpUPL totalInitialMargin totalMaintenanceMargin",
    coin=list[COIN],  # type: ignore[valid-type]
)
CLOSED = struct(
    "Closed",
    "symbol orderId side qty orderPrice orderType execType closedSize cumEntryValue avgEntryPrice cumExitValue avgExitPrice closedPnl"
    " fillCount leverage openFee closeFee createdTime updatedTime",
)
LOG = struct(
    "Log",
    "id symbol category side transactionTime type qty size currency tradePrice funding fee cashFlow change cashBalance feeRate bonusChange"
    " tradeId orderId orderLinkId",
)
FEE = struct("Fee", "symbol takerFeeRate makerFeeRate")
INFO = struct(
    "Info", "marginMode spotHedgingStatus updatedTime dcpStatus", unifiedMarginStatus=int, isMasterTrader=bool, timeWindow=int, smpGroup=int
)
STREAM_ROWS = {
    "order.linear": struct("LinearOrderEvent", ORDER_TEXTS + STREAMED + " tpslMode createType parentOrderLinkId", **ORDER_OTHERS),
    "order.spot": struct("SpotOrderEvent", ORDER_TEXTS + STREAMED, **ORDER_OTHERS),
    "execution": struct("ExecutionEvent", EXECUTION_TEXTS + " category isLeverage marketUnit execPnl", isMaker=bool, seq=int),
    "execution.fast": FAST,
    "position": struct("PositionEvent", POSITION_TEXTS + " entryPrice category", **POSITION_OTHERS),
    "wallet": WALLET,
}


class Reader:
    """Signs, asks, and decodes strictly."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self._simulator, self._session = simulator, session
        self._key, self._secret = simulator.private.api_key, simulator.private.api_secret

    def _headers(self, payload: str) -> dict[str, str]:
        stamp = str(self._simulator.private.api_now().wall)
        signature = sign(self._secret, f"{stamp}{self._key}5000{payload}".encode())
        return {"X-BAPI-API-KEY": self._key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000", "X-BAPI-SIGN": signature}

    async def _result(self, raw: bytes, result: Any) -> Any:
        assert msgspec.json.decode(raw)["retCode"] == 0, raw
        envelope = struct("Envelope", "retMsg", retCode=int, result=result, retExtInfo=dict, time=int)
        return msgspec.json.decode(raw, type=envelope, strict=True).result

    async def get(self, path: str, query: str, result: Any) -> Any:
        """The result of a GET."""
        async with self._session.get(f"{self._simulator.http}/v5/{path}?{query}", headers=self._headers(query)) as answer:
            return await self._result(await answer.read(), result)

    async def list(self, path: str, query: str, row: Any) -> Any:
        """The rows of a GET, of which there must be some."""
        found = (await self.get(path, query, struct("Result", "", list=list[row]))).list
        assert found, path
        return found

    async def post(self, path: str, **body: Any) -> Any:
        """A POST; the ids in its answer."""
        raw = msgspec.json.encode(body).decode()
        async with self._session.post(f"{self._simulator.http}/v5/{path}", data=raw, headers=self._headers(raw)) as answer:
            return await self._result(await answer.read(), struct("Ids", "orderId orderLinkId") if path.startswith("order") else dict)

    async def auth(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Sign a stream in."""
        expires = self._simulator.private.api_now().wall + 10_000
        await socket.send_json({"op": "auth", "args": [self._key, expires, sign(self._secret, f"GET/realtime{expires}".encode())]})


@pytest.mark.asyncio
async def test_market_rows() -> None:
    async with venue() as simulator, aiohttp.ClientSession() as session:
        reader = Reader(simulator, session)
        for category, instrument, ticker in (("linear", LINEAR_INSTRUMENT, LINEAR_TICKER), ("spot", SPOT_INSTRUMENT, SPOT_TICKER)):
            where = f"category={category}&symbol=BTCUSDT"
            await reader.list("market/instruments-info", f"category={category}", instrument)
            await reader.list("market/tickers", where, ticker)
            await reader.list("market/recent-trade", where, TRADE)
            await reader.list("market/kline", f"{where}&interval=5", CANDLE)
            await reader.get("market/orderbook", f"{where}&limit=50", BOOK)
        where = "category=linear&symbol=BTCUSDT"
        await reader.list("market/mark-price-kline", f"{where}&interval=5", tuple[str, str, str, str, str])
        await reader.list("market/funding/history", where, FUNDING)


LINEAR: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
SPOT: dict[str, Any] = {"category": "spot", "symbol": "BTCUSDT"}


async def busy(reader: Reader) -> None:
    """Orders of every kind: filled, resting, conditional, cancelled, with protection of either sort."""
    for where in (LINEAR, SPOT):
        query = f"category={where['category']}&symbol=BTCUSDT"
        [ticker] = await reader.list("market/tickers", query, struct("Last", "lastPrice"))
        price = float(ticker.lastPrice)
        low, target, stop, limit = (f"{price * share:.1f}" for share in (0.96, 1.05, 0.9, 1.01))
        legs = {"takeProfit": target, "stopLoss": stop}
        market = {**where, "side": "Buy", "orderType": "Market", "qty": "0.01" if where is LINEAR else "500"}
        resting = {**where, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": low}
        await reader.post("order/create", **market, **(legs if where is LINEAR else {}))
        await reader.post("order/create", **resting, **legs)
        await reader.post("order/create", **(resting | {"price": limit}), **legs)
        gone = await reader.post("order/create", **resting, orderLinkId=f"gone-{where['category']}")
        await reader.post("order/cancel", **where, orderId=gone.orderId)
        await reader.post("order/create", **(resting | {"price": limit, "timeInForce": "PostOnly"}))
        sell = {**where, "side": "Sell", "orderType": "Market", "qty": "0.001", "triggerPrice": stop}
        await reader.post("order/create", **sell, triggerDirection=2, orderFilter="StopOrder")
    partial = {"tpslMode": "Partial", "takeProfit": target, "stopLoss": stop, "tpSize": "0.002", "slSize": "0.002", "positionIdx": 0}
    await reader.post("position/trading-stop", **LINEAR, **partial)
    await reader.post("order/create", **LINEAR, side="Sell", orderType="Market", qty="0.005", reduceOnly=True)


@pytest.mark.asyncio
async def test_private_rows_over_rest() -> None:
    async with venue() as simulator, aiohttp.ClientSession() as session:
        reader = Reader(simulator, session)
        [empty] = await reader.list("position/list", "category=linear&symbol=BTCUSDT", POSITION)
        assert (empty.side, empty.size, empty.avgPrice, empty.positionValue, empty.liqPrice, empty.unrealisedPnl) == (
            "",
            "0",
            "0",
            "",
            "",
            "",
        )
        await busy(reader)
        kinds = {row.stopOrderType for row in await reader.list("order/realtime", "category=linear&symbol=BTCUSDT", LINEAR_ORDER)}
        assert {"TakeProfit", "StopLoss", "PartialTakeProfit", "PartialStopLoss", "Stop"} <= kinds
        for row in await reader.list("order/realtime", "category=spot", dict[str, Any]):
            assert not {"tpslMode", "createType"} & row.keys()
        await reader.list("order/realtime", "category=spot", SPOT_ORDER)
        for category, row in (("linear", LINEAR_ORDER), ("spot", SPOT_ORDER)):
            closed = await reader.list("order/history", f"category={category}", row)
            assert {"Filled", "Cancelled"} <= {one.orderStatus for one in closed} and {one.leavesQty for one in closed} == {"0"}
            await reader.list("execution/list", f"category={category}", EXECUTION)
        await reader.list("position/list", "category=linear&settleCoin=USDT", POSITION)
        await reader.list("position/closed-pnl", "category=linear", CLOSED)
        await reader.list("account/wallet-balance", "accountType=UNIFIED", WALLET)
        await reader.list("account/transaction-log", "accountType=UNIFIED", LOG)
        await reader.list("account/fee-rate", "category=linear&symbol=BTCUSDT", FEE)
        await reader.get("account/info", "", INFO)
        await reader.post("account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
        [wallet] = await reader.list("account/wallet-balance", "accountType=UNIFIED", WALLET)
        assert wallet.totalAvailableBalance == ""
        await reader.list("position/list", "category=linear&settleCoin=USDT", POSITION)


@pytest.mark.asyncio
async def test_private_rows_of_the_streams() -> None:
    async with venue() as simulator, aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
        reader = Reader(simulator, session)
        ws = simulator.http.replace("http", "ws") + "/v5/private"
        seen: dict[str, int] = dict.fromkeys(STREAM_ROWS, 0)
        message_type = {
            topic: struct("Message", "topic" if topic == "execution.fast" else "id topic", creationTime=int, data=list[row])  # type: ignore[valid-type]
            for topic, row in STREAM_ROWS.items()
        }
        async with session.ws_connect(ws) as socket:
            await reader.auth(socket)
            # without waiting in between, as one client does it
            for topic in STREAM_ROWS:
                await socket.send_json({"op": "subscribe", "args": [topic]})
            while not any(line.topics.keys() >= STREAM_ROWS.keys() for line in simulator.private.streams.hub.lines):  # noqa: ASYNC110
                await asyncio.sleep(ASK_S)
            await busy(reader)
            simulator.private.add_fault(fault({"kind": "liquidate", "symbol": "BTCUSDT"}))
            bust = False
            while not (bust and all(seen.values())):
                raw = (await socket.receive()).data
                head = msgspec.json.decode(raw, type=dict[str, Any])
                if "topic" not in head:
                    assert head["success"] is True
                    continue
                topic = head["topic"]
                rows = msgspec.json.decode(raw, type=message_type[topic], strict=True).data
                seen[topic] += len(rows)
                bust |= topic == "execution" and any(row.execType == "BustTrade" for row in rows)
        assert min(seen.values()) > 0


def test_the_types_are_strict() -> None:
    for wrong in (b'{"symbol":"X","takerFeeRate":"1"}', b'{"symbol":"X","takerFeeRate":null,"makerFeeRate":"1"}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=FEE)
