"""The heartbeat in venue time: quotes drive it, so a venue that stands still does not tick and a fast one ticks fast."""

from __future__ import annotations

from collections.abc import Callable

from state.market import Quote
from state.messages import Tick

EVERY_MS = 60_000


class VenueTicker:
    """Emits a Tick when the quotes' time passes the next full step; with `quotes` it carries the latest quote of each symbol."""

    def __init__(self, emit: Callable[[Tick], None], *, quotes: bool, every_ms: int = EVERY_MS) -> None:
        self._emit, self._with_quotes, self._every_ms = emit, quotes, every_ms
        self._latest: dict[str, Quote] = {}
        self._next = 0

    def observe(self, quote: Quote) -> None:
        """A quote arrived."""
        if self._with_quotes:
            self._latest[quote.key] = quote
        if quote.ts < self._next:
            return
        first = self._next == 0
        self._next = (quote.ts // self._every_ms + 1) * self._every_ms
        if not first:
            self._emit(Tick(quote.ts, tuple(self._latest.values())))
