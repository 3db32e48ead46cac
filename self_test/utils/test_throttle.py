import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.clock import SECOND, FakeClock
from utils.errors import Invariant
from utils.throttle import Banned, Limit, Throttle, Urgency

PROTECTIVE, ENTRY, MARKET, BACKFILL = Urgency.PROTECTIVE, Urgency.ENTRY, Urgency.MARKET, Urgency.BACKFILL


class Desk:
    """Requests against a throttle: who left, when."""

    def __init__(self, limits: dict[str, Limit]) -> None:
        self.clock = FakeClock()
        self.throttle = Throttle(limits, self.clock)
        self.left: list[tuple[str, int]] = []
        """(name, ms) in the order of leaving."""
        self.refused: list[str] = []

    async def call(self, name: str, scopes: str | tuple[str, ...], urgency: Urgency, after_ms: int = 0) -> None:
        await self.clock.sleep(after_ms / 1000)
        try:
            await self.throttle.acquire(scopes, urgency)
        except Banned:
            self.refused.append(name)
        else:
            self.left.append((name, self.clock.monotonic_ns() // 1_000_000))

    def names(self) -> list[str]:
        return [name for name, _ in self.left]


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


SCOPES = {"ip": Limit(12, 2.0), "orders": Limit(3, 1.0), "wallet": Limit(2, 0.7)}
SETS = st.sets(st.sampled_from(sorted(SCOPES)), min_size=1).map(lambda names: tuple(sorted(names)))
REQUEST = st.tuples(SETS, st.sampled_from(Urgency), st.integers(0, 2500))


async def leaving(requests: list[tuple[tuple[str, ...], Urgency, int]], rest: list[tuple[tuple[str, ...], Urgency, int]]) -> Desk:
    """`requests` by their number and `rest` by minus theirs, all run to their end."""
    it = Desk(SCOPES)
    async with asyncio.TaskGroup() as group:
        for number, (scopes, urgency, after_ms) in enumerate(requests):
            group.create_task(it.call(str(number), scopes, urgency, after_ms))
        for number, (scopes, urgency, after_ms) in enumerate(rest, 1):
            group.create_task(it.call(str(-number), scopes, urgency, after_ms))
        await it.clock.advance(200.0)
    assert len(it.left) == len(requests) + len(rest)
    return it


@settings(max_examples=60, deadline=None)
@given(requests=st.lists(REQUEST, max_size=40))
def test_property_no_window_of_any_scope_is_exceeded_by_any_mixture(requests: list[tuple[tuple[str, ...], Urgency, int]]) -> None:
    it = asyncio.run(leaving(requests, []))
    for scope, limit in SCOPES.items():
        stamps = [ms for name, ms in it.left if scope in requests[int(name)][0]]
        for i in range(len(stamps) - limit.calls):
            assert stamps[i + limit.calls] - stamps[i] >= limit.window_s * 1000
    for urgency in Urgency:
        for scopes in {one[0] for one in requests}:
            alike = [int(name) for name in it.names() if requests[int(name)][:2] == (scopes, urgency)]
            arrived = [(requests[number][2], number) for number in alike]
            assert arrived == sorted(arrived), "those who want the same leave in order of arrival"


@settings(max_examples=60, deadline=None)
@given(requests=st.lists(REQUEST, max_size=25), more=st.lists(SETS, max_size=15))
def test_property_what_comes_later_and_is_less_urgent_delays_nobody(
    requests: list[tuple[tuple[str, ...], Urgency, int]], more: list[tuple[str, ...]]
) -> None:
    """All arrive together, `more` behind the others: they leave no later than without it."""
    together = [(scopes, Urgency(min(urgency, MARKET)), 0) for scopes, urgency, _ in requests]
    alone = dict(asyncio.run(leaving(together, [])).left)
    crowded = dict(asyncio.run(leaving(together, [(scopes, BACKFILL, 0) for scopes in more])).left)
    assert {name: ms for name, ms in alone.items() if crowded[name] > ms} == {}


@settings(max_examples=40, deadline=None)
@given(flood=st.lists(SETS, min_size=20, max_size=60), exits=st.lists(st.integers(0, 5000), min_size=1, max_size=3))
def test_property_an_exit_leaves_within_one_window_under_any_flood(flood: list[tuple[str, ...]], exits: list[int]) -> None:
    requests = [(("ip", "orders"), PROTECTIVE, ms) for ms in exits] + [(scopes, BACKFILL, 0) for scopes in flood]
    it = asyncio.run(leaving(requests, []))
    assert all(dict(it.left)[str(number)] <= ms + 2000 for number, ms in enumerate(exits))
    alone = it.left if len(exits) == 1 else []
    assert all(ms == exits[0] for name, ms in alone if name == "0"), "a single one finds the place that is kept for it"


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


@settings(max_examples=50, deadline=None)
@given(requests=st.lists(REQUEST, min_size=1, max_size=25), data=st.data())
def test_property_those_who_give_up_take_no_place_and_stop_nobody(
    requests: list[tuple[tuple[str, ...], Urgency, int]], data: st.DataObject
) -> None:
    quitting = data.draw(st.dictionaries(st.integers(0, len(requests) - 1), st.integers(0, 3000)))

    async def run() -> Desk:
        it = Desk(SCOPES)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(it.call(str(number), *request)) for number, request in enumerate(requests)]

            async def quit_at(number: int, ms: int) -> None:
                await it.clock.sleep(ms / 1000)
                tasks[number].cancel()

            for number, ms in quitting.items():
                group.create_task(quit_at(number, ms))
            await it.clock.advance(200.0)
        return it

    it = asyncio.run(run())
    left = {int(name) for name in it.names()}
    assert left >= set(range(len(requests))) - set(quitting)
    figures = it.throttle.snapshot()
    assert (set(figures.waiting.values()), it.clock.sleeping()) == ({0}, 0)
    assert figures.left == {scope: limit.calls for scope, limit in SCOPES.items()}
    for scope, limit in SCOPES.items():
        stamps = [ms for name, ms in it.left if scope in requests[int(name)][0]]
        assert all(later - earlier >= limit.window_s * 1000 for earlier, later in zip(stamps, stamps[limit.calls :], strict=False))
