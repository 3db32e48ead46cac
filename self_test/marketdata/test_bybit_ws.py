from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import serve

from marketdata.bybit_parse import StreamParser
from marketdata.bybit_ws import BAN_S, BybitStream, StreamItem, StreamLimits
from marketdata.items import BookUpdate, Kline
from self_test.marketdata.loopback import LoopbackVenue, loopback_venue
from self_test.marketdata.samples import M5, book_frame, kline_frame, spot
from state.market import Trade
from utils.backoff import Backoff
from utils.clock import SECOND, WallClock
from utils.errors import Rejected
from utils.frames import Down, Malformed, Up

pytestmark = pytest.mark.asyncio

KLINE = "kline.5.BTCUSDT"
BOOK = "orderbook.1.BTCUSDT"
T0 = 1672324800000
QUICK = StreamLimits(check_s=0.01, close_s=0.2, backoff=Backoff(base_s=0.01, cap_s=0.02))


class QuickClock(WallClock):
    """The machine's clock, except that pauses are short and told, and that it can jump ahead."""

    def __init__(self) -> None:
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self.ahead_s = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_s * SECOND

    async def sleep(self, seconds: float) -> None:
        self.pauses.put_nowait(seconds)
        await super().sleep(min(seconds, 0.01))


def stream(venue: LoopbackVenue, *topics: str, clock: WallClock | None = None, **limits: Any) -> BybitStream:
    symbols = {topic.rpartition(".")[2] for topic in topics}
    parser = StreamParser([spot(symbol) for symbol in sorted(symbols)])
    return BybitStream(venue.url, topics, parser, clock or QuickClock(), random.Random(1), msgspec.structs.replace(QUICK, **limits))


async def take(items: AsyncGenerator[StreamItem, None]) -> StreamItem:
    async with asyncio.timeout(10):
        return await anext(items)


async def test_up_comes_after_the_acknowledgement_and_then_data():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, BOOK).items()) as items:
        assert isinstance(await take(items), Up)
        await venue.publish(kline_frame("BTCUSDT", T0), book_frame("BTCUSDT", T0))
        first, second = await take(items), await take(items)
    assert isinstance(first, Kline)
    assert first.candle.ts == T0
    assert isinstance(second, BookUpdate)


async def test_data_that_overtake_the_acknowledgement_are_told_after_up():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE).items()) as items:
        venue.data_before_ack = [kline_frame("BTCUSDT", T0), kline_frame("BTCUSDT", T0 + M5)]
        told = [await take(items) for _ in range(3)]
    assert isinstance(told[0], Up)
    assert [item.candle.ts for item in told[1:] if isinstance(item, Kline)] == [T0, T0 + M5]


async def test_many_topics_are_subscribed_in_batches_that_spot_accepts():
    topics = [f"kline.5.S{number}USDT" for number in range(23)]
    async with loopback_venue() as venue, aclosing(stream(venue, *topics, topics[0]).items()) as items:
        assert isinstance(await take(items), Up)
        assert venue.subscribed() == set(topics)
        assert [len(request["args"]) for request in venue.requests] == [10, 10, 3]  # type: ignore[arg-type]
        assert len({request["req_id"] for request in venue.requests}) == 3


async def test_a_refused_topic_is_rejected_by_name():
    async with (
        loopback_venue(lambda topic: "NOPE" not in topic) as venue,
        aclosing(stream(venue, KLINE, "kline.5.NOPEUSDT").items()) as items,
    ):
        with pytest.raises(Rejected, match=r"error:handler not found,topic:kline\.5\.NOPEUSDT"):
            await take(items)


