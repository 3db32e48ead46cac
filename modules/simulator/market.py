"""What a market is to the simulated venue: per listing a series of base bars on the tick, extended on demand, with an end or without.

Everything the venue shows (path points, candles of every interval, books, trades, statistics) is computed from these bars, so the
stream and the REST answers cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from modules.simulator.bar_rows import BarRows, Bars
from modules.simulator.filters import Listing
from modules.simulator.mark_record import MarkRecord
from utils import fixed

BAR = np.dtype([("ts", "i8"), ("open", "i4"), ("high", "i4"), ("low", "i4"), ("close", "i4"), ("volume", "f8"), ("stress", "f4")])
"""ts = open time, ms UTC; prices in ticks; volume in base units; stress = short-term over usual range (1 = a calm market)."""

Funding = tuple[int, float]
"""(settlement time, rate as a fraction per interval; positive = longs pay)."""


class Series(BarRows):
    """The base bars of one listing, oldest first, with coarser bars for the time before them."""

    def __init__(self, listing: Listing, tf_ms: int, bars: Bars | None = None, coarser: tuple[tuple[int, Bars], ...] = ()) -> None:
        super().__init__(np.empty(0, dtype=BAR) if bars is None else bars)
        self.listing = listing
        self.tf_ms = tf_ms
        self.coarser = coarser
        """(timeframe in ms, bars), finest first; each is used only before the first bar of the finer ones."""
        self.tick = float(listing.instrument.tick)
        self.step = float(listing.instrument.step)
        self.tick_exact = listing.instrument.tick
        """The grid of the bars; it stays when the listing's filters change."""
        self.step_exact = listing.instrument.step
        self.price_digits = _digits(fixed.plain(listing.instrument.tick))
        self.size_digits = _digits(fixed.plain(listing.instrument.step))
        self.marks: MarkRecord | None = None
        """A recorded mark price; None: it is the middle of the touch."""

    @property
    def first_ts(self) -> int:
        """Open time of the oldest bar of any timeframe."""
        starts = [int(rows["ts"][0]) for rows in (self.bars, *(rows for _, rows in self.coarser)) if len(rows)]
        return min(starts)

    def shift(self, from_ms: int, factor: float) -> None:
        """See `BarRows.shift`."""
        super().shift(from_ms, factor)
        self.marks = None  # the record is of another path

    def mark(self, ts: int, middle: int) -> int:
        """The mark price of a perpetual (ticks) at `ts`, its touch being around `middle`."""
        return middle if self.marks is None else self.marks.at(ts, middle)

    def price(self, ticks: int) -> str:
        """A price as the venue writes it."""
        return f"{ticks * self.tick:.{self.price_digits}f}"

    def size(self, steps: int) -> str:
        """A quantity as the venue writes it."""
        return f"{steps * self.step:.{self.size_digits}f}"


class Market(Protocol):
    """Where prices come from: generated or recorded."""

    @property
    def name(self) -> str:
        """`generated` or `recorded:DIR`."""

    @property
    def start_ms(self) -> int:
        """Venue time of the first live instant; earlier bars are history."""

    @property
    def end_ms(self) -> int | None:
        """Where the bars end, None when they never do."""

    @property
    def series(self) -> Mapping[str, Series]:
        """By listing key, in listing order."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the operator should know: skipped symbols, short warm-up."""

    def extend(self, until_ms: int) -> None:
        """Make sure that every bar opening before `until_ms` is there (as far as the market goes)."""

    def funding(self, key: str, start_ms: int, end_ms: int) -> list[Funding]:
        """Settlements in [start, end], oldest first; empty for spot."""


def _digits(text: str) -> int:
    return len(text.partition(".")[2])
