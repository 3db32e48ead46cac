"""What a policy may remember of one instrument: a ring of its last primary bars and of its last funding rates.

Plain memory beside the market row, written by `strategy/ring.py` at each primary close in engine and sweep alike. Bars are numbered by
their open time in primary bars since 1970, so a hole in them can be seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from state.rows import MONTH_PRIMARY, Rows

BARS = MONTH_PRIMARY
"""Primary bars kept: 30 days of 15m."""
RATES = 90
"""Funding rates kept: 30 days of three a day."""

OBSERVED = np.dtype(
    [
        ("n", np.int64),
        ("primary_ts", np.int64),
        ("bucket", np.int64),
        ("part_volume", np.float64),
        ("rates_n", np.int64),
        ("rates_ts", np.int64),
        ("number", np.int32, (BARS,)),
        ("high", np.int32, (BARS,)),
        ("low", np.int32, (BARS,)),
        ("close", np.int32, (BARS,)),
        ("volume", np.float32, (BARS,)),
        ("rates", np.int64, (RATES,)),
    ],
    align=True,
)
"""`n` bars were pushed in all; bar k lies at k % BARS. `primary_ts` is the open time of the newest one, `number` open time / primary_ms,
prices in ticks, `volume` in base units (-1: unknown). `bucket` and `part_volume` add up the bar that is being built. `rates` are funding
rates x 1e8, `rates_ts` the time of the newest."""


def new_observed(n: int) -> Rows:
    """`n` empty rows."""
    rows: np.ndarray[Any, np.dtype[np.void]] = np.zeros(n, OBSERVED)
    return rows
