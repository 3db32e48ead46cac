"""Each fault of a stream, over real sockets, public and private; and what the filter says without one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator

import pytest
import websockets

from modules.simulator.fault_frames import REORDER_S, FrameFaults
from modules.simulator.faults import Fault, FaultTable
from modules.simulator.order_types import Now, PrivateEvent
from modules.simulator.private_hub import CUT
from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving
from self_test.modules.simulator.trader import LIMIT_S, Listening, Trader
from utils.clock import WallClock


def filtering(*faults: Fault) -> FrameFaults:
    table = FaultTable(1)
    for one in faults:
        table.add(one)
    return FrameFaults(table, lambda: Now(1, 1), list)


def test_verdicts() -> None:
    one, two = b'{"topic":"order","symbol":"BTCUSDT"}', b'{"topic":"order","symbol":"ETHUSDT"}'
    assert list(filtering().frame("data", "order", one, "")) == [(0.0, one)]
    found = filtering(Fault(kind="drop", symbol="ETHUSDT"))
    assert list(found.frame("data", "order", one, "")) == [(0.0, one)]
    assert list(found.frame("data", "order", two, "")) == []
    assert list(found.frame("data", "order", two, "")) == [], "the same publication for the next connection"
    assert list(found.frame("data", "order", bytes(bytearray(two)), "")) == [(0.0, two)], "another one"
    assert list(filtering(Fault(kind="delay", ms=40)).frame("data", "order", one, "")) == [(0.04, one)]
    assert list(filtering(Fault(kind="reorder")).frame("data", "order", one, "")) == [(REORDER_S, one)]
    assert list(filtering(Fault(kind="duplicate")).frame("trade", "order.create", one, "")) == [(0.0, one)] * 2
    assert list(filtering(Fault(kind="cut")).frame("data", "order", one, "")) == [(0.0, CUT)]
    assert list(filtering(Fault(kind="drop")).frame("pong", "ping", one, "")) == [(0.0, one)], "heartbeats go on"
    assert list(filtering(Fault(kind="drop", match="ping")).frame("pong", "ping", one, "")) == [], "unless they are meant"


def test_only_one_account_is_struck() -> None:
    table = FaultTable(1)
    for one in (Fault(kind="drop", account="1", count=0), Fault(kind="cut", match="/v5/private", account="1", count=0)):
        table.add(one)
    found = FrameFaults(table, lambda: Now(1, 1), list, lambda message: "1" if b"key-one" in message else "")
    mine, theirs, public, auth = b"mine", b"theirs", b"public", b'{"op":"auth","args":["key-one"]}'
    assert list(found.frame("data", "order", mine, "1")) == []
    assert list(found.frame("data", "order", theirs, "2")) == [(0.0, theirs)]
    assert list(found.frame("data", "kline.5.BTCUSDT", public, "")) == [(0.0, public)]
    assert list(found.frame("request", "/v5/private", auth, "")) == [(0.0, CUT)], "who signs in is known by the key"
    assert list(found.frame("request", "/v5/private", b"ping", "")) == [(0.0, b"ping")]
    trade = PrivateEvent("execution", "linear", 1, {"execType": "Trade", "symbol": "BTCUSDT"})
    table.add(Fault(kind="lose_fill", account="2"))
    assert [found.event(uid, trade) for uid in ("1", "2", "2")] == [True, False, True]


class Wire:
    """A connection as far as going silent is concerned."""

    def __init__(self, uid: str) -> None:
        self.uid, self.id, self.path, self.silent = uid, f"c{uid}", "/v5/private", False
        self.topics: tuple[str, ...] = ("order",)


def test_only_the_connections_of_one_account_go_silent() -> None:
    table, wires = FaultTable(1), [Wire("1"), Wire("2"), Wire("2"), Wire("")]
    table.add(Fault(kind="half_open", match="/v5/private", account="2", count=0))
    FrameFaults(table, lambda: Now(1, 1), lambda: wires).silence()
    assert [one.silent for one in wires] == [False, True, True, False]


def test_one_execution_is_lost() -> None:
    found = filtering(Fault(kind="lose_fill", match="execution.linear"))
    funding = PrivateEvent("execution", "linear", 1, {"execType": "Funding", "symbol": "BTCUSDT"})
    trade = PrivateEvent("execution", "linear", 1, {"execType": "Trade", "symbol": "BTCUSDT"})
    spot = PrivateEvent("execution", "spot", 1, {"execType": "Trade", "symbol": "BTCUSDT"})
    assert [found.event("1", one) for one in (funding, spot, trade, trade)] == [True, True, False, True]


@contextlib.asynccontextmanager
async def trading(speed: float = 1.0) -> AsyncIterator[tuple[Simulator, Trader]]:
    async with (
        asyncio.timeout(LIMIT_S),
        serving(speed=speed, symbols=("BTCUSDT",)) as simulator,
        Trader(simulator.http, simulator.private.api_key, simulator.private.api_secret) as trader,
    ):
        yield simulator, trader


@pytest.mark.asyncio
async def test_exactly_one_fill_is_never_told_while_heartbeats_go_on() -> None:
    async with trading() as (_, trader), trader.listening("execution", "order", "wallet") as stream:
        await trader.fault(kind="lose_fill")
        for name in ("a", "b"):
            await trader.order(orderLinkId=name)
        await stream.until(lambda one: one.get("topic") == "execution")
        await stream.pong()
        assert [row["orderLinkId"] for row in stream.rows("execution")] == ["b"]
        assert {"a", "b"} == {row["orderLinkId"] for row in stream.rows("order") if row["orderStatus"] == "Filled"}
        found = await trader.get("/v5/execution/list", "category=linear")
        assert [row["orderLinkId"] for row in found["result"]["list"]] == ["b", "a"], "who asks finds it"


@pytest.mark.asyncio
async def test_private_frames_doubled_and_cut() -> None:
    async with trading() as (_, trader):
        async with trader.listening("execution", "order") as stream:
            await trader.fault(kind="duplicate", match="execution")
            await trader.order()
            await stream.until(lambda _: len(stream.rows("execution")) == 2)
            assert len({row["execId"] for row in stream.rows("execution")}) == 1
            await trader.fault(kind="cut", match="order")
            await trader.order()
            with pytest.raises(websockets.ConnectionClosed):
                await stream.until(lambda _: False)
        async with trader.listening("order") as stream:
            await trader.order()
            await stream.until(lambda one: one.get("topic") == "order")


@pytest.mark.asyncio
async def test_half_open_sockets_say_nothing_and_stay_while_new_ones_work() -> None:
    async with trading() as (_, trader), trader.listening("order") as stream:
        await trader.fault(kind="half_open", match="/v5/private")
        async with asyncio.timeout(5):
            while not (await trader.control("GET", "/faults"))[1]["faults"][0]["spent"]:
                await WallClock().sleep(0.005)
        await trader.order()
        await stream.socket.send('{"op":"ping"}')
        async with trader.listening("order") as fresh:
            await trader.order()
            await fresh.until(lambda one: one.get("topic") == "order")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.socket.recv(), 0.1)
        assert stream.socket.state is websockets.State.OPEN
        stream.socket.transport.abort()


async def confirmed(stream: Listening, count: int) -> list[int]:
    """Starts of the next confirmed candles, as they came."""
    found: list[int] = []
    while len(found) < count:
        row = (await stream.until(lambda one: one.get("topic", "").startswith("kline")))["data"][0]
        if row["confirm"]:
            found.append(row["start"])
    return found


@pytest.mark.asyncio
async def test_public_frames_dropped_doubled_late_and_cut() -> None:
    async with trading(600.0) as (simulator, trader):
        async with websockets.connect(trader.http.replace("http", "ws", 1) + "/v5/public/linear") as socket:
            stream = Listening(socket)
            await socket.send('{"op":"subscribe","args":["kline.1.BTCUSDT","tickers.BTCUSDT"]}')
            starts = await confirmed(stream, 2)
            assert starts[1] - starts[0] == 60_000 and simulator.hub.faults is None
            await trader.fault(kind="drop", match="kline.1.", count=0, at_ts=0)
            assert simulator.hub.faults is not None
            async with asyncio.timeout(5):
                while (await trader.control("GET", "/faults"))[1]["faults"][0]["hits"] < 3:
                    await WallClock().sleep(0.005)
            await trader.control("DELETE", "/faults/f1")
            assert simulator.hub.faults is None
            starts += await confirmed(stream, 2)
            steps = {b - a for a, b in itertools.pairwise(starts)}
            assert max(steps) >= 3 * 60_000, "some never came"
            await trader.fault(kind="duplicate", match="tickers.")
            await stream.until(lambda one: one.get("topic") == "tickers.BTCUSDT" and one == stream.seen[-2])
            await trader.fault(kind="delay", match="kline.1.", ms=400, count=1)
            times = [(await stream.until(lambda one: one.get("topic", "").startswith("kline")))["ts"] for _ in range(14)]
            assert times != sorted(times), "what came later overtook it"
            await socket.send(json.dumps({"op": "ping"}))
            await stream.pong()
            await trader.fault(kind="cut", match="tickers.")
            with pytest.raises(websockets.ConnectionClosed):
                await stream.until(lambda _: False)
        while simulator.hub.clients:
            await WallClock().sleep(0.0)
