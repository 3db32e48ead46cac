"""What waits at the throttle, who goes first, and what a ban or a hold does."""

from __future__ import annotations

import asyncio
import random

import pytest

from self_test.utils.throttled import BACKFILL, ENTRY, PROTECTIVE, Desk
from utils.clock import SECOND, FakeClock
from utils.errors import Invariant
from utils.throttle import Banned, Limit, Throttle, Urgency


@pytest.mark.parametrize("calls, window_s", [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -2.0)])
def test_a_limit_that_lets_nothing_or_everything_through_is_refused(calls: int, window_s: float) -> None:
    with pytest.raises(ValueError, match="at least one call in a positive window"):
        Limit(calls, window_s)


@pytest.mark.asyncio
async def test_the_call_above_the_limit_waits_until_the_oldest_has_left_the_window() -> None:
    clock = FakeClock()
    throttle = Throttle({"market": Limit(4, 1.0)}, clock)  # the fourth place is kept for what protects
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
async def test_an_unknown_scope_is_a_bug_until_it_is_added() -> None:
    throttle = Throttle({"ip": Limit(5, 1.0)}, FakeClock())
    with pytest.raises(Invariant, match="'orders'"):
        await throttle.acquire(("ip", "orders"))
    throttle.add("orders", Limit(2, 1.0))
    await throttle.acquire(("ip", "orders"))
    throttle.add("orders", Limit(50, 1.0))  # as a second adapter of the same account would: what was counted stands
    assert throttle.wait_s("orders") == 1.0


@pytest.mark.asyncio
async def test_a_request_waits_for_all_of_its_scopes_and_counts_in_each() -> None:
    it = Desk({"ip": Limit(1, 3.0), "orders": Limit(1, 1.0)})
    await it.throttle.acquire("ip")
    async with asyncio.TaskGroup() as group:
        group.create_task(it.call("a", ("ip", "orders", "ip"), ENTRY))
        group.create_task(it.call("b", ("ip", "orders"), ENTRY))
        group.create_task(it.call("c", "orders", ENTRY, after_ms=3500))
        await it.clock.advance(20.0)
    assert it.left == [("a", 3000), ("c", 4000), ("b", 6000)]  # b is held up by the address for two windows of orders: c does not hurt it


@pytest.mark.asyncio
async def test_the_urgent_go_first_then_the_early() -> None:
    it = Desk({"g": Limit(1, 1.0)})
    await it.throttle.acquire("g")
    async with asyncio.TaskGroup() as group:
        for name, urgency in [("b1", BACKFILL), ("e1", ENTRY), ("b2", BACKFILL), ("p1", PROTECTIVE), ("e2", ENTRY), ("p2", PROTECTIVE)]:
            group.create_task(it.call(name, "g", urgency))
        await it.clock.advance(10.0)
    assert it.names() == ["p1", "p2", "e1", "e2", "b1", "b2"]


@pytest.mark.asyncio
async def test_a_place_is_kept_for_what_protects() -> None:
    it = Desk({"g": Limit(20, 1.0)})
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(it.call(f"b{number}", "g", BACKFILL))
        group.create_task(it.call("p1", "g", PROTECTIVE, after_ms=500))
        group.create_task(it.call("p2", "g", PROTECTIVE, after_ms=500))
        await it.clock.advance(10.0)
    assert it.left[18:20] == [("p1", 500), ("p2", 500)]
    assert it.left[17][1] == 0


@pytest.mark.asyncio
async def test_who_waits_for_one_scope_keeps_a_place_in_its_others_only_while_it_can_use_it() -> None:
    it = Desk({"ip": Limit(2, 1.0), "orders": Limit(1, 10.0)})
    it.throttle.hold("orders", 0.5)
    async with asyncio.TaskGroup() as group:
        group.create_task(it.call("entry", ("ip", "orders"), ENTRY))
        group.create_task(it.call("next entry", ("ip", "orders"), ENTRY))
        group.create_task(it.call("history", "ip", BACKFILL))
        await it.clock.advance(20.0)
    assert it.left == [("entry", 500), ("history", 1500), ("next entry", 10500)]


@pytest.mark.asyncio
async def test_a_ban_refuses_all_who_wait_or_come_but_lets_one_protective_a_second_try() -> None:
    it = Desk({"ip": Limit(100, 1.0), "orders": Limit(1, 60.0), "elsewhere": Limit(1, 1.0)})
    await it.throttle.acquire("orders")
    async with asyncio.TaskGroup() as group:
        group.create_task(it.call("waits", ("orders", "ip"), ENTRY))
        await it.clock.settle()
        it.throttle.ban("ip", 600.0)
        it.throttle.ban("ip", 1.0)  # does not cut it
        await it.clock.settle()
        assert it.refused == ["waits"]
        assert it.throttle.banned_s(("elsewhere", "ip")) == 600.0
        for urgency in Urgency:
            group.create_task(it.call(f"{urgency.name} 1", "ip", urgency))
            group.create_task(it.call(f"{urgency.name} 2", "ip", urgency))
        group.create_task(it.call("PROTECTIVE 3", "ip", PROTECTIVE, after_ms=500))
        group.create_task(it.call("not banned", "elsewhere", BACKFILL))
        group.create_task(it.call("too early", "ip", ENTRY, after_ms=599_999))
        group.create_task(it.call("after", "ip", BACKFILL, after_ms=600_000))
        await it.clock.advance(700.0)
    assert it.left == [
        ("PROTECTIVE 1", 0),
        ("not banned", 0),
        ("PROTECTIVE 2", 1000),
        ("PROTECTIVE 3", 2000),
        ("after", 600_000),
    ]
    assert len(it.refused) == 1 + 2 * 5 + 1
    assert it.throttle.banned_s("ip") == 0.0


