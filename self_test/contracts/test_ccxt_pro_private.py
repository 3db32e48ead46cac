"""ccxt.pro listens to the account and trades over the order entry stream; what it hears agrees with what REST says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import ccxt
import pytest

from modules.simulator.faults import parse as fault
from modules.simulator.server import Simulator
from self_test.contracts.clients import ASK_S, PATIENCE_S, PERP, SPOT, ccxt_at, trading


class Listener:
    """Everything that some of ccxt's watch methods tell, by method, while the block lasts."""

    def __init__(self, simulator: Simulator, **watches: Callable[[], Awaitable[Any]]) -> None:
        self._simulator, self._watches = simulator, watches
        self.told: dict[str, list[Any]] = {name: [] for name in watches}
        self._news = asyncio.Event()

    async def _listen(self, name: str) -> None:
        while True:
            told = await self._watches[name]()
            self.told[name] += [dict(one) for one in told] if isinstance(told, list) else [told]
            self._news.set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen, once the venue has all subscriptions."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._listen(name)) for name in self._watches]
            async with asyncio.timeout(PATIENCE_S):
                while not any(self._watches.keys() <= line.topics.keys() for line in self._simulator.private.streams.hub.lines):  # noqa: ASYNC110
                    await asyncio.sleep(ASK_S)
            yield
            for task in tasks:
                task.cancel()

    async def one(self, name: str, done: Callable[[Any], bool]) -> Any:
        """The first that is like this, told already or soon."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for found in self.told[name]:
                    if done(found):
                        return found
                self._news.clear()
                await self._news.wait()


def wallet_of(told: Any) -> float:
    """The wallet in a streamed balance; ccxt's own total is the equity there, and the wallet over REST."""
    return float(next(one["walletBalance"] for one in told["info"][0]["coin"] if one["coin"] == "USDT"))


@pytest.mark.asyncio
@pytest.mark.parametrize("symbol", [SPOT, PERP])
async def test_orders_fills_and_balances(symbol: str) -> None:
    async with trading() as (simulator, exchange):
        price = (await exchange.fetch_ticker(symbol))["last"]
        ears = Listener(simulator, order=exchange.watch_orders, execution=exchange.watch_my_trades, wallet=exchange.watch_balance)
        async with ears.open():
            assert ears.told == {"order": [], "execution": [], "wallet": []}, "nothing has happened, so nothing is told"
            made = await exchange.create_order(symbol, "market", "buy", 0.01)
            fill = await ears.one("execution", lambda one: one["order"] == made["id"])
            assert (fill["symbol"], fill["amount"], fill["side"]) == (symbol, 0.01, "buy")
            done = await ears.one("order", lambda one: one["id"] == made["id"] and one["status"] == "closed")
            assert (done["filled"], done["symbol"], done["average"]) == (0.01, symbol, fill["price"])
            by_rest = await exchange.fetch_balance()
            await ears.one("wallet", lambda one: wallet_of(one) == by_rest["USDT"]["total"])
            [same] = await exchange.fetch_my_trades(symbol)
            assert (same["id"], same["price"], same["fee"]["cost"]) == (fill["id"], fill["price"], fill["fee"]["cost"])
            resting = (await exchange.create_order(symbol, "limit", "buy", 0.01, price * 0.96))["id"]
            await ears.one("order", lambda one: (one["id"], one["status"]) == (resting, "open"))
            await exchange.edit_order(resting, symbol, "limit", "buy", 0.02, price * 0.96)
            await ears.one("order", lambda one: (one["id"], one["amount"]) == (resting, 0.02))
            await exchange.cancel_order(resting, symbol)
            await ears.one("order", lambda one: (one["id"], one["status"]) == (resting, "canceled"))


@pytest.mark.asyncio
async def test_positions() -> None:
    async with trading() as (simulator, exchange):
        assert await exchange.watch_positions() == [], "the snapshot over REST"
        ears = Listener(simulator, position=exchange.watch_positions)
        async with ears.open():
            await exchange.create_order(PERP, "market", "buy", 0.01)
            found = await ears.one("position", lambda one: one["contracts"] == 0.01)
            by_rest = await exchange.fetch_position(PERP)
            assert (found["side"], found["entryPrice"], found["symbol"]) == ("long", by_rest["entryPrice"], PERP)
            stop = round(by_rest["entryPrice"] * 0.95, 1)
            await exchange.create_order(PERP, "market", "sell", 0, None, {"stopLossPrice": stop, "tradingStopEndpoint": True})
            await ears.one("position", lambda one: one["stopLossPrice"] == stop)
            await exchange.create_order(PERP, "market", "sell", 0.01, None, {"reduceOnly": True})
            await ears.one("position", lambda one: one["contracts"] == 0)


@pytest.mark.asyncio
@pytest.mark.parametrize("symbol", [SPOT, PERP])
async def test_order_entry_over_the_stream(symbol: str) -> None:
    async with trading() as (_, exchange):
        price = (await exchange.fetch_ticker(symbol))["last"]
        made = await exchange.create_order_ws(symbol, "limit", "buy", 0.01, price * 0.96)
        assert [one["id"] for one in await exchange.fetch_open_orders(symbol)] == [made["id"]]
        await exchange.edit_order_ws(made["id"], symbol, "limit", "buy", 0.02, price * 0.95)
        assert (await exchange.fetch_open_order(made["id"], symbol))["amount"] == 0.02
        await exchange.cancel_order_ws(made["id"], symbol)
        assert await exchange.fetch_open_orders(symbol) == []
        await exchange.create_order_ws(symbol, "market", "buy", 0.01)
        assert len(await exchange.fetch_my_trades(symbol)) == 1


@pytest.mark.asyncio
async def test_refusals_over_the_stream() -> None:
    async with trading() as (simulator, exchange), ccxt_at(simulator, secret="wrong") as forged:
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order_ws("1", PERP)
        with pytest.raises(ccxt.ExchangeError, match="Params Error"):
            await forged.authenticate(simulator.http.replace("http", "ws") + "/v5/private")


@pytest.mark.asyncio
async def test_public_streams_beside_it() -> None:
    async with trading() as (_, exchange):
        for symbol in (SPOT, PERP):
            quotes = await exchange.watch_bids_asks([symbol])
            assert quotes[symbol]["bid"] < quotes[symbol]["ask"]
            tickers = await exchange.watch_tickers([symbol])
            assert set(tickers) == {symbol}
            await exchange.un_watch_tickers([symbol])


@pytest.mark.asyncio
async def test_a_liquidation_is_public() -> None:
    async with trading() as (simulator, exchange), asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        await exchange.create_order(PERP, "market", "buy", 0.01)
        told = group.create_task(exchange.watch_liquidations(PERP))
        while not simulator.hub.subscribers("linear", "allLiquidation.BTCUSDT"):  # noqa: ASYNC110
            await asyncio.sleep(ASK_S)
        simulator.private.add_fault(fault({"kind": "liquidate", "symbol": "BTCUSDT"}))
        [one] = await told
        assert (one["symbol"], one["contracts"], one["side"]) == (PERP, 0.01, "buy")
        [mine] = await exchange.fetch_my_liquidations(PERP)
        assert mine["price"] == one["price"]
