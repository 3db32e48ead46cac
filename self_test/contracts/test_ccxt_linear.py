"""ccxt trades the perpetual: orders with protection, both position modes, leverage, trading-stop, funding, and the venue's codes."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from modules.simulator.faults import parse as fault
from self_test.contracts.clients import PERP, Case, check, code_of, expect, trading

TAKER = 0.00055
STANDARD = {"category": "linear", "symbol": "BTCUSDT"}
HOUR = 3_600_000


async def last(exchange: Any) -> float:
    return float((await exchange.fetch_ticker(PERP))["last"])


async def long(exchange: Any, amount: float = 0.01, **params: Any) -> Any:
    return await exchange.create_order(PERP, "market", "buy", amount, None, params)


async def stops(exchange: Any) -> dict[str, Any]:
    """Open protective orders by their kind."""
    return {one["info"]["stopOrderType"]: one for one in await exchange.fetch_open_orders(PERP)}


@pytest.mark.asyncio
async def test_an_entry_brings_its_protection_and_takes_it_away_again() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        entry = await long(exchange, takeProfit={"triggerPrice": price * 1.05}, stopLoss={"triggerPrice": price * 0.95})
        filled = await exchange.fetch_order(entry["id"], PERP, {"acknowledged": True})
        assert (filled["status"], filled["filled"], filled["timeInForce"]) == ("closed", 0.01, "IOC")
        position = await exchange.fetch_position(PERP)
        assert (position["side"], position["contracts"]) == ("long", 0.01)
        assert position["takeProfitPrice"] == pytest.approx(price * 1.05, abs=0.1)
        assert position["stopLossPrice"] == pytest.approx(price * 0.95, abs=0.1)
        assert position["entryPrice"] == pytest.approx(filled["average"])
        [same] = await exchange.fetch_positions()
        assert same["symbol"] == PERP
        children = await stops(exchange)
        assert set(children) == {"TakeProfit", "StopLoss"}
        assert all(one["reduceOnly"] and one["side"] == "sell" and one["amount"] == 0.01 for one in children.values())
        await exchange.create_order(PERP, "market", "sell", 0.01, None, {"reduceOnly": True})
        assert await stops(exchange) == {} and await exchange.fetch_positions() == []
        gone = await exchange.fetch_closed_order(children["StopLoss"]["id"], PERP)
        assert gone["info"]["cancelType"] == "CancelByTpSlTsClear"
        [bought, sold] = sorted(await exchange.fetch_my_trades(PERP), key=lambda one: one["side"])
        assert bought["fee"] == {"currency": "USDT", "cost": pytest.approx(bought["cost"] * TAKER), "rate": TAKER}
        [closed] = await exchange.fetch_positions_history([PERP])
        lost = sold["cost"] - bought["cost"] - (sold["cost"] + bought["cost"]) * TAKER
        assert float(closed["info"]["closedPnl"]) == pytest.approx(lost)
        rows = await exchange.fetch_ledger("USDT")
        wallet = (await exchange.fetch_balance())["USDT"]
        assert wallet["total"] == wallet["free"] == pytest.approx(100_000 + lost)
        assert sum(float(one["info"]["change"]) for one in rows) == pytest.approx(wallet["total"])


@pytest.mark.asyncio
async def test_a_limit_order_rests_and_is_changed_and_cancelled() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        legs = {"takeProfit": {"triggerPrice": price * 1.05, "price": price * 1.05}, "stopLoss": {"triggerPrice": price * 0.9}}
        order = await exchange.create_order(PERP, "limit", "buy", 0.01, price * 0.97, {"postOnly": True, "clientOrderId": "a-1", **legs})
        resting = await exchange.fetch_open_order(order["id"], PERP)
        assert (resting["status"], resting["clientOrderId"], resting["postOnly"]) == ("open", "a-1", True)
        assert resting["stopLossPrice"] == pytest.approx(price * 0.9, abs=0.1)
        assert resting["takeProfitPrice"] == pytest.approx(price * 1.05, abs=0.1)
        before = (await exchange.fetch_balance())["USDT"]
        assert before["used"] == pytest.approx(0.01 * resting["price"] / 10, rel=0.02), "initial margin at the leverage of 10"
        await exchange.edit_order(order["id"], PERP, "limit", "buy", 0.02, price * 0.96)
        assert (await exchange.fetch_open_order(order["id"], PERP))["amount"] == 0.02
        await exchange.cancel_order(order["id"], PERP)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order(order["id"], PERP)
        crossing = await exchange.create_order(PERP, "limit", "buy", 0.01, price * 1.02, {"postOnly": True})
        done = await exchange.fetch_closed_order(crossing["id"], PERP)
        assert (done["status"], done["info"]["rejectReason"]) == ("canceled", "EC_PostOnlyWillTakeLiquidity")
        assert (await exchange.fetch_balance())["USDT"]["used"] == 0


@pytest.mark.asyncio
async def test_conditional_orders_trading_stop_and_trailing() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        await long(exchange)
        sl = await exchange.create_order(PERP, "market", "sell", 0.01, None, {"stopLossPrice": price * 0.93})
        up = {"triggerPrice": price * 1.07, "triggerDirection": "ascending"}
        breakout = await exchange.create_order(PERP, "limit", "buy", 0.01, price * 1.07, up)
        found = {one["id"]: one for one in await exchange.fetch_open_orders(PERP)}
        assert found[sl["id"]]["reduceOnly"] and found[sl["id"]]["info"]["triggerDirection"] == 2
        assert found[breakout["id"]]["triggerPrice"] == pytest.approx(price * 1.07, abs=0.1)
        assert {one["info"]["orderStatus"] for one in found.values()} == {"Untriggered"}
        await exchange.cancel_all_orders(PERP)
        # amount 0 sets the position's own pair, an amount adds one for that part of it
        whole = {"stopLossPrice": price * 0.92, "takeProfitPrice": price * 1.08}
        await exchange.create_order(PERP, "market", "sell", 0, None, whole)
        await exchange.create_order(PERP, "market", "sell", 0.004, None, {"stopLossPrice": price * 0.91, "takeProfitPrice": price * 1.09})
        await exchange.create_order(PERP, "market", "sell", 0.01, None, {"trailingAmount": 500})
        kinds = await stops(exchange)
        assert set(kinds) == {"TakeProfit", "StopLoss", "PartialTakeProfit", "PartialStopLoss", "TrailingStop"}
        assert kinds["PartialStopLoss"]["amount"] == 0.004
        position = await exchange.fetch_position(PERP)
        assert position["stopLossPrice"] == pytest.approx(price * 0.92, abs=0.1) and position["info"]["trailingStop"] == "500"
        await exchange.create_order(PERP, "market", "sell", 0, None, {**whole, "stopLossPrice": price * 0.94})
        assert (await exchange.fetch_position(PERP))["stopLossPrice"] == pytest.approx(price * 0.94, abs=0.1)


@pytest.mark.asyncio
async def test_batches_and_cancel_all() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        wanted = [{"symbol": PERP, "type": "limit", "side": "buy", "amount": 0.001, "price": price * share} for share in (0.95, 0.96, 0.97)]
        made = await exchange.create_orders(wanted)
        await exchange.edit_orders(
            [{"id": made[0]["id"], "symbol": PERP, "type": "limit", "side": "buy", "amount": 0.002, "price": price * 0.94}]
        )
        await exchange.cancel_orders([made[1]["id"]], PERP)
        await exchange.cancel_orders_for_symbols([{"id": made[2]["id"], "symbol": PERP}])
        [rest] = await exchange.fetch_open_orders(PERP)
        assert (rest["id"], rest["amount"]) == (made[0]["id"], 0.002)
        assert [one["id"] for one in await exchange.cancel_all_orders()] == [rest["id"]]
        mixed = {"category": "linear", "request": [_order(price), _order(price, qty="0.00001"), _order(price, symbol="NOSUCHUSDT")]}
        answer = await exchange.private_post_v5_order_create_batch(mixed)
        said = [int(one["code"]) for one in answer["retExtInfo"]["list"]]
        assert said[0] == 0 and all(said[1:]) and [bool(one["orderId"]) for one in answer["result"]["list"]] == [True, False, False]


def _order(price: float, **more: Any) -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": f"{price * 0.97:.1f}", **more}


@pytest.mark.asyncio
async def test_both_position_modes_leverage_and_margin_mode() -> None:
    async with trading() as (_, exchange):
        await exchange.set_leverage(5, PERP)
        with pytest.raises(ccxt.BadRequest, match="110043"):
            await exchange.set_leverage(5, PERP)
        assert (await exchange.fetch_leverage(PERP))["longLeverage"] == 5
        await exchange.set_position_mode(True, PERP)
        with pytest.raises(ccxt.NoChange):
            await exchange.set_position_mode(True, PERP)
        await long(exchange, 0.01, hedged=True)
        await exchange.create_order(PERP, "market", "sell", 0.02, None, {"hedged": True})
        both = {one["side"]: one for one in await exchange.fetch_positions([PERP])}
        assert (both["long"]["contracts"], both["short"]["contracts"], both["long"]["hedged"]) == (0.01, 0.02, True)
        assert [both[side]["info"]["positionIdx"] for side in ("long", "short")] == [1, 2]
        margin = both["short"]["initialMargin"]
        assert margin == pytest.approx(0.02 * both["short"]["markPrice"] / 5, rel=0.01)
        assert both["short"]["liquidationPrice"] is None or both["short"]["liquidationPrice"] > both["short"]["entryPrice"]
        assert await code_of(exchange.private_post_v5_position_switch_mode({**STANDARD, "mode": 0})) == 110024
        await exchange.create_order(PERP, "market", "buy", 0.02, None, {"hedged": True, "reduceOnly": True})
        [only] = await exchange.fetch_positions()
        assert only["side"] == "long"
        await exchange.create_order(PERP, "market", "sell", 0.01, None, {"hedged": True, "reduceOnly": True})
        await exchange.set_position_mode(False, PERP)
        await exchange.set_margin_mode("isolated", PERP)
        wallet = await exchange.private_get_v5_account_wallet_balance({"accountType": "UNIFIED"})
        assert wallet["result"]["list"][0]["totalAvailableBalance"] == "", "not applicable, which is not zero"
        tiers = await exchange.fetch_market_leverage_tiers(PERP)
        assert tiers[0]["maxLeverage"] > tiers[-1]["maxLeverage"] and tiers[0]["maintenanceMarginRate"] > 0


@pytest.mark.asyncio
async def test_a_position_in_one_way_mode_turns_round() -> None:
    async with trading() as (_, exchange):
        await long(exchange, 0.01)
        await exchange.create_order(PERP, "market", "sell", 0.03)
        position = await exchange.fetch_position(PERP)
        assert (position["side"], position["contracts"]) == ("short", 0.02)


@pytest.mark.asyncio
async def test_funding_is_paid_and_written_down() -> None:
    async with trading(speed=20_000.0) as (simulator, exchange):
        await long(exchange, 0.1)

        async def paid() -> Any:
            return await exchange.fetch_funding_history(PERP)

        first = (await expect(paid))[0]
        assert first["timestamp"] % (8 * HOUR) == 0 and first["symbol"] == PERP
        rates = await exchange.fetch_funding_rate_history(PERP, limit=200)
        rate = next(one["fundingRate"] for one in rates if one["timestamp"] == first["timestamp"])
        assert (first["amount"] > 0) == (rate > 0), "the amount is what a long paid"
        rows = await exchange.fetch_ledger("USDT", params={"type": "SETTLEMENT"})
        assert any(float(one["info"]["funding"]) == pytest.approx(-first["amount"]) for one in rows)
        assert simulator.private.ledger()["cash"]


@pytest.mark.asyncio
async def test_a_stop_closes_the_position_and_a_liquidation_too() -> None:
    async with trading(speed=300.0) as (simulator, exchange):
        price = await last(exchange)
        await long(exchange, stopLoss={"triggerPrice": price * 0.999}, takeProfit={"triggerPrice": price * 1.001})

        async def flat() -> Any:
            return not await exchange.fetch_positions()

        await expect(flat)
        [closed] = await exchange.fetch_positions_history([PERP])
        assert closed["info"]["execType"] == "Trade"
        await long(exchange)
        simulator.private.add_fault(fault({"kind": "liquidate", "symbol": "BTCUSDT"}))
        await expect(flat)
        liquidations = await exchange.fetch_my_liquidations(PERP)
        assert [one["symbol"] for one in liquidations] == [PERP]


@pytest.mark.asyncio
async def test_codes_of_orders() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        create, cancel, amend = (
            exchange.private_post_v5_order_create,
            exchange.private_post_v5_order_cancel,
            exchange.private_post_v5_order_amend,
        )
        limit = {**STANDARD, **_order(price)}
        market = {**STANDARD, "side": "Buy", "orderType": "Market", "qty": "0.01"}
        trigger = f"{price * 1.05:.1f}"
        good = await create(limit | {"orderLinkId": "one"})
        order = {**STANDARD, "orderId": good["result"]["orderId"]}
        cases: list[Case] = [
            (110072, create, limit | {"orderLinkId": "one"}),
            (10001, create, limit | {"symbol": "NOSUCHUSDT"}),
            (10001, create, limit | {"price": f"{price * 0.97:.1f}3"}),
            (10001, create, limit | {"qty": "0.0105"}),
            (10001, create, market | {"positionIdx": 1}),
            (110003, create, limit | {"price": f"{price * 1.2:.1f}"}),
            (110007, create, limit | {"qty": "90"}),
            (110017, create, market | {"side": "Sell", "reduceOnly": True}),
            (110092, create, market | {"triggerPrice": f"{price * 0.95:.1f}", "triggerDirection": 1}),
            (110093, create, market | {"triggerPrice": trigger, "triggerDirection": 2}),
            (110094, create, limit | {"qty": "0.001", "price": f"{price * 0.04:.1f}"}),
            (10001, create, market | {"takeProfit": f"{price * 0.9:.1f}"}),
            (10001, create, {**market, "category": "equity"}),
            (110001, cancel, {**STANDARD, "orderId": "1"}),
            (110001, amend, {**STANDARD, "orderLinkId": "nobody", "qty": "1"}),
            (0, amend, {**order, "qty": "0.02"}),
            (0, cancel, order),
            (110001, cancel, order),
            (10001, exchange.private_post_v5_order_cancel_all, {"category": "linear"}),
        ]
        await check(exchange, cases)
        conditional = market | {"triggerPrice": trigger, "triggerDirection": 1}
        full = await exchange.private_post_v5_order_create_batch({"category": "linear", "request": [conditional] * 11})
        assert [int(one["code"]) for one in full["retExtInfo"]["list"]] == [0] * 10 + [10006], "ten a second, counted per order"
        await check(exchange, [(110009, create, conditional)])


@pytest.mark.asyncio
async def test_codes_of_positions() -> None:
    async with trading() as (_, exchange):
        price = await last(exchange)
        stop, lever, mode = (
            exchange.private_post_v5_position_trading_stop, exchange.private_post_v5_position_set_leverage,
            exchange.private_post_v5_position_switch_mode,
        )  # fmt: skip
        low = {**STANDARD, "positionIdx": 0, "tpslMode": "Full", "stopLoss": f"{price * 0.9:.1f}"}
        create, hedge = exchange.private_post_v5_order_create, {**STANDARD, "mode": 3}
        await check(exchange, [(10001, stop, low), (0, create, {**STANDARD, **_order(price)}), (110028, mode, hedge)])
        await exchange.cancel_all_orders(PERP)
        await long(exchange)
        cases: list[Case] = [
            (0, stop, low),
            (34040, stop, low),
            (10001, stop, {**low, "stopLoss": f"{price * 1.1:.1f}"}),
            (10001, stop, {**low, "positionIdx": 1}),
            (110024, mode, hedge),
            (110013, lever, {**STANDARD, "buyLeverage": "1000", "sellLeverage": "1000"}),
            (10001, lever, {**STANDARD, "buyLeverage": "0.5", "sellLeverage": "0.5"}),
            (10001, lever, {**STANDARD, "buyLeverage": "3", "sellLeverage": "4"}),
            (10001, exchange.private_get_v5_position_list, {"category": "linear"}),
            (0, exchange.private_get_v5_position_list, {"category": "inverse"}),
        ]
        await check(exchange, cases)


@pytest.mark.asyncio
async def test_a_partly_filled_order_cannot_become_smaller_than_what_is_filled() -> None:
    async with trading() as (_, exchange):
        touch = (await exchange.fetch_order_book(PERP, 1))["asks"][0]
        order = await exchange.create_order(PERP, "limit", "buy", round(touch[1] + 1, 3), touch[0])
        state = await exchange.fetch_open_order(order["id"], PERP)
        assert state["info"]["orderStatus"] == "PartiallyFilled" and 0 < state["filled"] < state["amount"]
        ids = {**STANDARD, "orderId": order["id"]}
        await check(exchange, [(110064, exchange.private_post_v5_order_amend, ids | {"qty": f"{state['filled'] - 0.001:.3f}"})])
        await exchange.cancel_order(order["id"], PERP)
        done = await exchange.fetch_closed_order(order["id"], PERP)
        assert (done["status"], done["filled"], done["remaining"]) == ("canceled", state["filled"], 0)
