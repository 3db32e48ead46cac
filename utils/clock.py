"""Time as a port: transport time comes from a `Clock`, venue time from events.

Two times live in this program. *Venue time* is what the exchange stamps on its events; every decision (candles, funding, holds,
cooldowns, schedules) uses the event's `ts` and never asks a clock; a simulated venue runs it faster than the wall. *Transport time*
is the wall: signing, timeouts, heartbeats, rate limits and back-off run on it, at every speed. A `Clock` is transport time; `VenueTime`
says what venue time probably is between two events, for progress lines and staleness, never for a decision.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol

MS = 1_000_000
"""Nanoseconds in a millisecond."""

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

_SETTLE_ROUNDS = 25
"""Turns of the event loop that `FakeClock` gives woken tasks, enough for a handful of awaits to chain up."""


class Clock(Protocol):
    """Transport time."""

    def now_ms(self) -> int:
        """Milliseconds UTC since 1970; may be corrected by the system, so never subtract two of these for a timeout."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that only ever grow, from an arbitrary start: for durations and limits."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once, but through the event loop, when they are not positive."""
        ...


class WallClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds UTC since 1970."""
        return time.time_ns() // MS

    def monotonic_ns(self) -> int:
        """Nanoseconds of the monotonic clock."""
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(max(0.0, seconds))


class FakeClock:
    """A clock that stands still until somebody moves it; sleepers wake in order of their time, then of their arrival."""

    def __init__(self, start_ms: int = 1_735_689_600_000) -> None:
        self._start_ns = start_ms * MS
        self._elapsed_ns = 0
        self._arrival = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """Milliseconds UTC, as moved so far."""
        return (self._start_ns + self._elapsed_ns) // MS

    def monotonic_ns(self) -> int:
        """Nanoseconds since this clock was made."""
        return self._elapsed_ns

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_ns + round(seconds * SECOND), next(self._arrival), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Move on by `seconds`, stopping at every sleeper on the way so that what it does happens at its own time."""
        target = self._elapsed_ns + round(seconds * SECOND)
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, wake = heapq.heappop(self._sleepers)
            if wake.done():  # its task was cancelled
                continue
            self._elapsed_ns = due
            wake.set_result(None)
            await self.settle()
        self._elapsed_ns = target

    async def settle(self) -> None:
        """Let every task run until it waits, without moving time."""
        for _ in range(_SETTLE_ROUNDS):
            await asyncio.sleep(0)

    def sleeping(self) -> int:
        """How many tasks wait for this clock."""
        return sum(not wake.done() for _, _, wake in self._sleepers)


class VenueTime:
    """What venue time is now, extrapolated from the last stamped event at the venue's speed; it never runs backwards."""

    def __init__(self, clock: Clock, speed: float = 1.0) -> None:
        self._clock = clock
        self._speed = speed
        self._ts = 0
        self._seen_ns = clock.monotonic_ns()

    def observe(self, ts: int) -> None:
        """An event stamped `ts` (ms) arrived; one that is late changes nothing."""
        if ts >= self._ts:
            self._ts = ts
            self._seen_ns = self._clock.monotonic_ns()

    def last_ts(self) -> int:
        """The newest stamp seen, ms; 0 before the first."""
        return self._ts

    def silent_s(self) -> float:
        """Wall seconds since the newest stamp was seen (since the start, before the first): a feed's age, at any venue speed."""
        return (self._clock.monotonic_ns() - self._seen_ns) / SECOND

    def estimate_ms(self) -> int:
        """Venue time by now, ms; 0 before the first event."""
        if self._ts == 0:
            return 0
        return self._ts + int((self._clock.monotonic_ns() - self._seen_ns) * self._speed) // MS
