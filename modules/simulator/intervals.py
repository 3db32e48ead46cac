"""The venue's kline intervals: names, lengths and where candles start (UTC; weeks on Monday, months on the first)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MINUTE = 60_000
DAY = 86_400_000
MONDAY = 4 * DAY
"""1970-01-05, the first Monday of the epoch."""

FIXED: dict[str, int] = {name: int(name) * MINUTE for name in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")} | {
    "D": DAY,
    "W": 7 * DAY,
}
INTERVALS = (*FIXED, "M")
"""Every interval the venue knows, by its own name."""

Int64s = npt.NDArray[np.int64]


def months(ts: Int64s) -> Int64s:
    """Months since 1970 of each time in ms."""
    return ts.astype("M8[ms]").astype("M8[M]").astype(np.int64)


def month_start(month: int) -> int:
    """First ms of a month that is counted from 1970."""
    return int(np.datetime64(month, "M").astype("M8[ms]").astype(np.int64))


def span(interval: str) -> int:
    """Length in ms; for `M` the shortest month, so that a bar that fits it fits all. KeyError for an unknown interval."""
    return 28 * DAY if interval == "M" else FIXED[interval]


def groups(ts: Int64s, interval: str) -> Int64s:
    """Which candle each time belongs to, as a running number."""
    if interval == "M":
        return months(ts)
    return np.asarray((ts - MONDAY) // FIXED["W"] if interval == "W" else ts // FIXED[interval], dtype=np.int64)


def group_start(group: int, interval: str) -> int:
    """The start of the candle with this running number."""
    if interval == "M":
        return month_start(group)
    return group * FIXED[interval] + (MONDAY if interval == "W" else 0)


def floor_start(ts: int, interval: str) -> int:
    """The start of the candle that contains `ts`."""
    return group_start(int(groups(np.array([ts], dtype=np.int64), interval)[0]), interval)


def shift(start: int, interval: str, count: int) -> int:
    """The start `count` candles after (negative: before) the candle that starts at `start`."""
    if interval == "M":
        return month_start(int(months(np.array([start], dtype=np.int64))[0]) + count)
    return start + count * FIXED[interval]
