"""Two accounts over real sockets: keys that are changed, money that moves, one account's venue down while the other's works."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets

from modules.simulator.keyring import PERP_UID, UID
from modules.simulator.server import Simulator
from self_test.modules.simulator.live import serving
from self_test.modules.simulator.trader import LIMIT_S, Trader

SPOT = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "100"}


@contextlib.asynccontextmanager
async def both(**more: Any) -> AsyncIterator[tuple[Simulator, Trader, Trader]]:
    """The venue and a client of each account."""
    async with asyncio.timeout(LIMIT_S), serving(speed=1.0, symbols=("BTCUSDT",), **more) as simulator:
        first, perp = simulator.private.keyring.accounts
        async with (
            Trader(simulator.http, first.api_key, first.api_secret) as one,
            Trader(simulator.http, perp.api_key, perp.api_secret) as two,
        ):
            yield simulator, one, two


async def equity(trader: Trader) -> str:
    found = await trader.get("/v5/account/wallet-balance", "accountType=UNIFIED&coin=USDT")
    return str(found["result"]["list"][0]["coin"][0]["walletBalance"])


@pytest.mark.asyncio
async def test_each_has_its_own_wallet_streams_budget_and_ids() -> None:
    async with both(balance="USDT=500", perp_balance="USDT=900") as (simulator, one, two):
        ready = simulator.ready()
        assert ready["perp_api_key"] != ready["api_key"] and ready["perp_api_secret"] != ready["api_secret"]
        assert (await equity(one), await equity(two)) == ("500", "900")
        topics = ("order", "execution", "position", "wallet")
        async with one.listening(*topics) as hears, two.listening(*topics) as other:
            assert (await two.order(qty="0.001", orderLinkId="same"))["retCode"] == 0
            await other.until(lambda message: message.get("topic") == "wallet")
            assert (await hears.pong()) and not any("topic" in message for message in hears.seen)
            assert (await one.order(qty="0.001", orderLinkId="same"))["retCode"] == 0, "a name is used once per account"
            await hears.until(lambda message: message.get("topic") == "wallet")
        codes = [(await one.order(qty="9", orderType="Limit", price="1"))["retCode"] for _ in range(12)]
        assert codes.count(10006) >= 1, "the budget of the first is spent"
        assert (await two.order(qty="0.001"))["retCode"] == 0, "that of the second is its own"
        _, ledger = await one.control("GET", "/ledger")
        assert {row["account"] for row in ledger["positions"]} == {UID, PERP_UID}
        for part in ("orders", "fills", "cash", "positions", "unprotected"):
            assert all(row["account"] in {UID, PERP_UID} for row in ledger[part])
        assert [row["uid"] for row in (await one.control("GET", "/accounts"))[1]["accounts"]] == [UID, PERP_UID]
        about = [(await trader.get("/v5/user/query-api"))["result"] for trader in (one, two)]
        assert [(row["isMaster"], row["parentUid"], row["userID"]) for row in about] == [(True, "0", int(UID)), (False, UID, int(PERP_UID))]


@pytest.mark.asyncio
async def test_one_accounts_venue_is_down_and_the_others_works() -> None:
    async with both() as (_, one, two):
        down = [
            await one.fault(kind="http_status", status=503, account=PERP_UID, count=0),
            await one.fault(kind="cut", match="auth", account=PERP_UID, count=0),
        ]
        async with one.listening("execution") as hears:
            assert (await one.order(qty="0.001"))["retCode"] == 0
            await hears.until(lambda message: message.get("topic") == "execution")
        text = "accountType=UNIFIED"
        for _ in range(3):
            async with two.session.get(f"{two.http}/v5/account/wallet-balance?{text}", headers=two.headers(text)) as answer:
                assert answer.status == 503
        with pytest.raises(websockets.ConnectionClosed):
            async with two.listening("execution"):
                pass
        for fault in down:
            assert (await one.control("DELETE", f"/faults/{fault}"))[0] == 200
        async with two.listening("execution") as hears:
            await one.fault(kind="drop", account=PERP_UID, count=0)
            with pytest.raises(aiohttp.ClientError):
                await two.order(qty="0.001")
            assert (await one.order(qty="0.001"))["retCode"] == 0
            assert await hears.pong()
        status, said = await one.control("POST", "/faults", kind="drop", account="somebody")
        assert status == 400 and UID in said["error"]


@pytest.mark.asyncio
async def test_rights_change_at_run_time_and_outlive_the_venue(tmp_path: Path) -> None:
    async with both(state_folder=tmp_path) as (simulator, one, two):
        key = simulator.private.api_key
        status, rows = await one.control("POST", "/keys", key=key, permissions={"spot": False, "withdraw": True})
        assert status == 200 and rows == (await one.control("GET", "/keys"))[1]
        assert rows["keys"][0] == {
            "key": key, "uid": UID, "revoked": False, "expired": False, "read_only": False,
            "permissions": {"spot": False, "derivatives": True, "transfer": True, "withdraw": True},
        }  # fmt: skip
        assert (await one.post("/v5/order/create", **SPOT))["retCode"] == 10005
        assert (await one.order(qty="0.001"))["retCode"] == 0 and (await two.post("/v5/order/create", **SPOT))["retCode"] == 0
        may = (await one.get("/v5/user/query-api"))["result"]["permissions"]
        assert may["Spot"] == [] and "Withdraw" in may["Wallet"] and may["ContractTrade"] == ["Order", "Position"]
        assert (await one.control("POST", "/keys", key=key, read_only=True))[0] == 200
        assert (await one.order(qty="0.001"))["retCode"] == 10005
        assert (await one.get("/v5/user/query-api"))["result"]["readOnly"] == 1
        async with two.listening("order") as hears:
            assert (await one.control("POST", "/keys", key=PERP_UID, revoked=True))[0] == 200
            with pytest.raises(websockets.ConnectionClosed) as ended:
                await hears.until(lambda _: False)
            assert ended.value.rcvd is not None and ended.value.rcvd.code == 1008
        assert (await two.order())["retCode"] == 10003
        for body in ({"key": "nobody"}, {"key": key, "permissions": {"fly": True}}, {"key": key, "magic": 1}, {"revoked": True}):
            assert (await one.control("POST", "/keys", **body))[0] == 400
    async with both(state_folder=tmp_path) as (_, one, two):
        assert (await two.order())["retCode"] == 10003 and (await one.order())["retCode"] == 10005
        assert (await one.control("POST", "/keys", key=PERP_UID, revoked=False, expired=True))[0] == 200
        assert (await two.order())["retCode"] == 33004
        assert (await one.control("POST", "/keys", key=PERP_UID, expired=False))[0] == 200
        assert (await two.order(qty="0.001"))["retCode"] == 0


@pytest.mark.asyncio
async def test_money_comes_and_goes(tmp_path: Path) -> None:
    async with both(state_folder=tmp_path) as (_, one, two):
        async with two.listening("wallet") as hears:
            assert (await one.control("POST", "/transfer", account=PERP_UID, coin="BTC", amount="0.5"))[0] == 200
            await hears.until(lambda message: message.get("topic") == "wallet")
            coins = {row["coin"]: row["walletBalance"] for row in hears.rows("wallet")[-1]["coin"]}
            assert coins == {"USDT": "10000", "BTC": "0.5"}
        _, said = await one.control("POST", "/transfer", account=PERP_UID, coin="USDT", amount=-2500.25)
        assert said == {"account": PERP_UID, "coin": "USDT", "balance": "7499.75"}
        log = (await two.get("/v5/account/transaction-log"))["result"]["list"]
        assert [(row["type"], row["currency"], row["change"]) for row in log[:2]] == [
            ("TRANSFER_OUT", "USDT", "-2500.25"),
            ("TRANSFER_IN", "BTC", "0.5"),
        ]
        _, ledger = await one.control("GET", "/ledger")
        assert [(row["account"], row["coin"], row["amount"], row["kind"]) for row in ledger["cash"][-2:]] == [
            (PERP_UID, "BTC", "0.5", "TRANSFER_IN"),
            (PERP_UID, "USDT", "-2500.25", "TRANSFER_OUT"),
        ]
        assert await equity(one) == "10000"
        for account, coin, amount in (
            ("x", "USDT", 1),
            (UID, "PEPE", 1),
            (UID, "USDT", 0),
            (UID, "USDT", "-10001"),
            (UID, "USDT", "NaN"),
            (UID, "USDT", "1e-40"),
            (UID, "USDT", "1e40"),
        ):
            status, said = await one.control("POST", "/transfer", account=account, coin=coin, amount=amount)
            assert status == 400 and said["error"], (account, coin, amount)
    async with both(state_folder=tmp_path) as (_, _one, two):
        assert Decimal(await equity(two)) == Decimal("7499.75")


@pytest.mark.asyncio
async def test_an_instrument_is_shut_and_says_so() -> None:
    async with both() as (_, one, two):
        info = "/v5/market/instruments-info"
        await one.fault(kind="filters", symbol="BTCUSDT", match="linear", value={"status": "Settling"})
        assert (await one.order(qty="0.001"))["retCode"] == 110074 == (await two.order(qty="0.001"))["retCode"]
        assert (await one.post("/v5/order/create", **SPOT))["retCode"] == 0, "spot is another listing"
        assert (await one.get(info, "category=linear"))["result"]["list"][0]["status"] == "Settling"
        assert (await one.get(info, "category=linear&status=Trading"))["result"]["list"] == []
        await one.fault(kind="filters", symbol="BTCUSDT", match="linear", value={"status": "PreLaunch"})
        assert (await one.get(info, "category=linear"))["result"]["list"] == []
        for query in ("category=linear&status=PreLaunch", "category=linear&symbol=BTCUSDT"):
            assert (await one.get(info, query))["result"]["list"][0]["status"] == "PreLaunch"
        await one.fault(kind="filters", symbol="BTCUSDT", value={"status": "Trading"})
        assert (await one.order(qty="0.001"))["retCode"] == 0


@pytest.mark.asyncio
async def test_somebody_else_may_use_the_key() -> None:
    async with both() as (simulator, one, _), one.listening("order") as hears:
        async with Trader(simulator.http, simulator.private.api_key, simulator.private.api_secret) as foreign:
            assert (await foreign.order(qty="0.001", orderType="Limit", price="40000", orderLinkId="not-yours"))["retCode"] == 0
        await hears.until(lambda message: message.get("topic") == "order")
        assert hears.rows("order")[0]["orderLinkId"] == "not-yours"
