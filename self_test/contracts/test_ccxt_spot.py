"""ccxt trades spot on the simulated venue: balances, every kind of order, the worlds of orderFilter, fees, and the venue's codes."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from self_test.contracts.clients import READ_ONLY, SPOT, Case, ccxt_at, check, code_of, expect, trading

FEE = 0.001


async def last(exchange: Any) -> float:
    return float((await exchange.fetch_ticker(SPOT))["last"])


async def fetched(exchange: Any, order: Any, **more: Any) -> Any:
    return await exchange.fetch_order(order["id"], SPOT, {"acknowledged": True, **more})


@pytest.mark.asyncio
async def test_market_orders_move_the_balance_and_pay_in_the_right_coin() -> None:
    async with trading() as (_, exchange):
        before = await exchange.fetch_balance()
        assert (before["USDT"]["free"], before["BTC"]["total"]) == (100_000.0, 1.0)
        by_base = await exchange.create_order(SPOT, "market", "buy", 0.01)
        by_cost = await exchange.create_market_buy_order_with_cost(SPOT, 100)
        sold = await exchange.create_order(SPOT, "market", "sell", 0.005)
        first, second, third = [await fetched(exchange, one) for one in (by_base, by_cost, sold)]
        assert (first["status"], first["filled"], first["side"], first["type"]) == ("closed", 0.01, "buy", "market")
        assert second["status"] == "closed" and 99 < second["cost"] <= 100
        assert (third["status"], third["filled"], third["side"]) == ("closed", 0.005, "sell")
        trades = {one["order"]: one for one in await exchange.fetch_my_trades(SPOT)}
        assert trades[by_base["id"]]["fee"] == {"currency": "BTC", "cost": pytest.approx(0.01 * FEE), "rate": FEE}
        assert trades[sold["id"]]["fee"]["currency"] == "USDT" and trades[sold["id"]]["takerOrMaker"] == "taker"
        [same] = await exchange.fetch_order_trades(by_base["id"], SPOT)
        assert same["id"] == trades[by_base["id"]]["id"]
        after = await exchange.fetch_balance()
        assert after["BTC"]["total"] == pytest.approx(1 + (0.01 + second["filled"]) * (1 - FEE) - 0.005)
        assert after["USDT"]["total"] == pytest.approx(100_000 - first["cost"] - second["cost"] + third["cost"] * (1 - FEE))
        rows = await exchange.fetch_ledger("USDT")
        moved = sum(one["amount"] if one["direction"] == "in" else -one["amount"] for one in rows)
        assert len(rows) == 4 and moved == pytest.approx(after["USDT"]["total"]), "the log sums to the wallet, deposit included"
        assert any(one["after"] == pytest.approx(after["USDT"]["total"], abs=1e-6) for one in rows)
        fee = await exchange.fetch_trading_fee(SPOT)
        assert (fee["taker"], fee["maker"]) == (FEE, FEE)


@pytest.mark.asyncio
async def test_a_limit_order_rests_locks_and_is_changed_and_cancelled() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange) * 0.95
        order = await exchange.create_order(SPOT, "limit", "buy", 0.01, price, {"clientOrderId": "mine-1", "postOnly": True})
        assert order["clientOrderId"] == "mine-1"
        resting = await fetched(exchange, order)
        assert (resting["status"], resting["postOnly"], resting["remaining"]) == ("open", True, 0.01)
        assert [one["id"] for one in await exchange.fetch_open_orders(SPOT)] == [order["id"]]
        assert (await exchange.fetch_balance())["USDT"]["used"] == pytest.approx(0.01 * resting["price"])
        await exchange.edit_order(order["id"], SPOT, "limit", "buy", 0.02, price * 0.99)
        changed = await exchange.fetch_open_order(order["id"], SPOT)
        assert changed["amount"] == 0.02 and changed["price"] == pytest.approx(price * 0.99, abs=0.01)
        cancelled = await exchange.cancel_order(order["id"], SPOT)
        assert cancelled["id"] == order["id"]
        assert (await exchange.fetch_balance())["USDT"]["used"] == 0
        assert [one["id"] for one in await exchange.fetch_canceled_orders(SPOT)] == [order["id"]]
        assert (await exchange.fetch_closed_order(order["id"], SPOT))["status"] == "canceled"
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order(order["id"], SPOT)


@pytest.mark.asyncio
async def test_time_in_force() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        crossing = await exchange.create_order(SPOT, "limit", "buy", 0.01, price * 1.01, {"postOnly": True})
        gone = await exchange.create_order(SPOT, "limit", "buy", 0.01, price * 0.95, {"timeInForce": "IOC"})
        whole = await exchange.create_order(SPOT, "limit", "buy", 0.01, price * 1.01, {"timeInForce": "FOK"})
        assert (await fetched(exchange, crossing))["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
        assert (await fetched(exchange, gone))["info"]["rejectReason"] == "EC_NoImmediateQtyToFill"
        filled = await fetched(exchange, whole)
        assert (filled["status"], filled["timeInForce"], filled["filled"]) == ("closed", "FOK", 0.01)


@pytest.mark.asyncio
async def test_batches_and_cancel_all() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        wanted = [{"symbol": SPOT, "type": "limit", "side": "buy", "amount": 0.001, "price": price * share} for share in (0.95, 0.96, 0.97)]
        made = await exchange.create_orders(wanted)
        assert len({one["id"] for one in made}) == 3
        changes = [{"id": made[0]["id"], "symbol": SPOT, "type": "limit", "side": "buy", "amount": 0.002, "price": price * 0.94}]
        await exchange.edit_orders(changes)
        assert (await fetched(exchange, made[0]))["amount"] == 0.002
        await exchange.cancel_orders([made[0]["id"], made[1]["id"]], SPOT)
        assert [one["id"] for one in await exchange.fetch_open_orders(SPOT)] == [made[2]["id"]]
        assert [one["id"] for one in await exchange.cancel_all_orders(SPOT)] == [made[2]["id"]]
        assert await exchange.fetch_open_orders(SPOT) == []


@pytest.mark.asyncio
async def test_the_worlds_of_order_filter() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        plain = await exchange.create_order(SPOT, "limit", "buy", 0.01, price * 0.95)
        stop = await exchange.create_order(SPOT, "market", "sell", 0.003, None, {"triggerPrice": price * 0.9})
        protective = await exchange.create_order(SPOT, "market", "sell", 0.004, None, {"stopLossPrice": price * 0.9})
        legs = {"takeProfit": {"triggerPrice": price * 1.08}, "stopLoss": {"triggerPrice": price * 0.92}}
        entry = await exchange.create_order(SPOT, "limit", "buy", 0.01, price * 1.01, legs)
        assert (await fetched(exchange, entry))["status"] == "closed"

        async def world(order_filter: str) -> list[Any]:
            found: list[Any] = await exchange.fetch_open_orders(SPOT, None, None, {"orderFilter": order_filter})
            return found

        assert [one["id"] for one in await world("Order")] == [plain["id"]]
        assert [one["id"] for one in await world("StopOrder")] == [stop["id"]]
        assert [one["id"] for one in await world("tpslOrder")] == [protective["id"]]
        [both] = await world("BidirectionalTpslOrder")
        assert both["amount"] == pytest.approx(0.01 * (1 - FEE)) and both["side"] == "sell"
        assert float(both["info"]["takeProfit"]) > price > float(both["info"]["stopLoss"])
        assert "tpslMode" not in both["info"], "ccxt would take it for a contract"
        # what is protective holds the coins now, the plain stop does not
        assert (await exchange.fetch_balance())["BTC"]["used"] == pytest.approx(0.004 + both["amount"])
        await exchange.cancel_all_orders(SPOT)
        assert {one["id"] for one in await exchange.fetch_open_orders(SPOT)} == {stop["id"], protective["id"], both["id"]}
        await exchange.cancel_order(stop["id"], SPOT, {"trigger": True})
        for order_filter in ("tpslOrder", "BidirectionalTpslOrder"):
            await exchange.cancel_all_orders(SPOT, {"orderFilter": order_filter})
        assert await exchange.fetch_open_orders(SPOT) == []
        assert (await exchange.fetch_balance())["BTC"]["used"] == 0


@pytest.mark.asyncio
async def test_a_stop_fires_when_the_market_reaches_it() -> None:
    async with trading(speed=300.0) as (_, exchange):
        price = await last(exchange)
        above, below = [
            await exchange.create_order(SPOT, "market", "sell", 0.01, None, {"triggerPrice": price * share}) for share in (1.0005, 0.9995)
        ]

        async def one_fired() -> Any:
            found = [await fetched(exchange, one) for one in (above, below)]
            return [one for one in found if one["status"] == "closed"]

        fired = (await expect(one_fired))[0]
        assert fired["filled"] == 0.01 and fired["info"]["orderStatus"] == "Filled"


@pytest.mark.asyncio
async def test_codes() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        create, cancel, amend = (
            exchange.private_post_v5_order_create,
            exchange.private_post_v5_order_cancel,
            exchange.private_post_v5_order_amend,
        )
        low = f"{price * 0.95:.2f}"
        limit = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": low}
        market = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "100"}
        where = {"category": "spot", "symbol": "BTCUSDT"}
        good = await create(limit | {"orderLinkId": "one"})
        order = {"orderId": good["result"]["orderId"]}
        cases: list[Case] = [
            (170141, create, limit | {"orderLinkId": "one"}),
            (170121, create, limit | {"symbol": "NOSUCHUSDT"}),
            (10001, create, limit | {"side": "Hold"}),
            (10001, create, {"category": "spot", "symbol": "BTCUSDT"}),
            (170134, create, limit | {"price": low + "1"}),
            (170137, create, limit | {"qty": "0.0100001"}),
            (170148, create, market | {"qty": "100.00000001"}),
            (170140, create, market | {"qty": "1"}),
            (170131, create, limit | {"qty": "5"}),
            (170130, create, market | {"takeProfit": f"{price * 1.1:.2f}"}),
            (170193, create, limit | {"price": f"{price * 1.2:.2f}"}),
            (170194, create, limit | {"side": "Sell", "price": f"{price * 0.8:.2f}"}),
            (170213, cancel, where | {"orderId": "1"}),
            (170213, cancel, where | {"orderLinkId": "nobody"}),
            (170213, amend, where | {"orderId": "1", "price": low}),
            (10001, amend, where | {"price": low}),
            (0, cancel, where | order),
            (170213, cancel, where | order),
        ]
        await check(exchange, cases)


@pytest.mark.asyncio
async def test_codes_of_who_asks() -> None:
    async with trading() as (simulator, exchange):
        simulator.private.keyring.credentials.add(READ_ONLY)
        order = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "100"}
        asked = {"accountType": "UNIFIED"}
        async with (
            ccxt_at(simulator, apiKey="nobody") as unknown,
            ccxt_at(simulator, secret="wrong") as forged,
            ccxt_at(simulator, apiKey=READ_ONLY.api_key, secret=READ_ONLY.secret) as reader,
            ccxt_at(simulator, options={"timeDifference": 20_000}) as late,
            ccxt_at(simulator, options={"timeDifference": -20_000}) as early,
        ):
            for client, code, kind in (
                (unknown, 10003, ccxt.AuthenticationError),
                (forged, 10004, ccxt.AuthenticationError),
                (late, 10002, ccxt.InvalidNonce),
                (early, 10002, ccxt.InvalidNonce),
            ):
                assert await code_of(client.private_get_v5_account_wallet_balance(asked)) == code
                with pytest.raises(kind):
                    await client.private_get_v5_account_wallet_balance(asked)
            assert await code_of(reader.private_get_v5_account_wallet_balance(asked)) == 0
            assert await code_of(reader.private_post_v5_order_create(order)) == 10005
            # a client that asks the venue for its time gets in whatever its own clock says
            late.options["timeDifference"] = 0
            assert abs(await late.load_time_difference()) < 1000
            assert await code_of(late.private_get_v5_account_wallet_balance(asked)) == 0
        codes = [await code_of(exchange.private_get_v5_account_fee_rate({"category": "spot"})) for _ in range(6)]
        assert codes == [0] * 5 + [10006]
        headers = {name.lower(): value for name, value in exchange.last_response_headers.items()}
        assert (headers["x-bapi-limit"], headers["x-bapi-limit-status"]) == ("5", "0")
        assert int(headers["x-bapi-limit-reset-timestamp"]) > simulator.clock.now_ms - 50
