"""An option on paper from its entry to its cut: carried over a weekend, through a kill, to settlement; its feed is its pair's."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from config import CONFIG
from forex.options_generated import generated_surface
from forex.sessions import hours
from modules.data.surfaces import GeneratedSurfaces, SurfaceWatch
from modules.engine.core import Engine
from modules.engine.desk import FEEDS, fresh_engine
from modules.engine.inbox import Inbox
from modules.engine.recovery import restore, snapshot_of
from modules.paper_floor import PaperFloor
from self_test.fakes.pairs import pair
from state.accounts import Domain
from state.books import OPEN
from state.instruments import option_slot
from state.intents import ExitReason
from state.market import Candle, Quote
from state.messages import (
    BarsClosed,
    Close,
    Command,
    Control,
    Event,
    FeedDown,
    FeedUp,
    Protect,
    Record,
    Report,
    SurfaceSeen,
    Tick,
    VenueReset,
)
from state.options import OptionContract
from state.stages import paper_account
from strategy.base import DEMO
from utils.clock import FakeClock
from utils.fixed import money, money_units

PAIR, SLOT = pair("EURUSD"), option_slot(pair("EURUSD"))
FX, OPTIONS = paper_account(Domain.FOREX), paper_account(Domain.OPTIONS)
M15, MINUTE, DAY = 900_000, 60_000, 86_400_000
NOW = 1_741_075_200_000  # Tuesday 2025-03-04, 08:00 UTC
SPOT = 105_000


class Street:
    """An engine and the paper floor beneath it, joined as the daemon joins them."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or fresh_engine(CONFIG, (PAIR, SLOT), frozenset({DEMO}), NOW, quotes=True)[0]
        self.inbox = Inbox()
        self.floor = PaperFloor(self.engine, self.inbox, CONFIG, FakeClock(), random.Random(1), frozenset({DEMO}))
        watch = SurfaceWatch(GeneratedSurfaces(1), self.engine.state, FakeClock(), lambda: NOW, self.inbox.put)
        self.floor.also(watch.on_quote)
        self.told: list[Command] = []

    async def tell(self, event: Event) -> None:
        for command in self.engine.process(event):
            self.told.append(command)
            if not isinstance(command, Record | Report):
                self.floor.dispatch(command)
        while self.inbox.depth:
            for one in await self.inbox.take():
                if not isinstance(one, Tick):  # the test's own clock ticks
                    await self.tell(one)

    async def quote(self, ts: int, middle: int = SPOT) -> None:
        """A price of the pair, as the feed hands it to both."""
        for key in (PAIR.key, SLOT.key):
            self.floor.on_quote(Quote(key, ts, middle - 5, middle + 5, 10**6, 10**6))
            while self.inbox.depth:
                for one in await self.inbox.take():
                    if not isinstance(one, Tick):
                        await self.tell(one)

    async def bar(self, ts: int, middle: int = SPOT) -> None:
        candles = tuple(Candle(key, ts - M15, middle, middle + 10, middle - 10, middle, 100.0) for key in (PAIR.key, SLOT.key))
        quotes = tuple(Quote(key, ts, middle - 5, middle + 5, 10**6, 10**6) for key in (PAIR.key, SLOT.key))
        await self.tell(BarsClosed(ts, candles, quotes))

    async def enter(self, ts: int) -> OptionContract:
        """Let the demo enter; what it holds of options then."""
        await self.quote(ts - 5_000)
        await self.bar(ts // M15 * M15)
        await self.tell(Tick(ts, tuple(Quote(key, ts, SPOT - 5, SPOT + 5, 10**6, 10**6) for key in (PAIR.key, SLOT.key))))
        await self.quote(ts + 200)
        held = self.engine.state.contract_of(self.seat)
        assert held is not None and self.pos["status"] == OPEN
        # Held for longer than a demo holds, and its stop and target out of reach: the cut decides.
        self.pos["max_hold_ms"], self.pos["stop"], self.pos["target"] = 60 * DAY, -1, 10**9
        self.floor.dispatch(Protect(OPTIONS, SLOT.key, 1, int(self.pos["steps"]), -1, 10**9))
        return held

    @property
    def seat(self) -> int:
        return self.engine.state.row_of(OPTIONS, SLOT.key)

    @property
    def pos(self) -> Any:
        return self.engine.state.pos[self.seat]

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return [one.row for one in self.told if isinstance(one, Record) and one.kind == kind and one.row["account"] == str(OPTIONS)]


@pytest.mark.asyncio
@pytest.mark.parametrize(("away", "ends"), [(3_000, ExitReason.EXERCISED), (-3_000, ExitReason.EXPIRED)])
async def test_it_is_carried_over_the_weekend_and_a_kill_and_settled_at_its_cut(away: int, ends: ExitReason) -> None:
    street = Street()
    contract = await street.enter(NOW + 2 * MINUTE)
    friday = hours(NOW).close_ts
    for ts in (friday - 20 * MINUTE, friday - MINUTE):
        await street.quote(ts)
        await street.tell(Tick(ts))
    closes = [one.reduce.account for one in street.told if isinstance(one, Close)]
    assert OPTIONS not in closes and FX in closes, "currencies are flat before the weekend, options are carried"
    paid = money(int(street.engine.state.acct[1]["cash"]))

    again = Street(restore(snapshot_of(street.engine, 1)))
    assert again.engine.state.contract_of(again.seat) == contract and again.engine.state.surfaces["EURUSD"].source == "generated"
    await again.tell(VenueReset(friday, OPTIONS))
    monday = hours(friday + DAY).rest_until
    await again.quote(monday + MINUTE)
    assert again.engine.state.surfaces["EURUSD"].ts // DAY == (monday + MINUTE) // DAY, "the new day has a surface"
    fixing = contract.strike + int(contract.right) * away
    await again.quote(contract.expiry_ts - 1, fixing)
    assert again.engine.state.contract_of(again.seat) == contract
    await again.quote(contract.expiry_ts + 1_000, fixing)
    (trade,) = again.rows("trade")
    assert (trade["symbol"], trade["reason"]) == (contract.symbol, ends) and again.engine.state.contract_of(again.seat) is None
    worth = max(away, 0) * 100 / 10**5
    assert money(int(again.engine.state.acct[1]["cash"])) - paid == pytest.approx(worth)
    (report,) = [one for one in again.told if isinstance(one, Report) and one.what == "settled"]
    assert contract.symbol in report.text


@pytest.mark.asyncio
@pytest.mark.parametrize("known", [True, False])
async def test_who_was_off_at_the_cut_is_settled_by_the_bar_of_the_cut_else_loudly_by_the_first_price(known: bool) -> None:
    street = Street()
    contract = await street.enter(NOW + 2 * MINUTE)
    again, right, later = Street(restore(snapshot_of(street.engine, 1))), int(contract.right), contract.expiry_ts + 3 * DAY
    await again.tell(VenueReset(later, OPTIONS))
    away, far = contract.strike - right * 3_000, contract.strike + right * 3_000
    await again.quote(later, far)
    if known:  # the feed brings what was missed
        opened = contract.expiry_ts
        bars = tuple(Candle(key, opened, away, away + 10, away - 10, away, 100.0) for key in (PAIR.key, SLOT.key))
        again.floor.on_feed((PAIR, SLOT), BarsClosed(opened + M15, bars, (), late=True))
    await again.quote(later + 31 * MINUTE, far)
    (trade,) = again.rows("trade")
    assert trade["reason"] == (ExitReason.EXPIRED if known else ExitReason.EXERCISED)
    (report,) = [one for one in again.told if isinstance(one, Report) and one.what.startswith("settled")]
    said = "at the cut" if known else "LATE, 72.00 hours after the cut"
    assert said in report.text and report.what == ("settled" if known else "settled_late")


@pytest.mark.asyncio
async def test_what_nobody_bids_for_any_more_is_left_when_its_account_halts_and_the_wallet_can_start_over() -> None:
    street = Street()
    await street.enter(NOW + 2 * MINUTE)
    worthless = SPOT - street.pos["right"] * 20_000
    await street.quote(NOW + 3 * MINUTE, int(worthless))
    assert street.pos["status"] == OPEN
    await street.tell(Control(NOW + 4 * MINUTE, "flatten", {}, "me"))
    await street.quote(NOW + 5 * MINUTE, int(worthless))
    (trade,) = street.rows("trade")
    assert trade["exit"] == "0" and street.engine.state.contract_of(street.seat) is None
    await street.tell(
        Control(NOW + 6 * MINUTE, "reset", {"account": str(OPTIONS), "balance_units": str(money_units(Decimal(1_000)))}, "me")
    )
    assert money(int(street.engine.state.acct[1]["equity"])) == 1_000


@pytest.mark.asyncio
async def test_a_feed_that_is_down_keeps_both_from_entering_and_its_quotes_ride_no_tick() -> None:
    street = Street()
    await street.quote(NOW)
    await street.bar(NOW)
    assert {FEEDS[Domain.FOREX], FEEDS[Domain.OPTIONS]} == {"oanda"}
    await street.tell(FeedDown(NOW, "oanda", "silent"))
    ts = NOW + 2 * MINUTE
    quotes = tuple(Quote(key, ts, SPOT - 5, SPOT + 5, 10**6, 10**6) for key in (PAIR.key, SLOT.key))
    await street.tell(Tick(ts, quotes))
    refused = {(one.account, one.rule) for one in street.told if isinstance(one, Report) and one.what == "refused"}
    assert refused == {(str(FX), "feed_down"), (str(OPTIONS), "feed_down")}
    street.floor.on_feed((PAIR, SLOT), FeedDown(ts, "oanda", "silent"))
    await street.tell(FeedUp(ts, "oanda"))
    street.floor.on_quote(Quote(PAIR.key, ts + 2 * MINUTE, SPOT - 5, SPOT + 5, 1, 1))
    (tick,) = [one for one in await street.inbox.take() if isinstance(one, Tick)]
    assert [one.key for one in tick.quotes] == [PAIR.key], "the slot's was forgotten with the feed"


@pytest.mark.asyncio
async def test_a_surface_is_an_event_that_comes_before_what_is_entered_on_it() -> None:
    street = Street()
    assert street.engine.state.surfaces == {}
    await street.quote(NOW)
    surface = street.engine.state.surfaces["EURUSD"]
    assert surface == generated_surface("EURUSD", 1, NOW, 1.05)
    older = generated_surface("EURUSD", 1, NOW - DAY, 1.04)
    await street.tell(SurfaceSeen(NOW + 1, older))
    assert street.engine.state.surfaces["EURUSD"] == surface, "an older one changes nothing"
    quoted = msgspec.structs.replace(older, source="file")
    await street.tell(SurfaceSeen(NOW + 1, quoted))
    assert street.engine.state.surfaces["EURUSD"] == quoted, "one from elsewhere does: the run has another source than the one before"
    await street.tell(SurfaceSeen(NOW + 1, surface))
    await street.tell(Control(NOW + 2, "pause", {}, "me"))
