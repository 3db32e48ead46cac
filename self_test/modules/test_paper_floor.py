from __future__ import annotations

import random
from decimal import Decimal

import msgspec
import pytest

from config import CONFIG
from marketdata.items import Ticker
from modules.data.funding import FundingWatch
from modules.engine.desk import fresh_engine
from modules.engine.inbox import Inbox
from modules.engine.recovery import restore, snapshot_of
from modules.paper_floor import PaperFloor
from self_test.fakes.books import M5, SPOT, coin
from self_test.modules.data.test_funding import H8, Venue
from self_test.scenarios.desk import START, Desk, rows
from state.accounts import Domain
from state.instruments import Financing
from state.intents import ExitReason, Side, Signal
from state.market import Quote, Trade
from state.messages import BarsClosed, Cancel, FeedDown, FundingPaid, Protect, StopFilled, Tick, VenueReset
from state.policies import Waiting
from state.stages import paper_account
from strategy.base import DEMO
from utils.clock import FakeClock

KEY, NOW = "CRYPTO:AAAUSDT", 1_735_689_600_000
AAA, BBB = coin("AAAUSDT"), coin("BBBUSDT")


def floor(inbox: Inbox, clock: FakeClock | None = None) -> PaperFloor:
    engine, _ = fresh_engine(CONFIG, (AAA, BBB), frozenset({DEMO}), NOW, quotes=True)
    return PaperFloor(engine, inbox, CONFIG, clock or FakeClock(), random.Random(1), frozenset({DEMO}))


@pytest.mark.asyncio
async def test_what_a_quote_does_to_a_position_becomes_an_account_event() -> None:
    inbox = Inbox()
    at = floor(inbox)
    at.dispatch(Protect(SPOT, KEY, 1, 100, 9_800, 10_500))
    at.on_trade(Trade(KEY, NOW, 9_800, 1, buyer_is_taker=False))
    at.on_quote(Quote(KEY, NOW + 1, 9_795, 9_799, 500, 500))
    (event,) = await inbox.take()
    assert isinstance(event, StopFilled)
    assert (event.trigger, event.fill.price) == (ExitReason.STOP, 9_795)
    assert at.time.last_ts() == NOW + 1


@pytest.mark.asyncio
async def test_quotes_drive_the_heartbeat_and_ride_along_for_the_demo() -> None:
    inbox = Inbox()
    at = floor(inbox)
    at.on_quote(Quote(KEY, NOW + 1, 9_795, 9_799, 500, 500))
    at.on_quote(Quote(KEY, NOW + 60_001, 9_796, 9_800, 500, 500))
    (event,) = await inbox.take()
    assert isinstance(event, Tick)
    assert [quote.bid for quote in event.quotes] == [9_796]


@pytest.mark.asyncio
async def test_without_the_demo_quotes_ride_along_while_an_entry_waits_for_an_explored_position_to_leave() -> None:
    inbox = Inbox()
    engine, _ = fresh_engine(CONFIG, (AAA, BBB), frozenset({0}), NOW, quotes=True)
    at = PaperFloor(engine, inbox, CONFIG, FakeClock(), random.Random(1), frozenset({0}))
    at.on_quote(Quote(KEY, NOW + 1, 9_795, 9_799, 500, 500))
    at.on_quote(Quote(KEY, NOW + 60_001, 9_796, 9_800, 500, 500))
    signal = Signal(ts=NOW, key=KEY, strategy=0, side=Side.LONG, regime=0, atr=1.0, reference=9_796)
    engine.state.waiting[f"{SPOT} {KEY}"] = Waiting(signal=signal, turnover=1.0, until=NOW + M5)
    at.on_quote(Quote(KEY, NOW + 120_001, 9_797, 9_801, 500, 500))
    quiet, ridden = await inbox.take()
    assert isinstance(quiet, Tick) and quiet.quotes == ()
    assert isinstance(ridden, Tick) and [quote.bid for quote in ridden.quotes] == [9_797]


@pytest.mark.asyncio
async def test_no_tick_carries_a_quote_older_than_configured() -> None:
    inbox, clock = Inbox(), FakeClock()
    at = floor(inbox, clock)
    at.on_quote(Quote(KEY, NOW + 1, 9_795, 9_799, 500, 500))
    await clock.advance(CONFIG.paper.max_quote_age_s + 0.001)
    at.on_quote(Quote(BBB.key, NOW + 60_001, 9_796, 9_800, 500, 500))
    (event,) = await inbox.take()
    assert isinstance(event, Tick)
    assert [quote.key for quote in event.quotes] == [BBB.key]


@pytest.mark.asyncio
async def test_no_tick_carries_a_quote_of_a_feed_that_is_down() -> None:
    inbox = Inbox()
    at = floor(inbox)
    at.on_quote(Quote(KEY, NOW + 1, 9_795, 9_799, 500, 500))
    at.on_feed([AAA], FeedDown(ts=NOW + 2, feed="spot", reason="cut"))
    at.on_quote(Quote(BBB.key, NOW + 60_001, 9_796, 9_800, 500, 500))
    down, tick = await inbox.take()
    assert isinstance(down, FeedDown)
    assert isinstance(tick, Tick)
    assert [quote.key for quote in tick.quotes] == [BBB.key]


