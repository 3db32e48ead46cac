"""A line that is made again: one word for each loss, pauses that grow until it held, a clock without the consumer's time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from utils.backoff import Backoff
from utils.clock import SECOND, FakeClock
from utils.frames import Down, Up
from utils.reconnect import Lost, Reconnecting

pytestmark = pytest.mark.asyncio

Said = tuple[list[object], float, Exception]
GONE: Said = ([], 0.0, OSError("gone"))


class Line:
    """Connections by a plan: each says its items, stays for some seconds, and ends by its error."""

    def __init__(self, *plan: Said) -> None:
        self.clock, self.begun = FakeClock(), list[float]()
        self._plan = list(plan)
        why = lambda error: (f"why: {error}", 100.0 if "ban" in str(error) else 0.0)  # noqa: E731
        self.line = Reconnecting(self.clock, random.Random(1), Backoff(base_s=2.0, cap_s=64.0), 30.0, (OSError,), why)

    async def connection(self) -> AsyncGenerator[object, None]:
        self.begun.append(self.clock.monotonic_ns() / SECOND)
        items, seconds, error = self._plan.pop(0)
        for item in items:
            yield item
        await self.clock.sleep(seconds)
        raise error

    async def told(self, count: int, busy_s: float = 0.0) -> list[object]:
        """The first `count` items; the consumer takes `busy_s` over each."""
        heard: list[object] = []

        async def read() -> None:
            async with aclosing(self.line.items(self.connection, Up, Down)) as items:
                async for item in items:
                    heard.append(item)
                    await self.clock.sleep(busy_s)
                    if len(heard) == count:
                        return

        async with asyncio.TaskGroup() as group:
            task = group.create_task(read())
            while not task.done():
                await self.clock.advance(1.0)
        return heard


async def test_a_loss_is_told_once_until_it_speaks_again() -> None:
    line = Line(GONE, GONE, ([Up(1), "data"], 0.0, Lost("silent")), GONE, GONE)
    heard = await line.told(4)
    assert [type(one) for one in heard] == [Down, Up, str, Down]
    assert [one.reason for one in heard if isinstance(one, Down)] == ["why: gone", "silent"]


async def test_pauses_grow_from_failure_to_failure_and_begin_anew_after_a_line_that_held() -> None:
    line = Line(GONE, GONE, GONE, ([Up(1)], 5.0, Lost("")), ([Up(1)], 30.0, Lost("")), ([Up(1)], 0.0, Lost("")))
    await line.told(6)
    pauses = [later - sooner for sooner, later in zip(line.begun, line.begun[1:], strict=False)]
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 4 <= pauses[2] <= 8 < 5 + 8 <= pauses[3] <= 5 + 16
    assert 30 + 1 <= pauses[4] <= 30 + 2, "it held, so this is a first failure"


async def test_a_venue_that_bans_is_left_alone_for_as_long_as_it_says() -> None:
    line = Line(([], 0.0, OSError("ban")), ([Up(1)], 0.0, Lost("")))
    await line.told(2)
    assert line.begun == [0.0, 100.0]


async def test_what_the_consumer_takes_does_not_count() -> None:
    line = Line(([Up(1), "data"], 0.0, Lost("")))
    await line.told(3, busy_s=40.0)
    assert line.line.now_s() == pytest.approx(line.clock.monotonic_ns() / SECOND - 80.0, abs=0.01), "of the two items of the connection"


async def test_another_error_is_the_consumers() -> None:
    line = Line(([], 0.0, KeyError("bug")))
    with pytest.raises(KeyError):
        await anext(line.line.items(line.connection, Up, Down))
