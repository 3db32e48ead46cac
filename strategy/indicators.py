"""The classic indicators as single steps: numbers in, numbers out, no memory of their own.

Seeding follows TA-Lib, so after warm-up they are equal: a moving average starts as the plain mean of its first n values.
`count` is how many values came before this one.
"""

from __future__ import annotations

import math

from utils.kernel import kernel


@kernel
def seeded(previous: float, count: int, x: float, n: int, weight: float) -> float:
    """A recursive mean: the plain mean of the first `n` values, then previous + weight * (x - previous)."""
    if count >= n:
        return previous + weight * (x - previous)
    return previous + (x - previous) / (count + 1)


@kernel
def ema(previous: float, count: int, x: float, n: int) -> float:
    """Exponential mean, weight 2 / (n + 1); full after `n` values."""
    return seeded(previous, count, x, n, 2.0 / (n + 1))


@kernel
def wilder(previous: float, count: int, x: float, n: int) -> float:
    """Wilder's mean, weight 1 / n; over true ranges it is the ATR."""
    return seeded(previous, count, x, n, 1.0 / n)


@kernel
def true_range(high: float, low: float, previous_close: float) -> float:
    """The bar's range, the jump from the previous close included; ints stay ints."""
    return max(high, previous_close) - min(low, previous_close)


@kernel
def directional(high: float, low: float, previous_high: float, previous_low: float) -> tuple[float, float]:
    """Wilder's (+DM, -DM) of one bar: the larger of the two outward moves, the other 0."""
    up = high - previous_high
    down = previous_low - low
    if down > 0 and up < down:
        return up * 0, down
    if up > 0 and up > down:
        return up, down * 0
    return up * 0, down * 0


@kernel
def adx_step(
    n: int, count: int, smooth: float, plus: float, minus: float, adx: float, span: float, up: float, down: float
) -> tuple[float, float, float, float]:
    """One step of ADX: `span`, `up`, `down` = true range, +DM, -DM of a bar; returns (smooth, plus, minus, adx).

    `count` true ranges came before. The first n - 1 are summed, from the n-th on Wilder's sums run, and `adx` is TA-Lib's once
    2n - 1 have been seen; before that it is a part of its first mean.
    """
    if count < n - 1:
        return smooth + span, plus + up, minus + down, 0.0
    keep = 1.0 - 1.0 / n
    smooth = smooth * keep + span
    plus = plus * keep + up
    minus = minus * keep + down
    both = plus + minus
    index = 100.0 * abs(minus - plus) / both if both > 1e-14 and smooth > 1e-14 else -1.0
    if count < 2 * n - 1:
        return smooth, plus, minus, adx + max(index, 0.0) / n
    if index < 0.0:
        return smooth, plus, minus, adx
    return smooth, plus, minus, adx * keep + index / n


@kernel
def efficiency_ratio(net: float, path: float) -> float:
    """Kaufman's: |net move| / length of the path, 0..1; 0 when nothing moved."""
    return abs(net) / path if path > 0.0 else 0.0


@kernel
def choppiness(ranges: float, highest: float, lowest: float, n: int) -> float:
    """100 * log10(sum of true ranges / (highest - lowest)) / log10(n); 50 (neutral) when nothing moved."""
    span = highest - lowest
    return 100.0 * math.log(ranges / span) / math.log(n) if span > 0.0 else 50.0
