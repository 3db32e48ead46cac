"""The market pass: one closed confirm bar into one row, confirmed signals out. It knows no account and no order.

`on_bar` is the whole arithmetic of the strategies. The engine calls it a bar at a time, the sweep in a compiled loop; what a bar may
change is decided here and nowhere else. After the call these fields of the row are for reading:

`atr` (primary ATR28, ticks), `regime`, `primary_bars`, `confirm_bars`, `median_turnover_ticks` (base units x ticks, brought up to date
at a primary close and at a signal), `last_ts`, `last_close`, `primary_ts`, `primary_close`, `confirm_ms`, `primary_ms`, `score`,
`vol_ratio`, `adx`, `efficiency`, `choppiness`, `zscore`, `ema_fast`, `ema_slow`, `daily_sign`, `gaps`, `rejected`, and the levels
`channel_*` and `extreme_*` that the next primary close has to pass.

A gap (a confirm bar that does not follow the last one) drops the unfinished primary bar and day, disarms everything and leaves the regime
unknown for 4 primary closes; windows count bars and go on. With `weekends`, the pause over a Saturday or a holiday is no gap: it
only disarms.

Which strategies a row arms follows from its market: F1, F2 and O1 where there are weekends, C1 to C4 where there are none.
"""

from __future__ import annotations

import math

import numpy as np

from state.rows import (
    CHANNEL,
    CHANNEL_DAYS,
    DAY_MS,
    EXTREME,
    MARKET,
    MONTH_CONFIRM,
    MONTH_DAYS,
    MONTH_PRIMARY,
    PARAMS,
    PRICE_LIMIT,
    SLOPES,
    Row,
    Rows,
)
from strategy.base import C1, C2, C3, C4, F1, F2, LONG, O1, SHORT
from strategy.confirm import arm, try_confirm
from strategy.fx_fade import arm_fx_fade
from strategy.fx_trend import arm_fx_trend, channel_bars, channel_edge
from strategy.measures import measure_confirm, measure_primary, measure_turnover, remember_primary
from strategy.moves import note_move
from strategy.regime import HOLD_AFTER_GAP, UNKNOWN, label, next_regime, regime_score
from strategy.rollup import is_pause, locate, take_day, take_part
from strategy.scalp_breakout import arm_breakout
from strategy.scalp_fade import arm_fade
from strategy.swing_pullback import SLOPE_BARS, SLOW, arm_pullback
from strategy.swing_trend import arm_trend, channel_level
from strategy.windows import HIGHEST
from utils.kernel import kernel

_LONG_AGO = 1 << 20


