"""Requests against a throttle, for its tests: who left, when."""

from __future__ import annotations

from utils.clock import FakeClock
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
