"""The broker's own client `v20` against the simulated OANDA: it parses whatever we answer into its objects."""

from __future__ import annotations

from typing import Any

import pytest

from modules.simulator.server import Simulator
from self_test.contracts.clients import off_loop
from self_test.contracts.oanda_clients import box, official

PAIR = "EUR_USD"


def price_of(api: Any, account: str, name: str = PAIR) -> Any:
    return api.pricing.get(account, instruments=name).get("prices", 200)[0]


def account_and_market(simulator: Simulator) -> None:
    api, account = official(simulator), simulator.oanda.account_id
    assert [one.id for one in api.account.list().get("accounts", 200)] == [account]
    summary = api.account.summary(account).get("account", 200)
    assert (summary.balance, summary.currency, summary.NAV, summary.marginUsed) == (10_000.0, "USD", 10_000.0, 0.0)
    pairs = {one.name: one for one in api.account.instruments(account).get("instruments", 200)}
    assert len(pairs) == 7 and (pairs[PAIR].displayPrecision, pairs["USD_JPY"].displayPrecision) == (5, 3)
    assert (pairs["AUD_USD"].marginRate, pairs["EUR_GBP"].marginRate) == (0.0333, 0.05)
    price = price_of(api, account)
    assert price.asks[0].price > price.bids[0].price > 0.5 and price.status == "tradeable"
    candles = api.instrument.candles(PAIR, granularity="M15", price="MBA", count=200).get("candles", 200)
    assert len(candles) == 200 and all(one.ask.l > one.bid.l and one.bid.h >= one.bid.l for one in candles)
    assert all(one.complete for one in candles[:-1]) and not candles[-1].complete
    whole = api.account.get(account).get("account", 200)
    assert whole.trades == [] and whole.orders == []


def an_order_and_its_life(simulator: Simulator) -> None:
    api, account = official(simulator), simulator.oanda.account_id
    bid = price_of(api, account).bids[0].price
    answer = api.order.market(
        account, instrument=PAIR, units=1000, clientExtensions={"id": "intent-1"}, tradeClientExtensions={"id": "trade-1"},
        takeProfitOnFill={"price": f"{bid + 0.02:.5f}"}, stopLossOnFill={"price": f"{bid - 0.02:.5f}"},
    )  # fmt: skip
    made, filled = answer.get("orderCreateTransaction", 201), answer.get("orderFillTransaction", 201)
    assert filled.reason == "MARKET_ORDER" and filled.tradeOpened.tradeID == filled.id and int(filled.id) == int(made.id) + 1
    assert answer.get("relatedTransactionIDs", 201) == [str(int(made.id) + n) for n in range(4)]
    trade = api.trade.get(account, filled.tradeOpened.tradeID).get("trade", 200)
    assert trade.takeProfitOrder.price == round(bid + 0.02, 5) and trade.stopLossOrder.state == "PENDING"
    assert api.order.get(account, "@intent-1").get("order", 200).state == "FILLED"

    moved = api.trade.set_dependent_orders(account, trade.id, stopLoss={"price": f"{bid - 0.01:.5f}"})
    assert moved.get("stopLossOrderCancelTransaction", 200).reason == "CLIENT_REQUEST_REPLACED"
    assert moved.get("stopLossOrderTransaction", 200).replacesOrderID == trade.stopLossOrder.id
    after = api.trade.get(account, trade.id).get("trade", 200)
    assert after.takeProfitOrder.id == trade.takeProfitOrder.id, "what is not named stays"

    closed = api.trade.close(account, trade.id, units="ALL")
    row = closed.get("orderFillTransaction", 200)
    assert row.reason == "MARKET_ORDER_TRADE_CLOSE" and row.tradesClosed[0].tradeID == trade.id
    assert row.accountBalance == pytest.approx(10_000 + row.pl)
    rows = api.transaction.since(account, id=made.id).get("transactions", 200)
    assert [one.type for one in rows] == [
        "ORDER_FILL", "TAKE_PROFIT_ORDER", "STOP_LOSS_ORDER", "ORDER_CANCEL", "STOP_LOSS_ORDER", "MARKET_ORDER", "ORDER_FILL",
        "ORDER_CANCEL", "ORDER_CANCEL",
    ]  # fmt: skip
    assert api.trade.list_open(account).get("trades", 200) == []


