from __future__ import annotations

import random

import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.engine.inbox import Inbox
from modules.paper_floor import PaperFloor
from self_test.fakes.books import SPOT, coin
from state.intents import ExitReason
from state.market import Quote, Trade
from state.messages import Cancel, FeedDown, Protect, StopFilled, Tick
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
