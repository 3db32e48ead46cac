"""The ring of primary bars and funding rates that observations are made of, filled as the bars close.

Only what the market row took is kept, so the ring never knows more than the row, nor anything later.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from state.observed import BARS, RATES
from state.rows import Row, Rows
from strategy.market import on_bar, on_primary_bar
from utils.kernel import kernel


@kernel
def watch_bar(market: Rows, observed: Rows, params: Rows, i: int, ts: int, o: int, h: int, l: int, c: int, v: float) -> int:
    """`strategy.market.on_bar`, and the ring of row `i` takes the primary bar that this confirm bar closed, if it closed one."""
    refused = market[i].rejected
    code = on_bar(market, params, i, ts, o, h, l, c, v)
    if market[i].rejected != refused:
        return code
    row, seen = market[i], observed[i]
    bucket = ts // row.primary_ms
    if bucket != seen.bucket:
        seen.bucket = bucket
        seen.part_volume = 0.0
    seen.part_volume += v
    if row.primary_ts != seen.primary_ts and row.primary_ts + row.primary_ms == ts + row.confirm_ms:
        _push(seen, row, seen.part_volume)
    return code


TOLD = 6
"""Numbers of a bar in `watch_bars`."""


@kernel
def watch_bars(market: Rows, observed: Rows, params: Rows, bars: npt.NDArray[np.int64], volumes: npt.NDArray[np.float64]) -> None:
    """`watch_bar` for bars that came together, one after the other: a call from Python costs more than a bar.

    `bars` holds row, ts, open, high, low, close of each, end to end; the first two become the signals and what `last_ts` was before.
    """
    for n in range(len(volumes)):
        at = TOLD * n
        i, ts = bars[at], bars[at + 1]
        bars[at + 1] = market[i].last_ts
        bars[at] = watch_bar(market, observed, params, i, ts, bars[at + 2], bars[at + 3], bars[at + 4], bars[at + 5], volumes[n])


@kernel
def watch_primary_bar(market: Rows, observed: Rows, params: Rows, i: int, ts: int, o: int, h: int, l: int, c: int) -> bool:
    """`strategy.market.on_primary_bar`, and the ring takes the bar too, its volume unknown."""
    taken = on_primary_bar(market, params, i, ts, o, h, l, c)
    if taken:
        _push(observed[i], market[i], -1.0)
    return taken


@kernel
def watch_rate(observed: Rows, i: int, ts: int, rate_e8: int) -> None:
    """A funding rate that was set at `ts`; one that is not newer than the last is not taken."""
    seen = observed[i]
    if ts > seen.rates_ts:
        seen.rates[seen.rates_n % RATES] = rate_e8
        seen.rates_n += 1
        seen.rates_ts = ts


@kernel
def _push(seen: Row, row: Row, volume: float) -> None:
    at = seen.n % BARS
    seen.number[at] = row.primary_ts // row.primary_ms
    seen.high[at] = row.primary_high
    seen.low[at] = row.primary_low
    seen.close[at] = row.primary_close
    seen.volume[at] = volume
    seen.primary_ts = row.primary_ts
    seen.n += 1
