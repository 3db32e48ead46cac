"""The feed of OANDA against a stream that says what a test puts in and a history that obeys the candle rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest
from structlog.testing import capture_logs

from forex.oanda_parse import Beat, Priced
from modules.data.feeds import FILL_RETRY_S, FeedEvent
from modules.data.oanda_feed import OPEN_LOOK_S, QUOTE_AGE_MS, Item, OandaFeed, subscribed
from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle, Quote
from state.messages import BarsClosed, FeedDown, FeedUp
from utils.clock import FakeClock
from utils.errors import Transient
from utils.frames import Down, Malformed, Up

M15 = 900_000
TUESDAY = 1_741_075_200_000  # 2025-03-04 08:00 UTC
SATURDAY = 1_741_435_200_000  # 2025-03-08 12:00
SUNDAY_OPEN = 1_741_554_000_000  # 2025-03-09 21:00, New York's summer time began this day


def pair(symbol: str) -> Instrument:
    return Instrument(
        domain=Domain.FOREX,
        symbol=symbol,
        base=symbol[:3],
        quote=symbol[3:],
        tick=Decimal("0.00001"),
        step=Decimal(1),
        min_qty=Decimal(1),
        min_notional=Decimal(0),
        max_qty=Decimal(100_000_000),
    )


EUR, GBP = pair("EURUSD"), pair("GBPUSD")


def bar(instrument: Instrument, ts: int) -> Candle:
    return Candle(instrument.key, ts, 110_000, 110_050, 109_950, 110_010, 40.0)


class Broker:
    """A stream and a history of two pairs."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Item] = asyncio.Queue()
        self.history: dict[str, list[Candle]] = {EUR.key: [], GBP.key: []}
        self.incomplete: set[tuple[str, int]] = set()
        self.failing = False
        self.asked: list[tuple[str, int, int]] = []

    async def items(self) -> AsyncGenerator[Item, None]:
        while True:
            yield await self.said.get()

    async def candles(self, instrument: Instrument, timeframe_ms: int, start_ms: int, end_ms: int, price: str = "B") -> list[Candle]:
        assert price == "B"
        self.asked.append((instrument.key, start_ms, end_ms))
        if self.failing:
            raise Transient("HTTP 503")
        found = [one for one in self.history[instrument.key] if start_ms <= one.ts and one.ts + timeframe_ms <= end_ms]
        return [one for one in found if (one.key, one.ts) not in self.incomplete]

    def closed(self, ts: int, *instruments: Instrument) -> None:
        for one in instruments or (EUR, GBP):
            self.history[one.key].append(bar(one, ts))


class Rig:
    def __init__(self, since: int | dict[str, int], frames: dict[str, int] | None = None, instruments: tuple[Instrument, ...] = ()) -> None:
        starts = dict.fromkeys(frames or (EUR.key, GBP.key), since) if isinstance(since, int) else since
        self.broker, self.clock, self.events, self.quotes, self.halted = (
            Broker(),
            FakeClock(),
            list[FeedEvent](),
            list[Quote](),
            list[str](),
        )
        self.now = max(starts.values())
        self.feed = OandaFeed(
            "oanda",
            instruments or (EUR, GBP),
            frames or {EUR.key: M15, GBP.key: M15},
            self.broker,
            self.broker,
            self.clock,
            emit=self.events.append,
            on_quote=self.quotes.append,
            on_halt=self.halted.append,
            venue_now=lambda: self.now,
            since=starts,
        )

    async def say(self, *items: Item) -> None:
        for item in items:
            self.broker.said.put_nowait(item)
            if isinstance(item, Beat):
                self.now = item.ts
        await self.clock.settle()

    def bars(self) -> list[tuple[int, tuple[str, ...], bool]]:
        return [(one.ts, tuple(c.key for c in one.candles), one.late) for one in self.events if isinstance(one, BarsClosed)]

    def told(self) -> list[type]:
        return [type(one) for one in self.events]


def price(instrument: Instrument, ts: int, *, tradeable: bool = True) -> Priced:
    return Priced(Quote(instrument.key, ts, 110_000, 110_012, 1_000_000, 1_000_000), tradeable)


@asynccontextmanager
async def running(
    since: int | dict[str, int] = TUESDAY, frames: dict[str, int] | None = None, instruments: tuple[Instrument, ...] = ()
) -> AsyncIterator[Rig]:
    rig = Rig(since, frames, instruments)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(rig.feed.run())
        await rig.clock.settle()
        yield rig
        task.cancel()


