"""The shape of a market row: everything the strategies remember of one instrument, scalars first, windows after.

A row is plain memory: a kernel takes `(rows, i, numbers...)`, a snapshot is `rows.tobytes()`. Prices are int64 ticks, volumes are
float64 base units, times int64 ms UTC. Windows are rings or blocks of fixed size; what they hold is said in `strategy/market.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]
"""A one-dimensional structured array, one row an instrument (or, for PARAMS, one parameter set)."""

Row = Any
"""One record of such an array inside a kernel, its fields as attributes. Kernels hand it on to one another (a pointer); from Python only
`(rows, i)` is passed, because looking at a record's type costs more than the call."""

DAY_MS = 86_400_000
MONTH_DAYS = 30
"""Length of the trailing medians, and of the time without a regime, in trading days."""

PRICE_LIMIT = 1 << 28
"""Highest price in ticks that the integer sums are sized for; a bar beyond it is not taken."""

CHANNEL = 480
"""Primary bars of the shortest Donchian channel (5 days of 15m); the longer ones are 2 and 4 times as long."""

CHANNEL_RING = 3 * CHANNEL + 1
CHANNEL_DAYS = 20
"""Markets with weekends and slow primary bars have a shorter channel, so that it is no longer than so many days (of 24 hours)."""
EXTREME = 48
CHOP = 28
CLOSES = 128
"""Ring of primary closes; longer than the longest window (97), and a power of two."""

RANGES = 32
SLOPES = 32
VOLUMES = 288
MOVES = 12
"""Confirm bars over which a jump of the price is remembered: an hour of 5m."""
DAYS = 20
MONTH_PRIMARY = 2_880
MONTH_CONFIRM = 8_640
"""Largest rings of the 30-day medians (15m and 5m); a slower timeframe uses the first part of them."""

VOL_BUCKETS = 20 * 128
ATR_BUCKETS = 32 * 128
TURNOVER_BUCKETS = 64 * 128
STRATEGIES = 8
"""Slots of armed signals, by index of the strategy: C1 to C4, demo (armed by nobody), F1, F2, O1."""

_INT = [
    "confirm_ms",
    "primary_ms",
    "weekends",
    "channel",
    "last_ts",
    "last_close",
    "primary_ts",
    "confirm_bars",
    "primary_bars",
    "regime",
    "daily_sign",
    "gaps",
    "rejected",
    # roll-up
    "parts",
    "part",
    "part_whole",
    "part_high",
    "part_low",
    "day_parts",
    "day_part",
    "day_whole",
    "day_count",
    "day_total",
    # previous bars
    "previous_high",
    "previous_low",
    "primary_high",
    "primary_low",
    "primary_close",
    # levels that the next primary close has to pass, in ticks; meaningless before their window is full
    "channel_high_short",
    "channel_low_short",
    "channel_high_middle",
    "channel_low_middle",
    "channel_high_long",
    "channel_low_long",
    "extreme_high",
    "extreme_low",
    # window positions and running parts
    "channel_position",
    "channel_prefix_high",
    "channel_prefix_low",
    "result_position",
    "extreme_position",
    "extreme_prefix_high",
    "extreme_prefix_low",
    "chop_position",
    "chop_prefix_high",
    "chop_prefix_low",
    "path_total",
    "range_total",
    "close_total",
    "close_squares",
    "volume_position",
    "volume_total",
    "volume_squares",
    "volume_last",
    "month_primary",
    "vol_position",
    "vol_index",
    "vol_below",
    "month_confirm",
    "month_position",
    "confirm_atr_index",
    "confirm_atr_below",
    "turnover_index",
    "turnover_below",
    # regime machine and squeeze
    "hold",
    "pending",
    "pending_bars",
    "dwell",
    "squeeze_age",
    "armed",
]

_FLOAT = [
    "atr",
    "adx",
    "efficiency",
    "choppiness",
    "zscore",
    "score",
    "vol",
    "vol_median",
    "vol_ratio",
    "ema_fast",
    "ema_slow",
    "ema_fast_before",
    "confirm_atr",
    "confirm_atr_median",
    "volume_z",
    "median_turnover_ticks",
    "variance",
    "smooth_range",
    "smooth_plus",
    "smooth_minus",
]

_WINDOWS: list[tuple[str, type[np.generic], int]] = [
    ("arm_side", np.int64, STRATEGIES),
    ("arm_left", np.int64, STRATEGIES),
    ("arm_level", np.float64, STRATEGIES),
    ("closes", np.int64, CLOSES),
    ("ranges", np.int64, RANGES),
    ("slopes", np.float64, SLOPES),
    ("moves", np.float64, MOVES),
    ("day_closes", np.int64, DAYS),
    ("chop_highs", np.int32, CHOP),
    ("chop_lows", np.int32, CHOP),
    ("extreme_highs", np.int32, EXTREME),
    ("extreme_lows", np.int32, EXTREME),
    ("channel_highs", np.int32, CHANNEL),
    ("channel_lows", np.int32, CHANNEL),
    ("results_high", np.int32, CHANNEL_RING),
    ("results_low", np.int32, CHANNEL_RING),
    ("volumes", np.int32, VOLUMES),
    ("vol_ring", np.int16, MONTH_PRIMARY),
    ("vol_counts", np.int16, VOL_BUCKETS),
    ("confirm_atr_ring", np.int16, MONTH_CONFIRM),
    ("confirm_atr_counts", np.int16, ATR_BUCKETS),
    ("turnover_ring", np.int16, MONTH_CONFIRM),
    ("turnover_counts", np.int16, TURNOVER_BUCKETS),
]


def _market() -> np.dtype[np.void]:
    fields: list[Any] = [(name, np.int64) for name in _INT]
    fields += [(name, np.float64) for name in _FLOAT]
    fields += [(name, kind, (size,)) for name, kind, size in _WINDOWS]
    return np.dtype(fields, align=True)


MARKET = _market()
"""One instrument's market memory (about 90 KB). Public scalars: see `strategy.market.on_bar`."""

PARAMS = np.dtype(
    [
        ("volatile_enter", np.float64),
        ("volatile_leave", np.float64),
        ("trend_enter", np.float64),
        ("trend_leave", np.float64),
        ("squeeze_ratio", np.float64),
        ("squeeze_bars", np.int64),
        ("fade_z", np.float64),
        ("volume_z", np.float64),
        ("calm", np.float64),
        ("fx_fade_z", np.float64),
        ("channels", np.int64),
    ],
    align=True,
)
"""What the optimiser may tune; row 0 is used. The meaning of each field: `strategy.market.new_params`."""
