"""How late the event loop is: a sleeper that measures by how much it overslept."""

from __future__ import annotations

from collections.abc import Callable

from utils.clock import SECOND, Clock


async def measure_lag(clock: Clock, report: Callable[[float], None], every_s: float = 0.25) -> None:
    """For ever: sleep `every_s` and report the seconds beyond it. A lag means that something held the loop."""
    while True:
        asleep = clock.monotonic_ns()
        await clock.sleep(every_s)
        report((clock.monotonic_ns() - asleep) / SECOND - every_s)