@pytest.mark.asyncio
async def test_what_was_missed_comes_late_and_in_order_before_the_feed_is_up() -> None:
    async with running() as at:
        at.broker.closed(TUESDAY)
        at.broker.closed(TUESDAY + M15, EUR)
        await at.say(Up(1), Beat(TUESDAY + 2 * M15 + 5))
        assert at.bars() == [(TUESDAY + M15, (EUR.key, GBP.key), True), (TUESDAY + 2 * M15, (EUR.key,), True)]
        assert at.events[-1] == FeedUp(ts=TUESDAY + 2 * M15 + 5, feed="oanda")


@pytest.mark.asyncio
async def test_the_streams_time_passes_a_close_and_its_candles_come_once_with_the_quotes() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5))
        assert at.told() == [FeedUp]
        await at.say(price(EUR, TUESDAY + 100), price(GBP, TUESDAY + 200))
        assert [one.key for one in at.quotes] == [EUR.key, GBP.key] and at.feed.caught_up(TUESDAY + 200)
        at.broker.closed(TUESDAY)
        await at.say(Beat(TUESDAY + M15), Beat(TUESDAY + M15 + 5_000), price(EUR, TUESDAY + M15 + 6_000))
        assert at.bars() == [(TUESDAY + M15, (EUR.key, GBP.key), False)]
        event = at.events[-1]
        assert isinstance(event, BarsClosed) and [one.key for one in event.quotes] == [EUR.key, GBP.key]
        assert at.feed.caught_up(TUESDAY + M15 + 5_000) and not at.feed.caught_up(TUESDAY + 2 * M15)


@pytest.mark.asyncio
async def test_no_price_no_candle_no_event_and_no_waiting() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), Beat(TUESDAY + M15))
        assert at.bars() == [] and at.feed.caught_up(TUESDAY + M15)


@pytest.mark.asyncio
async def test_a_candle_that_is_not_complete_yet_is_waited_for_and_then_comes_with_the_next_as_late() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 100), price(GBP, TUESDAY + 100))
        at.broker.closed(TUESDAY)
        at.broker.incomplete.add((GBP.key, TUESDAY))
        await at.say(Beat(TUESDAY + M15))
        assert at.bars() == [] and not at.feed.caught_up(TUESDAY + M15)
        at.broker.incomplete.clear()
        await at.clock.advance(0.25)
        assert at.bars() == [(TUESDAY + M15, (EUR.key, GBP.key), False)]
        at.broker.closed(TUESDAY + M15)
        at.broker.incomplete.add((GBP.key, TUESDAY + M15))
        await at.say(price(GBP, TUESDAY + M15 + 7), price(EUR, TUESDAY + M15 + 7), Beat(TUESDAY + 2 * M15))
        await at.clock.advance(2.0)
        assert at.bars()[1:] == [(TUESDAY + 2 * M15, (EUR.key,), False)], "the others do not wait longer than a moment"
        at.broker.closed(TUESDAY + 2 * M15)
        await at.say(Beat(TUESDAY + 3 * M15))
        at.broker.incomplete.clear()
        await at.clock.advance(1.0)
        assert at.bars()[2:] == [(TUESDAY + 2 * M15, (GBP.key,), True), (TUESDAY + 3 * M15, (EUR.key, GBP.key), False)]


@pytest.mark.asyncio
async def test_a_candle_that_is_completed_after_seconds_is_decided_on_and_keeps_nobody_else_waiting() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 100), price(GBP, TUESDAY + 100))
        at.broker.closed(TUESDAY)
        at.broker.incomplete.add((GBP.key, TUESDAY))
        # The first word of the new bar is a price of the pair itself: its last price is no longer one of the bar that closed.
        await at.say(price(GBP, TUESDAY + M15 + 3), price(EUR, TUESDAY + M15 + 4))
        await at.clock.advance(1.75)
        assert at.bars() == []
        await at.clock.advance(0.25)
        assert at.bars() == [(TUESDAY + M15, (EUR.key,), False)]
        await at.say(price(GBP, TUESDAY + M15 + 2_000))
        await at.clock.advance(5.5)
        assert len(at.bars()) == 1 and not at.feed.caught_up(TUESDAY + M15)
        at.broker.incomplete.clear()
        await at.clock.advance(0.25)
        assert at.bars()[1:] == [(TUESDAY + M15, (GBP.key,), False)] and at.feed.caught_up(TUESDAY + M15)
        event = at.events[-1]
        assert isinstance(event, BarsClosed) and [one.ts for one in event.quotes] == [TUESDAY + M15 + 2_000], "its own, as it is now"


