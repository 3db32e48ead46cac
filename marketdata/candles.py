"""Order in candles: page windows for asking, one sorted unique series from many answers, and the holes that are left. Pure.

`ts` of a candle is its start; all starts of a timeframe are multiples of it (UTC). Ranges are half-open: [start, end).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from state.market import Candle


class Gap(msgspec.Struct, frozen=True):
    """Missing candles: `first` and `last` are the starts of the outermost ones, both missing."""

    first: int
    last: int

    def count(self, timeframe_ms: int) -> int:
        """How many candles are missing."""
        return (self.last - self.first) // timeframe_ms + 1


def floor_start(ts: int, timeframe_ms: int) -> int:
    """Start of the candle that contains `ts`."""
    return ts - ts % timeframe_ms


def ceil_start(ts: int, timeframe_ms: int) -> int:
    """The first candle start at or after `ts`."""
    return ts + -ts % timeframe_ms


def page_windows(start_ms: int, end_ms: int, timeframe_ms: int, limit: int) -> Iterator[tuple[int, int]]:
    """Windows (first start, last start), both inclusive, that hold every candle starting in [start, end), none more than `limit`.

    The venue does not say which end of an oversized answer it cuts, so no question may allow one.
    """
    if limit < 1:
        raise ValueError(f"limit {limit} is below 1")
    first = ceil_start(start_ms, timeframe_ms)
    while first < end_ms:
        last = min(first + (limit - 1) * timeframe_ms, ceil_start(end_ms, timeframe_ms) - timeframe_ms)
        yield first, last
        first = last + timeframe_ms


def merge_candles(batches: Iterable[Iterable[Candle]]) -> list[Candle]:
    """One series from answers in any order with any overlap: ascending, one candle a start; of two the one that came later stays."""
    by_start = {candle.ts: candle for batch in batches for candle in batch}
    return [by_start[ts] for ts in sorted(by_start)]


def closed_within(candles: Iterable[Candle], timeframe_ms: int, start_ms: int, end_ms: int) -> list[Candle]:
    """The candles that start at or after `start_ms` and have ended by `end_ms`: a running candle is never among them."""
    return [candle for candle in candles if start_ms <= candle.ts and candle.ts + timeframe_ms <= end_ms]


def find_gaps(candles: Sequence[Candle], timeframe_ms: int, start_ms: int, end_ms: int) -> list[Gap]:
    """What a sorted unique series lacks of all candles that start at or after `start_ms` and end by `end_ms`, edges included."""
    holes = []
    expected = ceil_start(start_ms, timeframe_ms)
    for candle in candles:
        if candle.ts > expected:
            holes.append(Gap(expected, candle.ts - timeframe_ms))
        expected = candle.ts + timeframe_ms
    last = floor_start(end_ms, timeframe_ms) - timeframe_ms
    if expected <= last:
        holes.append(Gap(expected, last))
    return holes