@pytest.mark.asyncio
async def test_when_a_protective_request_gets_through_the_ban_is_over_for_all() -> None:
    it = Desk({"ip": Limit(100, 1.0)})
    it.throttle.ban("ip", 600.0)
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(it.call(f"p{number}", "ip", PROTECTIVE))
        await it.clock.advance(0.5)
        assert it.names() == ["p0"]
        it.throttle.lift("ip")
        group.create_task(it.call("entry", "ip", ENTRY))
        await it.clock.settle()
    assert sorted(it.left[1:]) == [("entry", 500), ("p1", 500), ("p2", 500)]


@pytest.mark.asyncio
async def test_a_refusal_says_of_whom_and_for_how_long() -> None:
    it = Desk({"ip": Limit(100, 1.0), "orders": Limit(10, 1.0)})
    it.throttle.ban("ip", 600.0)
    await it.clock.advance(60.0)
    with pytest.raises(Banned, match="ip") as caught:
        await it.throttle.acquire(("orders", "ip"), ENTRY)
    assert (caught.value.scope, caught.value.retry_after_s) == ("ip", 540.0)
    assert it.throttle.snapshot().left == {"ip": 100, "orders": 10}


@pytest.mark.asyncio
async def test_what_the_venue_says_of_its_limit_is_kept_to_at_once() -> None:
    it = Desk({"orders": Limit(2, 1.0)})
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(it.call(str(number), "orders", ENTRY))
        await it.clock.settle()
        assert len(it.left) == 1
        it.throttle.told("orders", limit=6, left=5, reset_ms_from_now=0)  # raised: those who wait notice
        await it.clock.settle()
        assert len(it.left) == 5
        it.throttle.told("orders", limit=6, left=0, reset_ms_from_now=0)  # somebody else uses the key
        await it.clock.advance(20.0)
    assert it.left[5][1] == 1000


@pytest.mark.asyncio
@pytest.mark.parametrize("granted", [False, True])
async def test_the_place_of_one_who_gives_up_goes_to_the_next_at_once(granted: bool) -> None:
    """Also when it was let out in the same moment and never knew."""
    it = Desk({"g": Limit(1, 1.0)})
    await it.throttle.acquire("g")
    async with asyncio.TaskGroup() as group:
        quitter = group.create_task(it.call("quitter", "g", ENTRY))
        group.create_task(it.call("next", "g", BACKFILL))
        await it.clock.settle()
        assert it.throttle.snapshot().waiting[ENTRY] == 1
        if granted:
            it.throttle._budgets["g"].give_back(0)
            it.throttle._serve()
        quitter.cancel()
        await it.clock.advance(1.0)
    assert it.left == [("next", 0 if granted else 1000)]
    assert sum(it.throttle.snapshot().waiting.values()) == 0
    assert it.clock.sleeping() == 0


@pytest.mark.asyncio
async def test_a_long_queue_costs_no_more_than_its_length() -> None:
    """Only the first of those who want the same watches the clock: else thousands of them would stall the loop at each release."""
    it = Desk({"ip": Limit(100, 1.0)})
    async with asyncio.TaskGroup() as group:
        for number in range(1000):
            group.create_task(it.call(str(number), "ip", BACKFILL))
        await it.clock.settle()
        assert it.clock.sleeping() == 1
        await it.clock.advance(20.0)
    assert it.left == [(str(number), number // 90 * 1000) for number in range(1000)]


@pytest.mark.asyncio
async def test_the_figures_of_waiting() -> None:
    it = Desk({"ip": Limit(10, 5.0), "orders": Limit(1, 2.0)})
    it.throttle.ban("orders", 3.0)
    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(it.call(name, ("ip", "orders"), PROTECTIVE))
        await it.clock.advance(0.5)
        figures = it.throttle.snapshot()
        assert (figures.waiting[PROTECTIVE], figures.waiting[ENTRY]) == (1, 0)
        assert (figures.left, figures.banned_s) == ({"ip": 9, "orders": 0}, {"orders": 2.5})
        await it.clock.advance(10.0)
    figures = it.throttle.snapshot()
    assert (figures.waited_s[PROTECTIVE], figures.waited_s[ENTRY]) == (2.0, 0.0)
    assert (figures.waiting[PROTECTIVE], figures.left, figures.banned_s) == (0, {"ip": 10, "orders": 1}, {})