@pytest.mark.asyncio
async def test_after_eight_seconds_nobody_asks_any_more() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(GBP, TUESDAY + 100))
        at.broker.closed(TUESDAY)
        at.broker.incomplete.add((GBP.key, TUESDAY))
        await at.say(Beat(TUESDAY + M15))
        await at.clock.advance(8.0)
        asked = len(at.broker.asked)
        assert at.feed.caught_up(TUESDAY + M15) and at.bars() == [(TUESDAY + M15, (EUR.key,), False)]
        await at.clock.advance(60.0)
        assert len(at.broker.asked) == asked


@pytest.mark.asyncio
async def test_an_old_quote_does_not_ride_along() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 100))
        await at.clock.advance(QUOTE_AGE_MS / 1000 + 0.001)
        at.broker.closed(TUESDAY)
        await at.say(price(GBP, TUESDAY + 300), Beat(TUESDAY + M15))
        event = at.events[-1]
        assert isinstance(event, BarsClosed) and [one.key for one in event.quotes] == [GBP.key]


@pytest.mark.asyncio
async def test_a_silent_stream_is_an_outage_while_the_market_is_open_and_its_bars_come_late() -> None:
    with capture_logs() as lines:
        await _silent_and_back()
    assert [(one["event"], one["what"], one["feed"]) for one in lines if one["log_level"] == "warning"] == [
        ("outage", "market data", "oanda"),
        ("outage over", "market data", "oanda"),
    ]


async def _silent_and_back() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 100))
        await at.say(Down(9, "silent for 15 s"))
        assert at.events[-1] == FeedDown(ts=TUESDAY + 100, feed="oanda", reason="silent for 15 s")
        assert at.feed.caught_up(TUESDAY + 9 * M15), "nobody waits for who hears nothing"
        at.broker.closed(TUESDAY)
        await at.say(Up(2), Beat(TUESDAY + M15 + 1))
        assert at.told() == [FeedUp, FeedDown, BarsClosed, FeedUp] and at.bars()[0][2], "late: nothing is entered on it"


@pytest.mark.asyncio
async def test_a_market_that_is_shut_is_no_outage_until_it_opens_without_the_stream() -> None:
    async with running(SATURDAY) as at:
        await at.say(Up(1), price(EUR, SATURDAY - 9, tradeable=False), Beat(SATURDAY + 5))
        assert at.told() == [FeedUp] and at.quotes == []
        asked = len(at.broker.asked)
        await at.say(Beat(SATURDAY + M15), Beat(SATURDAY + 2 * M15))
        assert len(at.broker.asked) == asked and at.feed.caught_up(SATURDAY + 2 * M15), "nothing closes, nothing is asked"
        with capture_logs() as lines:
            await at.say(Down(3, "maintenance"))
            await at.clock.advance(100 * OPEN_LOOK_S)
            assert at.told() == [FeedUp] and lines == []
            at.now = SUNDAY_OPEN
            await at.clock.advance(OPEN_LOOK_S)
        assert [(one["event"], one["what"], one["reason"]) for one in lines] == [("outage", "market data", "maintenance")]
        assert at.told() == [FeedUp, FeedDown]


@pytest.mark.asyncio
async def test_a_stream_that_is_back_before_the_market_opens_was_never_away() -> None:
    async with running(SATURDAY) as at:
        await at.say(Up(1), Beat(SATURDAY + 5), Down(3, "maintenance"), Up(4))
        at.now = SUNDAY_OPEN
        await at.clock.advance(OPEN_LOOK_S)
        at.broker.closed(SUNDAY_OPEN)
        await at.say(price(EUR, SUNDAY_OPEN + 5), price(GBP, SUNDAY_OPEN + 5), Beat(SUNDAY_OPEN + M15))
        assert at.told() == [FeedUp, BarsClosed] and at.bars() == [(SUNDAY_OPEN + M15, (EUR.key, GBP.key), False)]


@pytest.mark.asyncio
async def test_a_pair_that_is_halted_has_no_quote() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 100), price(EUR, TUESDAY + 200, tradeable=False))
        assert at.halted == [EUR.key] and len(at.quotes) == 1
        at.broker.closed(TUESDAY)
        await at.say(Beat(TUESDAY + M15))
        event = at.events[-1]
        assert isinstance(event, BarsClosed) and event.quotes == ()


@pytest.mark.asyncio
async def test_without_candles_the_feed_is_down_until_they_can_be_had() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5))
        at.broker.failing = True
        at.broker.closed(TUESDAY)
        await at.say(Beat(TUESDAY + M15))
        assert at.events[-1] == FeedDown(ts=TUESDAY + M15, feed="oanda", reason="its candles cannot be had: HTTP 503")
        at.broker.failing = False
        await at.clock.advance(FILL_RETRY_S)
        assert at.told() == [FeedUp, FeedDown, BarsClosed, FeedUp] and at.bars() == [(TUESDAY + M15, (EUR.key, GBP.key), True)]


