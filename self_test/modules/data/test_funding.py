"""Rates with the bars they belong to, and paper's settlements: on time, late, after a gap, after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from marketdata.items import Ticker
from modules.data.funding import FundingWatch
from modules.exchange.paper_funding import Holding, Owed
from self_test.fakes.books import M5, PERP, coin, seat_of
from state.accounts import Account, Domain
from state.instruments import Instrument
from state.market import FundingRate
from state.messages import BarsClosed, FundingPaid
from state.observed import RATES
from utils.clock import FakeClock
from utils.errors import Transient

pytestmark = pytest.mark.asyncio

COIN = coin("AAAUSDT", Domain.PERPS)
KEY, T, H8 = COIN.key, 1_735_689_600_000, 8 * 3_600_000
HELD = Holding(PERP, 1, 10, 0)


class Venue:
    """A venue's record of settlements: rate 0.0001 x n at the n-th, mark 100,000 + n; it shows those up to `shown`."""

    def __init__(self, shown: int) -> None:
        self.shown = shown
        self.marks = True
        self.failures = 0
        self.asked: list[tuple[int, int]] = []

    async def funding_history(self, instrument: Instrument, start_ms: int, end_ms: int) -> list[FundingRate]:
        if self.failures:
            self.failures -= 1
            raise Transient("overloaded")
        self.asked.append((start_ms, end_ms))
        first = -(-start_ms // H8) * H8
        return [FundingRate(instrument.key, ts, 10_000 * ((ts - T) // H8)) for ts in range(first, min(end_ms, self.shown) + 1, H8)]

    async def mark_open(self, _instrument: Instrument, timeframe_ms: int, ts: int) -> int | None:
        assert timeframe_ms == M5
        return 100_000 + (ts - T) // H8 if self.marks else None


class Daemon:
    """One life of the watch, with what paper holds and what it paid."""

    def __init__(self, venue: Venue, *, known: int = T, clock: FakeClock | None = None, booked: set[str] | None = None) -> None:
        self.paid: list[FundingPaid] = []
        self.booked = set[str]() if booked is None else booked
        self.held: Holding | None = None
        self.now = T
        self.clock = clock or FakeClock()
        self.owed = Owed(self._was_booked, seat_of(1_000_000))
        self.watch = FundingWatch(
            [COIN],
            M5,
            venue,
            self.clock,
            self.owed,
            known={KEY: known},
            now_ms=lambda: self.now,
            held=lambda _: self.held,
            pay=self._pay,
        )

    def _was_booked(self, _: Account, ref: str) -> bool:
        return ref in self.booked

    def _pay(self, events: list[FundingPaid]) -> None:
        self.paid += events
        self.booked |= {one.ref for one in events}

    def tick(self, ts: int, upcoming: int | None) -> None:
        self.now = max(self.now, ts)
        self.watch.on_ticker(Ticker(KEY, ts, next_funding_ts=upcoming))

    def told(self, close_ts: int) -> list[int]:
        return [rate.ts for rate in self.watch.attach(BarsClosed(close_ts)).funding]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.watch.catch_up()
        task = asyncio.get_running_loop().create_task(self.watch.run())
        await self.clock.settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def amounts(self) -> list[tuple[int, int]]:
        return [((one.ts - T) // H8, one.amount) for one in self.paid]


def due(n: int) -> int:
    """What HELD pays at the n-th settlement."""
    return (100_000 + n) * 10 * 1_000_000 * n // 10_000


async def test_a_settlement_is_paid_when_it_came_and_its_rate_rides_with_the_bar_that_opened_then() -> None:
    venue = Venue(T)
    daemon = Daemon(venue)
    async with daemon.running():
        daemon.held = HELD
        daemon.tick(T + 60_000, T + H8)
        assert daemon.watch.idle
        venue.shown = T + H8
        daemon.tick(T + H8 + 5, None)
        assert not daemon.watch.idle
        daemon.held = None  # closed a moment later
        await daemon.clock.settle()
        assert daemon.watch.idle
        assert daemon.amounts() == [(1, due(1))]
        assert daemon.told(T + H8) == [], "the bar that closes at the settlement opened before it"
        assert daemon.told(T + H8 + M5) == [T + H8]
        assert daemon.told(T + H8 + 2 * M5) == []


async def test_one_settlement_is_noticed_once_also_when_frames_name_it_long_after() -> None:
    venue = Venue(T + H8)
    daemon = Daemon(venue)
    async with daemon.running():
        daemon.tick(T + 1, T + H8)
        daemon.tick(T + H8, T + H8)
        daemon.held = HELD  # entered after it
        daemon.tick(T + H8 + 100, T + H8)
        daemon.tick(T + H8 + 200, T + 2 * H8)
        await daemon.clock.settle()
        assert daemon.paid == []


async def test_rates_that_the_venue_does_not_show_yet_are_asked_for_again() -> None:
    venue = Venue(T)
    daemon = Daemon(venue)
    async with daemon.running():
        daemon.held = HELD
        daemon.tick(T + 1, T + H8)
        daemon.tick(T + H8 + 1, T + 2 * H8)
        await daemon.clock.settle()
        assert daemon.paid == [] and daemon.watch.idle, "a close does not wait for more than one answer"
        venue.failures, venue.marks = 2, False
        venue.shown = T + H8
        await daemon.clock.advance(10.0)
        assert daemon.told(T + H8 + M5) == [T + H8] and daemon.paid == []
        venue.marks = True
        await daemon.clock.advance(30.0)
        assert daemon.amounts() == [(1, due(1))]
        count = len(venue.asked)
        await daemon.clock.advance(300.0)
        assert len(venue.asked) == count, "what is known is asked for no more"


async def test_what_was_missed_while_nobody_listened_comes_at_the_start_in_order() -> None:
    daemon = Daemon(Venue(T + 4 * H8))
    daemon.now = T + 4 * H8 + 60_000
    daemon.owed.note(KEY, T + H8 + 1, HELD)
    async with daemon.running():
        assert daemon.amounts() == [(n, due(n)) for n in (2, 3, 4)]
        assert daemon.told(T + 3 * H8 + M5) == [T + n * H8 for n in (1, 2, 3)]
        assert daemon.told(T + 5 * H8) == [T + 4 * H8]


async def test_settlements_during_a_silence_of_the_feed_are_all_paid() -> None:
    venue = Venue(T)
    daemon = Daemon(venue)
    async with daemon.running():
        daemon.held = HELD
        daemon.tick(T + 1, T + H8)
        venue.shown = T + 3 * H8
        daemon.tick(T + 3 * H8 + 1, T + 4 * H8)
        await daemon.clock.settle()
        assert daemon.amounts() == [(n, due(n)) for n in (1, 2, 3)]


@pytest.mark.parametrize("crash_after", range(4))
async def test_after_a_crash_every_settlement_is_paid_exactly_once(crash_after: int) -> None:
    """The first life ends with `crash_after` settlements in the journal; the second finds the position open."""
    booked = set[str]()
    first = Daemon(Venue(T + 3 * H8), booked=booked)
    first.owed.note(KEY, T + 1, HELD)
    first.now = T + 3 * H8
    await first.watch.catch_up()
    lost = {one.ref for one in first.paid[crash_after:]}
    booked -= lost
    second = Daemon(Venue(T + 4 * H8), booked=booked, known=T + 3 * H8)
    second.owed.note(KEY, T + 1, HELD)
    second.now = T + 4 * H8
    await second.watch.catch_up()
    refs = [one.ref for one in first.paid[:crash_after] + second.paid]
    assert len(refs) == len(set(refs)) == 4
    assert second.told(T + 5 * H8) == [T + 4 * H8], "the rates themselves were journalled with their bars"


async def test_a_first_start_fills_the_memory_of_rates_and_no_more() -> None:
    venue = Venue(T)
    daemon = Daemon(venue, known=0)
    async with daemon.running():
        assert venue.asked == [(T - RATES * H8, T)]
        assert len(daemon.told(T + M5)) == RATES + 1
        assert daemon.watch.idle and daemon.paid == []


async def test_a_venue_that_cannot_be_asked_at_the_start_keeps_nobody_waiting() -> None:
    venue = Venue(T + H8)
    venue.failures = 3
    daemon = Daemon(venue)
    daemon.now = T + H8
    async with daemon.running():
        assert daemon.told(T + 2 * H8) == []
        await daemon.clock.advance(5.0)
        assert daemon.told(T + 2 * H8) == [T + H8]
