"""pybit over REST: market data, orders, positions, the account, the venue's codes, and its own way to wait for a budget."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pybit.exceptions import FailedRequestError, InvalidRequestError

from modules.simulator.server import Simulator
from self_test.contracts.clients import READ_ONLY, off_loop, pybit_at, venue

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
SPOT = {"category": "spot", "symbol": "BTCUSDT"}


def rows(answer: dict[str, Any]) -> list[Any]:
    found: list[Any] = answer["result"]["list"]
    return found


def price_of(session: Any, category: str) -> float:
    return float(rows(session.get_tickers(category=category, symbol="BTCUSDT"))[0]["lastPrice"])


def code_of(call: Any, **fields: Any) -> int:
    with pytest.raises(InvalidRequestError) as error:
        call(**fields)
    return int(error.value.status_code)


def market_data(simulator: Simulator) -> None:
    with pybit_at(simulator, api_key=None, api_secret=None) as session:
        assert abs(int(session.get_server_time()["result"]["timeNano"]) // 1_000_000 - simulator.clock.now_ms) < 5000
        for where in (LINEAR, SPOT):
            [one] = rows(session.get_instruments_info(**where))
            assert one["status"] == "Trading"
            candles = rows(session.get_kline(**where, interval="5", limit=50))
            assert len(candles) == 50 and int(candles[0][0]) - int(candles[-1][0]) == 49 * 300_000, "newest first"
            book = session.get_orderbook(**where, limit=50)["result"]
            assert len(book["b"]) == len(book["a"]) == 50 and float(book["b"][0][0]) < float(book["a"][0][0])
            assert len(rows(session.get_public_trade_history(**where, limit=10))) == 10
            limits = session.get_price_limit(**where)["result"]
            assert float(limits["sellLmt"]) < float(book["b"][0][0]) < float(limits["buyLmt"])
        for call in (session.get_mark_price_kline, session.get_index_price_kline, session.get_premium_index_price_kline):
            assert len(rows(call(**LINEAR, interval="60", limit=3))) == 3
        assert len(rows(session.get_funding_rate_history(**LINEAR, limit=3))) == 3
        assert code_of(session.get_funding_rate_history, **LINEAR, startTime=simulator.clock.now_ms - 1000) == 10001
        assert len(rows(session.get_open_interest(**LINEAR, intervalTime="1h", limit=3))) == 3
        assert rows(session.get_long_short_ratio(**LINEAR, period="1h", limit=3))
        assert rows(session.get_risk_limit(**LINEAR))[0]["isLowestRisk"] == 1


def spot(simulator: Simulator) -> None:
    with pybit_at(simulator) as session:
        price = price_of(session, "spot")
        session.place_order(**SPOT, side="Buy", orderType="Market", qty=100)  # an amount of quote coin
        [fill] = rows(session.get_executions(**SPOT))
        assert 99 < float(fill["execValue"]) <= 100 and fill["feeCurrency"] == "BTC"
        legs = {"takeProfit": round(price * 1.05, 2), "stopLoss": round(price * 0.9, 2)}
        low = round(price * 0.95, 2)
        order = session.place_order(**SPOT, side="Buy", orderType="Limit", qty=0.01, price=low, orderLinkId="pybit-1", **legs)["result"]
        [resting] = rows(session.get_open_orders(**SPOT, orderLinkId="pybit-1"))
        assert (resting["orderId"], resting["orderStatus"], resting["qty"]) == (order["orderId"], "New", "0.01")
        assert "tpslMode" not in resting and float(resting["stopLoss"]) == legs["stopLoss"]
        session.amend_order(**SPOT, orderId=order["orderId"], qty=0.02)
        assert rows(session.get_open_orders(**SPOT, orderId=order["orderId"]))[0]["qty"] == "0.02"
        trigger = {"side": "Sell", "orderType": "Market", "qty": 0.01, "triggerPrice": round(price * 0.9, 2)}
        for order_filter in ("tpslOrder", "StopOrder"):
            session.place_order(**SPOT, **trigger, orderFilter=order_filter)
        for order_filter in ("Order", "tpslOrder", "StopOrder"):
            assert len(rows(session.get_open_orders(**SPOT, orderFilter=order_filter))) == 1
        assert len(rows(session.cancel_all_orders(category="spot"))) == 1, "without a filter only plain orders"
        assert len(rows(session.get_open_orders(**SPOT))) == 2
        for order_filter in ("tpslOrder", "StopOrder"):
            assert len(rows(session.cancel_all_orders(category="spot", orderFilter=order_filter))) == 1
        batch = [{"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": f"{low:.2f}"} for _ in range(2)]
        made = session.place_batch_order(category="spot", request=[*batch, batch[0] | {"qty": "0"}])
        assert [one["code"] for one in made["retExtInfo"]["list"]] == [0, 0, 170130]
        ids = [{"symbol": "BTCUSDT", "orderId": one["orderId"]} for one in rows(made)[:2]]
        assert [
            one["code"] for one in session.amend_batch_order(category="spot", request=[ids[0] | {"qty": "0.03"}])["retExtInfo"]["list"]
        ] == [0]
        assert [one["code"] for one in session.cancel_batch_order(category="spot", request=ids)["retExtInfo"]["list"]] == [0, 0]
        assert rows(session.get_open_orders(**SPOT)) == []
        history = rows(session.get_order_history(category="spot", limit=50))
        assert {one["orderStatus"] for one in history} >= {"Filled", "Cancelled", "Deactivated"}
        assert code_of(session.cancel_order, **SPOT, orderId=ids[0]["orderId"]) == 170213
        assert code_of(session.place_order, **SPOT, side="Buy", orderType="Limit", qty=0.01, price=low, orderLinkId="pybit-1") == 170141


def linear(simulator: Simulator) -> None:
    with pybit_at(simulator) as session:
        price = price_of(session, "linear")
        session.set_leverage(**LINEAR, buyLeverage="7", sellLeverage="7")
        assert code_of(session.set_leverage, **LINEAR, buyLeverage="7", sellLeverage="7") == 110043
        legs = {"takeProfit": round(price * 1.05, 1), "stopLoss": round(price * 0.9, 1)}
        order = session.place_order(**LINEAR, side="Buy", orderType="Market", qty=0.01, reduceOnly=False, positionIdx="0", **legs)["result"]
        [done] = rows(session.get_open_orders(**LINEAR, orderId=order["orderId"]))
        assert (done["orderStatus"], done["cumExecQty"], done["timeInForce"]) == ("Filled", "0.01", "IOC")
        [position] = rows(session.get_positions(**LINEAR))
        assert (position["size"], position["side"], position["leverage"]) == ("0.01", "Buy", "7")
        assert float(position["stopLoss"]) == legs["stopLoss"]
        session.set_trading_stop(**LINEAR, stopLoss=round(price * 0.91, 1), tpslMode="Full", positionIdx=0)
        assert float(rows(session.get_positions(**LINEAR))[0]["stopLoss"]) == round(price * 0.91, 1)
        same = {"stopLoss": round(price * 0.91, 1), "tpslMode": "Full", "positionIdx": 0}
        assert code_of(session.set_trading_stop, **LINEAR, **same) == 34040
        partial = {"tpslMode": "Partial", "tpSize": "0.004", "slSize": "0.004"} | {name: str(value) for name, value in legs.items()}
        session.set_trading_stop(**LINEAR, positionIdx=0, **partial)
        kinds = {one["stopOrderType"] for one in rows(session.get_open_orders(**LINEAR))}
        assert kinds == {"TakeProfit", "StopLoss", "PartialTakeProfit", "PartialStopLoss"}
        assert code_of(session.switch_position_mode, **LINEAR, mode=3) == 110024
        session.place_order(**LINEAR, side="Sell", orderType="Market", qty=0, reduceOnly=True, closeOnTrigger=True)
        assert rows(session.get_positions(**LINEAR))[0]["size"] == "0" and rows(session.get_open_orders(**LINEAR)) == []
        [closed] = rows(session.get_closed_pnl(**LINEAR))
        assert closed["closedSize"] == "0.01" and float(closed["closedPnl"]) < 0
        assert code_of(session.place_order, **LINEAR, side="Sell", orderType="Market", qty=0.01, reduceOnly=True) == 110017
        session.switch_position_mode(**LINEAR, mode=3)
        assert code_of(session.switch_position_mode, **LINEAR, mode=3) == 110025
        assert code_of(session.place_order, **LINEAR, side="Buy", orderType="Market", qty=0.01) == 10001
        session.place_order(**LINEAR, side="Buy", orderType="Market", qty=0.01, positionIdx=1)
        session.place_order(**LINEAR, side="Sell", orderType="Market", qty=0.02, positionIdx=2)
        assert [(one["positionIdx"], one["size"]) for one in rows(session.get_positions(**LINEAR))] == [(1, "0.01"), (2, "0.02")]
        assert len(rows(session.get_positions(category="linear", settleCoin="USDT"))) == 2
        far = {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": f"{price * 0.96:.1f}", "positionIdx": 1}
        made = rows(session.place_batch_order(category="linear", request=[{"symbol": "BTCUSDT", **far}] * 3))
        ids = [{"symbol": "BTCUSDT", "orderId": one["orderId"]} for one in made]
        session.amend_batch_order(category="linear", request=[ids[0] | {"qty": "0.02"}])
        session.cancel_batch_order(category="linear", request=ids[:1])
        assert len(rows(session.cancel_all_orders(category="linear", settleCoin="USDT"))) == 2


def account(simulator: Simulator) -> None:
    with pybit_at(simulator) as session:
        session.place_order(**LINEAR, side="Buy", orderType="Market", qty=0.01)
        [wallet] = rows(session.get_wallet_balance(accountType="UNIFIED", coin="USDT"))
        assert [one["coin"] for one in wallet["coin"]] == ["USDT"]
        log = rows(session.get_transaction_log(accountType="UNIFIED"))
        assert {one["type"] for one in log} == {"TRADE", "TRANSFER_IN"}
        total = sum(float(one["change"]) for one in log if one["currency"] == "USDT")
        assert total == pytest.approx(float(wallet["coin"][0]["walletBalance"]))
        assert rows(session.get_fee_rates(**LINEAR))[0]["takerFeeRate"] == "0.00055"
        assert session.get_account_info()["result"]["unifiedMarginStatus"] in {5, 6}
        assert session.get_api_key_information()["result"]["apiKey"] == simulator.private.api_key
        assert session.get_coin_info(coin="USDT")["result"]["rows"]
        assert float(session.get_transferable_amount(coinName="USDT")["result"]["availableWithdrawal"]) > 0
        assert session.query_dcp_info()["result"]["dcpInfos"] == []
        assert code_of(session.set_dcp, timeWindow=10) == 10005
        session.set_margin_mode(setMarginMode="ISOLATED_MARGIN")


def pages(simulator: Simulator) -> None:
    """Cursors come back as they were given, percent signs and all, and they end."""
    with pybit_at(simulator) as session:
        for _ in range(5):
            session.place_order(**LINEAR, side="Buy", orderType="Market", qty=0.001)
        seen: list[str] = []
        cursor = None
        for _ in range(6):
            answer = session.get_executions(category="linear", limit=2, cursor=cursor)["result"]
            seen += [one["execId"] for one in answer["list"]]
            if not (cursor := answer["nextPageCursor"]):
                break
        assert not cursor and len(seen) == len(set(seen)) == 5


def who_asks(simulator: Simulator) -> None:
    simulator.private.keyring.credentials.add(READ_ONLY)
    for keys, code in (({"api_key": "nobody"}, 10003), ({"api_secret": "wrong"}, 10004)):
        with pybit_at(simulator, **keys) as session:
            assert code_of(session.get_wallet_balance, accountType="UNIFIED") == code
    with pybit_at(simulator, api_key=READ_ONLY.api_key, api_secret=READ_ONLY.secret) as session:
        assert session.get_wallet_balance(accountType="UNIFIED")["retCode"] == 0
        assert code_of(session.place_order, **LINEAR, side="Buy", orderType="Market", qty=0.01) == 10005
        with pytest.raises(FailedRequestError) as error:
            session.get_borrow_quota(category="spot", symbol="BTCUSDT", side="Buy")
        assert error.value.status_code == 404


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [market_data, spot, linear, account, pages, who_asks], ids=lambda one: one.__name__)
async def test_pybit(body: Any) -> None:
    async with venue() as simulator:
        await off_loop(simulator, body)


@pytest.mark.asyncio
async def test_pybit_waits_for_its_budget_by_the_header(caplog: pytest.LogCaptureFixture) -> None:
    def many(simulator: Simulator) -> None:
        with pybit_at(simulator) as session:
            assert [session.get_fee_rates(**LINEAR)["retCode"] for _ in range(8)] == [0] * 8

    with caplog.at_level(logging.ERROR):
        async with venue() as simulator:
            await off_loop(simulator, many)
    assert any("Hit the API rate limit" in one.message for one in caplog.records), "it was stopped, slept and went on"
