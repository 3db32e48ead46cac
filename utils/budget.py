"""How many calls one scope (an address, a key, an endpoint) may still make: a hard sliding window, corrected by what the venue says. Pure.

Venues count hard windows, so a bucket that lets a burst through and refills while it drains would break them: here the call that
would be the (N+1)th may leave only when the oldest of the last N has left the window. The last tenth of the places (at least one,
unless there is only one) is kept for protective calls. Times are nanoseconds of the caller's monotonic clock and never go back.
"""

from __future__ import annotations

from bisect import bisect_right, insort

from utils.clock import MS, SECOND

BAN_PROBE_NS = SECOND
"""While the venue bans the scope, protective calls are still tried, one in this time."""


class Budget:
    """At most `calls` (>= 1) in any `window_ns`."""

    def __init__(self, calls: int, window_ns: int) -> None:
        self.calls = calls
        self.window_ns = window_ns
        self._stamps: list[int] = []
        """When calls were counted, ascending; two windows of them, for answers that arrive late."""
        self._held_until_ns = 0
        self._banned_until_ns = 0
        self._probe_ns = -BAN_PROBE_NS

    def ready_ns(self, now_ns: int, ahead: int, *, protective: bool) -> int:
        """When a call could leave if `ahead` others go first and each leaves as early as it may; not before `now_ns`."""
        cap = self._cap(protective=protective)
        laps, place = divmod(ahead, cap)
        first = self._first(now_ns)
        leaving = len(self._stamps) - first + place - cap  # the counted call that must have left the window before
        ready_ns = (now_ns if leaving < 0 else self._stamps[first + leaving] + self.window_ns) + laps * self.window_ns
        if now_ns < self._banned_until_ns:
            probe_ns = max(now_ns, self._probe_ns + BAN_PROBE_NS) + ahead * BAN_PROBE_NS
            ready_ns = max(ready_ns, probe_ns if protective else self._banned_until_ns)
        return max(ready_ns, self._held_until_ns)

    def left(self, now_ns: int, *, protective: bool = True) -> int:
        """Calls that may leave now, by count alone."""
        return max(0, self._cap(protective=protective) - (len(self._stamps) - self._first(now_ns)))

    def count(self, now_ns: int) -> None:
        """A call leaves."""
        del self._stamps[: bisect_right(self._stamps, now_ns - 2 * self.window_ns)]
        self._stamps.append(now_ns)
        self._probe_ns = now_ns

    def give_back(self, stamp_ns: int) -> None:
        """The call counted at `stamp_ns` did not leave after all."""
        if stamp_ns in self._stamps:
            self._stamps.remove(stamp_ns)

    def told(self, now_ns: int, limit: int, left: int, reset_ms: int) -> None:
        """The venue's own count: `limit` calls a window, `left` of them when it answered, all free again in `reset_ms` if none was.

        While calls are left the venue puts the time of its answer there, so a negative `reset_ms` is the age of what it says: it is
        compared with what we had counted by then. Calls that we do not know of (another program with the same key) are counted from
        that moment on. Figures that cannot be (a limit below 1, more left than the limit) are not believed; what we have on the way
        is never forgotten because the venue has not seen it yet.
        """
        if limit < 1 or not 0 <= left <= limit:
            return
        self.calls = limit
        said_ns = now_ns + min(0, reset_ms) * MS
        if said_ns <= now_ns - self.window_ns:
            return
        known = bisect_right(self._stamps, said_ns) - bisect_right(self._stamps, said_ns - self.window_ns)
        for _ in range(limit - left - known):
            insort(self._stamps, said_ns)
        if left == 0 and reset_ms > 0:
            self.hold(now_ns, min(reset_ms * MS, self.window_ns))  # a rolling window is free after one window; more is a wrong clock

    def hold(self, now_ns: int, for_ns: int) -> None:
        """The venue said "too many": nobody passes for `for_ns`. A shorter hold never cuts a longer one."""
        self._held_until_ns = max(self._held_until_ns, now_ns + for_ns)

    def ban(self, now_ns: int, for_ns: int) -> None:
        """The venue shut the scope out: for `for_ns` only protective calls are tried. A shorter ban never cuts a longer one."""
        self._banned_until_ns = max(self._banned_until_ns, now_ns + for_ns)

    def lift(self) -> None:
        """The venue has let a call in again: the ban is over."""
        self._banned_until_ns = 0

    def banned_ns(self, now_ns: int) -> int:
        """How long the ban goes on; 0 without one."""
        return max(0, self._banned_until_ns - now_ns)

    def _cap(self, *, protective: bool) -> int:
        if protective or self.calls == 1:
            return self.calls
        return self.calls - max(1, self.calls // 10)

    def _first(self, now_ns: int) -> int:
        """Index of the oldest counted call that is still in the window."""
        return bisect_right(self._stamps, now_ns - self.window_ns)
