"""Each fault of a request, over real sockets: what the client sees, and what happened all the same."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from modules.simulator.publisher import STEP_MS
from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving
from self_test.modules.simulator.trader import BUY, LIMIT_S, Trader
from utils.clock import WallClock

CREATE = "/v5/order/create"


@contextlib.asynccontextmanager
async def trading() -> AsyncIterator[tuple[Simulator, Trader]]:
    async with (
        asyncio.timeout(LIMIT_S),
        serving(speed=1.0, symbols=("BTCUSDT",)) as simulator,
        Trader(simulator.http, simulator.private.api_key, simulator.private.api_secret) as trader,
    ):
        yield simulator, trader


def bought(simulator: Simulator) -> int:
    """How many orders really were filled."""
    return len(simulator.private.ledger()["fills"])


@pytest.mark.asyncio
@pytest.mark.parametrize(("kind", "effect"), [("lose_reply", 1), ("drop", 0), ("cut", 1)])
async def test_no_reply_and_what_happened(kind: str, effect: int) -> None:
    async with trading() as (simulator, trader):
        await trader.fault(kind=kind, match=CREATE)
        with pytest.raises(aiohttp.ClientError):
            await trader.order(orderLinkId="a")
        assert bought(simulator) == effect
        found = await trader.get("/v5/order/realtime", "category=linear&orderLinkId=a")
        assert len(found["result"]["list"]) == effect, "the next request is served"
        assert (await trader.order())["retCode"] == 0, "it struck once"


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "value", "effect"), [(429, None, 0), (403, None, 0), (503, None, 0), (504, "after", 1)])
async def test_a_burst_of_statuses(status: int, value: str | None, effect: int) -> None:
    async with trading() as (simulator, trader):
        await trader.fault(kind="http_status", match="/v5/order", status=status, count=2, value=value)
        text = msgspec.json.encode(BUY).decode()
        for number in range(3):
            async with trader.session.post(trader.http + CREATE, data=text, headers=trader.headers(text)) as answer:
                assert answer.status == (status if number < 2 else 200)
                assert status < 500 or number == 2 or answer.content_type == "text/html"
        assert bought(simulator) == 2 * effect + 1


@pytest.mark.asyncio
async def test_a_request_that_arrives_twice_meets_its_own_link_id() -> None:
    async with trading() as (simulator, trader):
        await trader.fault(kind="duplicate", match=CREATE)
        assert (await trader.order(orderLinkId="once"))["retCode"] == 110072
        assert bought(simulator) == 1


@pytest.mark.asyncio
async def test_late_replies() -> None:
    async with trading() as (simulator, trader):
        await trader.fault(kind="delay", match=CREATE, ms=150)
        began = time.monotonic()
        assert (await trader.order())["retCode"] == 0
        assert time.monotonic() - began >= 0.15 and bought(simulator) == 1
        await trader.fault(kind="reorder", match=CREATE, ms=10_000)
        done: list[str] = []

        async def buy(name: str) -> None:
            await trader.order(orderLinkId=name)
            done.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(buy("first"))
            while bought(simulator) < 2:
                await WallClock().sleep(0.0)
            group.create_task(buy("second"))
        assert set(done) == {"first", "second"} and time.monotonic() - began < 8, "the second let the first one go"
        links = [row["orderLinkId"] for row in simulator.private.ledger()["orders"]]
        assert links[-2:] == ["first", "second"]


@pytest.mark.asyncio
async def test_an_order_that_is_not_seen_at_first() -> None:
    async with trading() as (simulator, trader):
        await trader.fault(kind="delay", match=CREATE, ms=300, value="visibility")
        made = (await trader.order(orderType="Limit", price="1000", orderLinkId="hid"))["result"]["orderId"]
        query = "category=linear&symbol=BTCUSDT"
        assert (await trader.get("/v5/order/realtime", query))["result"]["list"] == []
        assert simulator.private.exchange.order("100000001", made) is not None
        async with asyncio.timeout(5):
            while not (await trader.get("/v5/order/realtime", query))["result"]["list"]:
                await WallClock().sleep(0.01)


@pytest.mark.asyncio
async def test_a_clock_that_is_wrong() -> None:
    async with trading() as (_, trader):
        fault = await trader.fault(kind="clock_skew", ms=20_000)
        told = (await trader.get("/v5/market/time"))["time"]
        assert 19_000 < told - WallClock().now_ms() < 21_000
        assert (await trader.order())["retCode"] == 10002
        text = "accountType=UNIFIED"
        async with trader.session.get(f"{trader.http}/v5/account/wallet-balance?{text}", headers=trader.headers(text, told)) as answer:
            assert (await answer.json())["retCode"] == 0, "who follows the venue's clock is heard"
        assert (await trader.control("DELETE", f"/faults/{fault}"))[0] == 200
        assert (await trader.order())["retCode"] == 0


@pytest.mark.asyncio
async def test_maintenance() -> None:
    async with trading() as (simulator, trader):
        fault = await trader.fault(kind="maintenance", match="/v5/order")
        assert (await trader.order())["retCode"] == 10016 and bought(simulator) == 0
        assert (await trader.get("/v5/market/time"))["retCode"] == 0
        await trader.control("DELETE", f"/faults/{fault}")
        await trader.fault(kind="maintenance", status=503, ms=50)
        async with trader.session.get(trader.http + "/v5/market/time") as answer:
            assert answer.status == 503
        async with asyncio.timeout(5):
            while (await trader.session.get(trader.http + "/v5/market/time")).status == 503:
                await WallClock().sleep(0.01)
        assert (await trader.order())["retCode"] == 0


@pytest.mark.asyncio
async def test_the_control_api_of_faults() -> None:
    async with trading() as (_, trader):
        status, answer = await trader.control("POST", "/faults", kind="quake")
        assert status == 400 and "lose_fill" in answer["error"]
        status, answer = await trader.control("POST", "/faults", kind="drop", where="x")
        assert status == 400 and "match" in answer["error"]
        async with trader.session.post(f"{trader.http}/control/faults", data=b"{") as refused:
            assert refused.status == 400 and "JSON" in (await refused.json())["error"]
        fault = await trader.fault(kind="drop", match="/v5/nothing")
        assert [row["id"] for row in (await trader.control("GET", "/faults"))[1]["faults"]] == [fault]
        assert (await trader.control("DELETE", f"/faults/{fault}"))[1] == {"removed": fault}
        assert (await trader.control("DELETE", f"/faults/{fault}"))[0] == 404
        await trader.order()
        accounts = (await trader.control("GET", "/accounts"))[1]["accounts"]
        assert accounts[0]["positions"][0]["size"] == "0.01" and accounts[0]["wallet"]["coin"][0]["coin"] == "USDT"
        ledger = (await trader.control("GET", "/ledger"))[1]
        assert {"orders", "fills", "cash", "positions", "unprotected", "hash"} <= set(ledger) and len(ledger["fills"]) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(("pace", "waits"), [("lockstep", True), ("free", False)])
async def test_in_lockstep_time_waits_for_a_reply_that_is_outstanding(pace: str, waits: bool) -> None:
    async with (
        asyncio.timeout(LIMIT_S),
        serving(speed=6000.0, pace=pace, symbols=("BTCUSDT",)) as simulator,
        Trader(simulator.http, simulator.private.api_key, simulator.private.api_secret) as trader,
    ):
        await trader.fault(kind="delay", match=CREATE, ms=500)
        async with asyncio.TaskGroup() as group:
            group.create_task(trader.order())
            while not bought(simulator):
                await WallClock().sleep(0.0)
            began = latest = simulator.clock.now_ms
            while simulator._web.outstanding:  # what time does once the reply is out is no longer its concern
                latest = simulator.clock.now_ms
                await WallClock().sleep(0.0)
        assert (latest - began <= 2 * STEP_MS) is waits
