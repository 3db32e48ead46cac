"""The heartbeat in venue time: quotes drive it, so a venue that stands still does not tick and a fast one ticks fast.

Quotes go along while somebody wants them, and only fresh ones: age is transport time since it arrived, as for the quotes of a close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from state.market import Quote
from state.messages import Tick

EVERY_MS = 60_000


class VenueTicker:
    """Emits a Tick when the quotes' time passes the next full step; when `wanted()` it carries each symbol's latest quote while fresh."""

    def __init__(
        self,
        emit: Callable[[Tick], None],
        *,
        wanted: Callable[[], bool],
        quote_age_ms: int,
        ages: Mapping[str, int] = MappingProxyType({}),
        every_ms: int = EVERY_MS,
    ) -> None:
        """A quote that arrived more than `quote_age_ms` before a tick stays out of it; `ages` for keys with another limit."""
        self._ages = ages
        self._emit, self._wanted, self._quote_age_ms, self._every_ms = emit, wanted, quote_age_ms, every_ms
        self._latest: dict[str, tuple[Quote, int]] = {}
        self._next = 0

    def observe(self, quote: Quote, now_ms: int) -> None:
        """A quote arrived at `now_ms` of transport time (monotonic, ms)."""
        self._latest[quote.key] = (quote, now_ms)
        if quote.ts < self._next:
            return
        first = self._next == 0
        self._next = (quote.ts // self._every_ms + 1) * self._every_ms
        if not first:
            self._emit(Tick(quote.ts, self._fresh(now_ms) if self._wanted() else ()))

    def _fresh(self, now_ms: int) -> tuple[Quote, ...]:
        limit = self._quote_age_ms
        return tuple(latest for key, (latest, at) in self._latest.items() if now_ms - at <= self._ages.get(key, limit))

    def forget(self, keys: Iterable[str]) -> None:
        """The feed of these symbols is down: their quotes can no longer be trusted."""
        for key in keys:
            self._latest.pop(key, None)
