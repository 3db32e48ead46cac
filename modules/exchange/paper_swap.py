"""Financing of paper positions in currency pairs: what is held when New York's day turns pays or receives it with the next quote. Pure.

The turn of Friday is the week's close: it is settled with Sunday's first quote. After a restart what fell due since a position was opened
is settled with the first quote; what the engine has booked already (its name tells) is not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from forex.financing import days_of, next_turn
from modules.exchange.paper_funding import Holding, Owed
from state.accounts import Domain
from state.instruments import Instrument
from state.market import FundingRate, Quote
from state.messages import FundingPaid


class Swap:
    """Watches the quotes of currency pairs for the turns between them; times only grow."""

    def __init__(self, instruments: Iterable[Instrument], owed: Owed, since: Mapping[str, int]) -> None:
        """`since`: instrument key -> when what is held there now was opened (ms UTC)."""
        self._days = {one.key: days_of(one) for one in instruments if one.domain is Domain.FOREX and any(days_of(one))}
        self._owed = owed
        self._next = {key: next_turn(since[key], self._days[key]) for key in since if key in self._days}

    def due(self, quote: Quote, held: Holding | None) -> list[FundingPaid]:
        """What the turns since the last quote cost the position that stood until this one, at its middle price."""
        days = self._days.get(quote.key)
        if days is None:
            return []
        at, count = self._next.get(quote.key) or next_turn(quote.ts, days)
        events: list[FundingPaid] = []
        while at <= quote.ts:
            if held is not None:
                self._owed.note(quote.key, at, held)
                events += self._owed.settle(FundingRate(quote.key, at, count), (quote.bid + quote.ask) // 2)
            at, count = next_turn(at, days)
        self._next[quote.key] = at, count
        return events
