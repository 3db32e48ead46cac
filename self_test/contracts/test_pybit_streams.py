"""pybit's sockets: public streams that it merges itself, private streams, and order entry; its reader threads live through all of it."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from modules.simulator.server import Simulator
from self_test.contracts.clients import PATIENCE_S, Ears, off_loop, pybit_at, pybit_socket, venue

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
SPOT = {"category": "spot", "symbol": "BTCUSDT"}


def public(kind: str) -> Any:
    def body(simulator: Simulator) -> None:
        books, touches, tickers, trades, candles = (Ears() for _ in range(5))
        with pybit_socket(simulator, kind) as socket:
            socket.orderbook_stream(50, "BTCUSDT", books)
            socket.orderbook_stream(1, "BTCUSDT", touches)
            socket.ticker_stream(["BTCUSDT", "ETHUSDT"], tickers)
            socket.trade_stream("BTCUSDT", trades)
            socket.kline_stream(1, "BTCUSDT", candles)
            for _ in range(30):
                book = books.one()["data"]
                bids, asks = [sorted(float(one[0]) for one in book[side]) for side in ("b", "a")]
                assert len(bids) == len(asks) == 50 and bids[-1] < asks[0]
            touch = touches.one()["data"]
            assert len(touch["b"]) == len(touch["a"]) == 1
            names: set[str] = set()
            while names != {"BTCUSDT", "ETHUSDT"}:
                ticker = tickers.one()["data"]
                names.add(ticker["symbol"])
                assert float(ticker["lastPrice"]) > 0 and ("markPrice" in ticker) == (kind == "linear")
            assert trades.one()["data"][0]["s"] == "BTCUSDT"
            confirmed: list[int] = []
            while len(confirmed) < 2:
                [candle] = candles.one()["data"]
                if candle["confirm"]:
                    confirmed.append(candle["start"])
            assert [after - before for before, after in itertools.pairwise(confirmed)] == [60_000]
            socket.unsubscribe("kline.1.BTCUSDT")

    body.__name__ = kind
    return body


def private(simulator: Simulator) -> None:
    orders, executions, fast, positions, wallets = (Ears() for _ in range(5))
    with pybit_at(simulator) as session, pybit_socket(simulator, "private") as socket:
        socket.order_stream(orders)
        socket.execution_stream(executions)
        socket.position_stream(positions)
        socket.wallet_stream(wallets)
        socket.fast_execution_stream(fast, "linear")
        price = float(session.get_tickers(**LINEAR)["result"]["list"][0]["lastPrice"])
        legs = {"stopLoss": round(price * 0.95, 1), "takeProfit": round(price * 1.05, 1)}
        made = session.place_order(**LINEAR, side="Buy", orderType="Market", qty=0.01, orderLinkId="p-1", **legs)["result"]
        heard = orders.rows_until(lambda row: row["stopOrderType"] == "StopLoss")
        heard += orders.rows_until(lambda row: row["orderId"] == made["orderId"]) if not any(
            row["orderId"] == made["orderId"] for row in heard
        ) else []  # fmt: skip
        mine = [row for row in heard if row["orderId"] == made["orderId"]]
        assert mine[-1]["orderStatus"] == "Filled" and mine[-1]["orderLinkId"] == "p-1"
        [execution] = executions.rows_until(lambda row: row["orderId"] == made["orderId"])
        [quick] = fast.rows_until(lambda row: row["orderId"] == made["orderId"])
        assert quick["execId"] == execution["execId"] and "execFee" not in quick
        [same] = session.get_executions(**LINEAR)["result"]["list"]
        assert {name: execution[name] for name in same} == same, "stream and REST say the same"
        told = positions.rows_until(lambda row: row["size"] == "0.01" and row["stopLoss"] not in {"", "0"})[-1]
        assert float(told["entryPrice"]) == float(execution["execPrice"]) and "avgPrice" not in told
        coin = wallets.one()["data"][0]["coin"][0]
        assert coin["coin"] == "USDT" and float(coin["walletBalance"]) < 100_000
        spot = session.place_order(**SPOT, side="Buy", orderType="Market", qty=100)["result"]
        [row] = executions.rows_until(lambda row: row["orderId"] == spot["orderId"])
        assert (row["category"], row["feeCurrency"]) == ("spot", "BTC")
        socket.unsubscribe("wallet")


def liquidated(simulator: Simulator) -> None:
    ears = Ears()
    with pybit_at(simulator) as session, pybit_socket(simulator, "linear") as socket:
        session.place_order(**LINEAR, side="Sell", orderType="Market", qty=0.01)
        socket.all_liquidation_stream("BTCUSDT", ears)
        body = {"kind": "liquidate", "symbol": "BTCUSDT"}
        answer = session.client.post(f"{simulator.http}/control/faults", json=body, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        [row] = ears.one()["data"]
        assert (row["s"], row["S"], row["v"]) == ("BTCUSDT", "Sell", "0.01")


def entry(simulator: Simulator) -> None:
    taken, refused = Ears(), Ears()
    with pybit_at(simulator) as session, pybit_socket(simulator, "trade", recv_window=5000) as socket:
        for where in (LINEAR, SPOT):
            price = float(session.get_tickers(**where)["result"]["list"][0]["lastPrice"])
            low = f"{price * 0.96:.1f}"
            order = {**where, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": low}
            for number in range(5):  # several on their way at once; answers come in order
                socket.place_order(taken, refused, **order, orderLinkId=f"{where['category']}-{number}")
            made = [taken.one()["data"] for _ in range(5)]
            assert [one["orderLinkId"] for one in made] == [f"{where['category']}-{number}" for number in range(5)]
            socket.amend_order(taken, refused, **where, orderId=made[0]["orderId"], qty="0.02")
            assert taken.one()["op"] == "order.amend"
            assert session.get_open_orders(**where, orderId=made[0]["orderId"])["result"]["list"][0]["qty"] == "0.02"
            socket.cancel_order(taken, refused, **where, orderId=made[0]["orderId"])
            assert taken.one()["data"]["orderId"] == made[0]["orderId"]
            socket.cancel_order(taken, refused, **where, orderId=made[0]["orderId"])
            assert refused.one()["retCode"] == (110001 if where is LINEAR else 170213)
            socket.place_order(taken, refused, **order, orderLinkId=f"{where['category']}-1")
            assert refused.one()["retCode"] == (110072 if where is LINEAR else 170141)
            single = {name: value for name, value in order.items() if name != "category"}
            socket.place_batch_order(taken, refused, category=where["category"], request=[single, single | {"qty": "-1"}])
            batch = taken.one()
            assert [one["code"] == 0 for one in batch["retExtInfo"]["list"]] == [True, False]
            ids = {"symbol": "BTCUSDT", "orderId": batch["data"]["list"][0]["orderId"]}
            socket.amend_batch_order(taken, refused, category=where["category"], request=[ids | {"qty": "0.03"}])
            socket.cancel_batch_order(taken, refused, category=where["category"], request=[ids])
            assert [taken.one()["retExtInfo"]["list"][0]["code"] for _ in range(2)] == [0, 0]
            assert len(session.get_open_orders(**where)["result"]["list"]) == 4
        assert taken.empty() and refused.empty()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["spot", "linear"])
async def test_public_streams(kind: str) -> None:
    async with venue(speed=240.0, symbols=("BTCUSDT", "ETHUSDT")) as simulator:
        await off_loop(simulator, public(kind))


@pytest.mark.asyncio
async def test_private_streams() -> None:
    async with venue() as simulator:
        await off_loop(simulator, private)


@pytest.mark.asyncio
async def test_liquidations() -> None:
    async with venue() as simulator:
        await off_loop(simulator, liquidated)


@pytest.mark.asyncio
async def test_order_entry() -> None:
    async with venue() as simulator:
        await off_loop(simulator, entry)


@pytest.mark.asyncio
async def test_many_connections_in_a_row_survive() -> None:
    """pybit registers its callbacks after sending: an answer that comes too soon kills its reader."""

    def body(simulator: Simulator) -> None:
        for _ in range(8):
            ears = Ears()
            with pybit_socket(simulator, "linear") as socket:
                socket.orderbook_stream(50, "BTCUSDT", ears)
                ears.one()

    async with venue() as simulator:
        await off_loop(simulator, body)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["linear", "private", "trade"])
async def test_pings_of_both_kinds_are_answered(kind: str) -> None:
    """The library pings the protocol's way; the pong makes pybit send the venue's own ping, whose answer it must recognise."""

    def body(simulator: Simulator) -> None:
        answered = threading.Event()
        with pybit_socket(simulator, kind, ping_interval=1, ping_timeout=0.9) as socket:
            recognise = socket._is_custom_pong

            def is_pong(message: Any) -> Any:
                if found := recognise(message):
                    answered.set()
                return found

            socket._is_custom_pong = is_pong
            assert answered.wait(PATIENCE_S)

    async with venue() as simulator:
        await off_loop(simulator, body)
