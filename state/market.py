"""What the market said, already on the instrument's grid: prices in ticks, sizes in steps, times in int ms UTC.

Conversion happens once, where a frame is parsed or a file is read; from there on no price is a float. Only `volume` is one:
it is a feature, never money.
"""

from __future__ import annotations

import msgspec


class Candle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One closed bar of the confirm timeframe. `ts` is its open time; it is known only at `ts` + timeframe."""

    key: str
    ts: int
    open: int
    high: int
    low: int
    close: int
    volume: float
    """Base units traded."""


class Quote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Best bid and ask (ticks) with what stands there (steps)."""

    key: str
    ts: int
    bid: int
    ask: int
    bid_steps: int
    ask_steps: int

    @property
    def crossed(self) -> bool:
        """A book that no venue can show; such a quote is not traded on."""
        return self.bid <= 0 or self.ask <= self.bid


class Trade(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One print: price in ticks, size in steps; `buyer_is_taker` tells which side was hit."""

    key: str
    ts: int
    price: int
    steps: int
    buyer_is_taker: bool


class MarkPrice(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the venue values a perpetual at (ticks), as of `ts`."""

    key: str
    ts: int
    price: int


class FundingRate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A settlement: longs pay `rate_e8` x 1e-8 of notional to shorts at `ts` (negative: receive)."""

    key: str
    ts: int
    rate_e8: int
