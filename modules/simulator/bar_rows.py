"""A growing table of bars, oldest first: later ones join, the oldest go when there are too many, prices may be shifted from a time on."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import numpy.typing as npt

Bars = npt.NDArray[Any]
"""Rows of bars: `ts` (open time, ms UTC) and open, high, low and close in ticks among their fields."""
KEEP_BARS = 400 * 1440
"""A table longer than twice this forgets its oldest half, so that an endless market has bounded memory."""


class BarRows:
    """The bars of one series; `rows` are taken over as they are."""

    def __init__(self, rows: Bars) -> None:
        self._rows = rows
        self._length = len(rows)
        self._shifts: list[tuple[int, float]] = []

    @property
    def bars(self) -> Bars:
        """All bars (a view; do not keep it across an append)."""
        return self._rows[: self._length]

    def reserve(self, count: int) -> None:
        """Make room for so many more bars at once."""
        self._grow(self._length + count)

    def append(self, rows: Bars) -> None:
        """Add later bars; capacity grows by a quarter, the oldest bars go when there are too many."""
        if self._length > 2 * KEEP_BARS:
            self._rows = self.bars[KEEP_BARS:].copy()
            self._length = len(self._rows)
        needed = self._length + len(rows)
        if needed > len(self._rows):
            self._grow(max(needed, len(self._rows) * 5 // 4))
        self._rows[self._length : needed] = rows
        self._length = needed
        for shift in self._shifts:
            _shift(self._rows[needed - len(rows) : needed], *shift)

    def shift(self, from_ms: int, factor: float) -> None:
        """Multiply all prices from this time on (a price gap); bars yet to come as well."""
        if not self._rows.flags.writeable:
            self._rows = self.bars.copy()
        self._shifts.append((from_ms, factor))
        _shift(self.bars, from_ms, factor)

    def _grow(self, size: int) -> None:
        grown = np.empty(size, dtype=self._rows.dtype)
        grown[: self._length] = self.bars
        self._rows = grown


def index_of(stamps: Any, ts: int) -> int:
    """Index of the first of these rising times that is not before `ts`.

    Not numpy's own search: rows of bars are packed, so that one would copy the whole column first.
    """
    return bisect_left(stamps, ts)


def _shift(rows: Bars, from_ms: int, factor: float) -> None:
    begin = index_of(rows["ts"], from_ms)
    for name in ("open", "high", "low", "close"):
        rows[name][begin:] = np.maximum(1, np.floor(rows[name][begin:] * factor + 0.5))