def new_market(n: int, confirm_ms: int, primary_ms: int, weekends: bool = False) -> Rows:
    """`n` empty rows for instruments with these timeframes.

    ValueError when the timeframes do not divide each other and the day, or when 30 days of them do not fit the rings (5m / 15m at least).
    """
    if confirm_ms <= 0 or primary_ms % confirm_ms or primary_ms <= confirm_ms or DAY_MS % primary_ms:
        raise ValueError(f"timeframes {confirm_ms} ms and {primary_ms} ms must divide each other and a day")
    month_confirm, month_primary = MONTH_DAYS * DAY_MS // confirm_ms, MONTH_DAYS * DAY_MS // primary_ms
    if month_confirm > MONTH_CONFIRM or month_primary > MONTH_PRIMARY:
        raise ValueError(f"timeframes {confirm_ms} ms and {primary_ms} ms are finer than 5m and 15m")
    rows = np.zeros(n, dtype=MARKET)
    rows["confirm_ms"], rows["primary_ms"], rows["weekends"] = confirm_ms, primary_ms, int(weekends)
    rows["parts"], rows["day_parts"] = primary_ms // confirm_ms, DAY_MS // primary_ms
    rows["channel"] = min(CHANNEL, CHANNEL_DAYS * DAY_MS // primary_ms) if weekends else CHANNEL
    rows["month_confirm"], rows["month_primary"] = month_confirm, month_primary
    rows["squeeze_age"] = _LONG_AGO
    rows["vol_ratio"] = 1.0
    rows["choppiness"] = 50.0
    for name in ("chop", "extreme", "channel"):
        rows[f"{name}_lows"] = HIGHEST
        rows[f"{name}_prefix_low"] = HIGHEST
    rows["results_low"] = HIGHEST
    return rows


def new_params() -> Rows:
    """One parameter row with the defaults.

    volatile_enter, volatile_leave: VR above which the regime becomes, stays volatile · trend_enter, trend_leave: the same for the score ·
    channels: of C1's three, how many must be passed (1..3) · squeeze_ratio: C3's VR, to be seen within the last squeeze_bars primary
    bars, this one included · volume_z: C3's confirm threshold · fade_z, fx_fade_z: C4's and F2's distance in deviations · calm: confirm ATR
    in multiples of its median.
    """
    params = np.zeros(1, dtype=PARAMS)
    params["volatile_enter"], params["volatile_leave"] = 1.5, 1.2
    params["trend_enter"], params["trend_leave"] = 1.0, 0.75
    params["channels"] = 2
    params["squeeze_ratio"], params["squeeze_bars"], params["volume_z"] = 0.7, 16, 1.0
    params["fade_z"], params["fx_fade_z"] = 2.5, 2.5
    params["calm"] = 3.0
    return params


@kernel
def _break_off(row: Row, end: int, ts: int) -> None:
    """Bars are missing between `end` and `ts`: nothing that spans them may be trusted."""
    row.armed = 0
    locate(row, ts)
    if row.weekends and is_pause(end, ts):
        return
    row.gaps += 1
    row.hold = HOLD_AFTER_GAP
    row.regime = UNKNOWN


@kernel
def _step_regime(row: Row, p: Row) -> None:
    """The regime at a primary close, unknown in the first 30 days and on hold after a gap."""
    row.score = regime_score(row.adx, row.efficiency, row.choppiness)
    if row.hold > 0:
        row.hold -= 1
        return
    if row.primary_bars < row.month_primary:
        return
    seen = label(row.regime, row.score, row.vol_ratio, p.volatile_enter, p.volatile_leave, p.trend_enter, p.trend_leave)
    row.regime, row.pending, row.pending_bars, row.dwell = next_regime(row.regime, row.pending, row.pending_bars, row.dwell, seen)


@kernel
def _arm_forex(row: Row, p: Row, c: int, closed_ts: int) -> None:
    """The arming rules of a market with weekends at a primary close, each as soon as its windows are full."""
    if row.primary_bars >= channel_bars(row.primary_ms):
        side = arm_fx_trend(c, channel_edge(row, LONG), channel_edge(row, SHORT), closed_ts)
        edge = float(channel_edge(row, side))
        arm(row, F1, side, edge)
        arm(row, O1, side, edge)
    arm(row, F2, arm_fx_fade(row.zscore, p.fx_fade_z, closed_ts), 0.0)  # z is 0 until its window is full


@kernel
def _arm_all(row: Row, p: Row, c: int) -> None:
    """The arming rules of a market that never closes at a primary close, each as soon as its windows are full."""
    n = row.primary_bars
    if n >= 4 * CHANNEL:
        high = channel_level(p.channels, row.channel_high_short, row.channel_high_middle, row.channel_high_long)
        low = channel_level(p.channels, row.channel_low_short, row.channel_low_middle, row.channel_low_long)
        side = arm_trend(c, high, low, row.daily_sign)
        arm(row, C1, side, float(high if side == 1 else low))
    if n >= SLOW + SLOPE_BARS - 1:
        slope = row.ema_slow - row.slopes[(n - SLOPE_BARS) & (SLOPES - 1)]
        side = arm_pullback(c, row.ema_fast, row.primary_close, row.ema_fast_before, slope)
        arm(row, C2, side, row.ema_fast)
    row.squeeze_age = 0 if n >= row.month_primary and row.vol_ratio < p.squeeze_ratio else row.squeeze_age + 1
    if n >= EXTREME:
        side = arm_breakout(c, row.extreme_high, row.extreme_low, row.squeeze_age, p.squeeze_bars)
        arm(row, C3, side, float(row.extreme_high if side == 1 else row.extreme_low))
    arm(row, C4, arm_fade(row.zscore, row.regime, p.fade_z), 0.0)  # z is 0 until its window is full


@kernel
def _close_primary(row: Row, p: Row, ts: int, h: int, l: int, c: int) -> None:
    """A whole primary bar, open time `ts`: measures, regime, arming; only then does it join what later closes are held against."""
    row.primary_ts = ts
    measure_primary(row, h, l, c)
    take_day(row, c)
    _step_regime(row, p)
    if row.weekends:
        _arm_forex(row, p, c, ts + row.primary_ms)
    else:
        _arm_all(row, p, c)
    remember_primary(row, h, l, c)


@kernel
def on_bar(rows: Rows, params: Rows, i: int, ts: int, o: int, h: int, l: int, c: int, v: float) -> int:
    """One closed confirm bar (open time `ts`, prices in ticks, volume in base units) into row `i`.

    Returns the confirmed signals, two bits a strategy: `(code >> 2 * s) & 3` = 0 none, 1 long, 2 short, s as in
    `strategy/base.py`.
    A bar that is broken, off the grid or not newer than the last one changes nothing but `rejected`. `v` must be a float (an int
    would compile anew).
    """
    row = rows[i]
    p = params[0]
    if not (0 < l <= min(o, c) and max(o, c) <= h < PRICE_LIMIT and 0.0 <= v < math.inf):
        row.rejected += 1
        return 0
    if row.confirm_bars == 0:
        if ts % row.confirm_ms != 0 or (row.primary_bars > 0 and ts <= row.primary_ts):
            row.rejected += 1
            return 0
        if row.primary_bars == 0:
            locate(row, ts)
        elif ts != row.primary_ts + row.primary_ms:
            _break_off(row, row.primary_ts + row.primary_ms, ts)
    elif ts != row.last_ts + row.confirm_ms:
        if ts <= row.last_ts or ts % row.confirm_ms != 0:
            row.rejected += 1
            return 0
        _break_off(row, row.last_ts + row.confirm_ms, ts)
    note_move(row, ts, h, l)
    measure_confirm(row, h, l, c, v)
    code = try_confirm(row, p, o, h, l, c) if row.armed else 0
    row.confirm_bars += 1
    row.last_ts = ts
    row.last_close = c
    row.previous_high = h
    row.previous_low = l
    if take_part(row, h, l):
        _close_primary(row, p, ts + row.confirm_ms - row.primary_ms, row.part_high, row.part_low, c)
        measure_turnover(row)
    elif code != 0:
        measure_turnover(row)
    return code


@kernel
def on_primary_bar(rows: Rows, params: Rows, i: int, ts: int, o: int, h: int, l: int, c: int) -> bool:
    """A native primary bar, only before the first confirm bar: lengthens the primary windows of a warm-up. False when it is not taken."""
    row = rows[i]
    p = params[0]
    if row.confirm_bars > 0 or ts % row.primary_ms != 0 or (row.primary_bars > 0 and ts <= row.primary_ts):
        return False
    if not (0 < l <= min(o, c) and max(o, c) <= h < PRICE_LIMIT):
        return False
    if row.primary_bars == 0:
        locate(row, ts)
    elif ts != row.primary_ts + row.primary_ms:
        _break_off(row, row.primary_ts + row.primary_ms, ts)
    _close_primary(row, p, ts, h, l, c)
    row.armed = 0
    return True
