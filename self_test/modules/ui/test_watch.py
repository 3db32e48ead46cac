"""A slow subscriber never holds anybody up and never loses what must not be lost."""

import asyncio

import pytest

from modules.ui.watch import Watchers

pytestmark = pytest.mark.asyncio


async def test_everybody_gets_every_item_in_order_until_closed() -> None:
    watchers: Watchers[str] = Watchers(lambda _one: False)
    first, second = watchers.join(), watchers.join()
    watchers.tell("a")
    second.close()
    watchers.tell("b")
    assert [await first.take(), await first.take()] == ["a", "b"]
    assert [one async for one in second] == ["a"]


async def test_a_full_one_loses_the_oldest_droppable_and_keeps_the_rest() -> None:
    watchers: Watchers[str] = Watchers(lambda one: one.startswith("!"), room=2)
    slow = watchers.join()
    for one in ("!1", "x", "!2", "y", "!3"):
        watchers.tell(one)
    slow.close()
    assert [one async for one in slow] == ["!1", "!2", "!3"]
    assert slow.dropped == 2


async def test_whoever_waits_is_woken_by_the_end() -> None:
    watchers: Watchers[str] = Watchers(lambda _one: True)
    watch = watchers.join()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(watch.take())
        await asyncio.sleep(0)
        watch.close()
    assert waiting.result() is None
