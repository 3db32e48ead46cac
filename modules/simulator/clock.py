"""Venue time: a schedule on the wall clock, which can be held, and never skips what it has not yet published.

`now_ms` is the published border: everything before it has gone out, nothing at or after it. The schedule says how far the border
may move. A border that falls behind (a slow daemon in lockstep, a busy machine) catches up at once, but only up to a quarter second
of schedule; the rest of the delay is given up, so a stall never becomes a burst. At speed 1 nothing is given up: venue time is wall time.
"""

from __future__ import annotations

import math
from collections import deque

MAX_LAG_S = 0.25
WINDOW_S = 5.0


class VenueClock:
    """Wall times are milliseconds of any clock that only moves forward, handed in by the caller."""

    def __init__(self, start_ms: int, speed: float, *, end_ms: int | None = None, wall_ms: float) -> None:
        self.now_ms = start_ms
        self.speed = speed
        self.end_ms = end_ms
        self.held = False
        self._anchor_wall = wall_ms
        self._anchor_venue = float(start_ms)
        self._seen: deque[tuple[float, int]] = deque([(wall_ms, start_ms)])

    @property
    def ended(self) -> bool:
        """Whether the market's last instant has been published."""
        return self.end_ms is not None and self.now_ms >= self.end_ms

    def target(self, wall_ms: float) -> int:
        """How far the border may move at this wall time."""
        if self.held:
            return self.now_ms
        scheduled = self._anchor_venue + (wall_ms - self._anchor_wall) * self.speed
        allowed = self.now_ms + MAX_LAG_S * 1000 * self.speed
        if scheduled > allowed and self.speed != 1:
            scheduled = allowed
            self._anchor(wall_ms, scheduled)
        target = max(self.now_ms, math.floor(scheduled))
        return target if self.end_ms is None else min(target, self.end_ms)

    def publish(self, until_ms: int) -> None:
        """Move the border; everything before `until_ms` is out."""
        self.now_ms = until_ms

    def hold(self) -> None:
        """Stop the schedule where it is."""
        self.held = True

    def go_on(self, wall_ms: float) -> None:
        """Start the schedule again from the border."""
        if self.held:
            self.held = False
            self._anchor(wall_ms, float(self.now_ms))
            self._seen = deque([(wall_ms, self.now_ms)])

    def set_speed(self, speed: float, wall_ms: float) -> None:
        """Change the pace from here on; ValueError unless it is positive and finite."""
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"speed must be above 0, not {speed}")
        self.speed = speed
        self._anchor(wall_ms, float(self.now_ms))
        self._seen = deque([(wall_ms, self.now_ms)])

    def note(self, wall_ms: float) -> None:
        """Remember where the border is, for `achieved`."""
        self._seen.append((wall_ms, self.now_ms))
        while len(self._seen) > 2 and wall_ms - self._seen[1][0] >= WINDOW_S * 1000:
            self._seen.popleft()

    def achieved(self) -> float | None:
        """Venue seconds per wall second over the last seconds; None while that is not known (held, ended or just begun)."""
        (wall_a, venue_a), (wall_b, venue_b) = self._seen[0], self._seen[-1]
        if self.held or self.ended or wall_b - wall_a < 500:
            return None
        return (venue_b - venue_a) / (wall_b - wall_a)

    def _anchor(self, wall_ms: float, venue_ms: float) -> None:
        self._anchor_wall, self._anchor_venue = wall_ms, venue_ms
