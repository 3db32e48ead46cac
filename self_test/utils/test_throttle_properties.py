"""What holds of the throttle under any mixture of requests."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from self_test.utils.throttled import BACKFILL, MARKET, PROTECTIVE, Desk
from utils.clock import FakeClock
from utils.throttle import Limit, Throttle, Urgency

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
