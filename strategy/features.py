"""What a policy sees of a market when a candidate is confirmed: 34 numbers from closed bars, the same in engine and sweep.

Every figure comes from the market row and the ring of primary bars by one compiled function, so streaming and batch agree to the last bit.
What normalises a bar excludes that bar. Account, profit and loss streaks are left out on purpose: they teach chasing losses.
"""

from __future__ import annotations

import hashlib
import math

import msgspec
import numpy as np

from state.observed import BARS, RATES
from state.rows import DAY_MS, SLOPES, STRATEGIES, Row, Rows
from strategy.actions import Values
from strategy.base import BASE, C1, C4, DEMO, F1, F2, O1
from strategy.rollup import is_pause
from strategy.swing_pullback import SLOPE_BARS
from utils.kernel import kernel

HOUR_MS = 3_600_000
FUNDING_MS, WEEK_MS = 8 * HOUR_MS, 120 * HOUR_MS
SHORT, LONG = 96, 960
"""Primary bars of the scales of returns and channels, and of the longer ones."""
HALF_LIFE = 24
_KEEP = 0.5 ** (1.0 / HALF_LIFE)
LEAST_RATES = 10
KINDS = 4
"""Numbers that say which strategy asks. A policy belongs to one domain: in FOREX the first and last of them say F1 and F2,
in OPTIONS the first says O1."""

SEEN, TOO_SHORT, GAP, NOT_FINITE = 0, 1, 2, 3
REASONS = ("", "short_history", "gap", "not_finite")
"""Why there is no observation, by the number that `observe` returns."""


class Feature(msgspec.Struct, frozen=True):
    """One number of the observation: what it is called, how it is computed, where it is cut off (±)."""

    name: str
    formula: str
    clip: float = 5.0


FEATURES: tuple[Feature, ...] = (
    *(Feature(f"ret_{k}", f"ln(c/c[-{k}]) / (sd of the 96 log returns before * sqrt({k}))") for k in (1, 4, 16, 96)),
    Feature("ema50", "(c - ema50) / (4 atr28)"),
    Feature("slope200", "(ema200 - ema200[-16]) / atr28"),
    Feature("donchian_96", "2 (c - low96) / (high96 - low96) - 1, the 96 bars before", 1.0),
    Feature("donchian_960", "2 (c - low960) / (high960 - low960) - 1, the 960 bars before", 1.0),
    Feature("efficiency", "2 er48 - 1"),
    Feature("adx", "(adx28 - 25) / 15"),
    Feature("choppiness", "(50 - chop28) / 12"),
    Feature("volatility", "ln(ewma24 volatility / its median over the month before)"),
    Feature("vol_of_vol", "z over 960 bars before of |ln(v / v[-24])|, v = ewma24 volatility"),
    Feature("range", "z over 960 bars before of ln((high - low + 1 tick) / close)"),
    Feature("volume", "ln(volume / median of the same hour of the week in the month before); 0 unknown"),
    Feature("cost", "round trip at the prior hold / stop distance of base"),
    Feature("spread", "spread / atr28 in 1/100"),
    Feature("funding", "z of the last rate among those before; 0 without 10 of them"),
    Feature("confirm", "side (confirm close - primary close before it) / atr28"),
    Feature("trend_4h", "sign(c - mean of 20 four-hour spans)", 1.0),
    Feature("trend_1d", "sign(day close - mean of 20)", 1.0),
    Feature("hour_sin", "sin(2 pi hour / 24)", 1.0),
    Feature("hour_cos", "cos(2 pi hour / 24)", 1.0),
    Feature("weekday_sin", "sin(2 pi weekday / 7)", 1.0),
    Feature("weekday_cos", "cos(2 pi weekday / 7)", 1.0),
    Feature("until", "time to the next funding / 8 h, or to the week's end / 120 h; 0 where there is neither"),
    Feature("side", "1 long, -1 short", 1.0),
    Feature("strength", "side (confirm close - level) / atr28; C4: -side z96 / 2.5"),
    *(Feature(f"is_{name}", "1 for this strategy", 1.0) for name in ("c1", "c2", "c3", "c4")),
    Feature("sentiment", "-1 to 1, 0 where it is off", 1.0),
    Feature("sentiment_stale", "1 where it is too old to count", 1.0),
)
"""The observation, in order."""

SIZE = len(FEATURES)
"""34."""

INDEX = {feature.name: k for k, feature in enumerate(FEATURES)}

_CLIPS = np.array([feature.clip for feature in FEATURES], np.float32)

