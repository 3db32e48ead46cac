from __future__ import annotations

from typing import Any

import pytest

from self_test.modules.exchange.bybit_scripted import PERP, scripted
from self_test.modules.exchange.test_bybit_account import ORDER, POSITION
from utils.errors import Transient

pytestmark = pytest.mark.asyncio


async def test_a_cursor_that_does_not_move_ends_the_reading():
    async with scripted() as (venue, one):
        venue.rows("/v5/position/list", POSITION, cursor="same")
        assert len(await one.positions()) == 2
        assert venue.count("/v5/position/list") == 2


@pytest.mark.parametrize("row", [ORDER | {"orderStatus": "Sleeping"}, {"orderId": "1"}])
async def test_what_cannot_be_understood_is_transient_not_empty(row: dict[str, Any]):
    async with scripted() as (venue, one):
        venue.rows("/v5/order/realtime", ORDER, row)
        with pytest.raises(Transient):
            await one.open_orders()
        with pytest.raises(Transient):
            await one.order(PERP, link_id="x")
        venue.answers["/v5/account/wallet-balance"] = lambda _: {"list": []}
        with pytest.raises(Transient):
            await one.wallet()
        venue.answers["/v5/position/list"] = lambda _: {"nothing": 1}
        with pytest.raises(Transient):
            await one.positions()
