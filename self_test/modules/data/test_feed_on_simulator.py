"""The real feed against the real exchange in a box, end to end: history, live candles, a cut in the middle, nothing lost or doubled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from marketdata.bybit_parse import StreamParser
from marketdata.bybit_rest import IP_LIMIT, IP_SCOPE, BybitRest
from marketdata.bybit_rows import CATEGORY
from marketdata.bybit_ws import BybitStream, StreamLimits
from modules.data.backfill import history, missing
from modules.data.feeds import BybitFeed, FeedEvent, feed_topics
from modules.data.funding import FundingWatch
from modules.exchange.paper_funding import Holding, Owed
from modules.simulator.server import Simulator
from modules.simulator.venue_options import SimulatorOptions
from self_test.fakes.books import PERP, seat_of
from self_test.marketdata.samples import M5
from state.accounts import Domain
from state.booking import funding_of
from state.market import Candle
from state.messages import BarsClosed, FeedDown, FeedUp, FundingPaid
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.throttle import Throttle

pytestmark = pytest.mark.asyncio

DAYS_MS = 3 * 86_400_000


@asynccontextmanager
async def running(options: SimulatorOptions) -> AsyncIterator[Simulator]:
    simulator = Simulator(options, WallClock())
    await simulator.start()
    task = asyncio.get_running_loop().create_task(simulator.run())
    try:
        yield simulator
    finally:
        simulator.stop()
        await task
        await simulator.close()


class Heard:
    """What a feed gave out, and a way to wait for more of it."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self.counts: Counter[str] = Counter()
        self._more = asyncio.Event()

    def emit(self, event: FeedEvent) -> None:
        self.events.append(event)
        self.counts[type(event).__name__ + ("Late" if isinstance(event, BarsClosed) and event.late else "")] += 1
        self._more.set()

    async def until(self, kind: str, count: int) -> None:
        async with asyncio.timeout(30):
            while self.counts[kind] < count:
                self._more.clear()
                await self._more.wait()


async def test_settlements_that_were_missed_are_the_venues_own_at_its_marks():
    """Three settlements of a paper position, over the wire: rates of the venue's history, marks of its bars, the arithmetic of replay."""
    clock = WallClock()
    options = SimulatorOptions(speed=1.0, pace="free", seed=7, symbols=("ETHUSDT",))
    async with running(options) as simulator, aiohttp.ClientSession() as session:
        rest = BybitRest(session, simulator.http, Throttle({IP_SCOPE: IP_LIMIT}, clock), clock, random.Random(1))
        (one,) = await rest.instruments(Domain.PERPS, ["ETHUSDT"])
        now = await rest.newest_start(one, M5)
        assert now is not None
        interval = one.funding_interval_min * 60_000
        first = now // interval * interval - 2 * interval
        owed, paid = Owed(lambda *_: False, seat_of(one.unit)), list[FundingPaid]()
        owed.note(one.key, first - 1, Holding(PERP, -1, 50, 0))
        known = {one.key: first - 1}
        watch = FundingWatch([one], M5, rest, clock, owed, known=known, now_ms=lambda: now, held=lambda _: None, pay=paid.extend)
        await watch.catch_up()
        rates = await rest.funding_history(one, first, now)
        bars = {candle.ts: candle for candle in await rest.klines(one, M5, first, now + M5)}
        assert [rate.ts for rate in rates] == [first, first + interval, first + 2 * interval]
        assert watch.attach(BarsClosed(now + M5)).funding == tuple(rates)
        assert [event.ts for event in paid] == [rate.ts for rate in rates]
        for event, rate in zip(paid[:2], rates, strict=False):  # the bar of the last may still be running
            assert event.amount == funding_of(seat_of(one.unit), 0, -1, 50, bars[rate.ts].open, rate.rate_e8) != 0


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
async def test_every_candle_arrives_once_and_equals_the_venues_history(domain: Domain):
    clock = WallClock()
    options = SimulatorOptions(speed=6000.0, pace="free", seed=7, symbols=("BTCUSDT", "ETHUSDT"))
    async with running(options) as simulator, aiohttp.ClientSession() as session:
        at = simulator.http
        rest = BybitRest(session, at, Throttle({IP_SCOPE: IP_LIMIT}, clock), clock, random.Random(1))
        instruments = await rest.instruments(domain, ["ETHUSDT", "BTCUSDT"])
        now = await rest.newest_start(instruments[0], M5)
        assert now is not None
        past = await history(rest, instruments, M5, now - DAYS_MS, now)
        assert missing(past, M5, now - DAYS_MS, now) == {}

        heard = Heard()
        limits = StreamLimits(backoff=Backoff(base_s=0.05, cap_s=0.1))
        url = f"{at.replace('http', 'ws', 1)}/v5/public/{CATEGORY[domain]}"
        stream = BybitStream(url, feed_topics(instruments, M5), StreamParser(instruments), clock, random.Random(2), limits)
        feed = BybitFeed(
            "feed",
            instruments,
            M5,
            stream,
            rest,
            clock,
            emit=heard.emit,
            on_quote=lambda quote: heard.counts.update(["quote"] if not quote.crossed else ["crossed"]),
            on_trade=lambda trade: heard.counts.update(["trade"]),
            on_ticker=lambda ticker: heard.counts.update(["ticker"]),
            since=dict.fromkeys(past, now),
        )
        reading = asyncio.get_running_loop().create_task(feed.run())
        try:
            await heard.until("BarsClosed", 5)
            for client in list(simulator.hub.clients):
                client._transport.abort()
            await heard.until("FeedUp", 2)
            late = heard.counts["BarsClosedLate"]
            await heard.until("BarsClosed", heard.counts["BarsClosed"] + 5)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

        kinds = [type(event) for event in heard.events if not isinstance(event, BarsClosed)]
        assert kinds == [FeedUp, FeedDown, FeedUp]
        assert late > 0
        series: dict[str, list[Candle]] = {}
        for event in heard.events:
            if isinstance(event, BarsClosed):
                assert {quote.key for quote in event.quotes} <= {instrument.key for instrument in instruments}
                for candle in event.candles:
                    assert candle.ts + M5 == event.ts
                    series.setdefault(candle.key, []).append(candle)
        for instrument in instruments:
            got = series[instrument.key]
            assert [candle.ts for candle in got] == list(range(now, got[-1].ts + 1, M5))
            assert got == await rest.klines(instrument, M5, now, got[-1].ts + M5)
        assert any(len(event.quotes) == len(instruments) for event in heard.events if isinstance(event, BarsClosed))
        assert heard.counts["quote"] > 0
        assert heard.counts["crossed"] == 0
        assert heard.counts["trade"] > 0
        assert (heard.counts["ticker"] > 0) == (domain is Domain.PERPS)
