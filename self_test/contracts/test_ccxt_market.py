"""A client that others wrote, with nothing but its URLs changed, reads the simulated market: ccxt over REST and ccxt.pro over streams."""

from __future__ import annotations

import itertools

import pytest

from self_test.contracts.clients import market


@pytest.mark.asyncio
async def test_rest() -> None:
    async with market() as (simulator, exchange):
        markets = await exchange.load_markets()
        assert {"BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"} == set(markets)
        spot, perp = markets["BTC/USDT"], markets["BTC/USDT:USDT"]
        assert (spot["precision"]["price"], spot["precision"]["amount"], spot["limits"]["cost"]["min"]) == (0.01, 1e-6, 5.0)
        assert (perp["precision"]["price"], perp["limits"]["amount"]["min"], perp["swap"]) == (0.1, 0.001, True)
        now = simulator.clock.now_ms
        for symbol in ("BTC/USDT", "BTC/USDT:USDT"):
            candles = await exchange.fetch_ohlcv(symbol, "5m", since=now - 50 * 300_000, limit=40)
            assert len(candles) == 40
            assert [after[0] - before[0] for before, after in itertools.pairwise(candles)] == [300_000] * 39
            assert all(low <= min(o, c) <= max(o, c) <= high for _, o, high, low, c, _ in candles)
            ticker = await exchange.fetch_ticker(symbol)
            assert ticker["bid"] < ticker["ask"] and ticker["low"] <= ticker["last"] <= ticker["high"]
            book = await exchange.fetch_order_book(symbol, 50)
            assert len(book["bids"]) == len(book["asks"]) == 50 and book["bids"][0][0] < book["asks"][0][0]
            trades = await exchange.fetch_trades(symbol, limit=20)
            assert len(trades) == 20 and trades[0]["timestamp"] < trades[-1]["timestamp"]
        rates = await exchange.fetch_funding_rate_history("BTC/USDT:USDT", limit=5)
        assert len(rates) == 5 and rates[0]["timestamp"] < rates[-1]["timestamp"]
        funding = await exchange.fetch_funding_rate("BTC/USDT:USDT")
        assert abs(funding["fundingRate"]) <= 0.003 and funding["fundingTimestamp"] > now
        assert set(await exchange.fetch_tickers(["BTC/USDT", "ETH/USDT"])) == {"BTC/USDT", "ETH/USDT"}


@pytest.mark.asyncio
@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
async def test_streams(symbol: str) -> None:
    async with market(speed=300.0) as (simulator, exchange):
        starts: list[int] = []
        while len(set(starts)) < 3:
            starts += [candle[0] for candle in await exchange.watch_ohlcv(symbol, "1m")]
        assert starts == sorted(starts)
        ticker = await exchange.watch_ticker(symbol)
        assert ticker["bid"] < ticker["ask"]
        for _ in range(5):
            book = await exchange.watch_order_book(symbol, 50)
            assert len(book["bids"]) == len(book["asks"]) == 50 and book["bids"][0][0] < book["asks"][0][0]
        trades = await exchange.watch_trades(symbol)
        assert trades and trades[-1]["timestamp"] <= simulator.clock.now_ms
