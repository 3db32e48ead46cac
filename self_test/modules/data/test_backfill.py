from __future__ import annotations

import pytest

from marketdata.candles import Gap
from modules.data.backfill import fill_gap, history, missing
from self_test.marketdata.samples import M5, spot
from self_test.modules.data.fakes import HistoryFake
from state.market import Candle
from utils.errors import Transient
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio

BTC, ETH = spot("BTCUSDT"), spot("ETHUSDT")


def candles(key: str, first: int, count: int) -> list[Candle]:
    return [Candle(key, index * M5, 1, 1, 1, 1, 1.0) for index in range(first, first + count)]


def venue() -> HistoryFake:
    fake = HistoryFake()
    fake.candles = {BTC.key: candles(BTC.key, 0, 21), ETH.key: candles(ETH.key, 5, 16)}
    return fake


async def test_history_is_whole_by_instrument_and_leaves_the_running_candle_out():
    told: list[tuple[int, int]] = []
    series = await history(venue(), [BTC, ETH], M5, 2 * M5 - 1, None, lambda done, expected: told.append((done, expected)))
    assert [candle.ts // M5 for candle in series[BTC.key]] == list(range(2, 20))
    assert [candle.ts // M5 for candle in series[ETH.key]] == list(range(5, 20))
    assert told[-1] == (33, 36)


async def test_history_up_to_a_given_end():
    series = await history(venue(), [BTC], M5, 0, 3 * M5 + 1)
    assert [candle.ts // M5 for candle in series[BTC.key]] == [0, 1, 2]


async def test_an_answer_with_a_hole_is_asked_again():
    fake = venue()
    fake.lost_once = {(BTC.key, 7 * M5), (BTC.key, 8 * M5), (BTC.key, 0), (BTC.key, 19 * M5)}
    series = await history(fake, [BTC], M5, 0)
    assert [candle.ts // M5 for candle in series[BTC.key]] == list(range(20))
    assert (BTC.key, 7 * M5, 9 * M5) in fake.asked


async def test_what_stays_missing_is_reported():
    series = await history(venue(), [BTC, ETH], M5, 0)
    assert missing(series, M5, 0, 20 * M5) == {ETH.key: [Gap(0, 4 * M5)]}
    assert missing(series, M5, 5 * M5, 20 * M5) == {}


async def test_an_instrument_without_any_candle_has_an_empty_history():
    assert await history(HistoryFake(), [BTC], M5, 0) == {BTC.key: []}


async def test_a_gap_is_filled_from_each_frontier_to_the_running_candle():
    fill = await fill_gap(venue(), [BTC, ETH], M5, {BTC.key: 18 * M5, ETH.key: 20 * M5})
    assert [(candle.key, candle.ts // M5) for candle in fill.candles] == [(BTC.key, 18), (BTC.key, 19)]
    assert fill.frontier == {BTC.key: 20 * M5, ETH.key: 20 * M5}


async def test_an_instrument_without_frontier_has_missed_nothing():
    fake = venue()
    fill = await fill_gap(fake, [BTC, ETH], M5, {})
    assert (fill.candles, fill.frontier, fake.asked) == ([], {}, [])


async def test_filled_candles_are_in_time_order_over_symbols():
    fill = await fill_gap(venue(), [BTC, ETH], M5, {BTC.key: 17 * M5, ETH.key: 17 * M5})
    assert [candle.ts // M5 for candle in fill.candles] == [17, 17, 18, 18, 19, 19]


async def test_a_venue_that_fails_is_not_hidden():
    fake = venue()
    fake.failures = 1
    with pytest.raises(Transient):
        await fill_gap(fake, [BTC], M5, {BTC.key: 0})


async def test_history_makes_room_for_what_a_feed_waits_for():
    fake = venue()
    fake.lost_once = {(BTC.key, 7 * M5)}
    await history(fake, [BTC], M5, 0)
    assert fake.urgencies == {Urgency.BACKFILL}
    fake.urgencies.clear()
    fake.lost_once = {(BTC.key, 7 * M5)}
    await fill_gap(fake, [BTC], M5, {BTC.key: 5 * M5})
    assert fake.urgencies == {Urgency.MARKET}
