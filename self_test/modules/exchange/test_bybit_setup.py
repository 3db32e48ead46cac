from __future__ import annotations

import random
from typing import Any

import pytest

from modules.exchange.bybit import BybitVenue
from modules.ports import NOT_TRADING
from self_test.modules.exchange.bybit_scripted import PERP, Scripted, scripted
from self_test.modules.exchange.test_bybit_account import POSITION
from state.accounts import Domain
from utils.clock import WallClock
from utils.errors import Rejected
from utils.throttle import Throttle

pytestmark = pytest.mark.asyncio


async def test_leverage_is_bounded():
    for leverage in (0, 4):
        with pytest.raises(ValueError, match="leverage"):
            BybitVenue("http://x", "k", "s", Domain.PERPS, Throttle({}, WallClock()), WallClock(), random.Random(1), leverage=leverage)


def calm(venue: Scripted, *, leverage: str = "1", mode: str = "ISOLATED_MARGIN", idx: int = 0) -> None:
    venue.rows("/v5/position/list", POSITION | {"leverage": leverage, "positionIdx": idx})
    venue.answers["/v5/account/info"] = lambda _: {"marginMode": mode, "unifiedMarginStatus": 6}


async def test_what_is_right_already_is_not_set_again():
    async with scripted() as (venue, one):
        calm(venue)
        await one.prepare(PERP)
        await one.prepare(PERP)
        assert {path for path, _ in venue.asked} == {"/v5/account/info", "/v5/position/list"}
        assert venue.count("/v5/account/info") == 1, "the account's mode is asked once"


@pytest.mark.parametrize(
    "wrong, path, code",
    [
        ({"leverage": "10"}, "/v5/position/set-leverage", "leverage"),
        ({"mode": "REGULAR_MARGIN"}, "/v5/account/set-margin-mode", "margin_mode"),
        ({"idx": 1}, "/v5/position/switch-mode", "position_mode"),
    ],
)
async def test_what_does_not_change_when_set_keeps_the_instrument_out(wrong: dict[str, Any], path: str, code: str):
    async with scripted() as (venue, one):
        calm(venue, **wrong)
        with pytest.raises(Rejected) as caught:
            await one.prepare(PERP)
        assert caught.value.code == code and venue.count(path) == 1
        venue.answers[path] = lambda _: 110024
        with pytest.raises(Rejected) as caught:
            await one.prepare(PERP)
        assert caught.value.code == 110024


async def test_an_instrument_without_a_row_is_not_traded():
    async with scripted() as (venue, one):
        calm(venue)
        venue.rows("/v5/position/list")
        with pytest.raises(Rejected) as caught:
            await one.prepare(PERP)
        assert caught.value.code == NOT_TRADING
