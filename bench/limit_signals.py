"""The first half of the limit loop: bars of one symbol in, confirmed signals out, everything in local variables.

What `modules/learning/sweep.py` `market_pass` does with rows, dispatch by market and functions of many files, written by hand as one loop
for what never closes (C1 to C4, 5m bars, 15m primary bars): no row, no field that somebody may read later, no strategy of another market,
no settings but the defaults. Arithmetic of numbers alone (an index, a bucket) is the program's own, which the compiler inlines.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from strategy.indicators import adx_step, choppiness, directional, efficiency_ratio, true_range
from strategy.regime import label, next_regime, regime_score
from strategy.windows import HIGHEST, bucket, bucket_middle, push_count, push_max, push_min, walk, zscore
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

STEP_MS, PRIMARY_MS, DAY_MS = 300_000, 900_000, 86_400_000
STEP_SCALE = math.sqrt(STEP_MS / PRIMARY_MS)
MONTH, MONTH_PRIMARY = 8_640, 2_880
ATR, ATR_SHARE = 28, 1.0 / 28
FAST, SLOW = 2.0 / 51, 2.0 / 201
KEEP = 0.5 ** (1.0 / 12)
VOLUMES, MOVES, DAYS = 288, 12, 20
CHANNEL, RING = 480, 3 * 480 + 1
VOL_BUCKETS, ATR_BUCKETS, TURNOVER_BUCKETS = 20 * 128, 32 * 128, 64 * 128
FINE = 1 << 20


@kernel
def limit_signals(  # noqa: C901, PLR0912, PLR0915  one loop is the point
    ts: Ints, o: Ints, h: Ints, low: Ints, c: Ints, v: Floats, first: int, when: Ints, what: Ints, figures: Floats
) -> int:
    """Signals of one symbol from column `first` on; returns how many.

    `when` their columns, `what` (n, 2) signal code and regime, `figures` (n, 3) ATR (ticks), median turnover (base units x ticks) and the
    largest move of the last bars in deviations.
    """
    n = 0
    bars = primaries = 0
    last_ts = last_close = last_high = last_low = 0
    part = part_high = part_low = day_part = days = day_total = daily_sign = 0
    part_whole = day_whole = 1
    before = before_high = before_low = 0
    volume_at = volume_total = volume_squares = volume_last = 0
    month_at = atr_index = atr_below = turnover_index = turnover_below = 0
    calm_atr = calm_median = volume_z = turnover = 0.0
    vol_at = vol_index = vol_below = 0
    variance = vol = vol_median = 0.0
    vol_ratio, usual = 1.0, 0.0
    atr = smooth = plus = minus = adx = efficiency = z = fast = slow = 0.0
    close_total = close_squares = path_total = range_total = 0
    chop_at = extreme_at = channel_at = result_at = 0
    chop_top = extreme_top = channel_top = 0
    chop_bottom = extreme_bottom = channel_bottom = HIGHEST
    high_2 = low_2 = extreme_high = extreme_low = 0
    regime = pending = pending_bars = dwell = hold = 0
    squeeze = 1 << 20
    armed = side_1 = side_2 = side_3 = side_4 = left_1 = left_2 = left_3 = left_4 = 0
    level_1 = level_2 = level_3 = 0.0

    volumes = np.zeros(VOLUMES, np.int32)
    atr_ring, atr_counts = np.zeros(MONTH, np.int16), np.zeros(ATR_BUCKETS, np.int16)
    turnover_ring, turnover_counts = np.zeros(MONTH, np.int16), np.zeros(TURNOVER_BUCKETS, np.int16)
    vol_ring, vol_counts = np.zeros(MONTH_PRIMARY, np.int16), np.zeros(VOL_BUCKETS, np.int16)
    moves, day_closes = np.zeros(MOVES), np.zeros(DAYS, np.int64)
    closes, ranges, slopes = np.zeros(128, np.int64), np.zeros(32, np.int64), np.zeros(32)
    chop_highs, chop_lows = np.zeros(28, np.int32), np.full(28, HIGHEST, np.int32)
    extreme_highs, extreme_lows = np.zeros(48, np.int32), np.full(48, HIGHEST, np.int32)
    channel_highs, channel_lows = np.zeros(CHANNEL, np.int32), np.full(CHANNEL, HIGHEST, np.int32)
    results_high, results_low = np.zeros(RING, np.int32), np.full(RING, HIGHEST, np.int32)

    for k in range(len(ts)):
        opened, opening, high, bottom, close, volume = ts[k], o[k], h[k], low[k], c[k], v[k]
        if opening == 0 or not (0 < bottom <= min(opening, close) and max(opening, close) <= high < 1 << 28 and 0.0 <= volume < math.inf):
            continue
        scale = STEP_SCALE
        if bars == 0 or opened != last_ts + STEP_MS:
            inside = opened % PRIMARY_MS
            part, part_whole = inside // STEP_MS, int(inside == 0)
            day_part, day_whole = (opened % DAY_MS) // PRIMARY_MS, int(opened % DAY_MS == 0)
            if bars > 0:
                armed, hold, regime = 0, 4, 0
                scale = math.sqrt((opened - last_ts) / PRIMARY_MS)
        # how far the bar went from the close before it
        if primaries >= 96:
            away = usual * scale
            moves[bars % MOVES] = max(high - last_close, last_close - bottom) / last_close / away if away > 0.0 else 0.0
        # volume
        if volume > 0.0:
            volume_last = math.floor(math.log(volume) * FINE + 0.5)
        gone = int(volumes[volume_at])
        volumes[volume_at] = volume_last
        volume_total += volume_last - gone
        volume_squares += volume_last * volume_last - gone * gone
        volume_at += 1
        if volume_at == VOLUMES:
            volume_at = 0
        # confirm ATR and the medians
        if bars > 0:
            span = float(max(high, last_close) - min(bottom, last_close))
            calm_atr += (span - calm_atr) * ATR_SHARE if bars > ATR else (span - calm_atr) / bars
            filled = min(bars - 1, MONTH)
            if armed and filled > 0:
                atr_index, atr_below = walk(atr_counts, atr_index, atr_below, filled)
                calm_median = bucket_middle(atr_index, -4)
            if armed & 4:
                volume_z = zscore(volume_last, VOLUMES, volume_total, volume_squares) if volume > 0.0 and bars >= VOLUMES else 0.0
            full = filled == MONTH
            atr_below = push_count(atr_counts, atr_ring, month_at, full, atr_index, atr_below, bucket(calm_atr, -4, ATR_BUCKETS))
            number = bucket(volume * close, -10, TURNOVER_BUCKETS)
            turnover_below = push_count(turnover_counts, turnover_ring, month_at, full, turnover_index, turnover_below, number)
            month_at += 1
            if month_at == MONTH:
                month_at = 0
        # what was armed is held against this close
        code = 0
        if armed:
            calm = bars > ATR and calm_atr <= 3.0 * calm_median
            if armed & 1:
                left_1 -= 1
                good = calm and (close > level_1 if side_1 == 1 else close < level_1)
                code |= side_1 if good else 0
                armed &= ~1 if good or left_1 == 0 else -1
            if armed & 2:
                left_2 -= 1
                good = calm and (close > level_2 and bottom > last_low if side_2 == 1 else close < level_2 and high < last_high)
                code |= side_2 << 2 if good else 0
                armed &= ~2 if good or left_2 == 0 else -1
            if armed & 4:
                left_3 -= 1
                good = calm and (close > level_3 if side_3 == 1 else close < level_3) and volume_z > 1.0
                code |= side_3 << 4 if good else 0
                armed &= ~4 if good or left_3 == 0 else -1
            if armed & 8:
                left_4 -= 1
                good = calm and (close > opening if side_4 == 1 else close < opening)
                code |= side_4 << 6 if good else 0
                armed &= ~8 if good or left_4 == 0 else -1
        bars += 1
        last_ts, last_close, last_high, last_low = opened, close, high, bottom
        # roll-up
        if part == 0:
            part_high, part_low = high, bottom
        else:
            part_high, part_low = max(part_high, high), min(part_low, bottom)
        part += 1
        closed = False
        if part == 3:
            part = 0
            closed = part_whole == 1
            if not closed:
                part_whole = 1
                day_part += 1
                if day_part == 96:
                    day_part, day_whole = 0, 1
        if closed:
            m = primaries
            fast_before = fast
            fast += (close - fast) * FAST if m >= 50 else (close - fast) / (m + 1)
            slow += (close - slow) * SLOW if m >= 200 else (close - slow) / (m + 1)
            slopes[m & 31] = slow
            gone = closes[(m - 96) & 127] if m >= 96 else 0
            close_total += close - gone
            close_squares += close * close - gone * gone
            closes[m & 127] = close
            z = zscore(close, 96, close_total, close_squares) if m >= 95 else 0.0
            highest, chop_top = push_max(chop_highs, chop_at, chop_top, part_high)
            lowest, chop_bottom = push_min(chop_lows, chop_at, chop_bottom, part_low)
            chop_at = 0 if chop_at == 27 else chop_at + 1
            chop = 50.0
            if m > 0:
                wide = true_range(part_high, part_low, before)
                up, down = directional(part_high, part_low, before_high, before_low)
                atr += (wide - atr) * ATR_SHARE if m > ATR else (wide - atr) / m
                smooth, plus, minus, adx = adx_step(ATR, m - 1, smooth, plus, minus, adx, float(wide), float(up), float(down))
                range_total += wide - ranges[(m - 28) & 31]
                ranges[m & 31] = wide
                if m >= 28:
                    chop = choppiness(float(range_total), float(highest), float(lowest), 28)
                path_total += abs(close - before)
                if m >= 48:
                    back = closes[(m - 48) & 127]
                    if m > 48:
                        path_total -= abs(back - closes[(m - 49) & 127])
                    efficiency = efficiency_ratio(float(close - back), float(path_total))
                change = (close - before) / before
                variance = change * change if m == 1 else variance * KEEP + change * change * (1.0 - KEEP)
                vol = math.sqrt(variance)
                filled = min(m - 1, MONTH_PRIMARY)
                vol_ratio = vol / vol_median if filled > 0 else 1.0
                number = bucket(vol, -20, VOL_BUCKETS)
                vol_below = push_count(vol_counts, vol_ring, vol_at, filled == MONTH_PRIMARY, vol_index, vol_below, number)
                vol_at = 0 if vol_at == MONTH_PRIMARY - 1 else vol_at + 1
                vol_index, vol_below = walk(vol_counts, vol_index, vol_below, min(m, MONTH_PRIMARY))
                vol_median = bucket_middle(vol_index, -20)
                usual = max(vol, vol_median)
            # the day
            day_part += 1
            if day_part >= 96:
                day_part = 0
                if day_whole:
                    at = days % DAYS
                    day_total += close - day_closes[at]
                    day_closes[at] = close
                    days += 1
                    if days >= DAYS:
                        above = DAYS * close - day_total
                        daily_sign = 1 if above > 0 else (-1 if above < 0 else 0)
                day_whole = 1
            # regime
            if hold > 0:
                hold -= 1
            elif m >= MONTH_PRIMARY:
                seen = label(regime, regime_score(adx, efficiency, chop), vol_ratio, 1.5, 1.2, 1.0, 0.75)
                regime, pending, pending_bars, dwell = next_regime(regime, pending, pending_bars, dwell, seen)
            # arming
            if m >= 4 * CHANNEL:
                side = 1 if daily_sign > 0 and close > high_2 else (2 if daily_sign < 0 and close < low_2 else 0)
                if side:
                    side_1, left_1, level_1, armed = side, 3, float(high_2 if side == 1 else low_2), armed | 1
            if m >= 215:
                slope = slow - slopes[(m - 16) & 31]
                side = 1 if slope > 0.0 and close > fast and before <= fast_before else 0
                side = 2 if slope < 0.0 and close < fast and before >= fast_before else side
                if side:
                    side_2, left_2, level_2, armed = side, 3, fast, armed | 2
            squeeze = 0 if m >= MONTH_PRIMARY and vol_ratio < 0.7 else squeeze + 1
            if m >= 48 and squeeze < 16:
                side = 1 if close > extreme_high else (2 if close < extreme_low else 0)
                if side:
                    side_3, left_3, level_3, armed = side, 3, float(extreme_high if side == 1 else extreme_low), armed | 4
            if regime == 2:
                side = 1 if z < -2.5 else (2 if z > 2.5 else 0)
                if side:
                    side_4, left_4, armed = side, 3, armed | 8
            # what the next close is held against
            top, channel_top = push_max(channel_highs, channel_at, channel_top, part_high)
            floor, channel_bottom = push_min(channel_lows, channel_at, channel_bottom, part_low)
            channel_at = 0 if channel_at == CHANNEL - 1 else channel_at + 1
            results_high[result_at], results_low[result_at] = top, floor
            one = result_at - CHANNEL
            one += RING if one < 0 else 0
            result_at = 0 if result_at == RING - 1 else result_at + 1
            high_2, low_2 = max(top, int(results_high[one])), min(floor, int(results_low[one]))
            extreme_high, extreme_top = push_max(extreme_highs, extreme_at, extreme_top, part_high)
            extreme_low, extreme_bottom = push_min(extreme_lows, extreme_at, extreme_bottom, part_low)
            extreme_at = 0 if extreme_at == 47 else extreme_at + 1
            before, before_high, before_low = close, part_high, part_low
            primaries += 1
        if (closed or code) and bars > 1:
            turnover_index, turnover_below = walk(turnover_counts, turnover_index, turnover_below, min(bars - 1, MONTH))
            turnover = bucket_middle(turnover_index, -10)
        if code and k >= first:
            when[n], what[n, 0], what[n, 1] = k, code, regime
            figures[n, 0], figures[n, 1], figures[n, 2] = atr, turnover, moves.max()
            n += 1
    return n


def signals_of(grid: Any) -> tuple[Ints, Floats]:
    """Signals of every symbol in order of time, then symbol: (n, 4) column, symbol, code, regime; (n, 3) as in `limit_signals`."""
    size = len(grid.ts)
    when, what, figures = np.zeros(size, np.int64), np.zeros((size, 2), np.int64), np.zeros((size, 3))
    words, numbers = [], []
    for i in range(len(grid.instruments)):
        n = limit_signals(grid.ts, grid.open[i], grid.high[i], grid.low[i], grid.close[i], grid.volume[i], grid.start, when, what, figures)
        words.append(np.column_stack([when[:n], np.full(n, i), what[:n]]))
        numbers.append(figures[:n].copy())
    found = np.concatenate(words)
    order = np.argsort(found[:, 0], kind="stable")
    return found[order], np.concatenate(numbers)[order]