def test_a_cancel_of_nothing_is_no_event_and_speed_sets_the_clock() -> None:
    inbox = Inbox()
    at = floor(inbox)
    at.dispatch(Cancel(SPOT, KEY, "gone"))
    assert inbox.depth == 0
    at.runs_at(600.0, waits=True)
    at.time.observe(1_000)
    assert at.time_now() == 1_000, "a venue that waits for us does not go on meanwhile"
    at.runs_at(600.0)
    assert at.time.last_ts() == 0


class Perps:
    """A paper position in a perpetual, with the floor's side of its funding; `another_life` kills the floor and restores the engine."""

    def __init__(self, side: Side) -> None:
        self.desk = Desk(perps=True)
        self.desk.open(side=side)
        self.key = self.desk.coin().key
        self.venue = Venue(0)
        self.cash: list[tuple[int, str]] = []
        self.begin()

    def begin(self) -> None:
        self.inbox, desk = Inbox(), self.desk
        self.floor = PaperFloor(desk.engine, self.inbox, CONFIG, FakeClock(), random.Random(1), frozenset())
        self.floor.time.observe(desk.now)
        for command in desk.tell(VenueReset(desk.now, desk.account)):
            if isinstance(command, Protect):
                self.floor.dispatch(command)
        self.watch: FundingWatch = self.floor.settles([desk.coin()], M5, self.venue)

    async def settlement(self, ts: int) -> None:
        """The next one after `START` comes, is shown, and its first bar closes."""
        self.watch.on_ticker(Ticker(self.key, ts - 5, next_funding_ts=ts))
        self.watch.on_ticker(Ticker(self.key, ts + 5, next_funding_ts=ts + H8))
        self.venue.shown = ts
        await self.watch.catch_up()

    async def book(self) -> None:
        while self.inbox.depth:
            for event in await self.inbox.take():
                assert isinstance(event, FundingPaid)
                self.cash += [(row["ts"], row["amount"]) for row in rows(self.desk.tell(event), "cash")]

    def bar(self, opened: int) -> None:
        self.desk.now = opened
        self.desk.tell(self.watch.attach(BarsClosed(opened + M5, self.desk.bars(10_000).candles)))

    def another_life(self) -> None:
        self.desk.engine = restore(snapshot_of(self.desk.engine, 1))
        self.begin()


@pytest.mark.asyncio
@pytest.mark.parametrize("side", [Side.LONG, Side.SHORT])
async def test_a_perpetual_on_paper_settles_at_the_mark_of_each_settlement_and_the_trade_holds_it(side: Side) -> None:
    at = Perps(side)
    steps, unit, before = int(at.desk.pos()["steps"]), int(at.desk.engine.state.inst[0]["unit"]), int(at.desk.acct["cash"])
    first = START + H8
    await at.settlement(first)
    assert at.floor.idle
    await at.book()
    n = (first - NOW) // H8
    amount = int(side) * ((100_000 + n) * steps * unit * 10_000 * n // 100_000_000)
    assert before - int(at.desk.acct["cash"]) == amount != 0 and at.desk.pos()["funding"] == amount
    assert [ts for ts, _ in at.cash] == [first]
    at.bar(first)
    assert at.desk.engine.state.inst[0]["funding_e8"] == 10_000 * n, "the cost gate knows the rate"
    assert at.desk.engine.state.observed[0]["rates_ts"] == first, "and so do observations"


@pytest.mark.asyncio
@pytest.mark.parametrize("booked", [False, True])
async def test_a_crash_around_a_settlement_pays_it_exactly_once(booked: bool) -> None:
    at = Perps(Side.LONG)
    first = START + H8
    await at.settlement(first)
    if booked:
        await at.book()
    at.another_life()  # what was not booked is lost with the inbox
    at.venue.shown = first + H8  # and one passes while the bot is down
    at.floor.time.observe(first + H8 + 60_000)
    await at.watch.catch_up()
    await at.book()
    assert [ts for ts, _ in at.cash] == [first, first + H8]
    at.another_life()
    at.floor.time.observe(first + H8 + 120_000)
    await at.watch.catch_up()
    await at.book()
    assert [ts for ts, _ in at.cash] == [first, first + H8]


TURN = 1_741_125_600_000  # Tuesday 2025-03-04, 17:00 in New York


@pytest.mark.asyncio
async def test_a_currency_pair_held_over_the_turn_of_the_day_is_financed_by_its_own_venue() -> None:
    pair = msgspec.structs.replace(
        AAA,
        domain=Domain.FOREX,
        symbol="EURUSD",
        base="EUR",
        quote="USD",
        tick=Decimal("0.00001"),
        step=Decimal(1),
        financing=Financing(Decimal("-0.0365"), Decimal(0)),
    )
    inbox = Inbox()
    engine, _ = fresh_engine(CONFIG, (AAA, pair), frozenset(), NOW, quotes=True)
    at = PaperFloor(engine, inbox, CONFIG, FakeClock(), random.Random(1), frozenset())
    fx = paper_account(Domain.FOREX)
    at.dispatch(Protect(fx, pair.key, 1, 10_000, 90_000, 120_000))
    at.on_quote(Quote(pair.key, TURN - 1, 99_999, 100_001, 10**6, 10**6))
    at.on_quote(Quote(pair.key, TURN + 1, 99_999, 100_001, 10**6, 10**6))
    told = [event for event in await inbox.take() if isinstance(event, FundingPaid)]
    assert [(one.account, one.key, one.ts) for one in told] == [(fx, pair.key, TURN)]
    assert told[0].amount == 10**10, "10,000 dollars at 3.65 % a year cost a dollar a day"
