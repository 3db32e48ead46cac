"""What the wall clock said at an instant of venue time that is lived again: between what was written down, in proportion.

So a time without a stop is as long after a restart as it was before it, and what the venue itself was away for is nobody's.
"""

from __future__ import annotations

import bisect


class WallTrack:
    """Instants must be added in their order. After the last one time goes on at `speed`, but never beyond `limit` (wall, ms)."""

    def __init__(self, speed: float, limit: int) -> None:
        self._speed, self._limit = speed, limit
        self._ts: list[int] = []
        self._walls: list[int] = []

    def add(self, ts: int, wall: int) -> None:
        """At venue time `ts` it was `wall` (0 = that was not written down)."""
        if wall:
            self._ts.append(ts)
            self._walls.append(wall)

    def at(self, ts: int) -> int:
        """The wall time of an instant; the limit when nothing was written down."""
        if not self._ts:
            return self._limit
        after = bisect.bisect_right(self._ts, ts)
        if after == 0:
            return self._walls[0]
        begun, wall = self._ts[after - 1], self._walls[after - 1]
        if after == len(self._ts):
            return max(wall, min(self._limit, wall + round((ts - begun) / self._speed)))
        share = (ts - begun) / (self._ts[after] - begun)
        return wall + round((self._walls[after] - wall) * share)
