"""The rules a second time, written for reading: whole arrays, plain windows, no shared code. The kernels are held against it.

It knows only gap-free series that begin at midnight UTC, 5m rolled up to 15m.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from self_test.strategy.series import Bars, Ints, rolled

Floats = NDArray[np.float64]


def ema(x: Floats, n: int) -> Floats:
    out = np.full(len(x), np.nan)
    out[n - 1] = x[:n].mean()
    for k in range(n, len(x)):
        out[k] = out[k - 1] * (1 - 2 / (n + 1)) + x[k] * 2 / (n + 1)
    return out


def true_ranges(b: Bars) -> Floats:
    before = b.c[:-1]
    spans = np.maximum(b.h[1:] - b.l[1:], np.maximum(abs(b.h[1:] - before), abs(b.l[1:] - before)))
    return np.concatenate([[np.nan], spans.astype(float)])


def trailing(x: NDArray[Any], n: int, function: Any) -> Floats:
    """function over the last n values, the present one included; nan before there are n."""
    out = np.full(len(x), np.nan)
    out[n - 1 :] = function(sliding_window_view(x.astype(float), n), axis=1)
    return out


def shifted(x: Floats, k: int = 1) -> Floats:
    return np.concatenate([np.full(k, np.nan), x[:-k]])


def bucketed(x: Floats) -> Floats:
    """The middle of the log bucket (1/128 octave) of each value."""
    mantissa, exponent = np.frexp(x)
    return np.asarray((np.floor(mantissa * 256) + 0.5) / 256 * 2.0**exponent)


def lower_median(x: Floats) -> float:
    return float(np.sort(x)[(len(x) - 1) // 2])


def z(x: NDArray[Any], n: int) -> Floats:
    mean = trailing(x, n, np.mean)
    return np.asarray((x - mean) / np.sqrt((trailing((x - x[0]) ** 2.0, n, np.sum) - n * (mean - x[0]) ** 2) / (n - 1)))


def measures(b: Bars, adx: Floats) -> dict[str, Floats]:
    """Primary measures of `b`; ADX is given (TA-Lib's, or the kernel's checked against it)."""
    spans = true_ranges(b)
    steps = np.abs(np.diff(b.c, prepend=b.c[0])).astype(float)
    er = np.abs(b.c - shifted(b.c.astype(float), 48)) / trailing(steps, 48, np.sum)
    er[:48] = 0
    chop = 100 * np.log10(trailing(spans, 28, np.sum) / (trailing(b.h, 28, np.max) - trailing(b.l, 28, np.min))) / np.log10(28)
    chop[:28] = 50
    returns = np.diff(b.c) / b.c[:-1]
    variance = np.zeros(len(b.c))
    variance[1] = returns[0] ** 2
    keep = 0.5 ** (1 / 12)
    for k in range(2, len(b.c)):
        variance[k] = variance[k - 1] * keep + (1 - keep) * returns[k - 1] ** 2
    vol = np.sqrt(variance)
    middle = bucketed(np.clip(vol, 2.0**-20, None))
    ratio = np.ones(len(vol))
    for k in range(2, len(vol)):
        ratio[k] = vol[k] / lower_median(middle[max(1, k - 2880) : k])
    score = (adx / 20 + er / 0.28 + (50 - chop) / 20) / 2
    return {"efficiency": er, "choppiness": chop, "vol": vol, "vol_ratio": ratio, "zscore": z(b.c, 96), "score": score}


def regimes(score: Floats, ratio: Floats) -> Ints:
    """0 unknown, 1 trend, 2 chop, 3 volatile."""
    out = np.zeros(len(score), dtype=np.int64)
    current = dwell = before = 0
    for k in range(2880, len(score)):
        if ratio[k] > (1.2 if current == 3 else 1.5):
            seen = 3
        else:
            seen = 1 if score[k] > (0.75 if current == 1 else 1.0) else 2
        if current == 0 or (seen != current and seen == before and dwell >= 4):
            current, dwell = seen, 0
        out[k] = current
        dwell, before = dwell + 1, seen
    return out


def signals(bars: Bars, adx: Floats) -> tuple[Ints, dict[str, Floats], Ints]:  # noqa: C901  the whole rule book in one place is what it is for
    """Signal codes of each 5m bar, the primary measures, the regimes."""
    p = rolled(bars, 3)
    m = measures(p, adx)
    regime = regimes(m["score"], m["vol_ratio"])
    n = len(p.ts)
    close = p.c.astype(float)
    channels_high = np.array([shifted(trailing(p.h, w, np.max)) for w in (480, 960, 1920)])
    channels_low = np.array([shifted(trailing(p.l, w, np.min)) for w in (480, 960, 1920)])
    high48, low48 = shifted(trailing(p.h, 48, np.max)), shifted(trailing(p.l, 48, np.min))
    fast, slow = ema(close, 50), ema(close, 200)
    slope = slow - shifted(slow, 16)
    crossed_up = (close > fast) & (shifted(close) <= shifted(fast))
    crossed_down = (close < fast) & (shifted(close) >= shifted(fast))
    daily = close[95::96]
    daily_mean = trailing(daily, 20, np.mean)
    sign = np.zeros(n)
    for d in range(19, len(daily)):
        sign[96 * d + 95 : 96 * d + 191] = np.sign(daily[d] - daily_mean[d])
    quiet = (m["vol_ratio"] < 0.7) & (np.arange(n) >= 2880)

    tr5 = true_ranges(bars)
    atr5 = np.zeros(len(tr5))
    for k in range(1, len(tr5)):
        atr5[k] = atr5[k - 1] + (tr5[k] - atr5[k - 1]) / min(k, 28)
    middle5 = bucketed(np.clip(atr5, 2.0**-4, None))
    log_volume = np.log(np.where(bars.v > 0, bars.v, 1.0))
    for k in range(len(log_volume)):
        if bars.v[k] == 0:
            log_volume[k] = log_volume[k - 1] if k else 0.0
    volume_z = np.where(bars.v > 0, z(log_volume, 288), 0.0)

    codes = np.zeros(len(bars.ts), dtype=np.int64)
    armed: dict[int, tuple[int, float, int]] = {}
    for k in range(len(bars.ts)):
        for s, (side, level, last) in list(armed.items()):
            up = side == 1
            c, o = bars.c[k], bars.o[k]
            calm = atr5[k] <= 3 * lower_median(middle5[max(1, k - 8640) : k])
            past = c > level if up else c < level
            if s == 0:
                own = past
            elif s == 1:
                own = past and (bars.l[k] > bars.l[k - 1] if up else bars.h[k] < bars.h[k - 1])
            elif s == 2:
                own = past and volume_z[k] > 1
            else:
                own = c > o if up else c < o
            if calm and own:
                codes[k] |= side << (2 * s)
            if (calm and own) or k == last:
                del armed[s]
        if k % 3 < 2:
            continue
        t = k // 3
        if t >= 1920:
            if sign[t] > 0 and (close[t] > channels_high[:, t]).sum() >= 2:
                armed[0] = (1, np.sort(channels_high[:, t])[1], k + 3)
            if sign[t] < 0 and (close[t] < channels_low[:, t]).sum() >= 2:
                armed[0] = (2, np.sort(channels_low[:, t])[1], k + 3)
        if slope[t] > 0 and crossed_up[t]:
            armed[1] = (1, fast[t], k + 3)
        if slope[t] < 0 and crossed_down[t]:
            armed[1] = (2, fast[t], k + 3)
        if quiet[max(0, t - 15) : t + 1].any():
            if close[t] > high48[t]:
                armed[2] = (1, high48[t], k + 3)
            if close[t] < low48[t]:
                armed[2] = (2, low48[t], k + 3)
        if regime[t] == 2 and abs(m["zscore"][t]) > 2.5:
            armed[3] = (1 if m["zscore"][t] < 0 else 2, 0.0, k + 3)
    return codes, m, regime
