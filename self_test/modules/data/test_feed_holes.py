from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.data.feeds import FILL_RETRY_S, HELD_CANDLES
from self_test.modules.data.test_feeds import BTC, ETH, KEYS, bar, desk, kline
from state.market import Candle
from state.messages import BarsClosed, FeedDown, FeedUp
from utils.frames import Down, Up


@pytest.mark.asyncio
async def test_others_do_not_wait_for_a_hole_and_its_own_candles_come_after_it():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0), kline(ETH.key, 0))
        it.venue_has(4)
        it.rest.answering.clear()
        await it.say(kline(BTC.key, 1), kline(BTC.key, 2), kline(ETH.key, 2))
        await it.clock.advance(2.0)
        assert it.told()[2:] == [(2, ["BTC"], "live"), (3, ["BTC"], "live")]
        await it.say(kline(BTC.key, 3), kline(ETH.key, 3))
        it.rest.answering.set()
        await it.clock.settle()
        assert it.told()[4:] == [(2, ["ETH"], "late"), (3, ["ETH"], "late"), (4, ["BTC", "ETH"], "live")]


@pytest.mark.asyncio
async def test_what_was_held_is_let_go_when_the_hole_cannot_be_filled_and_not_held_again_until_it_is():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0), kline(ETH.key, 0))
        it.venue_has(3)
        it.rest.failures = 1
        await it.say(kline(BTC.key, 1), kline(BTC.key, 2), kline(ETH.key, 2))
        assert it.told()[2:] == [(2, ["BTC"], "live"), (3, ["BTC", "ETH"], "live")]
        it.venue_has(4)
        await it.say(kline(BTC.key, 3), kline(ETH.key, 3))
        assert it.told()[4:] == [(4, ["BTC", "ETH"], "live")], "while the next try is waited for nothing is held"
        await it.clock.advance(FILL_RETRY_S)
        assert it.told()[5:] == [(2, ["ETH"], "late")]
        it.venue_has(6)
        await it.say(kline(BTC.key, 4), kline(BTC.key, 5), kline(ETH.key, 5))
        assert it.told()[6:] == [(5, ["BTC"], "live"), (5, ["ETH"], "late"), (6, ["BTC", "ETH"], "live")]


@pytest.mark.asyncio
async def test_a_history_one_candle_behind_the_stream_fills_the_hole_and_the_held_candle_is_live():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0), kline(ETH.key, 0))
        it.venue_has(2)
        await it.say(kline(BTC.key, 1), kline(BTC.key, 2), kline(ETH.key, 2))
        assert it.told()[2:] == [(2, ["BTC"], "live"), (2, ["ETH"], "late"), (3, ["BTC", "ETH"], "live")]


@pytest.mark.asyncio
async def test_what_is_held_is_bounded():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0), kline(ETH.key, 0))
        it.rest.answering.clear()
        for index in range(2, 2 + HELD_CANDLES):
            await it.say(kline(ETH.key, index))
        await it.clock.advance(2.0)
        assert len(it.events) == 2
        await it.say(kline(ETH.key, 2 + HELD_CANDLES))
        await it.clock.advance(2.0)
        assert it.told()[2:] == [(index + 1, ["ETH"], "live") for index in range(2, 3 + HELD_CANDLES)]


@pytest.mark.asyncio
async def test_a_history_that_does_not_have_it_yet_is_not_asked_without_end():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0), kline(ETH.key, 0))
        it.venue_has(1)
        await it.say(kline(ETH.key, 2))
        await it.clock.advance(2.0)
        assert it.told()[2:] == [(3, ["ETH"], "live")]
        it.venue_has(4)
        await it.say(kline(ETH.key, 3))
        await it.clock.advance(2.0)
        assert it.told()[3:] == [(2, ["ETH"], "late"), (4, ["ETH"], "live")]


step: st.SearchStrategy[tuple[str, set[str]]] = st.one_of(
    st.tuples(st.just("close"), st.sets(st.sampled_from(KEYS))),
    st.tuples(st.sampled_from(["cut", "connect", "slow", "answer", "wait"]), st.builds(set)),
)


async def play(steps: list[tuple[str, set[str]]], failures: int) -> tuple[list[Candle], list[type], int]:
    """Closes that reach only some symbols, losses, a history that is slow or fails; at the end all is well for a while."""
    async with desk(since=dict.fromkeys(KEYS, 0)) as it:
        it.rest.failures = failures
        it.venue_has(0)
        connected, closed = False, 0
        for what, came in [*steps, ("answer", set()), ("cut", set()), ("connect", set())]:
            if what == "close":
                closed += 1
                it.venue_has(closed)
                if connected:
                    await it.say(*(kline(key, closed - 1) for key in sorted(came)))
            elif what == "cut" and connected:
                connected = False
                await it.say(Down(1, "cut"))
            elif what == "connect" and not connected:
                connected = True
                await it.say(Up(1))
            elif what == "slow":
                it.rest.answering.clear()
            elif what == "answer":
                it.rest.answering.set()
                await it.clock.settle()
            elif what == "wait":
                await it.clock.advance(2.5)
        for _ in range(failures + 1):
            await it.clock.advance(FILL_RETRY_S + 0.1)
        given_out = [candle for event in it.events if isinstance(event, BarsClosed) for candle in event.candles]
        feed = [type(event) for event in it.events if isinstance(event, FeedUp | FeedDown)]
        return given_out, feed, closed


@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=HELD_CANDLES), st.integers(0, 2))
def test_nothing_is_lost_or_doubled_and_each_symbol_comes_in_time_order(steps: list[tuple[str, set[str]]], failures: int):
    given_out, feed, closed = asyncio.run(play(steps, failures))
    for key in KEYS:
        mine = [candle for candle in given_out if candle.key == key]
        assert sorted(mine, key=lambda candle: candle.ts) == [bar(key, index) for index in range(closed)]
        if not failures:
            assert all(one.ts < other.ts for one, other in pairwise(mine))
    assert feed[-1] is FeedUp
