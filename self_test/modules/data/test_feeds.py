from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from marketdata.items import BookUpdate, Kline, Ticker
from modules.data.backfill_queue import BackfillQueue
from modules.data.feeds import FILL_RETRY_S, BybitFeed, FeedEvent, Gaps, feed_topics
from self_test.marketdata.samples import M5, perp, spot
from self_test.modules.data.fakes import ChannelFake, HistoryFake
from state.instruments import Instrument
from state.market import Candle, Quote, Trade
from state.messages import BarsClosed, FeedDown, FeedUp
from utils.clock import FakeClock
from utils.errors import Rejected
from utils.frames import Down, Malformed, Up

pytestmark = pytest.mark.asyncio

BTC, ETH = spot("BTCUSDT"), spot("ETHUSDT")
KEYS = [BTC.key, ETH.key]


def bar(key: str, index: int) -> Candle:
    return Candle(key, index * M5, 1, 1, 1, 1, 1.0)


def kline(key: str, index: int, *, confirmed: bool = True, timeframe_ms: int = M5) -> Kline:
    return Kline(bar(key, index), timeframe_ms, confirmed, (index + 1) * M5)


def book(key: str, ts: int, bid: int = 100, ask: int = 101, *, snapshot: bool = True, u: int = 1) -> BookUpdate:
    return BookUpdate(key, ts, snapshot, u, u, [(bid, 5)], [(ask, 6)])


