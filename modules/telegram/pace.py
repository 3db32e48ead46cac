"""When the next message may leave: one a second to each chat, and nothing while the API has told us to wait. Pure; times are monotonic ms.

Only what the library's own limiter does not do: that one keeps 30 a second in all and 20 a minute to each group.
"""

from __future__ import annotations

GAP_MS = 1_000
"""The API asks for no more than one message a second to one chat."""


class Pace:
    """Who may send when; every message or edit reserves its moment, so that moments are given in the order they were asked for."""

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self._gap_ms = gap_ms
        self._free: dict[int, int] = {}
        self._held_until = 0

    def reserve(self, chat: int, now_ms: int) -> int:
        """How many ms to wait before sending to `chat`; the moment is then taken."""
        at = max(now_ms, self._free.get(chat, 0), self._held_until)
        self._free[chat] = at + self._gap_ms
        return at - now_ms

    def hold(self, now_ms: int, for_ms: int) -> None:
        """The API wants silence for so long (429 with retry_after); an earlier, longer demand stands."""
        self._held_until = max(self._held_until, now_ms + for_ms)

    def held_ms(self, now_ms: int) -> int:
        """For how long it wants silence still: what had its moment before the demand looks here, too."""
        return max(0, self._held_until - now_ms)
