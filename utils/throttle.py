"""A sliding-window limiter for requests: never more than N calls in any window of W seconds, per group.

Venues count hard windows, so a bucket that lets a burst through and refills while it drains would break them: here the call that
would be the (N+1)th waits until the oldest of the last N has left the window. Waiters of one group pass in order of arrival;
groups do not touch each other. Windows run on transport time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from enum import IntEnum

import msgspec

from utils.clock import SECOND, Clock
from utils.errors import Invariant


class Urgency(IntEnum):
    """Who is served first when a budget is short: the smaller number."""

    PROTECTIVE = 0
    """Stops, targets, closes: never blocked by anything but the venue."""
    CANCEL = 1
    ENTRY = 2
    ACCOUNT = 3
    MARKET = 4
    BACKFILL = 5


class Limit(msgspec.Struct, frozen=True):
    """At most `calls` within any `window_s` seconds; both positive, else ValueError."""

    calls: int
    window_s: float

    def __post_init__(self) -> None:
        if self.calls < 1 or self.window_s <= 0:
            raise ValueError(f"a limit needs at least one call in a positive window, not {self.calls} in {self.window_s} s")


class Throttle:
    """Lets callers through one by one, as each group's limit allows."""

    def __init__(self, limits: Mapping[str, Limit], clock: Clock) -> None:
        self._clock = clock
        self._groups = {name: _Group(limit) for name, limit in limits.items()}

    async def acquire(self, group: str) -> None:
        """Return when one more call of `group` may leave; it is counted from that moment. Invariant when there is no such group."""
        state = self._group(group)
        async with state.turn:
            while (wait_ns := state.wait_ns(self._clock.monotonic_ns())) > 0:
                await self._clock.sleep(wait_ns / SECOND)
            state.count(self._clock.monotonic_ns())

    def hold(self, group: str, seconds: float) -> None:
        """The venue said "too many": nobody of `group` passes for `seconds`. A shorter hold never cuts a longer one."""
        state = self._group(group)
        state.held_until_ns = max(state.held_until_ns, self._clock.monotonic_ns() + round(seconds * SECOND))

    def wait_s(self, group: str) -> float:
        """Seconds until the next call of `group` could leave, not counting those who already wait."""
        return max(0, self._group(group).wait_ns(self._clock.monotonic_ns())) / SECOND

    def _group(self, name: str) -> _Group:
        if name not in self._groups:
            raise Invariant(f"no rate limit is set for the group {name!r}")
        return self._groups[name]


class _Group:
    def __init__(self, limit: Limit) -> None:
        self.window_ns = round(limit.window_s * SECOND)
        self.stamps: deque[int] = deque(maxlen=limit.calls)
        self.held_until_ns = 0
        self.turn = asyncio.Lock()

    def wait_ns(self, now_ns: int) -> int:
        ready_ns = self.held_until_ns
        if len(self.stamps) == self.stamps.maxlen:
            ready_ns = max(ready_ns, self.stamps[0] + self.window_ns)
        return ready_ns - now_ns

    def count(self, now_ns: int) -> None:
        self.stamps.append(now_ns)