OBS_SCHEMA_HASH = hashlib.sha256(msgspec.json.encode([(one.name, one.formula, one.clip) for one in FEATURES])).hexdigest()
"""What a stored policy must have been trained on, or it is refused."""
SCHEMA = OBS_SCHEMA_HASH[:12]
"""As decision rows bear it."""


@kernel
def _over(x: float, scale: float) -> float:
    """The quotient, 0 where there is no scale: a market that does not move says nothing."""
    return x / scale if scale > 0.0 else 0.0


@kernel
def _z(x: Values, last: int, n: int) -> float:
    """How many sample deviations x[last] lies above the mean of the `n` values before it; 0 when those are all equal."""
    mean = 0.0
    for k in range(last - n, last):
        mean += x[k]
    mean /= n
    squares = 0.0
    for k in range(last - n, last):
        squares += (x[k] - mean) * (x[k] - mean)
    deviation = math.sqrt(squares / (n - 1))
    return (x[last] - mean) / deviation if deviation > 1e-12 * max(1.0, abs(mean)) else 0.0


@kernel
def _whole(seen: Row, row: Row, ts: int) -> int:
    """SEEN when the ring is full enough, its newest bar is the last that closed by `ts`, and none is missing among the last 97."""
    if seen.n < max(row.month_primary, LONG + 1):
        return TOO_SHORT
    age = ts - (seen.primary_ts + row.primary_ms)
    if seen.primary_ts != row.primary_ts or age < 0 or age >= row.primary_ms:
        return GAP
    for k in range(seen.n - SHORT, seen.n):
        number, before = seen.number[k % BARS], seen.number[(k - 1) % BARS]
        if number != before + 1 and not (row.weekends and is_pause((before + 1) * row.primary_ms, number * row.primary_ms)):
            return GAP
    return SEEN


@kernel
def _channel(high: Values, low: Values, close: float, last: int, n: int) -> float:
    """Where `close` lies in the range of the `n` bars before: -1 at its low, 1 at its high."""
    top, bottom = high[last - n], low[last - n]
    for k in range(last - n + 1, last):
        top = max(top, high[k])
        bottom = min(bottom, low[k])
    return _over(2.0 * (close - bottom), top - bottom) - 1.0 if top > bottom else 0.0


