"""The two ports: each serves its own, faults act on requests, a port that is taken is refused by its option."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from modules.simulator.faults import parse
from modules.simulator.oanda_types import parse_time
from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving
from utils.errors import Refusal


async def get(simulator: Simulator, path: str, at: int = 0, **more: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {simulator.oanda.token}"} | more.pop("headers", {})
    url = f"{simulator.oanda.web.address(at)}/v3/accounts/{simulator.oanda.account_id}/{path}"
    async with aiohttp.ClientSession(headers=headers) as session, session.request(more.pop("method", "GET"), url, **more) as answer:
        return answer.status, await answer.json()


@pytest.mark.asyncio
async def test_each_port_serves_its_own() -> None:
    async with serving(symbols=("BTCUSDT",)) as simulator:
        status, found = await get(simulator, "summary", headers={"Accept-Datetime-Format": "UNIX"})
        assert status == 200 and found["account"]["createdTime"] == "1741075200.000000000"
        assert (await get(simulator, "summary", 1))[0] == 404
        assert (await get(simulator, "pricing/stream?instruments=EUR_USD"))[0] == 404
        assert (await get(simulator, "pricing/stream", 1))[0] == 400, "which pairs"
        assert (await get(simulator, "transactions/stream", 1, headers={"Authorization": "Bearer x"}))[0] == 401
        assert (await get(simulator, "orders", method="POST", data=b"x" * 300_000))[0] == 413


@pytest.mark.asyncio
async def test_faults_on_requests_in_this_venues_words() -> None:
    async with serving(symbols=("BTCUSDT",)) as simulator:
        for fault, status in (
            ({"kind": "http_status", "status": 503, "match": "/v3/"}, 503),
            ({"kind": "http_status", "status": 429, "match": "GET /v3", "account": "oanda"}, 429),
            ({"kind": "maintenance", "match": "/v3", "ms": 1}, 503),
        ):
            simulator.private.add_fault(parse(fault))
            code, found = await get(simulator, "summary")
            assert code == status and "errorMessage" in found
        simulator.private.faults.remove("f3")
        simulator.private.add_fault(parse({"kind": "lose_reply", "match": "POST /v3/accounts"}))
        order = {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "10"}}
        with pytest.raises(aiohttp.ClientError):
            await get(simulator, "orders", method="POST", data=json.dumps(order))
        assert len((await get(simulator, "openTrades"))[1]["trades"]) == 1, "it happened, and nobody was told"


@pytest.mark.asyncio
async def test_a_port_that_is_taken() -> None:
    async with serving(symbols=("BTCUSDT",)) as simulator:
        for option, at in (("oanda_port", 0), ("oanda_stream_port", 1)):
            with pytest.raises(Refusal, match="--" + option.replace("_", "-")):
                async with serving(symbols=("BTCUSDT",), **{option: simulator.oanda.web.ports[at]}):
                    pass


@pytest.mark.asyncio
async def test_truth_of_both_venues_in_the_control_api() -> None:
    async with serving(symbols=("EURUSD",)) as simulator, aiohttp.ClientSession() as session:
        assert simulator.market.series == {}, "only pairs are named: no coins"
        async with session.get(f"{simulator.ready()['control']}/ledger") as answer:
            found = await answer.json()
        assert found["oanda"]["cash"][0]["amount"] == "10000.0000" and "hash" in found
        async with session.get(f"{simulator.ready()['control']}/accounts") as answer:
            assert (await answer.json())["oanda"]["uid"] == simulator.oanda.account_id
        body = json.dumps({"kind": "price_gap", "symbol": "EURUSD", "value": 0.01})
        async with session.post(f"{simulator.ready()['control']}/faults", data=body) as answer:
            assert answer.status == 200
        assert simulator.oanda.desk.state.gaps


@pytest.mark.asyncio
async def test_lockstep_holds_at_the_close_that_the_heartbeat_tells() -> None:
    async with asyncio.timeout(20), serving(symbols=("EURUSD",), pace="lockstep") as simulator:
        headers = {"Authorization": f"Bearer {simulator.oanda.token}"}
        url = f"{simulator.oanda.web.address(1)}/v3/accounts/{simulator.oanda.account_id}/pricing/stream?instruments=EUR_USD"
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            simulator.attachments.register("bot", None, simulator.clock.now_ms)
            close = (simulator.clock.now_ms // 300_000 + 1) * 300_000
            for at in (close, close + 300_000, close + 600_000):
                prices = list[int]()
                async for line in answer.content:
                    row = json.loads(line)
                    if row["type"] == "HEARTBEAT" and parse_time(row["time"]) == at:
                        break
                    if row["type"] == "PRICE":
                        prices.append(parse_time(row["time"]))
                assert prices[-1] == at - 1 and simulator.clock.now_ms == at, "the last price of the bar came first, and time stands"
                simulator.attachments.ack(at)