async def test_a_cut_mid_stream_is_down_then_up_with_everything_subscribed_again():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, BOOK).items()) as items:
        await take(items)
        await venue.publish(kline_frame("BTCUSDT", T0))
        await take(items)
        await venue.cut()
        down, up = await take(items), await take(items)
        assert isinstance(down, Down)
        assert "ConnectionClosed" in down.reason
        assert isinstance(up, Up)
        assert venue.subscribed() == {KLINE, BOOK}
        assert venue.accepted == 2
        await venue.publish(kline_frame("BTCUSDT", T0 + M5))
        item = await take(items)
    assert isinstance(item, Kline)
    assert item.candle.ts == T0 + M5


async def test_a_frozen_topic_is_reconnected_while_another_lives():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, BOOK, stale_s={"kline": 0.1}).items()) as items:
        await take(items)

        item: StreamItem = BookUpdate("", 0, snapshot=True, u=0, seq=0, bids=[], asks=[])
        while isinstance(item, BookUpdate):
            await venue.publish(book_frame("BTCUSDT", T0))
            item = await take(items)
        assert isinstance(item, Down)
        assert KLINE in item.reason
        assert isinstance(await take(items), Up)
        assert venue.accepted == 2


async def test_a_quiet_topic_without_a_limit_is_no_fault():
    quiet = "publicTrade.BTCUSDT"
    async with loopback_venue() as venue, aclosing(stream(venue, quiet, stale_s={"kline": 0.02}, ping_s=0.02).items()) as items:
        await take(items)
        reading = asyncio.get_running_loop().create_task(anext(items))
        await venue.until(lambda: venue.pings >= 5)
        assert not reading.done()
        await venue.publish(b'{"topic":"publicTrade.BTCUSDT","ts":1,"type":"snapshot","data":[{"T":1,"S":"Buy","p":"1","v":"1"}]}')
        assert isinstance(await reading, Trade)
        assert venue.accepted == 1


async def test_a_socket_on_which_nothing_comes_not_even_a_pong_is_dead():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, silent_s=0.05, stale_s={}).items()) as items:
        await take(items)
        down = await take(items)
        assert isinstance(down, Down)
        assert "silent" in down.reason
        assert isinstance(await take(items), Up)


async def test_a_missing_acknowledgement_is_down_once_then_up_when_it_comes():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, ack_s=0.03).items()) as items:
        venue.acknowledges = False
        down = await take(items)
        assert isinstance(down, Down)
        assert KLINE in down.reason
        reading = asyncio.get_running_loop().create_task(anext(items))
        await venue.until(lambda: venue.accepted >= 3)
        venue.acknowledges = True
        assert isinstance(await reading, Up)  # the failures between are one outage


async def test_a_busy_consumer_does_not_make_a_topic_stale():
    clock = QuickClock()
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, clock=clock).items()) as items:
        await take(items)
        await venue.publish(kline_frame("BTCUSDT", T0), kline_frame("BTCUSDT", T0 + M5))
        await take(items)
        clock.ahead_s += 3600  # the consumer thinks for an hour
        assert isinstance(await take(items), Kline)
        await venue.publish(kline_frame("BTCUSDT", T0 + 2 * M5))
        assert isinstance(await take(items), Kline)
        assert venue.accepted == 1


async def test_the_same_hour_of_a_waiting_consumer_is_a_dead_venue():
    clock = QuickClock()
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, clock=clock, ping_s=0.02).items()) as items:
        await take(items)
        reading = asyncio.get_running_loop().create_task(anext(items))
        await venue.until(lambda: venue.pings >= 2)  # so it is reading
        clock.ahead_s += 3600
        assert isinstance(await reading, Down)


async def test_a_topic_that_speaks_in_time_stays_alive_however_long_it_lasts():
    clock = QuickClock()
    async with (
        loopback_venue() as venue,
        aclosing(stream(venue, KLINE, clock=clock, ping_s=0.02, stale_s={"kline": 60.0}).items()) as items,
    ):
        await take(items)
        for index in range(4):
            reading = asyncio.get_running_loop().create_task(anext(items))
            pings = venue.pings
            await venue.until(lambda enough=pings + 2: venue.pings >= enough)  # type: ignore[misc]  # so it is reading
            clock.ahead_s += 40
            await venue.publish(kline_frame("BTCUSDT", T0 + index * M5))
            assert isinstance(await reading, Kline)
        assert venue.accepted == 1