def the_three_shapes_of_no(simulator: Simulator) -> None:
    account = simulator.oanda.account_id
    stranger = official(simulator, token="nobody").account.summary(account)
    assert stranger.status == 401 and "authorization" in stranger.get("errorMessage")
    api = official(simulator)
    bad = api.order.market(account, instrument=PAIR, units="1.5")
    assert bad.status == 400 and bad.get("orderRejectTransaction", 400).rejectReason == "UNITS_PRECISION_EXCEEDED"
    killed = api.order.market(account, instrument=PAIR, units=1_000_000)
    assert killed.status == 201 and killed.get("orderCancelTransaction", 201).reason == "INSUFFICIENT_MARGIN"
    bound = api.order.market(account, instrument=PAIR, units=100, priceBound="0.50000")
    assert bound.get("orderCancelTransaction", 201).reason == "BOUNDS_VIOLATION"
    gone = api.order.cancel(account, "999999")
    assert gone.status == 404 and gone.get("orderCancelRejectTransaction", 404).rejectReason == "ORDER_DOESNT_EXIST"
    nothing = api.position.close(account, PAIR, longUnits="ALL")
    assert nothing.status == 404 and nothing.get("longOrderRejectTransaction", 404).rejectReason == "CLOSEOUT_POSITION_DOESNT_EXIST"


def pending_orders(simulator: Simulator) -> None:
    api, account = official(simulator), simulator.oanda.account_id
    bid = price_of(api, account, "USD_JPY").bids[0].price
    made = api.order.limit(account, instrument="USD_JPY", units=500, price=f"{bid * 0.9:.3f}", clientExtensions={"id": "far"})
    number = made.get("orderCreateTransaction", 201).id
    assert [one.id for one in api.order.list_pending(account).get("orders", 200)] == [number]
    again = api.order.limit_replace(account, number, instrument="USD_JPY", units=600, price=f"{bid * 0.91:.3f}")
    assert again.get("orderCancelTransaction", 201).reason == "CLIENT_REQUEST_REPLACED"
    newer = again.get("orderCreateTransaction", 201).id
    assert api.order.cancel(account, newer).get("orderCancelTransaction", 200).reason == "CLIENT_REQUEST"
    assert api.order.get(account, newer).get("order", 200).state == "CANCELLED"


def streams(simulator: Simulator) -> None:
    api, account = official(simulator, stream=True), simulator.oanda.account_id
    kinds = set[str]()
    for kind, one in api.pricing.stream(account, snapshot=True, instruments="EUR_USD,USD_JPY").parts():
        kinds.add(kind)
        if kind == "pricing.ClientPrice":
            assert one.instrument in {"EUR_USD", "USD_JPY"} and one.bids[0].price > 0
        if len(kinds) == 2:
            break
    assert kinds == {"pricing.ClientPrice", "pricing.PricingHeartbeat"}
    news = api.transaction.stream(account).parts()
    assert next(news)[0] == "transaction.TransactionHeartbeat"
    official(simulator).order.market(account, instrument=PAIR, units=-10)
    seen = list[Any]()
    for kind, one in news:
        if kind == "transaction.Transaction":
            seen.append(one)
        if len(seen) == 2:
            break
    assert [one.type for one in seen] == ["MARKET_ORDER", "ORDER_FILL"] and seen[1].tradeOpened.units == -10


@pytest.mark.asyncio
@pytest.mark.parametrize("say", [account_and_market, an_order_and_its_life, the_three_shapes_of_no, pending_orders, streams])
async def test_the_official_client(say: Any) -> None:
    async with box() as simulator:
        await off_loop(simulator, say)
