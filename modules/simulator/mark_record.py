"""The recorded mark price of a perpetual beside its path: where the record's bars opened, and how far they went.

Between the record's opens the mark follows the last price at the distance (ratio) with which the record's bar opened, within that bar's
range; without a record, and after a scripted price gap, mark and last price are one.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from dataio.bars import Bars


class MarkRecord(msgspec.Struct, frozen=True, eq=False):
    """Bars of the mark in ticks, oldest first, with the last price at each open."""

    tf_ms: int
    ts: list[int]
    ratio: list[float]
    low: list[int]
    high: list[int]

    def at(self, ts: int, price: int) -> int:
        """The mark (ticks) while the last price is `price`, at `ts` (ms)."""
        k = bisect_right(self.ts, ts) - 1
        if k < 0 or ts >= self.ts[k] + self.tf_ms:
            return price
        return min(max(int(price * self.ratio[k] + 0.5), self.low[k]), self.high[k])


def record_of(own: npt.NDArray[Any], tick: float, bars: Bars) -> MarkRecord:
    """What `bars` of the mark say about the time that there are base bars (`own`: BAR rows, prices in ticks) for."""
    stamps = np.ascontiguousarray(own["ts"])
    at = np.searchsorted(stamps, bars.ts)
    there = at < len(stamps)
    there[there] = stamps[at[there]] == bars.ts[there]
    opened = np.floor(bars.open[there] / tick + 0.5)
    return MarkRecord(
        tf_ms=bars.timeframe_ms,
        ts=bars.ts[there].tolist(),
        ratio=(opened / own["open"][at[there]]).tolist(),
        low=np.floor(bars.low[there] / tick + 0.5).astype(np.int64).tolist(),
        high=np.floor(bars.high[there] / tick + 0.5).astype(np.int64).tolist(),
    )
