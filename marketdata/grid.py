"""A venue's decimal strings on an instrument's grid: the float factors, made once per symbol.

Venue strings lie on the grid, so the nearest tick of their float is exact. Sizes are rounded down, with a slack of a ten-thousandth
of a step that swallows the float's own noise (0.041732 / 0.000001 is 41731.999...).
"""

from __future__ import annotations

import math

import msgspec

from state.instruments import Instrument
from utils.fixed import nearest_ticks

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
        return nearest_ticks(price, self.tick)

    def steps(self, size: float) -> int:
        """Size -> whole steps, rounded down. ValueError or OverflowError when it is not finite."""
        return math.floor(size / self.step + SIZE_SLACK)


def rate_e8(text: str) -> int:
    """A rate such as "0.0001" in units of 1e-8; ValueError when it is not a number."""
    return round(float(text) * RATE_SCALE)