@pytest.mark.asyncio
async def test_a_close_that_was_passed_long_ago_is_late_and_a_broken_line_is_dropped() -> None:
    async with running() as at:
        await at.say(Up(1), Beat(TUESDAY + 5), Malformed(1, "pricing", "no JSON"))
        for n in range(3):
            at.broker.closed(TUESDAY + n * M15)
        await at.say(Beat(TUESDAY + 3 * M15 + 5))
        assert [late for _, _, late in at.bars()] == [True, True, False]


@pytest.mark.asyncio
async def test_each_pair_closes_on_its_own_timeframe() -> None:
    async with running(frames={EUR.key: M15, GBP.key: 2 * M15}) as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 9), price(GBP, TUESDAY + 9))
        at.broker.closed(TUESDAY)
        await at.say(Beat(TUESDAY + M15))
        assert at.bars() == [(TUESDAY + M15, (EUR.key,), False)] and at.broker.asked[-1][0] == EUR.key
        at.broker.closed(TUESDAY + M15, EUR)
        await at.say(price(EUR, TUESDAY + M15 + 9), Beat(TUESDAY + 2 * M15))
        assert at.bars()[1:] == [(TUESDAY + 2 * M15, (EUR.key, GBP.key), False)]


SLOT = msgspec.structs.replace(EUR, domain=Domain.OPTIONS)


def as_one(key: str, since: int = TUESDAY) -> dict[str, int]:
    return {EUR.key: since, GBP.key: since, SLOT.key: since} | ({key: since - M15} if key else {})


@pytest.mark.asyncio
async def test_a_pair_and_the_slot_of_its_options_hear_the_same_and_the_history_is_asked_once() -> None:
    frames = {EUR.key: M15, GBP.key: M15, SLOT.key: M15}
    async with running(frames=frames, instruments=(EUR, GBP, SLOT)) as at:
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 100), price(GBP, TUESDAY + 100))
        assert [one.key for one in at.quotes] == [EUR.key, SLOT.key, GBP.key] and at.quotes[0].bid == at.quotes[1].bid
        at.broker.closed(TUESDAY)
        await at.say(Beat(TUESDAY + M15))
        assert at.bars() == [(TUESDAY + M15, (EUR.key, GBP.key, SLOT.key), False)]
        event = at.events[-1]
        assert isinstance(event, BarsClosed) and {one.key for one in event.quotes} == {EUR.key, GBP.key, SLOT.key}
        assert [key for key, _, _ in at.broker.asked[-2:]] == [EUR.key, GBP.key] and not any(k == SLOT.key for k, _, _ in at.broker.asked)
        await at.say(price(EUR, TUESDAY + M15 + 9, tradeable=False))
        assert at.halted == [EUR.key, SLOT.key]


@pytest.mark.asyncio
@pytest.mark.parametrize("behind", [EUR.key, SLOT.key])
async def test_who_of_a_pair_is_behind_gets_what_it_missed_alone(behind: str) -> None:
    frames = {EUR.key: M15, GBP.key: M15, SLOT.key: M15}
    async with running(frames=frames, instruments=(EUR, GBP, SLOT), since=as_one(behind)) as at:
        at.broker.closed(TUESDAY - M15, EUR)
        at.broker.closed(TUESDAY)
        await at.say(Up(1), Beat(TUESDAY + M15 + 5))
        assert at.bars() == [(TUESDAY, (behind,), True), (TUESDAY + M15, (EUR.key, GBP.key, SLOT.key), True)]


@pytest.mark.asyncio
async def test_a_slot_on_another_timeframe_than_its_pair_has_candles_of_its_own() -> None:
    frames = {EUR.key: M15, GBP.key: M15, SLOT.key: 2 * M15}
    async with running(frames=frames, instruments=(EUR, GBP, SLOT)) as at:
        at.broker.history[SLOT.key] = [bar(SLOT, TUESDAY)]
        await at.say(Up(1), Beat(TUESDAY + 5), price(EUR, TUESDAY + 9), price(GBP, TUESDAY + 9))
        at.broker.closed(TUESDAY)
        await at.say(Beat(TUESDAY + M15))
        assert at.bars() == [(TUESDAY + M15, (EUR.key, GBP.key), False)]
        await at.say(Beat(TUESDAY + 2 * M15))
        assert at.bars()[1:] == [(TUESDAY + 2 * M15, (SLOT.key,), False)]


def test_a_stream_is_opened_once_for_each_pair() -> None:
    assert subscribed((EUR, GBP, SLOT)) == (EUR, GBP)
