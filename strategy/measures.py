"""What a closed bar changes in the measures of its row: one pass for a confirm bar, one for a primary bar, O(1) each."""

from __future__ import annotations

import math

from state.rows import (
    ATR_BUCKETS,
    CHANNEL,
    CHANNEL_RING,
    CHOP,
    CLOSES,
    EXTREME,
    RANGES,
    SLOPES,
    TURNOVER_BUCKETS,
    VOL_BUCKETS,
    VOLUMES,
    Row,
)
from strategy.indicators import adx_step, choppiness, directional, efficiency_ratio, ema, true_range, wilder
from strategy.swing_pullback import FAST, SLOW
from strategy.windows import advance, bucket, bucket_middle, fine_log, push_count, push_max, push_min, walk, zscore
from utils.kernel import kernel

ATR = 28
EFFICIENCY = 48
Z = 96
HALF_LIFE = 12
"""Primary bars after which a squared return weighs half in the volatility."""

_KEEP = 0.5 ** (1.0 / HALF_LIFE)
VOL_EXPONENT, ATR_EXPONENT, TURNOVER_EXPONENT = -20, -4, -10
"""Lower ends of the median buckets as powers of two: a volatility, ticks, base units x ticks."""


@kernel
def measure_confirm(row: Row, h: int, l: int, c: int, v: float) -> None:
    """Confirm ATR28, its 30-day median, ln-volume z and the turnover window. The first bar only gives the next one its previous close.

    The median and the z are brought up to date only while a signal is armed: nobody else asks, and they are exact when asked.
    """
    n = row.confirm_bars
    if v > 0.0:
        row.volume_last = fine_log(v)
    slot = row.volume_position
    x = row.volume_last
    gone = int(row.volumes[slot])
    row.volumes[slot] = x
    row.volume_total += x - gone
    row.volume_squares += x * x - gone * gone
    row.volume_position = advance(slot, VOLUMES)
    if n == 0:
        return
    row.confirm_atr = wilder(row.confirm_atr, n - 1, float(true_range(h, l, row.last_close)), ATR)
    filled = min(n - 1, row.month_confirm)
    if row.armed:
        row.volume_z = zscore(x, VOLUMES, row.volume_total, row.volume_squares) if v > 0.0 and n >= VOLUMES else 0.0
        if filled > 0:
            row.confirm_atr_index, row.confirm_atr_below = walk(
                row.confirm_atr_counts, row.confirm_atr_index, row.confirm_atr_below, filled
            )
            row.confirm_atr_median = bucket_middle(row.confirm_atr_index, ATR_EXPONENT)
    full = filled == row.month_confirm
    slot = row.month_position
    row.confirm_atr_below = push_count(
        row.confirm_atr_counts,
        row.confirm_atr_ring,
        slot,
        full,
        row.confirm_atr_index,
        row.confirm_atr_below,
        bucket(row.confirm_atr, ATR_EXPONENT, ATR_BUCKETS),
    )
    row.turnover_below = push_count(
        row.turnover_counts,
        row.turnover_ring,
        slot,
        full,
        row.turnover_index,
        row.turnover_below,
        bucket(v * c, TURNOVER_EXPONENT, TURNOVER_BUCKETS),
    )
    row.month_position = advance(slot, row.month_confirm)


@kernel
def measure_turnover(row: Row) -> None:
    """Bring `median_turnover_ticks` up to date (30-day median of a confirm bar's volume x close, base units x ticks)."""
    filled = min(row.confirm_bars - 1, row.month_confirm)
    if filled > 0:
        row.turnover_index, row.turnover_below = walk(row.turnover_counts, row.turnover_index, row.turnover_below, filled)
        row.median_turnover_ticks = bucket_middle(row.turnover_index, TURNOVER_EXPONENT)


