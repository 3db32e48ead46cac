from __future__ import annotations

import asyncio

import pytest

from modules.data.together import together
from utils.errors import Transient

pytestmark = pytest.mark.asyncio


async def give(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def test_results_come_in_the_order_of_the_jobs():
    assert await together([give(1), give(2), give(3)]) == [1, 2, 3]
    assert await together([]) == []


async def test_the_first_failure_comes_out_as_itself_and_cancels_the_rest():
    cancelled = asyncio.Event()

    async def fail() -> int:
        raise Transient("no")

    async def wait() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return 0

    with pytest.raises(Transient, match="no"):
        await together([wait(), fail()])
    assert cancelled.is_set()