class GapsFake:
    """Writes down what a feed says of holes."""

    def __init__(self) -> None:
        self.receive: Callable[[list[Candle]], None]
        self.said: list[tuple[str, str, int, int]] = []

    def attach(self, instruments: Iterable[Instrument], receive: Callable[[list[Candle]], None]) -> None:
        assert list(instruments) == [BTC, ETH]
        self.receive = receive

    def ask(self, key: str, timeframe_ms: int, start_ms: int, end_ms: int) -> None:
        if start_ms < end_ms:
            self.said.append(("owed", key[7:10], start_ms // M5, end_ms // M5))

    def had(self, key: str, timeframe_ms: int, start_ms: int, end_ms: int) -> None:
        self.said.append(("had", key[7:10], start_ms // M5, end_ms // M5))


class Desk:
    """A feed between a channel, a history and lists of what came out."""

    def __init__(self, since: dict[str, int] | None = None, gaps: Gaps | None = None) -> None:
        self.clock = FakeClock()
        self.channel = ChannelFake()
        self.rest = HistoryFake()
        self.events: list[FeedEvent] = []
        self.quotes: list[Quote] = []
        self.trades: list[Trade] = []
        self.tickers: list[Ticker] = []
        self.feed = BybitFeed(
            "spot",
            [BTC, ETH],
            M5,
            self.channel,
            self.rest,
            self.clock,
            emit=self.events.append,
            on_quote=self.quotes.append,
            on_trade=self.trades.append,
            on_ticker=self.tickers.append,
            since=since,
            gaps=gaps,
        )

    async def say(self, *items: object) -> None:
        """Put items into the channel and let the feed work them off."""
        self.channel.say(*items)  # type: ignore[arg-type]
        await self.clock.settle()

    def venue_has(self, last: int) -> None:
        """The venue's candles of both symbols up to index `last`, which still runs."""
        self.rest.candles = {key: [bar(key, index) for index in range(last + 1)] for key in KEYS}

    def told(self) -> list[tuple[object, ...]]:
        """The events in short."""
        return [short(event) for event in self.events]


def short(event: FeedEvent) -> tuple[object, ...]:
    """(close time in bars, symbols, late or live), or the name of the event."""
    if isinstance(event, BarsClosed):
        return event.ts // M5, [candle.key[7:10] for candle in event.candles], "late" if event.late else "live"
    return (type(event).__name__,)


@asynccontextmanager
async def desk(since: dict[str, int] | None = None, gaps: Gaps | None = None) -> AsyncIterator[Desk]:
    it = Desk(since, gaps)
    running = asyncio.get_running_loop().create_task(it.feed.run())
    await it.clock.settle()
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_topics_of_a_channel():
    assert feed_topics([BTC], M5) == ["kline.5.BTCUSDT", "orderbook.1.BTCUSDT", "publicTrade.BTCUSDT"]
    assert feed_topics([perp("ETHUSDT")], 60_000)[-1] == "tickers.ETHUSDT"


async def test_candles_of_one_close_come_together_with_their_quotes():
    async with desk() as it:
        await it.say(Up(1), book(BTC.key, 5), kline(BTC.key, 0), kline(ETH.key, 0, confirmed=False), kline(ETH.key, 0, timeframe_ms=60_000))
        assert it.told() == [("FeedUp",)]
        await it.say(kline(ETH.key, 0))
        (event,) = it.events[1:]
    assert isinstance(event, BarsClosed)
    assert (event.ts, event.candles, event.late) == (M5, (bar(BTC.key, 0), bar(ETH.key, 0)), False)
    assert event.quotes == (Quote(BTC.key, 5, 100, 101, 5, 6),)
    assert it.quotes == [Quote(BTC.key, 5, 100, 101, 5, 6)]


async def test_two_seconds_after_the_first_candle_the_rest_is_not_waited_for():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0))
        await it.clock.advance(1.9)
        assert it.told() == [("FeedUp",)]
        await it.clock.advance(0.1)
        assert it.told()[1:] == [(1, ["BTC"], "live")]
        await it.say(kline(ETH.key, 0))
        assert it.told()[2:] == [(1, ["ETH"], "late")]
        await it.say(kline(ETH.key, 1))
        await it.clock.advance(2.0)
        assert it.told()[3:] == [(2, ["ETH"], "live")]


async def test_the_first_up_fills_from_where_history_ended():
    async with desk(since={BTC.key: 3 * M5, ETH.key: 3 * M5}) as it:
        it.venue_has(5)
        await it.say(Up(1))
        assert it.told() == [(4, ["BTC", "ETH"], "late"), (5, ["BTC", "ETH"], "late"), ("FeedUp",)]


async def test_what_was_missed_comes_late_and_in_order_before_anything_live():
    async with desk() as it:
        await it.say(Up(1))
        await it.say(kline(BTC.key, 0), kline(ETH.key, 0), kline(BTC.key, 1), Down(2, "cut"))
        assert it.told() == [("FeedUp",), (1, ["BTC", "ETH"], "live"), (2, ["BTC"], "live"), ("FeedDown",)]
        it.venue_has(4)
        it.rest.answering.clear()
        await it.say(Up(3), kline(BTC.key, 4), kline(ETH.key, 4))
        assert len(it.events) == 4
        it.rest.answering.set()
        await it.clock.settle()
        assert it.told()[4:] == [
            (2, ["ETH"], "late"),
            (3, ["BTC", "ETH"], "late"),
            (4, ["BTC", "ETH"], "late"),
            ("FeedUp",),
            (5, ["BTC", "ETH"], "live"),
        ]
    down = it.events[3]
    assert isinstance(down, FeedDown)
    assert (down.feed, down.reason, down.ts) == ("spot", "cut", 2 * M5)
    up = it.events[7]
    assert isinstance(up, FeedUp)
    assert up.ts == 5 * M5


async def test_without_history_live_candles_go_on_but_the_feed_stays_down():
    async with desk(since=dict.fromkeys(KEYS, 0)) as it:
        it.venue_has(2)
        it.rest.failures = 1
        await it.say(Up(1), kline(BTC.key, 2), kline(ETH.key, 2))
        assert it.told() == [(3, ["BTC", "ETH"], "live")]
        it.venue_has(3)
        await it.clock.advance(FILL_RETRY_S)
        assert it.told()[1:] == [(1, ["BTC", "ETH"], "late"), (2, ["BTC", "ETH"], "late"), ("FeedUp",)]
        await it.say(kline(BTC.key, 3), kline(ETH.key, 3))
        assert it.told()[-1] == (4, ["BTC", "ETH"], "live")


async def test_a_hole_in_one_symbol_is_filled_without_going_down():
    async with desk() as it:
        await it.say(Up(1), kline(BTC.key, 0), kline(ETH.key, 0))
        it.venue_has(3)
        await it.say(kline(BTC.key, 1), kline(BTC.key, 2), kline(ETH.key, 2))
        assert it.told()[2:] == [(2, ["BTC"], "live"), (2, ["ETH"], "late"), (3, ["BTC", "ETH"], "live")]
        assert {key for key, _, _ in it.rest.asked} == {ETH.key}, "only the symbol with the hole is asked for"
        asked = len(it.rest.asked)
        await it.say(kline(BTC.key, 3), kline(ETH.key, 3))
        assert len(it.rest.asked) == asked  # whole again, nothing more to ask
        assert it.told()[-1] == (4, ["BTC", "ETH"], "live")


async def test_a_loss_during_the_filling_leaves_the_feed_down_and_loses_no_candle():
    async with desk(since=dict.fromkeys(KEYS, 0)) as it:
        it.venue_has(2)
        it.rest.answering.clear()
        await it.say(Up(1))
        await it.say(kline(BTC.key, 2), kline(ETH.key, 2), Down(2, "again"))
        assert it.told() == [("FeedDown",)]
        it.rest.answering.set()
        await it.clock.settle()
        assert it.told()[1:] == [(1, ["BTC", "ETH"], "late"), (2, ["BTC", "ETH"], "late"), (3, ["BTC", "ETH"], "live")]
        it.venue_has(4)
        await it.say(Up(3))
        assert it.told()[4:] == [(4, ["BTC", "ETH"], "late"), ("FeedUp",)]


async def test_up_and_down_in_one_breath_is_down():
    async with desk(since=dict.fromkeys(KEYS, 0)) as it:
        it.venue_has(2)
        await it.say(Up(1), kline(BTC.key, 2), Down(2, "again"))
        assert it.told() == [("FeedDown",)]
        it.venue_has(3)
        await it.say(Up(3))
        assert it.told()[1:] == [(index, ["BTC", "ETH"], "late") for index in (1, 2, 3)] + [("FeedUp",)]


async def test_a_broken_book_is_subscribed_again_once_and_its_quote_forgotten():
    async with desk() as it:
        await it.say(Up(1), book(BTC.key, 5), book(BTC.key, 6, snapshot=False, u=9), book(BTC.key, 7, snapshot=False, u=10))
        assert it.channel.resubscribed == ["orderbook.1.BTCUSDT"]
        await it.say(kline(BTC.key, 0), kline(ETH.key, 0))
        event = it.events[-1]
        assert isinstance(event, BarsClosed)
        assert event.quotes == ()
        await it.say(book(BTC.key, 8), book(BTC.key, 9, bid=101, ask=100))
        assert it.channel.resubscribed == ["orderbook.1.BTCUSDT"] * 2
        assert [quote.ts for quote in it.quotes] == [5, 8]


async def test_after_a_loss_a_book_needs_a_new_snapshot():
    async with desk() as it:
        await it.say(Up(1), book(BTC.key, 5), Down(2, "cut"), Up(3), book(BTC.key, 6, snapshot=False, u=2))
        assert it.channel.resubscribed == ["orderbook.1.BTCUSDT"]
        await it.say(Down(4, "cut"), Up(5), book(BTC.key, 7, snapshot=False, u=3))
        assert it.channel.resubscribed == ["orderbook.1.BTCUSDT"] * 2
        assert [quote.ts for quote in it.quotes] == [5]


async def test_quotes_from_before_a_loss_are_not_used_after_it():
    async with desk() as it:
        await it.say(Up(1), book(BTC.key, 5), Down(2, "cut"), Up(3), kline(BTC.key, 0), kline(ETH.key, 0))
        event = it.events[-1]
        assert isinstance(event, BarsClosed)
        assert event.quotes == ()


async def test_prints_and_tickers_go_to_their_callbacks_and_bad_frames_nowhere():
    async with desk() as it:
        trade, ticker = Trade(BTC.key, 5, 100, 1, buyer_is_taker=True), Ticker(BTC.key, 6, last=100)
        await it.say(Up(1), trade, ticker, Malformed(7, "kline.5.BTCUSDT", "bad"))
        assert (it.trades, it.tickers) == ([trade], [ticker])
        assert it.told() == [("FeedUp",)]


async def test_a_venue_that_was_never_there_is_down_at_transport_time():
    async with desk() as it:
        await it.say(Down(77, "refused"))
        assert it.events == [FeedDown(ts=77, feed="spot", reason="refused")]


async def test_a_refused_topic_ends_the_feed_as_itself():
    it = Desk()
    it.channel.say(Rejected("refuses kline.5.BTCUSDT"))
    with pytest.raises(Rejected, match="kline"):
        await it.feed.run()


async def test_only_a_hole_that_live_candles_passed_is_noted_as_owed_and_crossed_off_when_filled():
    gaps = GapsFake()
    async with desk(since=dict.fromkeys(KEYS, 0), gaps=gaps) as it:
        it.venue_has(4)
        it.rest.failures = 2
        await it.say(Up(1), kline(BTC.key, 2), kline(ETH.key, 2))
        assert gaps.said == [("owed", "BTC", 0, 2), ("owed", "ETH", 0, 2)]
        await it.say(kline(BTC.key, 3), kline(ETH.key, 4))
        assert gaps.said[2:] == [("owed", "ETH", 3, 4)], "what went out is not owed"
        it.venue_has(5)
        await it.clock.advance(FILL_RETRY_S)
        assert it.told()[-1] == ("FeedUp",)
        assert sorted(gaps.said[3:]) == [("had", "BTC", 0, 5), ("had", "ETH", 0, 5)]
        it.venue_has(8)
        await it.say(kline(BTC.key, 5), kline(ETH.key, 5), kline(BTC.key, 7))
        assert it.told()[-1] == (7, ["BTC"], "late")
        assert gaps.said[5:] == [("had", "BTC", 6, 8)], "what the feed fills itself is never owed"


async def test_owed_candles_come_late_but_none_that_the_feed_itself_will_bring():
    gaps = GapsFake()
    async with desk(since=dict.fromkeys(KEYS, 10 * M5), gaps=gaps) as it:
        gaps.receive([bar(BTC.key, index) for index in (8, 9, 10, 11)])
        assert it.told() == [(9, ["BTC"], "late"), (10, ["BTC"], "late")]
        it.venue_has(14)
        it.rest.failures = 1
        await it.say(Up(1), kline(BTC.key, 12), kline(ETH.key, 12))
        assert it.told()[2:] == [(13, ["BTC", "ETH"], "live")]
        gaps.receive([bar(BTC.key, index) for index in (10, 11, 12, 13)])
        assert it.told()[3:] == [(11, ["BTC"], "late"), (12, ["BTC"], "late")]
        await it.clock.advance(FILL_RETRY_S)
        assert it.told()[5:] == [(11, ["ETH"], "late"), (12, ["ETH"], "late"), (14, ["BTC", "ETH"], "late"), ("FeedUp",)]


async def test_a_hole_that_a_killed_process_had_gone_past_is_filled_by_the_next(tmp_path: Path):
    def queue(it_rest: HistoryFake, clock: FakeClock) -> BackfillQueue:
        return BackfillQueue(it_rest, clock, random.Random(1), tmp_path)

    broken, clock = HistoryFake(), FakeClock()
    broken.failures = 1000
    gaps = queue(broken, clock)
    writing = asyncio.get_running_loop().create_task(gaps.run())
    async with desk(since=dict.fromkeys(KEYS, 5 * M5), gaps=gaps) as first:
        first.rest.failures = 1000
        await first.say(Up(1), kline(BTC.key, 7), kline(ETH.key, 7))
        assert first.told() == [(8, ["BTC", "ETH"], "live")]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    whole = HistoryFake()
    whole.candles = {key: [bar(key, index) for index in range(9)] for key in KEYS}
    gaps = queue(whole, clock)
    assert [(one.start // M5, one.end // M5) for one in gaps.owed()] == [(5, 7), (5, 7)]
    async with desk(since=dict.fromkeys(KEYS, 8 * M5), gaps=gaps) as second:  # the rows have seen 7
        working = asyncio.get_running_loop().create_task(gaps.run())
        await clock.settle()
        assert sorted(second.told()) == [(n, [name], "late") for n in (6, 7) for name in ("BTC", "ETH")]
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert queue(whole, clock).owed() == ()


async def test_an_outage_of_the_stream_and_one_of_the_candles_are_two_lines_each_in_the_log() -> None:
    with capture_logs() as lines:
        async with desk(dict.fromkeys(KEYS, 0)) as it:
            it.venue_has(1)
            await it.say(Up(1))
            assert [line["event"] for line in lines] == ["feed connected"], "a start is no return"
            it.rest.failures = 3
            await it.say(Down(2, "cut"), Up(3), Down(4, "cut again"), Up(5))
            await it.clock.advance(6 * FILL_RETRY_S)
    told = [(line["event"], line["what"], line["feed"]) for line in lines if line["log_level"] == "warning"]
    assert told == [
        ("outage", "market data", "spot"),
        ("outage", "candles", "spot"),
        ("outage over", "candles", "spot"),
        ("outage over", "market data", "spot"),
    ]
