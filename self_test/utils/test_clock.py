import asyncio
import time

import pytest

from utils.clock import SECOND, Clock, FakeClock, VenueTime, WallClock


def test_the_wall_clock_tells_utc_milliseconds() -> None:
    clock: Clock = WallClock()
    before = time.time_ns() // 1_000_000  # noqa: TID251  the oracle
    now = clock.now_ms()
    assert before <= now <= time.time_ns() // 1_000_000  # noqa: TID251  the oracle
    first = clock.monotonic_ns()
    assert clock.monotonic_ns() >= first


@pytest.mark.asyncio
@pytest.mark.parametrize("clock", [WallClock(), FakeClock()], ids=["wall", "fake"])
async def test_a_sleep_of_nothing_only_passes_through_the_loop(clock: Clock) -> None:
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        await clock.sleep(-1.0)
        order.append("slept")
    assert order == ["other", "slept"]


@pytest.mark.asyncio
async def test_sleepers_wake_in_order_of_time_and_see_their_own_moment() -> None:
    clock = FakeClock(start_ms=1_000)
    seen: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.now_ms()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("late", 3.0), ("early", 1.0), ("same", 3.0), ("beyond", 9.0)):
            group.create_task(sleeper(name, seconds))
        await clock.advance(5.0)
        assert seen == [("early", 2_000), ("late", 4_000), ("same", 4_000)]
        assert clock.now_ms() == 6_000
        assert clock.monotonic_ns() == 5 * SECOND
        assert clock.sleeping() == 1
        await clock.advance(4.0)
    assert seen[-1] == ("beyond", 10_000)


@pytest.mark.asyncio
async def test_a_chain_of_sleeps_within_one_advance_happens_at_the_right_times() -> None:
    clock = FakeClock(start_ms=0)
    ticks: list[int] = []

    async def ticker() -> None:
        for _ in range(4):
            await clock.sleep(0.25)
            ticks.append(clock.now_ms())

    async with asyncio.TaskGroup() as group:
        group.create_task(ticker())
        await clock.advance(1.0)
    assert ticks == [250, 500, 750, 1_000]


@pytest.mark.asyncio
async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(clock.sleep(1.0))
        await clock.settle()
        task.cancel()
        await clock.settle()
        assert clock.sleeping() == 0
        await clock.advance(2.0)


@pytest.mark.asyncio
async def test_venue_time_runs_at_the_venues_speed_between_events_and_never_backwards() -> None:
    clock = FakeClock()
    venue = VenueTime(clock, speed=600.0)
    assert (venue.last_ts(), venue.estimate_ms()) == (0, 0)
    venue.observe(1_000_000)
    await clock.advance(0.1)
    assert venue.estimate_ms() == 1_060_000
    assert venue.silent_s() == pytest.approx(0.1)
    venue.observe(999_999)  # late: neither the stamp nor the moment of arrival changes
    assert (venue.last_ts(), venue.estimate_ms()) == (1_000_000, 1_060_000)
    venue.observe(1_080_000)
    assert (venue.last_ts(), venue.estimate_ms(), venue.silent_s()) == (1_080_000, 1_080_000, 0.0)


@pytest.mark.asyncio
async def test_a_feed_that_never_spoke_is_as_silent_as_it_is_old() -> None:
    clock = FakeClock()
    await clock.advance(100.0)
    venue = VenueTime(clock)
    await clock.advance(7.0)
    assert venue.silent_s() == pytest.approx(7.0)