@kernel
def _volume(seen: Row, row: Row, n: int) -> float:
    """Logarithm of the newest bar's volume over the median of the bars of its hour of the week among the `n` bars before."""
    newest = seen.volume[(seen.n - 1) % BARS]
    if newest < 0.0:
        return 0.0
    hour = (seen.number[(seen.n - 1) % BARS] * row.primary_ms // HOUR_MS) % 168
    alike = np.empty(n, np.float64)
    found = 0
    for k in range(seen.n - 1 - n, seen.n - 1):
        at = k % BARS
        if seen.volume[at] >= 0.0 and (seen.number[at] * row.primary_ms // HOUR_MS) % 168 == hour:
            alike[found] = seen.volume[at]
            found += 1
    if found == 0:
        return 0.0
    median = np.median(alike[:found])
    if median <= 0.0:
        return 0.0
    return math.log(float(newest) / float(median)) if newest > 0.0 else -math.inf


@kernel
def _funding(seen: Row) -> float:
    n = min(seen.rates_n, RATES)
    if n <= LEAST_RATES:
        return 0.0
    rates = np.empty(n, np.float64)
    for k in range(n):
        rates[k] = seen.rates[(seen.rates_n - n + k) % RATES]
    return _z(rates, n - 1, n - 1)


@kernel
def _sign(x: float) -> float:
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)


@kernel
def _until(inst: Rows, i: int, ts: int) -> float:
    """Time to the next funding in 8 h, or to the end of the trading week in 120 h; 0 where there is neither."""
    if inst[i]["session"]:
        return float(max(0, inst[i]["close_ts"] - ts) / WEEK_MS)
    interval = inst[i]["funding_interval_ms"]
    return (interval - ts % interval) / FUNDING_MS if interval > 0 else 0.0


@kernel
def observe(
    market: Rows,
    observed: Rows,
    m: int,
    inst: Rows,
    i: int,
    rules: Rows,
    s: int,
    side: int,
    ts: int,
    cost: float,
    spread: float,
    sentiment: float,
    stale: float,
    out: Values,
) -> int:
    """The observation of a candidate into `out` (34,) float32; SEEN, or why there is none (then `out` is not to be used).

    Market row `m`, seat `i`, strategy `s`, `side` 1 or -1, decided at `ts`, the close of the confirm bar that the row saw last. `cost` is
    the round trip at the strategy's prior hold, `spread` the spread, both as fractions of the price.
    """
    row, seen = market[m], observed[m]
    bad = _whole(seen, row, ts)
    if bad != SEEN:
        return bad
    n = max(row.month_primary, LONG + 1)
    last = n - 1
    high, low, close = np.empty(n), np.empty(n), np.empty(n)
    for k in range(n):
        at = (seen.n - n + k) % BARS
        high[k], low[k], close[k] = seen.high[at], seen.low[at], seen.close[at]
    logs = np.log(close)
    returns, vol = np.zeros(n), np.zeros(n)
    variance = 0.0
    for k in range(1, n):
        returns[k] = logs[k] - logs[k - 1]
        variance = returns[k] * returns[k] if k == 1 else variance * _KEEP + returns[k] * returns[k] * (1.0 - _KEEP)
        vol[k] = math.sqrt(variance)
    mean = returns[last - SHORT : last].mean()
    squares = 0.0
    for k in range(last - SHORT, last):
        squares += (returns[k] - mean) * (returns[k] - mean)
    sigma = math.sqrt(squares / (SHORT - 1))
    sigma = sigma if sigma > 1e-12 else 0.0
    c, atr = close[last], row.atr
    for x in range(4):
        k = 4**x if x < 3 else SHORT
        out[x] = _over(logs[last] - logs[last - k], sigma * math.sqrt(k))
    out[4] = _over(c - row.ema_fast, 4.0 * atr)
    out[5] = _over(row.ema_slow - row.slopes[(row.primary_bars - 1 - SLOPE_BARS) & (SLOPES - 1)], atr)
    out[6] = _channel(high, low, c, last, SHORT)
    out[7] = _channel(high, low, c, last, LONG)
    out[8] = 2.0 * row.efficiency - 1.0
    out[9] = (row.adx - 25.0) / 15.0
    out[10] = (50.0 - row.choppiness) / 12.0
    usual = np.median(vol[1:last])
    out[11] = math.log(vol[last] / usual) if usual > 0.0 and vol[last] > 0.0 else 0.0
    moves, ranges = np.zeros(n), np.zeros(n)
    for k in range(last - LONG, n):
        before = vol[k - HALF_LIFE] if k > HALF_LIFE else 0.0
        moves[k] = abs(math.log(vol[k] / before)) if before > 0.0 and vol[k] > 0.0 else 0.0
        ranges[k] = math.log((high[k] - low[k] + 1.0) / close[k])
    out[12] = _z(moves, last, LONG)
    out[13] = _z(ranges, last, LONG)
    out[14] = _volume(seen, row, last)
    reference = float(row.last_close)
    span_of = reference if s == O1 else atr  # an option's cost, spread and stop are fractions of its premium
    out[15] = _over(cost * reference, rules[s]["stop_k"][BASE] * span_of)
    out[16] = _over(100.0 * spread * reference, span_of)
    out[17] = _funding(seen)
    earlier = close[last - 1] if row.primary_ts + row.primary_ms == ts else c
    out[18] = _over(side * (reference - earlier), atr)
    span = min(20 * 4 * HOUR_MS // row.primary_ms, n)
    out[19] = _sign(c - close[n - span :].mean())
    out[20] = row.daily_sign
    hour, weekday = (ts % DAY_MS) / HOUR_MS, float((ts // DAY_MS + 3) % 7)
    out[21], out[22] = math.sin(math.tau * hour / 24.0), math.cos(math.tau * hour / 24.0)
    out[23], out[24] = math.sin(math.tau * weekday / 7.0), math.cos(math.tau * weekday / 7.0)
    out[25] = _until(inst, i, ts)
    out[26] = side
    out[27] = 0.0
    if s in (C4, F2):
        out[27] = -side * row.zscore / 2.5
    elif s < STRATEGIES and s != DEMO:
        out[27] = _over(side * (reference - row.arm_level[s]), atr)
    kind = C1 if s in (F1, O1) else (C4 if s == F2 else s)
    for k in range(KINDS):
        out[28 + k] = 1.0 if kind == k else 0.0
    out[32], out[33] = sentiment, stale
    return _clip(out)


@kernel
def _clip(out: Values) -> int:
    """Cut each number off where its feature says; NOT_FINITE where one is no number."""
    for k in range(len(out)):
        if math.isnan(out[k]):
            return NOT_FINITE
        out[k] = min(max(out[k], -_CLIPS[k]), _CLIPS[k])
    return SEEN
