"""What each order and question says to OANDA, and what its answers make of the port: against a scripted venue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.exchange.oanda import FOREIGN_TRADE
from modules.exchange.reports import OrderKind, OrderStatus
from modules.ports import (
    BAD_PRICE,
    BARRED,
    DUPLICATE_ID,
    NO_SUCH_ORDER,
    NOT_TRADING,
    NOTHING_TO_REDUCE,
    World,
)
from self_test.forex.scripted import ACCOUNT, INSTRUMENT
from self_test.modules.exchange.oanda_samples import BASE, FILLED, KEY, LEGS, MADE, MONEY, SUMMARY, TIME, TRADE, WHOLE
from self_test.modules.exchange.oanda_script import DONE, NONE_SUCH, Script, scripted, ticket
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio


async def test_an_entry_carries_its_bound_its_stop_and_its_target():
    script = Script()
    script.on("POST /orders", DONE)
    async with scripted(script) as venue:
        entry = ticket(side=-1, price=Decimal("1.10000"), stop=Decimal("1.11000"), target=Decimal("1.08000"))
        assert await venue.create(entry, Urgency.ENTRY) == "7"
    mark = {"id": "FLabc-EURUSD-1-e", "tag": "bot"}
    assert script.writes() == [
        (
            "POST /orders",
            {
                "order": {
                    "type": "MARKET",
                    "instrument": "EUR_USD",
                    "units": "-1000",
                    "timeInForce": "FOK",
                    "positionFill": "DEFAULT",
                    "priceBound": "1.1",
                    "clientExtensions": mark,
                    "tradeClientExtensions": mark,
                    "stopLossOnFill": {"price": "1.11", "timeInForce": "GTC"},
                    "takeProfitOnFill": {"price": "1.08", "timeInForce": "GTC"},
                }
            },
        )
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"price": Decimal("1.1"), "immediate": False}, {"type": "LIMIT", "timeInForce": "GTC", "price": "1.1", "units": "1000"}),
        ({"trigger": Decimal("1.2"), "reduce_only": True}, {"type": "MARKET_IF_TOUCHED", "price": "1.2", "positionFill": "REDUCE_ONLY"}),
        ({}, {"type": "MARKET", "timeInForce": "FOK"}),
    ],
)
async def test_other_orders(more: dict[str, Any], said: dict[str, str]):
    script = Script()
    script.on("POST /orders", DONE)
    async with scripted(script) as venue:
        await venue.create(ticket(**more), Urgency.ENTRY)
    [(_, body)] = script.writes()
    assert said.items() <= body["order"].items()


@pytest.mark.parametrize(("side", "ours", "other"), [(-1, "long", "short"), (1, "short", "long")])
async def test_a_close_can_only_shrink_the_position(side: int, ours: str, other: str):
    script = Script()
    script.on("PUT /positions/EUR_USD/close", (200, {f"{ours}OrderCreateTransaction": MADE, f"{ours}OrderFillTransaction": FILLED}))
    async with scripted(script) as venue:
        assert await venue.create(ticket(side=side, reduce_only=True), Urgency.PROTECTIVE) == "7"
        body = {f"{ours}Units": "1000", f"{ours}ClientExtensions": {"id": "FLabc-EURUSD-1-e", "tag": "bot"}, f"{other}Units": "NONE"}
        assert script.writes() == [("PUT /positions/EUR_USD/close", body)]
        script.on("PUT /positions/EUR_USD/close", (404, {"longOrderRejectTransaction": {"rejectReason": "CLOSEOUT_POSITION_DOESNT_EXIST"}}))
        with pytest.raises(Rejected) as caught:
            await venue.create(ticket(side=side, reduce_only=True, link_id="again"), Urgency.PROTECTIVE)
        assert caught.value.code == NOTHING_TO_REDUCE


@pytest.mark.parametrize(
    ("reason", "code"), [("MARKET_HALTED", NOT_TRADING), ("INSUFFICIENT_MARGIN", "no_funds"), ("BOUNDS_VIOLATION", "BOUNDS_VIOLATION")]
)
async def test_taken_and_killed_is_an_explicit_no(reason: str, code: str):
    script = Script()
    dead = BASE | {"id": "8", "type": "ORDER_CANCEL", "orderID": "7", "reason": reason}
    script.on("POST /orders", (201, {"orderCreateTransaction": MADE, "orderCancelTransaction": dead}))
    async with scripted(script) as venue:
        with pytest.raises(Rejected, match=reason) as caught:
            await venue.create(ticket(), Urgency.ENTRY)
    assert caught.value.code == code


async def test_an_answer_that_names_no_order_is_unknown_and_the_last_look_counts():
    script = Script()
    script.on("POST /orders", (201, {"lastTransactionID": "8"}))
    async with scripted(script) as venue:
        with pytest.raises(Unknown):
            await venue.create(ticket(), Urgency.ENTRY)
        with pytest.raises(Rejected) as caught:
            await venue.create(ticket(link_id="other"), Urgency.ENTRY, lambda: "halted")
    assert caught.value.code == BARRED and len(script.writes()) == 1


async def test_a_repeated_id_is_looked_up_and_refused_where_the_first_arrived():
    """The venue itself refuses it only while the first order is open."""
    script = Script()
    script.on("POST /orders", (502, {}), DONE)
    row = {"id": "7", "type": "MARKET", "state": "CANCELLED", "createTime": TIME, "instrument": "EUR_USD", "units": "1000"}
    async with scripted(script) as venue:
        with pytest.raises(Unknown):
            await venue.create(ticket(), Urgency.ENTRY)
        script.on("GET /orders/@FLabc-EURUSD-1-e", (200, {"order": row}))
        with pytest.raises(Rejected) as caught:
            await venue.create(ticket(), Urgency.ENTRY)
        assert caught.value.code == DUPLICATE_ID and len(script.writes()) == 1
        script.on("GET /orders/@FLabc-EURUSD-1-e", NONE_SUCH)
        assert await venue.create(ticket(), Urgency.ENTRY) == "7", "it never arrived"
        assert len(script.writes()) == 2


async def test_what_surely_had_no_effect_is_not_looked_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("forex.oanda_rest.BUSY_S", 0.01)
    script = Script()
    script.on("POST /orders", (429, {}), DONE)
    async with scripted(script) as venue:
        with pytest.raises(Transient):
            await venue.create(ticket(), Urgency.ENTRY)
        await venue.create(ticket(), Urgency.ENTRY)
    assert [name for name, _ in script.asked] == ["POST /orders", "POST /orders"]


async def test_only_the_leg_that_differs_is_sent():
    script = Script()
    script.on("PUT /trades/8/orders", (200, {"lastTransactionID": "12"}))
    async with scripted(script) as venue:
        await venue.set_stops(KEY, Decimal("1.09000"), Decimal("1.12000"))
        assert script.writes() == [], "nothing differs"
        await venue.set_stops(KEY, Decimal("1.09500"), Decimal("1.12000"))
        await venue.set_stops(KEY, Decimal("1.09000"), Decimal("1.13"))
        await venue.set_stops(KEY, Decimal("1.08"), Decimal(0))
        bodies = [body for _, body in script.writes()]
        assert bodies == [
            {"stopLoss": {"price": "1.095", "timeInForce": "GTC"}},
            {"takeProfit": {"price": "1.13", "timeInForce": "GTC"}},
            {"stopLoss": {"price": "1.08", "timeInForce": "GTC"}},
        ]


async def test_trades_of_others_get_no_stops_of_ours():
    script = Script()
    foreign = {name: value for name, value in TRADE.items() if name != "clientExtensions"}
    script.on("GET ", (200, {"account": WHOLE | {"trades": [foreign]}}))
    async with scripted(script) as venue:
        with pytest.raises(Rejected) as caught:
            await venue.set_stops(KEY, Decimal("1.08"), Decimal("1.13"))
    assert caught.value.code == NOTHING_TO_REDUCE and script.writes() == []


async def test_trades_of_another_bot_on_the_account_are_left_alone():
    """Same tag, another instance: only the beginning of the client id tells them apart."""
    script = Script()
    other = TRADE | {"id": "18", "clientExtensions": {"id": "FLxyz-EURUSD-1-e", "tag": "bot"}}
    script.on("GET ", (200, {"account": WHOLE | {"trades": [other, TRADE]}}))
    script.on("GET /orders/19", (200, {"order": LEGS[1] | {"id": "19", "tradeID": "18"}}))
    script.on("PUT /trades/8/orders", (200, {}))
    async with scripted(script) as venue:
        venue.prefix = "FLabc-"
        await venue.set_stops(KEY, Decimal("1.08"), Decimal("1.13"))
        assert [name for name, _ in script.writes()] == ["PUT /trades/8/orders"]
        with pytest.raises(Rejected) as caught:
            await venue.amend(KEY, "19", trigger=Decimal("1.08"))
        assert caught.value.code == NO_SUCH_ORDER
        venue.prefix = "FLnew-"
        with pytest.raises(Rejected) as caught:
            await venue.set_stops(KEY, Decimal("1.08"), Decimal("1.13"))
        assert caught.value.code == NOTHING_TO_REDUCE and len(script.writes()) == 1


@pytest.mark.parametrize(
    ("other", "qty", "reaches"),
    [
        ({"id": "4"}, 1000, True),
        ({"id": "18"}, 1000, False),
        ({"id": "18"}, 1001, True),
        ({"id": "4", "currentUnits": "-1000"}, 1000, False),
        ({"id": "4", "instrument": "GBP_USD"}, 1000, False),
    ],
)
async def test_a_close_that_would_take_anothers_older_trade_is_not_sent(other: dict[str, str], qty: int, reaches: bool):
    script = Script()
    foreign = TRADE | {"clientExtensions": {"id": "FLxyz-EURUSD-1-e", "tag": "bot"}} | other
    script.on("GET ", (200, {"account": WHOLE | {"trades": [TRADE, foreign]}}))
    script.on("PUT /positions/EUR_USD/close", (200, {"longOrderCreateTransaction": MADE, "longOrderFillTransaction": FILLED}))
    async with scripted(script) as venue:
        venue.prefix = "FLabc-"
        close = venue.create(ticket(side=-1, reduce_only=True, qty=Decimal(qty)), Urgency.PROTECTIVE)
        if reaches:
            with pytest.raises(Rejected) as caught:
                await close
            assert caught.value.code == FOREIGN_TRADE and other["id"] in str(caught.value) and script.writes() == []
        else:
            assert await close == "7"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"stopLossOrderRejectTransaction": {"rejectReason": "PRICE_INVALID"}}, BAD_PRICE),
        (404, {"stopLossOrderRejectTransaction": {"rejectReason": "TRADE_DOESNT_EXIST"}}, NOTHING_TO_REDUCE),
        (404, {"errorMessage": "gone"}, NOTHING_TO_REDUCE),
        (
            200,
            {"stopLossOrderCreatedCancelTransaction": BASE | {"id": "13", "type": "ORDER_CANCEL", "orderID": "12", "reason": "LOSS"}},
            BAD_PRICE,
        ),
    ],
)
async def test_legs_that_the_venue_will_not_have(status: int, body: dict[str, Any], code: str):
    script = Script()
    script.on("PUT /trades/8/orders", (status, body))
    async with scripted(script) as venue:
        with pytest.raises(Rejected) as caught:
            await venue.set_stops(KEY, Decimal("1.2"), Decimal("1.12"))
    assert caught.value.code == code


async def test_a_leg_is_moved_by_its_own_id_and_nothing_else_is():
    script = Script()
    script.on("GET /orders/10", (200, {"order": LEGS[1]}))
    script.on("GET /orders/9", (200, {"order": LEGS[0]}))
    script.on("GET /orders/7", (200, {"order": LEGS[1] | {"type": "MARKET", "state": "FILLED"}}))
    script.on("GET /orders/6", NONE_SUCH)
    script.on("PUT /trades/8/orders", (200, {}))
    async with scripted(script) as venue:
        await venue.amend(KEY, "10", trigger=Decimal("1.095"))
        await venue.amend(KEY, "10", stop=Decimal("1.09"))
        await venue.amend(KEY, "9", target=Decimal("1.13"))
        for number in ("7", "6"):
            with pytest.raises(Rejected) as caught:
                await venue.amend(KEY, number, trigger=Decimal(1))
            assert caught.value.code == NO_SUCH_ORDER
    assert [next(iter(body)) for _, body in script.writes()] == ["stopLoss", "takeProfit"]


async def test_taking_an_order_back():
    script = Script()
    script.on("PUT /orders/7/cancel", (200, {}))
    script.on("PUT /orders/@mine/cancel", (404, {"orderCancelRejectTransaction": {"rejectReason": "ORDER_DOESNT_EXIST"}}))
    script.on("PUT /orders/8/cancel", (404, {"errorMessage": "what order?"}))
    async with scripted(script) as venue:
        await venue.cancel(KEY, World.PLAIN, venue_id="7")
        for which in ({"link_id": "mine"}, {"venue_id": "8"}):
            with pytest.raises(Rejected) as caught:
                await venue.cancel(KEY, World.CONDITIONAL, **which)
            assert caught.value.code == NO_SUCH_ORDER


async def test_what_became_of_an_order_with_what_it_filled_or_why_it_ended():
    script = Script()
    row = {"id": "7", "type": "MARKET", "createTime": TIME, "instrument": "EUR_USD", "units": "1000"}
    script.on("GET /orders/@a", (200, {"order": row | {"state": "FILLED", "fillingTransactionID": "8", "filledTime": TIME}}))
    script.on("GET /orders/b", (200, {"order": row | {"state": "CANCELLED", "cancellingTransactionID": "9"}}))
    dead = BASE | {"id": "9", "type": "ORDER_CANCEL", "orderID": "7", "reason": "MARKET_HALTED"}
    script.on(
        "GET /transactions/idrange",
        (200, {"transactions": [FILLED | {"units": "600"}], "lastTransactionID": "9"}),
        (200, {"transactions": [dead], "lastTransactionID": "9"}),
    )
    script.on("GET /orders/@none", NONE_SUCH)
    async with scripted(script) as venue:
        filled = await venue.order(KEY, link_id="a")
        assert filled is not None and (filled.status, filled.qty, filled.filled) == (OrderStatus.FILLED, Decimal(1000), Decimal(600))
        ended = await venue.order(KEY, venue_id="b")
        assert ended is not None and (ended.status, ended.filled, ended.reason) == (OrderStatus.CANCELLED, Decimal(0), "MARKET_HALTED")
        assert await venue.order(KEY, link_id="none") is None


async def test_an_order_whose_client_id_is_forgotten_is_found_by_the_transaction_that_made_it():
    script = Script()
    script.on("GET /transactions", (200, {"pages": [], "count": 0, "lastTransactionID": "6"}))
    script.on("GET /transactions/sinceid", (200, {"transactions": [MADE, FILLED], "lastTransactionID": "8"}))
    script.on("GET /orders/@FLabc-EURUSD-1-e", NONE_SUCH)
    row = {"id": "7", "type": "MARKET", "createTime": TIME, "instrument": "EUR_USD", "units": "1000", "state": "FILLED"}
    script.on("GET /orders/7", (200, {"order": row | {"fillingTransactionID": "8"}}))
    async with scripted(script) as venue:
        assert len(await venue.executions(0)) == 1
        found = await venue.order(KEY, link_id="FLabc-EURUSD-1-e")
    assert found is not None and (found.venue_id, found.filled) == ("7", Decimal(1000))


async def test_executions_of_one_order_and_movements_of_cash():
    script = Script()
    script.on("GET /transactions", (200, {"pages": [], "lastTransactionID": "6"}))
    found = [MADE, FILLED, FILLED | {"id": "9", "orderID": "1"}, MONEY]
    script.on("GET /transactions/sinceid", (200, {"transactions": found, "lastTransactionID": "16"}))
    async with scripted(script) as venue:
        assert [one.exec_id for one in await venue.executions_of(KEY, "7")] == ["8"]
        assert [one.exec_id for one in await venue.executions(0)] == ["8", "9"]
        assert [(one.ref, one.amount) for one in await venue.movements(0)] == [("16", Decimal("-250.0000"))]


async def test_what_stands_wallet_and_clock():
    async with scripted(Script()) as venue:
        assert [one.kind for one in await venue.open_orders()] == [OrderKind.TAKE_PROFIT, OrderKind.STOP_LOSS]
        [position] = await venue.positions()
        assert (position.size, position.stop) == (Decimal(1000), Decimal("1.09000"))
        wallet = await venue.wallet()
        assert (wallet.cash, wallet.free, wallet.ts) == (Decimal("9999.9500"), Decimal("9977.8100"), 77)
        assert await venue.sync_clock() == 0
        assert await venue.fee_rates() == {}


@pytest.mark.parametrize(
    ("change", "word"),
    [({"hedgingEnabled": True}, "hedging"), ({"currency": "EUR"}, "EUR"), ({"guaranteedStopLossOrderMode": "REQUIRED"}, "guaranteed")],
)
async def test_an_account_that_cannot_be_traded_is_refused_with_its_reason(change: dict[str, Any], word: str):
    script = Script()
    script.on("GET /summary", (200, {"account": SUMMARY | change}))
    async with scripted(script) as venue:
        [reason] = (await venue.rights()).unfit
    assert word in reason


async def test_an_account_that_nets_is_fit_and_prepared():
    script = Script()
    script.on("GET /instruments", (200, {"instruments": [INSTRUMENT]}), (200, {"instruments": []}))
    async with scripted(script) as venue:
        rights = await venue.rights()
        assert (rights.account_id, rights.unfit, rights.withdraw, rights.read_only) == (ACCOUNT, (), False, False)
        await venue.prepare(KEY)
        with pytest.raises(Rejected) as caught:
            await venue.prepare(KEY)
        assert caught.value.code == NOT_TRADING
        script.on("GET /summary", (200, {"account": SUMMARY | {"hedgingEnabled": True}}))
        with pytest.raises(Rejected) as caught:
            await venue.prepare(KEY)
        assert caught.value.code == "position_mode"