async def test_resubscribing_one_topic_brings_its_snapshot_again():
    async with loopback_venue() as venue:
        venue.greets[BOOK] = book_frame("BTCUSDT", T0, u=7)
        it = stream(venue, KLINE, BOOK)
        async with aclosing(it.items()) as items:
            assert isinstance(await take(items), Up)
            assert isinstance(await take(items), BookUpdate)
            it.resubscribe(BOOK)
            it.resubscribe(BOOK)
            assert isinstance(await take(items), BookUpdate)
            assert [(request["op"], request["args"]) for request in venue.requests[1:]] == [("unsubscribe", [BOOK]), ("subscribe", [BOOK])]
            assert venue.accepted == 1


async def test_a_frame_that_cannot_be_understood_is_told_and_the_stream_goes_on():
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE).items()) as items:
        await take(items)
        await venue.publish(
            kline_frame("BTCUSDT", T0).replace(b'"16608"', b'"x"'), b"{nonsense", b'{"op":"hello"}', kline_frame("BTCUSDT", T0)
        )
        told = [await take(items) for _ in range(4)]
    assert [item.topic for item in told if isinstance(item, Malformed)] == [KLINE, "?", "answer"]
    assert isinstance(told[3], Kline)


async def test_a_venue_that_is_not_there_is_one_down_and_growing_pauses():
    async with loopback_venue() as venue:
        pass
    clock = QuickClock()
    async with aclosing(stream(venue, KLINE, clock=clock, backoff=Backoff(base_s=1.0, cap_s=8.0)).items()) as items:
        assert isinstance(await take(items), Down)
        reading = asyncio.get_running_loop().create_task(anext(items))
        async with asyncio.timeout(10):
            slept = [await clock.pauses.get() for _ in range(6)]
        assert not reading.done()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    for pause, full in zip(slept, (1.0, 2.0, 4.0, 8.0, 8.0, 8.0), strict=True):
        assert full / 2 <= pause <= full


async def test_a_handshake_refused_with_403_waits_for_the_ban_to_end():
    def refuse(connection: Any, request: Any) -> Any:
        return connection.respond(403, "banned\n")

    async def nobody(connection: Any) -> None:
        await connection.wait_closed()

    clock = QuickClock()
    async with serve(nobody, "127.0.0.1", 0, process_request=refuse) as server:
        venue = LoopbackVenue()
        venue.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with aclosing(stream(venue, KLINE, clock=clock).items()) as items:
            down = await take(items)
            assert isinstance(down, Down)
            assert down.reason == "HTTP 403"
            reading = asyncio.get_running_loop().create_task(anext(items))
            async with asyncio.timeout(10):
                assert await clock.pauses.get() == BAN_S
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def test_cancelling_the_reader_closes_the_socket():
    async with loopback_venue() as venue:

        async def read() -> None:
            async with aclosing(stream(venue, KLINE).items()) as items:
                async for _ in items:
                    pass

        reading = asyncio.get_running_loop().create_task(read())
        await venue.until(lambda: venue.subscribed() == {KLINE})
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await venue.until(lambda: not venue.subscribed())
        assert venue.accepted == 1


async def test_failures_are_forgotten_after_a_stable_time():
    clock = QuickClock()
    backoff = Backoff(base_s=1.0, cap_s=64.0)
    async with loopback_venue() as venue, aclosing(stream(venue, KLINE, clock=clock, stable_s=0.0, backoff=backoff).items()) as items:
        await take(items)
        for _ in range(4):
            await venue.cut()
            assert isinstance(await take(items), Down)
            assert isinstance(await take(items), Up)
    assert clock.pauses.qsize() == 4
    assert all(clock.pauses.get_nowait() <= 1.0 for _ in range(4))
