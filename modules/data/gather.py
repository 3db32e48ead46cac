"""Candles of one close time are decided together: gathers them, gives each group out once, in time order. Pure.

A group is given out when the last expected symbol has arrived, when `grace_ms` of transport time have passed since its first candle,
or when a later group is complete (on one socket that proves that nothing more comes). A candle that arrives after its group, or
from history, is given out as `late`. No closed candle is lost and none is given out twice.

A symbol that has missed `MISSED_CLOSES` groups in a row has gone silent (halted, delisted): it is not waited for, so that the others
do not pay the grace at every close, until a live candle of it is seen again, late or not. A group cut short by a loss or by a filling
is nobody's miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from state.market import Candle, Quote
from state.messages import BarsClosed

GRACE_MS = 2000
QUOTE_AGE_MS = 5000
"""An older quote (transport time) is not attached: nothing may be entered on it."""
MISSED_CLOSES = 3
"""So many groups in a row without a symbol, and it is no longer waited for."""
REMEMBERED_CLOSES = 4096
"""So many close times back a repeated candle is recognised (two weeks of 5m)."""


class _Group(msgspec.Struct):
    first_ms: int
    candles: dict[str, Candle]


class CloseGatherer:
    """Gathers one timeframe of the instruments `keys` (config order). `now_ms` is transport time, `ts` venue time."""

    def __init__(self, keys: Sequence[str], timeframe_ms: int, grace_ms: int = GRACE_MS, quote_age_ms: int = QUOTE_AGE_MS) -> None:
        self._order = {key: place for place, key in enumerate(keys)}
        self._timeframe_ms = timeframe_ms
        self._grace_ms = grace_ms
        self._pending: dict[int, _Group] = {}
        self._given: dict[int, set[str]] = {}
        self._given_until = 0
        self._missed = dict.fromkeys(keys, 0)
        self._quotes: dict[str, tuple[Quote, int]] = {}
        self._quote_age_ms = quote_age_ms
        self._now_ms = 0

    def observe(self, quote: Quote, now_ms: int) -> None:
        """The latest quote of a symbol; it goes along with the next group that is given out while it is fresh."""
        self._now_ms = now_ms
        self._quotes[quote.key] = (quote, now_ms)

    def forget_quote(self, key: str) -> None:
        """The symbol's quote can no longer be trusted."""
        self._quotes.pop(key, None)

    def forget_quotes(self) -> None:
        """The feed is down: no quote can be trusted."""
        self._quotes.clear()

    def add(self, candle: Candle, now_ms: int) -> list[BarsClosed]:
        """A closed candle arrived live; returns what is ready now."""
        self._now_ms = now_ms
        self._missed[candle.key] = 0
        close = candle.ts + self._timeframe_ms
        if self._known(close, candle.key):
            return []
        if close <= self._given_until:
            return [self._give(close, [candle], late=True)]
        group = self._pending.setdefault(close, _Group(now_ms, {}))
        group.candles[candle.key] = candle
        return self._release(close, waited=True) if self._complete(group) else []

    def backfilled(self, candles: Iterable[Candle]) -> list[BarsClosed]:
        """Candles from history: what was not given out before, one late group a close time, in time order."""
        groups: dict[int, list[Candle]] = {}
        for candle in candles:
            close = candle.ts + self._timeframe_ms
            if not self._known(close, candle.key) and all(candle.key != other.key for other in groups.get(close, ())):
                groups.setdefault(close, []).append(candle)
        events = []
        for close in sorted(groups):
            events += self._release(close, waited=False)
            events.append(self._give(close, groups[close], late=True))
        return events

    def due(self, now_ms: int) -> list[BarsClosed]:
        """Groups whose grace is over (and any before them), without those that did not come."""
        self._now_ms = now_ms
        over = [close for close, group in self._pending.items() if group.first_ms + self._grace_ms <= now_ms]
        return self._release(max(over), waited=True) if over else []

    def flush(self) -> list[BarsClosed]:
        """Everything that waits, now: the feed is down, nothing more comes."""
        return self._release(max(self._pending), waited=False) if self._pending else []

    def deadline_ms(self) -> int | None:
        """Transport time at which `due` will have something; None when nothing waits."""
        return min((group.first_ms + self._grace_ms for group in self._pending.values()), default=None)

    def _complete(self, group: _Group) -> bool:
        return all(key in group.candles or missed >= MISSED_CLOSES for key, missed in self._missed.items())

    def _release(self, until: int, *, waited: bool) -> list[BarsClosed]:
        events = []
        for close in sorted(close for close in self._pending if close <= until):
            candles = self._pending.pop(close).candles
            if waited:
                self._missed = {key: 0 if key in candles else missed + 1 for key, missed in self._missed.items()}
            events.append(self._give(close, candles.values(), late=False))
        return events

    def _give(self, close: int, candles: Iterable[Candle], *, late: bool) -> BarsClosed:
        ordered = tuple(sorted(candles, key=lambda candle: self._order[candle.key]))
        self._given.setdefault(close, set()).update(candle.key for candle in ordered)
        self._given_until = max(self._given_until, close)
        while len(self._given) > REMEMBERED_CLOSES:
            del self._given[min(self._given)]
        quotes = () if late else tuple(self._fresh())
        return BarsClosed(ts=close, candles=ordered, quotes=quotes, late=late)

    def _fresh(self) -> Iterator[Quote]:
        for key in self._order:
            quote, seen_ms = self._quotes.get(key, (None, 0))
            if quote is not None and self._now_ms - seen_ms <= self._quote_age_ms:
                yield quote

    def _known(self, close: int, key: str) -> bool:
        pending = self._pending.get(close)
        return key in self._given.get(close, ()) or (pending is not None and key in pending.candles)
