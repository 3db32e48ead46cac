"""A venue's decimal strings on an instrument's grid: the float factors, made once per symbol.

Venue strings lie on the grid, so the nearest tick of their float is exact. Sizes are rounded down, with a slack of a ten-thousandth
of a step that swallows the float's own noise (0.041732 / 0.000001 is 41731.999...).

`utils.fixed.nearest_ticks` is written out here: in a frame its call would cost as much as all that it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

import msgspec

from state.instruments import Instrument

SIZE_SLACK = 1e-4
RATE_SCALE = 10**8


class Grid(msgspec.Struct, frozen=True, gc=False):
    """Float factors of one instrument."""

    key: str
    tick: float
    step: float

    @classmethod
    def of(cls, instrument: Instrument) -> Grid:
        """The factors of `instrument`."""
        return cls(instrument.key, float(instrument.tick), float(instrument.step))

    def ticks(self, price: float) -> int:
        """Price -> nearest tick. ValueError or OverflowError when it is not finite."""
        return floor(price / self.tick + 0.5)

    def steps(self, size: float) -> int:
        """Size -> whole steps, rounded down. ValueError or OverflowError when it is not finite."""
        return floor(size / self.step + SIZE_SLACK)

    def levels(self, rows: Iterable[tuple[float, float]]) -> list[tuple[int, int]]:
        """(price, size) of each level -> (`ticks`, `steps`), in the order given. Raises as these."""
        tick, step = self.tick, self.step
        found: list[tuple[int, int]] = []
        for price, size in rows:  # a comprehension is a call of its own: half as long again for the one level of a touch
            found.append((floor(price / tick + 0.5), floor(size / step + SIZE_SLACK)))
        return found


def rate_e8(rate: float | str) -> int:
    """A rate such as "0.0001" in units of 1e-8; ValueError or OverflowError when it is no finite number."""
    return round(float(rate) * RATE_SCALE)
