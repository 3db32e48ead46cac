"""The one way from what a venue reports to what the engine is told: tracker first, then the inbox, then the executor.

Streams and requests report the same things, twice and in any order; the tracker makes each an event once. Here is only counted which
executions were news, because a reading of the account holds only when none came while it was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from modules.exchange.holdings import Held
from modules.exchange.reports import AccountItem, ExecutionReport, OrderReport, PositionReport
from state.messages import AccountEvent


class Tracker(Protocol):
    """Makes events of reports, each once (`modules/exchange/tracker.py`)."""

    def take(self, items: Sequence[AccountItem], /) -> list[AccountEvent]:
        """The news in `items`, as events."""
        ...

    def incomplete(self) -> Sequence[tuple[str, str, int]]:
        """Instrument key, venue id and venue time of creation of ended orders whose executions are not all known."""
        ...

    def unknown(self) -> Sequence[tuple[str, str]]:
        """Instrument key and venue id of orders that executed and were never reported."""
        ...

    def not_found(self, venue_id: str, /) -> None:
        """The venue does not know an order that `unknown` named."""
        ...

    def untold(self) -> int | None:
        """Venue time of the oldest execution that is known and could not be told yet."""
        ...

    def foreign(self) -> Sequence[str]:
        """Executions that are nobody's here, in words."""
        ...

    def order(self, order_id: str, /) -> object | None:
        """An own order by its client id, None when it is not remembered."""
        ...

    def held(self, key: str, /) -> Held:
        """What is held on an instrument, as told."""
        ...


class Reports(Protocol):
    """Who reads the reports besides the engine (`modules/exchange/executor.py`)."""

    def on_reports(self, items: Sequence[AccountItem], /) -> None:
        """What the venue said, after the engine was told."""
        ...

    def on_reading(self, began_ns: int, orders: list[OrderReport], positions: list[PositionReport], /) -> None:
        """All open orders and positions of the account, by a reading that began at `began_ns` (transport time)."""
        ...


class Teller:
    """Tells; and remembers which executions were told."""

    def __init__(self, tracker: Tracker, executor: Reports, emit: Callable[[list[AccountEvent]], None]) -> None:
        self._tracker = tracker
        self._executor = executor
        self._emit = emit
        self._told: dict[str, int] = {}
        self.heard = 0
        """Executions told so far, each counted once."""

    def tell(self, items: Sequence[AccountItem]) -> None:
        """Pass `items` on, in their order; never waits."""
        if not items:
            return
        for item in items:
            if isinstance(item, ExecutionReport) and item.exec_id not in self._told:
                self._told[item.exec_id] = item.ts
                self.heard += 1
        events = self._tracker.take(items)
        if events:
            self._emit(events)
        self._executor.on_reports(items)

    def forget(self, before_ts: int) -> None:
        """Executions from before `before_ts` (venue ms) will not be read again: what is kept stays bounded."""
        if any(ts < before_ts for ts in self._told.values()):
            self._told = {exec_id: ts for exec_id, ts in self._told.items() if ts >= before_ts}
