"""A simulator on a real port inside the test, on the real clock; free pace, fast, small."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from modules.simulator.server import Simulator
from modules.simulator.venue_options import SimulatorOptions
from utils.clock import WallClock


@contextlib.asynccontextmanager
async def serving(**more: Any) -> AsyncIterator[Simulator]:
    """Serve until the block ends."""
    chosen = SimulatorOptions(speed=600.0, pace="free", symbols=("BTCUSDT", "ETHUSDT"))
    simulator = Simulator(msgspec.structs.replace(chosen, **more), WallClock())
    await simulator.start()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(simulator.run())
            try:
                yield simulator
            finally:
                simulator.stop()
    finally:
        await simulator.close()
