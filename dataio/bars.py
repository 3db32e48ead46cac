"""Bars as plain numpy columns: what every reader of stored candles hands out, and the exact roll-up to a coarser timeframe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

MINUTE_MS = 60_000
FIELDS = ("open", "high", "low", "close", "volume")
_UNITS_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": 1440 * MINUTE_MS}

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Bars(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Closed bars of one symbol, oldest first: equally long, contiguous, writable columns.

    `ts` are open times (int ms UTC, strictly increasing where the source was checked); prices are in quote currency, `volume` is in
    base units (crypto) or ticks (forex). A bar is known only at `ts` + `timeframe_ms`.
    """

    timeframe_ms: int
    ts: Int64s
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def end_ms(self) -> int:
        """Close time of the last bar (int ms); ValueError when there is none."""
        if not len(self.ts):
            raise ValueError("no bars, so no end")
        return int(self.ts[-1]) + self.timeframe_ms

    def between(self, start_ms: int | None, end_ms: int | None) -> Bars:
        """The bars that open in [start_ms, end_ms); None leaves that side open. Columns are views."""
        first = 0 if start_ms is None else int(np.searchsorted(self.ts, start_ms))
        last = len(self.ts) if end_ms is None else int(np.searchsorted(self.ts, end_ms))
        return self.take(slice(first, max(first, last)))

    def take(self, rows: slice | npt.NDArray[Any]) -> Bars:
        """The chosen rows, in the order given (a slice gives views, a mask or an index array copies)."""
        return Bars(
            timeframe_ms=self.timeframe_ms,
            ts=self.ts[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
        )

    def same(self, other: Bars) -> bool:
        """Equal timeframe and equal rows, to the last bit (NaN equals NaN)."""
        if self.timeframe_ms != other.timeframe_ms or not np.array_equal(self.ts, other.ts):
            return False
        return all(np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True) for name in FIELDS)


def make_bars(
    timeframe_ms: int,
    ts: npt.ArrayLike,
    open_: npt.ArrayLike,
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    volume: npt.ArrayLike,
) -> Bars:
    """Bars from any array-likes, copied to int64 and float64; ValueError when the columns are not equally long."""
    stamps = np.array(ts, np.int64)
    columns = [np.array(column, np.float64) for column in (open_, high, low, close, volume)]
    if any(column.shape != stamps.shape for column in columns):
        raise ValueError(f"columns of unequal length: {[len(stamps), *map(len, columns)]}")
    return Bars(timeframe_ms=timeframe_ms, ts=stamps, open=columns[0], high=columns[1], low=columns[2], close=columns[3], volume=columns[4])


def no_bars(timeframe_ms: int) -> Bars:
    """Bars of length 0."""
    return make_bars(timeframe_ms, [], [], [], [], [], [])


def join(parts: Sequence[Bars]) -> Bars:
    """The rows of all parts one after the other, not sorted; ValueError when there is no part or timeframes differ."""
    if not parts or len({part.timeframe_ms for part in parts}) != 1:
        raise ValueError("parts to join need one common timeframe")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("ts", *FIELDS)}
    return Bars(timeframe_ms=parts[0].timeframe_ms, **columns)


def newest_wins(bars: Bars) -> Bars:
    """Sorted by `ts`; of several rows with one `ts` the last given stays."""
    if bool(np.all(np.diff(bars.ts) > 0)):
        return bars
    order = np.argsort(bars.ts, kind="stable")
    stamps = bars.ts[order]
    last = np.append(np.diff(stamps) != 0, True)
    return bars.take(order[last])


def roll_up(bars: Bars, timeframe_ms: int) -> Bars:
    """Coarser bars, on the grid of `timeframe_ms` since the epoch, from complete buckets only (every part is there).

    Open of the first part, extremes, close of the last, volumes added in time order. ValueError when the timeframe is not a multiple.
    """
    if timeframe_ms == bars.timeframe_ms:
        return bars
    parts, rest = divmod(timeframe_ms, bars.timeframe_ms)
    if rest or parts < 1:
        raise ValueError(f"{timeframe_name(timeframe_ms)} is not a multiple of {timeframe_name(bars.timeframe_ms)}")
    bucket = bars.ts // timeframe_ms
    if len(bars) < parts:
        return no_bars(timeframe_ms)
    first = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    count = np.diff(np.append(first, len(bars)))
    first = first[count == parts]
    grid = first[:, None] + np.arange(parts)
    volume = np.zeros(len(first))
    for part in range(parts):
        volume += bars.volume[first + part]
    return Bars(
        timeframe_ms=timeframe_ms,
        ts=bucket[first] * timeframe_ms,
        open=bars.open[first],
        high=bars.high[grid].max(axis=1),
        low=bars.low[grid].min(axis=1),
        close=bars.close[first + parts - 1],
        volume=volume,
    )


def parse_timeframe(text: str) -> int:
    """`5m`, `4h`, `1d` as milliseconds; ValueError otherwise."""
    match = re.fullmatch(r"([1-9]\d{0,3})([mhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a timeframe such as 5m, 1h or 1d")
    return int(match[1]) * _UNITS_MS[match[2]]


def timeframe_name(timeframe_ms: int) -> str:
    """Milliseconds as `5m`, `4h`, `1d`; ValueError when it is not a whole number of minutes."""
    if timeframe_ms <= 0 or timeframe_ms % MINUTE_MS:
        raise ValueError(f"{timeframe_ms} ms is not a whole number of minutes")
    for unit in ("d", "h"):
        if timeframe_ms % _UNITS_MS[unit] == 0:
            return f"{timeframe_ms // _UNITS_MS[unit]}{unit}"
    return f"{timeframe_ms // MINUTE_MS}m"


def utc_text(ts: int) -> str:
    """Int ms UTC as `2025-01-31 12:05`, for messages; the bare number when it is no date."""
    try:
        return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return str(ts)
