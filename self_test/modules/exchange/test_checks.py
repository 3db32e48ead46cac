"""Clock, key and filters of an account: what each check finds, alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from modules.exchange.causes import CLOCK, FILTERS, NOT_TRADING, RIGHTS, Causes
from modules.exchange.checks import Checks
from modules.exchange.reports import KeyRights
from self_test.fakes.account_venue import AccountVenue
from self_test.fakes.books import coin
from self_test.modules.exchange.watching import LIVE_SPOT
from state.instruments import Instrument
from state.messages import AccountEvent
from utils.errors import Transient
from utils.frames import FrameError

pytestmark = pytest.mark.asyncio
OURS = {one.key: one for one in (coin("AAAUSDT"),)}
UNFIT = KeyRights(account_id="1", read_only=True, spot=True, derivatives=True, withdraw=False)


class Desk:
    def __init__(self) -> None:
        self.venue = AccountVenue()
        self.told: list[AccountEvent] = []
        self.causes = Causes(LIVE_SPOT, self.told.extend, lambda: 1)
        self.shown: Mapping[str, Instrument] = OURS
        self.checks = Checks(LIVE_SPOT, self.venue, self.causes, OURS, self._listing, may_withdraw=False)

    async def _listing(self) -> Mapping[str, Instrument]:
        return self.shown


async def test_a_fit_account_has_no_cause() -> None:
    desk = Desk()
    for check in (desk.checks.clock, desk.checks.key, desk.checks.filters):
        await check()
    assert desk.told == [] and await desk.checks.unfit() == ""


async def test_an_unfit_key_is_a_cause_until_it_is_fit() -> None:
    desk = Desk()
    good, desk.venue.key = desk.venue.key, UNFIT
    await desk.checks.key()
    assert RIGHTS in desk.causes and "read-only" in await desk.checks.unfit()
    desk.venue.key = good
    await desk.checks.key()
    assert RIGHTS not in desk.causes


@pytest.mark.parametrize(("offset", "syncs"), [(1_000, 1), (-1_000, 1), (1_001, 2), (-60_000, 2)])
async def test_pain_32_a_jump_beyond_a_second_is_looked_at_twice(offset: int, syncs: int) -> None:
    desk = Desk()
    desk.venue.offset_ms = offset
    await desk.checks.clock()
    assert desk.venue.asked == ["sync_clock"] * syncs
    assert len(desk.told) == 2 * (syncs - 1) and CLOCK not in desk.causes


async def test_filters_and_trading_are_two_causes() -> None:
    desk = Desk()
    desk.shown = {"CRYPTO:AAAUSDT": coin("AAAUSDT", step=Decimal("0.01"), trading=False)}
    await desk.checks.filters()
    assert FILTERS in desk.causes and NOT_TRADING in desk.causes
    desk.shown = {"CRYPTO:AAAUSDT": coin("AAAUSDT", trading=False)}
    await desk.checks.filters()
    assert FILTERS not in desk.causes and NOT_TRADING in desk.causes


async def test_without_a_listing_filters_are_not_checked() -> None:
    desk = Desk()
    await Checks(LIVE_SPOT, desk.venue, desk.causes, OURS, None, may_withdraw=False).filters()
    assert desk.told == []


async def test_a_listing_that_cannot_be_understood_says_nothing() -> None:
    desk = Desk()

    async def broken() -> Mapping[str, Instrument]:
        raise FrameError("instruments-info", "tickSize", "is no number")

    checks = Checks(LIVE_SPOT, desk.venue, desk.causes, OURS, broken, may_withdraw=False)
    with pytest.raises(Transient, match="tickSize"):
        await checks.filters()
    assert desk.told == []
