"""Where the prices of currency pairs come from: bid bars with the spread of each, and the path of four points inside a bar.

Everything that the simulated OANDA shows (prices, candles of every granularity, fills) is computed from these bars. A bar exists only
where the market trades. Spread = the pair's usual one, wider in a wild market, around the daily turn, and after the week opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forex import sessions
from modules.simulator.bar_rows import BarRows, Bars, index_of
from modules.simulator.oanda_pairs import Pair

FX_BAR = np.dtype([("ts", "i8"), ("open", "i4"), ("high", "i4"), ("low", "i4"), ("close", "i4"), ("volume", "i4"), ("spread", "i4")])
"""ts = open time, ms UTC; bid prices and the spread in ticks; volume = number of price changes."""
POINT = np.dtype([("ts", "i8"), ("bid", "i8"), ("spread", "i8"), ("first", "?")])
"""A point of the path; `first`: of its bar, so whatever lies between it and the last one was jumped over."""
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
REST_FACTOR = 7.0
"""The spread around the daily turn and after the weekend, in usual ones."""
QUIET_FACTOR = 1.4
POINTS = 4


class FxSeries(BarRows):
    """The bars of one pair, oldest first."""

    def __init__(self, pair: Pair, tf_ms: int, bars: Bars | None = None) -> None:
        super().__init__(np.empty(0, dtype=FX_BAR) if bars is None else bars)
        self.pair = pair
        self.tf_ms = tf_ms

    def points(self, start_ms: int, stop_ms: int) -> Bars:
        """The path points (dtype POINT) in [start, stop)."""
        stamps = self.bars["ts"]
        first, last = max(0, index_of(stamps, start_ms) - 1), index_of(stamps, stop_ms)
        rows = points_of(self.bars[first:last], self.tf_ms)
        return rows[index_of(rows["ts"], start_ms) : index_of(rows["ts"], stop_ms)]

    def last_point(self, now_ms: int) -> Any | None:
        """The newest point before `now_ms`; None before the first bar."""
        last = index_of(self.bars["ts"], now_ms)
        if last == 0:
            return None
        rows = points_of(self.bars[last - 1 : last], self.tf_ms)
        return rows[index_of(rows["ts"], now_ms) - 1]


class FxMarket(Protocol):
    """Generated or recorded."""

    @property
    def series(self) -> Mapping[str, FxSeries]:
        """By wire name."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the operator should know."""

    def extend(self, until_ms: int) -> None:
        """Make sure that every bar opening before `until_ms` is there (as far as the market goes)."""


def offsets(tf_ms: int) -> tuple[int, ...]:
    """When in its bar each point lies, in ms from the open."""
    return (0, tf_ms // 3, 2 * tf_ms // 3, tf_ms - 1)


def points_of(bars: Bars, tf_ms: int) -> Bars:
    """Four points a bar: open, low, high, close of one that rises, open, high, low, close of one that falls."""
    out = np.empty((len(bars), POINTS), dtype=POINT)
    up = bars["close"] >= bars["open"]
    out["ts"] = bars["ts"][:, None] + np.array(offsets(tf_ms), dtype=np.int64)
    out["bid"][:, 0], out["bid"][:, 3] = bars["open"], bars["close"]
    out["bid"][:, 1] = np.where(up, bars["low"], bars["high"])
    out["bid"][:, 2] = np.where(up, bars["high"], bars["low"])
    out["spread"] = bars["spread"][:, None]
    out["first"] = np.arange(POINTS) == 0
    return out.reshape(-1)


def spreads(pair: Pair, times: Int64s, stress: Floats) -> Int64s:
    """Ticks between bid and ask at each time; `stress`: how wild the market is, 1 = as usual."""
    table = sessions.table(times)
    resting = times >= table[:, 2]
    hour = times // 3_600_000 % 24
    quiet = (hour >= 20) | (hour < 6)
    factor = np.sqrt(np.clip(stress, 0.5, 9.0)) * np.where(resting, REST_FACTOR, np.where(quiet, QUIET_FACTOR, 1.0))
    return np.asarray(np.maximum(1, np.rint(pair.spread * factor)), dtype=np.int64)


def stress_of(high: Int64s, low: Int64s, slow_bars: int) -> Floats:
    """Fast over slow mean of the bar range, 1 at first (the same sums for any beginning would need all history: this is for one block)."""
    ranges = (high - low).astype(np.float64) + 1.0
    usual = np.full(len(ranges), ranges.mean() if len(ranges) else 1.0)
    sums = np.concatenate(([0.0], np.cumsum(ranges)))
    at = np.arange(len(ranges))
    slow_from, fast_from = np.maximum(0, at + 1 - slow_bars), np.maximum(0, at + 1 - 20)
    slow = np.where(at + 1 >= slow_bars, (sums[at + 1] - sums[slow_from]) / (at + 1 - slow_from), usual)
    return np.asarray((sums[at + 1] - sums[fast_from]) / (at + 1 - fast_from) / slow)
