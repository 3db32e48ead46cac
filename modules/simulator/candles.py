"""Candles of any venue interval, computed from base bars as they stand at a venue time: the one source of klines for REST and stream."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modules.simulator import intervals
from modules.simulator.bar_rows import Bars, index_of
from modules.simulator.market import BAR, Series
from modules.simulator.path import offsets

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


class Candles(msgspec.Struct, frozen=True):
    """Columns of equal length, oldest first; prices in ticks, volume in base units, turnover in quote currency."""

    ts: Int64s
    open: Int64s
    high: Int64s
    low: Int64s
    close: Int64s
    volume: Floats
    turnover: Floats

    def __len__(self) -> int:
        return len(self.ts)

    def tail(self, count: int) -> Candles:
        """The newest `count`."""
        return self._cut(slice(max(0, len(self) - count), None))

    def head(self, count: int) -> Candles:
        """The oldest `count`."""
        return self._cut(slice(0, count))

    def _cut(self, part: slice) -> Candles:
        return Candles(*(getattr(self, name)[part] for name in self.__struct_fields__))


def visible(series: Series, start_ms: int, end_ms: int, now_ms: int) -> Bars:
    """Base bars opening in [start, end) as known at `now_ms`: the bar in progress holds only its points before `now_ms`.

    At the very start of a bar it is there, flat and without volume, at the last close: the venue always has a running candle.
    """
    stamps = series.bars["ts"]
    first, last = index_of(stamps, start_ms), index_of(stamps, min(end_ms, now_ms))
    rows = series.bars[first:last]
    if start_ms <= now_ms < end_ms and last > 0 and int(stamps[last - 1]) + series.tf_ms == now_ms:
        begun = series.bars[last - 1 : last].copy()
        begun["ts"], begun["volume"] = now_ms, 0.0
        begun["open"] = begun["high"] = begun["low"] = begun["close"]
        return np.concatenate((rows, begun))
    if not len(rows):
        return rows
    age = now_ms - int(rows["ts"][-1])
    if age < series.tf_ms:
        rows = rows.copy()
        rows[-1] = _partial(rows[-1], sum(offset < age for offset in offsets(series.tf_ms)), series.step)
    return rows


def _partial(bar: Any, seen: int, step: float) -> Any:
    """The bar after its first `seen` (1 to 4) points."""
    if seen == 4:
        return bar
    up = bar["close"] >= bar["open"]
    prices = [bar["open"], *((bar["low"], bar["high"]) if up else (bar["high"], bar["low"]))][:seen]
    steps = int(np.floor(bar["volume"] / step + 0.5))
    part = steps // 4
    made = np.zeros(1, dtype=BAR)[0]
    made["ts"], made["stress"] = bar["ts"], bar["stress"]
    made["open"], made["high"], made["low"], made["close"] = prices[0], max(prices), min(prices), prices[-1]
    made["volume"] = (steps - 3 * part + (seen - 1) * part) * step
    return made


def candles(series: Series, interval: str, first_start: int, last_start: int, now_ms: int) -> Candles:
    """Candles with a start in [first_start, last_start], the running one included; empty where nothing fine enough is known.

    Both bounds must be candle starts. An interval shorter than the bars of a time has no candles there.
    """
    end = intervals.shift(last_start, interval, 1)
    length = intervals.span(interval)
    pieces: list[Bars] = []
    if series.tf_ms <= length:
        pieces.append(visible(series, first_start, end, now_ms))
    border = int(series.bars["ts"][0]) if len(series.bars) else now_ms
    for tf_ms, rows in series.coarser:
        if first_start >= border:
            break
        if tf_ms <= length:
            low, high = index_of(rows["ts"], first_start), index_of(rows["ts"], min(end, border, now_ms) - tf_ms + 1)
            pieces.insert(0, rows[low : max(low, high)])
        border = min(border, int(rows["ts"][0])) if len(rows) else border
    rows = pieces[0] if len(pieces) == 1 else (np.concatenate(pieces) if pieces else np.empty(0, dtype=BAR))
    return _roll(rows, interval, series.tick)


def _roll(rows: Bars, interval: str, tick: float) -> Candles:
    if not len(rows):
        none: Int64s = np.empty(0, dtype=np.int64)
        return Candles(none, none, none, none, none, none.astype(float), none.astype(float))
    number = intervals.groups(rows["ts"], interval)
    edges = np.concatenate(([0], np.flatnonzero(np.diff(number)) + 1))
    last = np.concatenate((edges[1:], [len(rows)])) - 1
    typical = (rows["open"].astype(float) + rows["high"] + rows["low"] + rows["close"]) * (tick / 4)
    return Candles(
        ts=np.array([intervals.group_start(int(one), interval) for one in number[edges]], dtype=np.int64),
        open=rows["open"][edges].astype(np.int64),
        high=np.maximum.reduceat(rows["high"], edges).astype(np.int64),
        low=np.minimum.reduceat(rows["low"], edges).astype(np.int64),
        close=rows["close"][last].astype(np.int64),
        volume=np.add.reduceat(rows["volume"], edges),
        turnover=np.add.reduceat(rows["volume"] * typical, edges),
    )


def window(series: Series, interval: str, start: int | None, end: int | None, limit: int, now_ms: int) -> Candles:
    """The venue's range rule: at most `limit` candles, oldest first.

    start only: forward from the candle that contains it (before the listing: the earliest); end only: the newest up to it; both:
    inclusive, the newest part when there are more; neither: the newest.
    """
    newest = intervals.floor_start(now_ms, interval)
    oldest = intervals.floor_start(series.first_ts, interval)
    last = newest if end is None else min(newest, intervals.floor_start(max(end, 0), interval))
    if start is not None and end is not None:
        return candles(series, interval, max(oldest, intervals.floor_start(start, interval)), last, now_ms).tail(limit)
    count = limit
    while True:  # holes in recorded data: widen until the answer is full or the data are at an end
        if start is not None:
            first = max(oldest, intervals.floor_start(start, interval))
            upto = min(newest, intervals.shift(first, interval, count - 1))
            found = candles(series, interval, first, upto, now_ms).head(limit)
            if len(found) >= limit or upto >= newest:
                return found
        else:
            first = max(oldest, intervals.shift(last, interval, 1 - count))
            found = candles(series, interval, first, last, now_ms).tail(limit)
            if len(found) >= limit or first <= oldest:
                return found
        count *= 2


def one(series: Series, interval: str, start: int, now_ms: int) -> Candles | None:
    """The candle that starts at `start` as it stands at `now_ms`, None when nothing traded in it."""
    found = candles(series, interval, start, start, now_ms)
    return found if len(found) else None
