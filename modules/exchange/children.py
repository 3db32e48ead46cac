"""Which protective orders under an id that the venue invented are ours: those seen to close what we hold, at a level that was wanted. Pure.

On spot a user may protect coins of their own beside ours, with the same kinds of order. So neither the kind of an execution nor its side
says whose it is: its order does. Once ours an order stays ours, however its size and levels and what is held change afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from modules.exchange.holdings import Holdings
from modules.exchange.reports import PROTECTIVE, ZERO, OrderReport
from state.instruments import Instrument

LOOKUPS = 6
"""An order that the venue does not know so often is nobody's here."""
ROOM = 2_000
"""Orders remembered."""


class Children:
    """The orders of one account that bear no id of ours, as last reported."""

    def __init__(self, holdings: Holdings, instruments: Mapping[str, Instrument]) -> None:
        self._holdings, self._instruments = holdings, instruments
        self._seen: dict[str, OrderReport] = {}
        self._ours: dict[str, None] = {}
        self._missed: dict[str, int] = {}

    def see(self, report: OrderReport) -> None:
        """What the venue says of an order without an id of ours."""
        self._seen.pop(report.venue_id, None)
        self._seen[report.venue_id] = report
        self._missed.pop(report.venue_id, None)
        self._judge(report)
        for memory in (self._seen, self._ours):
            if len(memory) > ROOM:
                del memory[next(iter(memory))]

    def missed(self, venue_id: str) -> None:
        """The venue was asked of the order and does not know it."""
        self._missed[venue_id] = self._missed.get(venue_id, 0) + 1

    def ours(self, venue_id: str) -> bool | None:
        """Whether the order is ours; None = it was never seen, ask for it."""
        if venue_id in self._ours:
            return True
        report = self._seen.get(venue_id)
        if report is None:
            return False if self._missed.get(venue_id, 0) >= LOOKUPS else None
        return self._judge(report)

    def _judge(self, report: OrderReport) -> bool:
        """Looked at again when it matters: an order may be reported before the fills that it protects."""
        if report.venue_id not in self._ours:
            held, instrument = self._holdings.of(report.key), self._instruments[report.key]
            closes = held.side == -report.side and report.qty <= max(instrument.qty(held.steps), held.coins)
            levels = {report.trigger, report.stop, report.target} - {ZERO}
            wanted = {instrument.price(ticks) for ticks in self._holdings.levels(report.key)}
            if not (report.kind in PROTECTIVE and closes and levels & wanted):
                return False
            self._ours[report.venue_id] = None
        return True
