import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.clock import SECOND, FakeClock
from utils.errors import Invariant
from utils.throttle import Limit, Throttle


@pytest.mark.parametrize("calls, window_s", [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -2.0)])
def test_a_limit_that_lets_nothing_or_everything_through_is_refused(calls: int, window_s: float) -> None:
    with pytest.raises(ValueError, match="at least one call in a positive window"):
        Limit(calls, window_s)


@pytest.mark.asyncio
async def test_the_call_above_the_limit_waits_until_the_oldest_has_left_the_window() -> None:
    clock = FakeClock()
    throttle = Throttle({"market": Limit(3, 1.0)}, clock)
    passed: list[tuple[int, int]] = []

    async def call(number: int) -> None:
        await throttle.acquire("market")
        passed.append((number, clock.monotonic_ns()))

    async with asyncio.TaskGroup() as group:
        for number in range(7):
            group.create_task(call(number))
        await clock.advance(0.999_999)
        assert [number for number, _ in passed] == [0, 1, 2]
        await clock.advance(5.0)
    assert passed == [(n, n // 3 * SECOND) for n in range(7)]  # in order of arrival, three a second


@pytest.mark.asyncio
async def test_no_window_ever_holds_more_calls_than_allowed() -> None:
    """What a leaky bucket gets wrong: a pause must not buy a double burst."""
    clock = FakeClock()
    throttle = Throttle({"g": Limit(10, 1.0)}, clock)
    stamps: list[int] = []
    rng = random.Random(5)

    async def caller() -> None:
        for _ in range(60):
            await clock.sleep(rng.choice([0.0, 0.01, 0.05, 0.7]))
            await throttle.acquire("g")
            stamps.append(clock.monotonic_ns())

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(caller())
        await clock.advance(120.0)
    assert len(stamps) == 180
    for i in range(len(stamps) - 10):
        assert stamps[i + 10] - stamps[i] >= SECOND


@pytest.mark.asyncio
async def test_groups_do_not_touch_each_other() -> None:
    clock = FakeClock()
    throttle = Throttle({"orders": Limit(1, 10.0), "market": Limit(1, 10.0)}, clock)
    await throttle.acquire("orders")
    assert throttle.wait_s("orders") == 10.0
    assert throttle.wait_s("market") == 0.0
    await asyncio.wait_for(throttle.acquire("market"), 5.0)


@pytest.mark.asyncio
async def test_a_hold_stops_the_group_and_a_shorter_one_does_not_end_it_sooner() -> None:
    clock = FakeClock()
    throttle = Throttle({"g": Limit(5, 1.0)}, clock)
    throttle.hold("g", 60.0)
    throttle.hold("g", 1.0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(throttle.acquire("g"))
        await clock.advance(59.9)
        assert not task.done()
        await clock.advance(0.1)
        assert task.done()


@pytest.mark.asyncio
async def test_a_hold_that_comes_while_somebody_waits_holds_him_too() -> None:
    clock = FakeClock()
    throttle = Throttle({"g": Limit(1, 1.0)}, clock)
    await throttle.acquire("g")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(throttle.acquire("g"))
        await clock.advance(0.5)
        throttle.hold("g", 3.0)
        await clock.advance(2.9)
        assert not task.done()
        await clock.advance(0.1)
        assert task.done()


@pytest.mark.asyncio
async def test_a_newcomer_at_the_moment_of_release_does_not_overtake_who_waits() -> None:
    clock = FakeClock()
    throttle = Throttle({"g": Limit(1, 1.0)}, clock)
    passed: list[str] = []

    async def call(name: str, after_s: float) -> None:
        await clock.sleep(after_s)
        await throttle.acquire("g")
        passed.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(call("first", 0.0))
        group.create_task(call("newcomer", 1.0))  # wakes at the very moment, before the waiter does
        await clock.settle()
        group.create_task(call("waiter", 0.0))
        await clock.advance(10.0)
    assert passed == ["first", "waiter", "newcomer"]


@pytest.mark.asyncio
async def test_a_waiter_that_gives_up_costs_nothing() -> None:
    clock = FakeClock()
    throttle = Throttle({"g": Limit(1, 1.0)}, clock)
    await throttle.acquire("g")
    async with asyncio.TaskGroup() as group:
        quitter = group.create_task(throttle.acquire("g"))
        await clock.settle()
        quitter.cancel()
        await clock.advance(1.0)
        assert throttle.wait_s("g") == 0.0


@pytest.mark.asyncio
async def test_an_unknown_group_is_a_bug() -> None:
    throttle = Throttle({}, FakeClock())
    with pytest.raises(Invariant, match="'orders'"):
        await throttle.acquire("orders")


@given(calls=st.integers(1, 6), window_ms=st.integers(1, 5_000), gaps_ms=st.lists(st.integers(0, 3_000), max_size=30))
def test_property_the_window_is_never_exceeded(calls: int, window_ms: int, gaps_ms: list[int]) -> None:
    async def run() -> list[int]:
        clock = FakeClock()
        throttle = Throttle({"g": Limit(calls, window_ms / 1000)}, clock)
        stamps = []
        for gap in gaps_ms:
            await clock.advance(gap / 1000)
            async with asyncio.TaskGroup() as group:
                task = group.create_task(throttle.acquire("g"))
                await clock.advance(throttle.wait_s("g"))
                assert task.done()
            stamps.append(clock.monotonic_ns())
        return stamps

    stamps = asyncio.run(run())
    for i in range(len(stamps) - calls):
        assert stamps[i + calls] - stamps[i] >= window_ms * 1_000_000
