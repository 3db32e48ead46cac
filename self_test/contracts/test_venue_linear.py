"""The Venue port on perpetuals, over the wire: protection that belongs to the position, closing, position mode, leverage, funding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.exchange.reports import CashReport, ExecutionKind, OrderKind, OrderReport, OrderStatus
from modules.ports import BAD_PRICE, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING, NOTHING_TO_REDUCE, World
from self_test.contracts.clients import ccxt_at, expect, venue
from self_test.contracts.venue_at import PERP, QTY, Trader, trader_at, trading
from state.accounts import Domain
from utils.errors import Rejected
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}


async def by_kind(trader: Trader) -> dict[OrderKind, OrderReport]:
    return {one.kind: one for one in await trader.venue.open_orders()}


async def test_an_entry_brings_its_protection_which_is_moved_and_ends_with_the_position():
    async with trading(Domain.PERPS) as trader:
        await trader.venue.prepare(PERP)
        venue_id = await trader.create("entry", price=trader.at("1.01"), stop=trader.at("0.95"), target=trader.at("1.05"))
        entry = await trader.venue.order(PERP, link_id="entry")
        assert entry is not None and (entry.status, entry.filled) == (OrderStatus.FILLED, QTY)
        [fill] = await trader.venue.executions_of(PERP, venue_id)
        assert fill.fee_coin == "USDT" and fill.fee == fill.price * QTY * Decimal("0.00055")
        [position] = await trader.venue.positions()
        assert (position.key, position.side, position.size, position.entry) == (PERP, 1, QTY, fill.price)
        assert (position.stop, position.target, position.hedged) == (trader.at("0.95"), trader.at("1.05"), False)
        legs = await by_kind(trader)
        assert set(legs) == {OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}
        assert all(one.reduce_only and one.side == -1 and one.status is OrderStatus.WAITING for one in legs.values())
        for _ in range(2):  # the second time nothing changes, which is success
            await trader.venue.set_stops(PERP, trader.at("0.96"), trader.at("1.05"))
        assert (await by_kind(trader))[OrderKind.STOP_LOSS].trigger == trader.at("0.96")
        await trader.create("exit", -1, reduce_only=True)
        assert await trader.venue.positions() == [] and await trader.venue.open_orders() == []
        gone = await trader.venue.order(PERP, venue_id=legs[OrderKind.STOP_LOSS].venue_id)
        assert gone is not None and gone.status is OrderStatus.CANCELLED and "CancelByTpSlTsClear" in gone.reason
        with pytest.raises(Rejected) as caught:
            await trader.create("exit-again", -1, reduce_only=True)
        assert caught.value.code == NOTHING_TO_REDUCE
        with pytest.raises(Rejected) as caught:
            await trader.venue.set_stops(PERP, trader.at("0.96"), trader.at("1.05"))
        assert caught.value.code == NOTHING_TO_REDUCE
        bought, sold = await trader.venue.executions(fill.ts)
        wallet = await trader.venue.wallet()
        assert wallet.cash == wallet.free == 100_000 + (sold.price - bought.price) * QTY - bought.fee - sold.fee


@pytest.mark.parametrize("by_mark, price", [(False, "LastPrice"), (True, "MarkPrice")])
async def test_stops_trigger_by_the_price_that_is_set_also_after_they_were_moved(by_mark: bool, price: str):
    async with trading(Domain.PERPS, by_mark=by_mark) as trader, ccxt_at(trader.simulator) as plain:
        await trader.venue.prepare(PERP)
        await trader.create("entry", stop=trader.at("0.95"), target=trader.at("1.05"))
        for _ in range(2):
            rows = (await plain.private_get_v5_order_realtime(LINEAR))["result"]["list"]
            assert sorted((row["stopOrderType"], row["triggerBy"]) for row in rows) == [("StopLoss", price), ("TakeProfit", price)]
            await trader.venue.set_stops(PERP, trader.at("0.96"), trader.at("1.04"))


async def test_what_a_position_binds_is_not_free():
    async with trading(Domain.PERPS) as trader:
        await trader.venue.prepare(PERP)
        await trader.create("entry")
        [position] = await trader.venue.positions()
        wallet = await trader.venue.wallet()
        bound = wallet.cash - wallet.free
        assert bound == pytest.approx(position.entry * QTY, rel=Decimal("0.01")), "leverage 1"


async def test_conditional_orders_take_their_direction_from_a_fresh_price():
    async with trading(Domain.PERPS) as trader:
        await trader.create("entry", qty=QTY * 2)
        above = await trader.create("above", -1, trigger=trader.at("1.05"), world=World.CONDITIONAL, reduce_only=True)
        below = await trader.create("below", -1, trigger=trader.at("0.95"), world=World.CONDITIONAL, reduce_only=True)
        found = {one.venue_id: one for one in await trader.venue.open_orders()}
        assert found[above].trigger == trader.at("1.05") and found[below].trigger == trader.at("0.95")
        assert all(one.kind is OrderKind.CONDITIONAL and one.reduce_only for one in found.values())
        await trader.venue.amend(PERP, below, trigger=trader.at("0.96"), qty=QTY)
        moved = await trader.venue.order(PERP, venue_id=below)
        assert moved is not None and (moved.trigger, moved.qty) == (trader.at("0.96"), QTY)
        await trader.venue.cancel(PERP, World.CONDITIONAL, venue_id=above)
        with pytest.raises(Rejected) as caught:
            await trader.venue.cancel(PERP, World.CONDITIONAL, venue_id=above)
        assert caught.value.code == NO_SUCH_ORDER
        with pytest.raises(Rejected) as caught:
            await trader.venue.amend(PERP, below, trigger=trader.at("1.04"))
        assert caught.value.code in {BAD_PRICE, NO_SUCH_ORDER}


async def test_preparing_leaves_hedge_mode_sets_leverage_and_isolates_the_account():
    async with trading(Domain.PERPS, leverage=2) as trader, ccxt_at(trader.simulator) as exchange:
        await exchange.private_post_v5_position_switch_mode({**LINEAR, "mode": 3})
        for _ in range(2):  # the second time there is nothing to do
            await trader.venue.prepare(PERP)
        rows = (await exchange.private_get_v5_position_list(LINEAR))["result"]["list"]
        assert [(row["positionIdx"], row["leverage"]) for row in rows] == [(0, "2")]
        assert (await exchange.private_get_v5_account_info({}))["result"]["marginMode"] == "ISOLATED_MARGIN"


async def test_an_instrument_that_cannot_leave_hedge_mode_is_refused():
    async with trading(Domain.PERPS) as trader, ccxt_at(trader.simulator) as exchange:
        await exchange.private_post_v5_position_switch_mode({**LINEAR, "mode": 3})
        order = {**LINEAR, "side": "Buy", "orderType": "Market", "qty": "0.01", "positionIdx": 1}
        await exchange.private_post_v5_order_create(order)
        [one] = await trader.venue.positions()
        assert one.hedged
        with pytest.raises(Rejected):
            await trader.venue.prepare(PERP)


async def test_bad_input_an_account_that_cannot_be_isolated_is_refused_with_the_reason():
    async with venue(speed=600.0) as simulator:
        more = {"venue_now": lambda: simulator.clock.now_ms, "leverage": 3}
        async with trader_at(simulator, Domain.PERPS, **more) as trader, ccxt_at(simulator) as exchange:
            order = {**LINEAR, "side": "Buy", "orderType": "Market", "positionIdx": 0, "qty": "4"}
            await exchange.private_post_v5_order_create(order)
            trader.fault(kind="price_gap", symbol="BTCUSDT", value=0.5)  # a profit on paper is margin in cross, and none when isolated

            async def risen() -> bool:
                return await trader.venue._last(PERP, Urgency.MARKET) > trader.price * Decimal("1.4")

            await expect(risen)
            for _ in range(3):
                await exchange.private_post_v5_order_create(order)
            with pytest.raises(Rejected) as caught:
                await trader.venue.prepare(PERP)
            assert caught.value.code == NO_FUNDS and "argin" in str(caught.value)
            assert (await exchange.private_get_v5_account_info({}))["result"]["marginMode"] == "REGULAR_MARGIN"


async def test_bad_input_without_margin_or_on_a_halted_pair_nothing_is_entered():
    async with trading(Domain.PERPS, leverage=3) as trader:
        await trader.venue.prepare(PERP)
        much = (Decimal(100_000) * 3 / trader.price).quantize(Decimal("0.001"))
        with pytest.raises(Rejected) as caught:
            await trader.create("poor", qty=much)
        assert caught.value.code == NO_FUNDS
        trader.fault(kind="filters", symbol="BTCUSDT", value={"status": "Closed"})
        with pytest.raises(Rejected) as caught:
            await trader.create("halted", stop=trader.at("0.95"), target=trader.at("1.05"))
        assert caught.value.code == NOT_TRADING
        assert await trader.venue.positions() == [] and await trader.venue.open_orders() == []


async def test_a_takeover_is_a_liquidation():
    async with trading(Domain.PERPS) as trader:
        await trader.create("entry")
        since = (await trader.venue.executions(trader.venue.venue_ms() - 60_000))[0].ts
        trader.fault(kind="liquidate", symbol="BTCUSDT")
        last = (await trader.venue.executions(since))[-1]
        assert (last.kind, last.side, last.qty, last.link_id) == (ExecutionKind.LIQUIDATION, -1, QTY, "")


async def test_adl_is_told_as_such():
    async with trading(Domain.PERPS) as trader:
        await trader.create("entry")
        trader.fault(kind="adl", symbol="BTCUSDT")
        fills = await trader.venue.executions(trader.venue.venue_ms() - 60_000)
        assert [one.kind for one in fills] == [ExecutionKind.TRADE, ExecutionKind.ADL] and fills[1].fee == 0


async def test_funding_stands_in_the_list_of_cash_movements_under_the_id_of_its_execution():
    async with venue(speed=20_000.0) as simulator:
        more = {"venue_now": lambda: simulator.clock.now_ms}
        async with trader_at(simulator, Domain.PERPS, **more) as trader, trader_at(simulator, Domain.CRYPTO, **more) as spot:
            began = simulator.clock.now_ms
            await trader.venue.prepare(PERP)
            await trader.create("entry")

            async def settled() -> list[CashReport]:
                return [one for one in await trader.venue.movements(began) if one.key]

            first = (await expect(settled))[0]
            paid = {one.exec_id: one for one in await trader.venue.executions(began) if one.kind is ExecutionKind.FUNDING}
            told = paid[first.ref]
            assert (first.key, first.kind, first.amount, first.ts) == (told.key, "settlement", -told.fee, told.ts) and told.fee
            assert not [one for one in await spot.venue.movements(began) if one.key], "of one wallet the perpetuals' account tells it"
