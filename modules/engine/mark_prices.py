"""Mark prices of perpetuals on a grid of candles, from whatever bars of them there are. Pure.

Bars as fine as the grid's are taken as they are. Coarser ones (an hour's) say where the mark opened, closed and how far it went; between
those it follows the last price at the distance (ratio) with which the coarse bar opened, and never leaves the coarse bar's range. What a
wick of the last price alone did is so cut off, as on the venue. A simulation of the venue may know the hour's range; nothing decides on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from modules.exchange.paper_bars import MarkBars

Ints = npt.NDArray[np.int64]
Bars = tuple[Ints, Ints, Ints, Ints]
"""Open, high, low, close."""
FIELDS = ("open", "high", "low", "close")


def on_grid(ts: Ints, last: Bars, step_ms: int, coarse: MarkBars, coarse_ms: int) -> MarkBars:
    """The mark over the columns `ts` (ms, even) of a grid; `last`: open, high, low, close in ticks, 0 where there is no bar.

    `coarse`: mark bars of `coarse_ms`, a multiple of the grid's `step_ms` (ValueError otherwise). Where there is none, the mark is the last
    price; where there is no candle it is 0.
    """
    if coarse_ms % step_ms:
        raise ValueError(f"mark bars of {coarse_ms} ms do not hold whole bars of {step_ms} ms")
    opened, high, low, close = (column.copy() for column in last)
    first = ts // coarse_ms * coarse_ms
    at = np.searchsorted(coarse.ts, first)
    known = (at < len(coarse.ts)) & (opened > 0)
    known[known] = coarse.ts[at[known]] == first[known]
    if not known.any():
        return MarkBars(ts, opened, high, low, close)
    at, first = at[known], first[known]
    begins = np.searchsorted(ts, first)  # the column in which the coarse bar opens; before the grid: its first
    at_open = (begins < len(ts)) & (ts[np.minimum(begins, len(ts) - 1)] == first)
    base = np.where(at_open, last[0][np.minimum(begins, len(ts) - 1)], 0)
    ratio = np.where(base > 0, coarse.open[at] / np.maximum(base, 1), 1.0)
    for column in (opened, high, low, close):
        moved = np.floor(column[known] * ratio + 0.5).astype(np.int64)
        column[known] = np.clip(moved, coarse.low[at], coarse.high[at])
    starts, ends = known & (ts % coarse_ms == 0), known & ((ts + step_ms) % coarse_ms == 0)
    opened[starts] = coarse.open[np.searchsorted(coarse.ts, ts[starts])]
    close[ends] = coarse.close[np.searchsorted(coarse.ts, ts[ends] + step_ms - coarse_ms)]
    high = np.maximum(high, np.maximum(opened, close))
    low = np.minimum(low, np.minimum(opened, close))
    return MarkBars(ts, opened, high, low, close)


def side_by_side(keys: Sequence[str], marks: Mapping[str, MarkBars], field: str, last: Ints) -> Ints:
    """One field (open, high, low, close) of all instruments, (n, t), as the marks have it; the `last` price's where there is no mark."""
    if not marks:
        return last
    return np.stack([getattr(marks[key], field) if key in marks else last[i] for i, key in enumerate(keys)])


def bars_side_by_side(keys: Sequence[str], marks: Mapping[str, MarkBars], last: Bars) -> Bars:
    """All four of them."""
    opened, high, low, close = (side_by_side(keys, marks, name, one) for name, one in zip(FIELDS, last, strict=True))
    return opened, high, low, close
