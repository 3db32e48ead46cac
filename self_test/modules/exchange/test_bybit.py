"""The adapter against answers that a healthy simulator would not give; what it does at a whole venue is in self_test/contracts."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from marketdata.bybit_rest import IP_SCOPE
from modules.ports import NO_SUCH_ORDER, Ticket, World
from self_test.modules.exchange.bybit_scripted import DAY, NOW, PERP, scripted
from self_test.modules.exchange.test_bybit_account import EXECUTION, ORDER, WALLET
from state.accounts import Domain
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Banned, Urgency

pytestmark = pytest.mark.asyncio


async def test_every_address_of_the_client_is_ours():
    async with scripted() as (venue, one):
        client = one._wire._client

        def leaves(urls: Any) -> set[str]:
            return set().union(*map(leaves, urls.values())) if isinstance(urls, dict) else {urls}

        assert leaves(client.urls["api"]) == {venue.url}
        assert client.urls["test"] == {} and client.urls["demotrading"] == {}, "no switch brings another host in"
        assert client.enableRateLimit is False


async def test_executions_come_once_and_oldest_first_whatever_the_pages_repeat():
    first, second, third = (EXECUTION | {"execId": f"e{number}", "execTime": str(NOW - 10 + number)} for number in (1, 2, 3))
    pages = {"": ([third, second], "next%2Cpage"), "next%2Cpage": ([second, first], "")}
    async with scripted() as (venue, one):
        venue.answers["/v5/execution/list"] = lambda fields: dict(
            zip(("list", "nextPageCursor"), pages[fields.get("cursor", "").replace(",", "%2C")], strict=True)
        )
        assert [fill.exec_id for fill in await one.executions(NOW - DAY)] == ["e1", "e2", "e3"]
        assert venue.count("/v5/execution/list") == 2


async def test_executions_are_asked_in_windows_of_a_week_up_to_now():
    async with scripted() as (venue, one):
        venue.rows("/v5/execution/list")
        await one.executions(NOW - 20 * DAY)
        windows = [(int(fields["startTime"]), int(fields["endTime"])) for _, fields in venue.asked]
        assert windows[0][0] == NOW - 20 * DAY and windows[-1][1] >= NOW
        assert all(0 < end - start < 7 * DAY for start, end in windows)
        assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(windows)), "without a gap"
        assert len(windows) == 3
        venue.asked.clear()
        await one.executions(0)
        assert int(venue.asked[0][1]["startTime"]) == NOW - 104 * 7 * DAY and len(venue.asked) == 105, "what the venue keeps"


async def test_executions_of_an_old_order_are_asked_from_its_beginning_on_and_of_any_other_a_week_back():
    async with scripted() as (venue, one):
        old = EXECUTION | {"orderId": "9", "execTime": str(NOW - 15 * DAY)}

        def answer(fields: dict[str, str]) -> dict[str, Any]:
            inside = int(fields.get("startTime", NOW - 7 * DAY)) <= NOW - 15 * DAY <= int(fields.get("endTime", NOW))
            return {"list": [old] if inside else [], "nextPageCursor": ""}

        venue.answers["/v5/execution/list"] = answer
        [fill] = await one.executions_of(PERP, "9", NOW - 16 * DAY)
        assert fill.ts == NOW - 15 * DAY and venue.count("/v5/execution/list") == 3
        assert {fields["orderId"] for _, fields in venue.asked} == {"9"}
        assert await one.executions_of(PERP, "9") == [] and await one.executions_of(PERP, "8", NOW - 16 * DAY) == []


async def test_an_order_that_is_not_the_one_asked_for_is_not_it():
    async with scripted() as (venue, one):
        venue.rows("/v5/order/realtime", ORDER)
        venue.rows("/v5/order/history", ORDER | {"orderId": "2", "orderLinkId": "mine", "orderStatus": "Filled"})
        found = await one.order(PERP, link_id="mine")
        assert found is not None and found.venue_id == "2"
        assert await one.order(PERP, venue_id="3") is None


async def test_closed_orders_among_the_open_ones_are_left_out():
    async with scripted() as (venue, one):
        venue.rows("/v5/order/realtime", ORDER, ORDER | {"orderId": "2", "orderStatus": "Filled"})
        assert [order.venue_id for order in await one.open_orders()] == [ORDER["orderId"]]
        assert venue.asked[0][1]["settleCoin"] == "USDT"


async def test_spot_is_asked_for_every_world():
    async with scripted(Domain.CRYPTO) as (venue, one):
        venue.rows("/v5/order/realtime", ORDER)
        assert len(await one.open_orders()) == 1, "the same order in several worlds is one"
        worlds = {fields["orderFilter"] for _, fields in venue.asked}
        assert worlds == {"Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder"}


async def test_an_order_that_was_taken_without_a_name_is_unknown():
    async with scripted() as (_, one):
        with pytest.raises(Unknown):
            await one.create(Ticket(key=PERP, link_id="x", side=1, qty=Decimal(1)), Urgency.ENTRY)


async def test_a_parameter_error_is_no_empty_position():
    async with scripted() as (venue, one):
        venue.answers["/v5/position/trading-stop"] = lambda _: 10001
        with pytest.raises(Rejected) as caught:
            await one.set_stops(PERP, Decimal(1), Decimal(2))
        assert caught.value.code == 10001


async def test_a_bracket_that_must_be_named_is_cancelled_by_its_name():
    async with scripted(Domain.CRYPTO) as (venue, one):
        venue.answers["/v5/order/cancel"] = lambda fields: {} if fields["orderFilter"] == "BidirectionalTpslOrder" else 170213
        await one.cancel("CRYPTO:BTCUSDT", World.PROTECTIVE, venue_id="7")
        assert [fields["orderFilter"] for _, fields in venue.asked] == ["tpslOrder", "BidirectionalTpslOrder"]
        venue.asked.clear()
        with pytest.raises(Rejected) as caught:
            await one.cancel("CRYPTO:BTCUSDT", World.PLAIN, venue_id="7")
        assert caught.value.code == NO_SUCH_ORDER and len(venue.asked) == 1
        venue.answers["/v5/order/cancel"] = lambda fields: 170130 if fields["orderFilter"] == "BidirectionalTpslOrder" else 170213
        with pytest.raises(Rejected) as caught:
            await one.cancel("CRYPTO:BTCUSDT", World.PROTECTIVE, venue_id="7")
        assert caught.value.code == NO_SUCH_ORDER, "what the venue makes of the other name is no answer"


async def test_a_wallet_is_dated_like_every_row():
    async with scripted(venue_now=lambda: NOW - 5) as (venue, one):
        venue.answers["/v5/account/wallet-balance"] = lambda _: {"list": [WALLET]}
        assert (await one.wallet()).ts == NOW - 5
    async with scripted(venue_now=lambda: 0) as (venue, one):
        venue.answers["/v5/account/wallet-balance"] = lambda _: {"list": [WALLET]}
        assert (await one.wallet()).ts == NOW, "the answer's own time while no other is known"


async def test_pain_31_a_ban_does_not_keep_an_exit_order_from_being_taken_back():
    """It binds the coin that a close sells; an entry can wait until the ban is over."""
    async with scripted(Domain.CRYPTO) as (venue, one):
        one._calls._throttle.ban(IP_SCOPE, 600.0)
        with pytest.raises(Banned):
            await one.cancel("CRYPTO:BTCUSDT", World.PLAIN, venue_id="7")
        assert venue.count("/v5/order/cancel") == 0
        await one.cancel("CRYPTO:BTCUSDT", World.PROTECTIVE, venue_id="8")
        assert venue.count("/v5/order/cancel") == 1


async def test_fee_rates_are_whole_ppm_rounded_up_and_a_rebate_is_nothing():
    async with scripted() as (venue, one):
        row = {"symbol": "BTCUSDT", "takerFeeRate": "0.00055", "makerFeeRate": "-0.0001", "baseCoin": ""}
        venue.rows("/v5/account/fee-rate", row, row | {"symbol": "ETHUSDT", "takerFeeRate": "0.0003001", "makerFeeRate": "0.0002"})
        assert await one.fee_rates() == {"PERPS:BTCUSDT": (550, 0), "PERPS:ETHUSDT": (301, 200)}
        assert venue.asked == [("/v5/account/fee-rate", {"category": "linear"})]
        venue.rows("/v5/account/fee-rate", row | {"takerFeeRate": "much"})
        with pytest.raises(Transient, match="takerFeeRate"):
            await one.fee_rates()