@kernel
def measure_primary(row: Row, h: int, l: int, c: int) -> None:
    """ATR28, ADX28, ER48, CHOP28, z96, EMA50/200 and the volatility ratio at a primary close."""
    n = row.primary_bars
    before = row.primary_close
    row.ema_fast_before = row.ema_fast
    row.ema_fast = ema(row.ema_fast, n, float(c), FAST)
    row.ema_slow = ema(row.ema_slow, n, float(c), SLOW)
    row.slopes[n & (SLOPES - 1)] = row.ema_slow

    gone = row.closes[(n - Z) & (CLOSES - 1)] if n >= Z else 0
    row.close_total += c - gone
    row.close_squares += c * c - gone * gone
    row.closes[n & (CLOSES - 1)] = c
    row.zscore = zscore(c, Z, row.close_total, row.close_squares) if n >= Z - 1 else 0.0

    highest, row.chop_prefix_high = push_max(row.chop_highs, row.chop_position, row.chop_prefix_high, h)
    lowest, row.chop_prefix_low = push_min(row.chop_lows, row.chop_position, row.chop_prefix_low, l)
    row.chop_position = advance(row.chop_position, CHOP)
    if n == 0:
        return
    span = true_range(h, l, before)
    up, down = directional(h, l, row.primary_high, row.primary_low)
    row.atr = wilder(row.atr, n - 1, float(span), ATR)
    row.smooth_range, row.smooth_plus, row.smooth_minus, row.adx = adx_step(
        ATR, n - 1, row.smooth_range, row.smooth_plus, row.smooth_minus, row.adx, float(span), float(up), float(down)
    )
    row.range_total += span - row.ranges[(n - CHOP) & (RANGES - 1)]
    row.ranges[n & (RANGES - 1)] = span
    row.choppiness = choppiness(float(row.range_total), float(highest), float(lowest), CHOP) if n >= CHOP else 50.0

    row.path_total += abs(c - before)
    if n >= EFFICIENCY:
        back = row.closes[(n - EFFICIENCY) & (CLOSES - 1)]
        if n > EFFICIENCY:
            row.path_total -= abs(back - row.closes[(n - EFFICIENCY - 1) & (CLOSES - 1)])
        row.efficiency = efficiency_ratio(float(c - back), float(row.path_total))

    change = (c - before) / before
    row.variance = change * change if n == 1 else row.variance * _KEEP + change * change * (1.0 - _KEEP)
    row.vol = math.sqrt(row.variance)
    filled = min(n - 1, row.month_primary)
    row.vol_ratio = row.vol / row.vol_median if filled > 0 else 1.0
    row.vol_below = push_count(
        row.vol_counts,
        row.vol_ring,
        row.vol_position,
        filled == row.month_primary,
        row.vol_index,
        row.vol_below,
        bucket(row.vol, VOL_EXPONENT, VOL_BUCKETS),
    )
    row.vol_position = advance(row.vol_position, row.month_primary)
    row.vol_index, row.vol_below = walk(row.vol_counts, row.vol_index, row.vol_below, min(n, row.month_primary))
    row.vol_median = bucket_middle(row.vol_index, VOL_EXPONENT)


@kernel
def remember_primary(row: Row, h: int, l: int, c: int) -> None:
    """After the arming rules: this bar joins the channels and extremes that the next close will be held against."""
    slot = row.result_position
    width = row.channel if row.channel > 0 else CHANNEL  # 0 in rows stored before it could differ
    high, row.channel_prefix_high = push_max(row.channel_highs[:width], row.channel_position, row.channel_prefix_high, h)
    low, row.channel_prefix_low = push_min(row.channel_lows[:width], row.channel_position, row.channel_prefix_low, l)
    row.channel_position = advance(row.channel_position, width)
    row.results_high[slot] = high
    row.results_low[slot] = low
    one, two, three = slot - width, slot - 2 * width, slot - 3 * width
    one += CHANNEL_RING if one < 0 else 0
    two += CHANNEL_RING if two < 0 else 0
    three += CHANNEL_RING if three < 0 else 0
    row.result_position = advance(slot, CHANNEL_RING)
    row.channel_high_short = high
    row.channel_low_short = low
    high = max(high, int(row.results_high[one]))
    low = min(low, int(row.results_low[one]))
    row.channel_high_middle = high
    row.channel_low_middle = low
    row.channel_high_long = max(high, int(row.results_high[two]), int(row.results_high[three]))
    row.channel_low_long = min(low, int(row.results_low[two]), int(row.results_low[three]))

    row.extreme_high, row.extreme_prefix_high = push_max(row.extreme_highs, row.extreme_position, row.extreme_prefix_high, h)
    row.extreme_low, row.extreme_prefix_low = push_min(row.extreme_lows, row.extreme_position, row.extreme_prefix_low, l)
    row.extreme_position = advance(row.extreme_position, EXTREME)
    row.primary_high = h
    row.primary_low = l
    row.primary_close = c
    row.primary_bars += 1
