from __future__ import annotations

import asyncio

import pytest

from telemetry.loop_lag import measure_lag
from utils.clock import FakeClock


class HeldLoop(FakeClock):
    """A clock on which something holds the loop for 40 ms after every sleep."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + 0.04)


@pytest.mark.asyncio
@pytest.mark.parametrize("clock, late", [(FakeClock(), 0.0), (HeldLoop(), 0.04)])
async def test_what_is_slept_too_long_is_reported(clock: FakeClock, late: float) -> None:
    found: list[float] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(measure_lag(clock, found.append, every_s=0.25))
        await clock.advance(1.0)
        task.cancel()
    assert len(found) in (3, 4)
    assert found == pytest.approx([late] * len(found))
