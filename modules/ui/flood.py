"""How many lines a person can read: equal ones become one with a count, and a stream too fast for anybody is thinned."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

import msgspec

from utils.clock import SECOND

K = TypeVar("K", bound=Hashable)


class Again(msgspec.Struct, frozen=True):
    """`count` more of the same came after venue time `since_ts`, when it was last told of."""

    count: int
    since_ts: int


class _Seen(msgspec.Struct):
    until_ns: int
    since_ts: int
    last_ts: int
    count: int = 0


class Repeats(Generic[K]):
    """Lets the first of equal things pass and counts the rest for `window_s` wall seconds; a window that had repeats opens another."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = int(window_s * SECOND)
        self._seen: dict[K, _Seen] = {}

    def admit(self, key: K, ts: int, now_ns: int) -> bool:
        """Whether this one is to be told by itself; `ts` is its venue time."""
        seen = self._seen.get(key)
        if seen is not None:
            seen.count += 1
            seen.last_ts = ts
            return False
        self._seen[key] = _Seen(now_ns + self._window_ns, ts, ts)
        return True

    def due(self, now_ns: int, *, everything: bool = False) -> Iterator[tuple[K, Again]]:
        """What was held back and may be told now, oldest window first; `everything`: also what is not due yet."""
        for key, seen in list(self._seen.items()):
            if not everything and now_ns < seen.until_ns:
                continue
            del self._seen[key]
            if seen.count:
                if not everything:
                    self._seen[key] = _Seen(now_ns + self._window_ns, seen.last_ts, seen.last_ts)
                yield key, Again(seen.count, seen.since_ts)


class Budget:
    """At most `burst` lines at once and `per_s` a second after that; what does not fit is counted."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s, self._burst = per_s, float(burst)
        self._left = float(burst)
        self._at_ns: int | None = None
        self._missed = 0

    def take(self, now_ns: int) -> bool:
        """Whether one more line fits."""
        if self._at_ns is not None:
            self._left = min(self._burst, self._left + (now_ns - self._at_ns) * self._per_s / SECOND)
        self._at_ns = now_ns
        if self._left < 1.0:
            self._missed += 1
            return False
        self._left -= 1.0
        return True

    def missed(self) -> int:
        """How many did not fit since the last call."""
        missed, self._missed = self._missed, 0
        return missed
