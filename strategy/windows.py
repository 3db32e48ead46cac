"""Windows that cost the same at any width: rolling extremes, integer sums, and a median by log buckets.

Sums are over integers (ticks, or a fixed-point logarithm), so nothing drifts and nothing is ever summed again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.kernel import kernel

LOWEST = 0
"""Initial content of a window of maxima: below every price in ticks."""

HIGHEST = (1 << 31) - 1
"""Initial content of a window of minima: above every price in ticks."""

FINE = 20
"""Bits after the point of a fixed-point logarithm."""

_MANTISSA = 45
"""Bits of a float64 dropped by a bucket number: 7 of the mantissa stay, so a bucket is at most 0.78 % wide."""


@kernel
def push_max(buffer: NDArray[Any], position: int, prefix: int, x: int) -> tuple[int, int]:
    """Maximum of the last `len(buffer)` values, `x` included, and the new running prefix.

    `buffer` holds this block's values up to `position` and, after it, suffix maxima of the previous block; when the block is full it
    is turned into its own suffix maxima. The caller moves `position` on, modulo the width. Amortised about 3 comparisons a push
    (van Herk, Gil-Werman).
    """
    buffer[position] = x
    prefix = max(prefix, x)
    last = buffer.shape[0] - 1
    if position < last:
        return max(prefix, int(buffer[position + 1])), prefix
    best = x
    for k in range(last, -1, -1):
        best = max(best, int(buffer[k]))
        buffer[k] = best
    return prefix, LOWEST


@kernel
def push_min(buffer: NDArray[Any], position: int, prefix: int, x: int) -> tuple[int, int]:
    """Minimum of the last `len(buffer)` values: `push_max` mirrored."""
    buffer[position] = x
    prefix = min(prefix, x)
    last = buffer.shape[0] - 1
    if position < last:
        return min(prefix, int(buffer[position + 1])), prefix
    best = x
    for k in range(last, -1, -1):
        best = min(best, int(buffer[k]))
        buffer[k] = best
    return prefix, HIGHEST


@kernel
def advance(position: int, width: int) -> int:
    """The next position in a ring of `width` (a comparison, where a remainder would be a division)."""
    position += 1
    return 0 if position == width else position


@kernel
def zscore(x: int, n: int, total: int, squares: int) -> float:
    """(x - mean) / sample deviation (ddof 1) of `n` integers, `x` among them; 0 when all are equal.

    n * squares - total**2 may wrap round int64 in its terms and is exact all the same while n**2 * variance fits, as two's complement
    addition does not care.
    """
    spread = n * squares - total * total
    if spread <= 0:
        return 0.0
    return (n * x - total) / math.sqrt(spread * (n / (n - 1.0)))


@kernel
def fine_log(x: float) -> int:
    """ln(x) in fixed point, `FINE` bits after the point; `x` > 0."""
    return math.floor(math.log(x) * (1 << FINE) + 0.5)


@kernel
def bucket(x: float, exponent: int, size: int) -> int:
    """Log bucket of `x`: 128 to an octave, counted from 2**exponent, clipped to [0, size)."""
    if x <= 0.0:
        return 0
    number = (int(np.float64(x).view(np.int64)) >> _MANTISSA) - ((1023 + exponent) << (52 - _MANTISSA))
    return min(max(number, 0), size - 1)


@kernel
def bucket_middle(number: int, exponent: int) -> float:
    """The middle of a bucket: within 0.4 % of everything in it."""
    bits = ((number + ((1023 + exponent) << (52 - _MANTISSA))) << _MANTISSA) + (1 << (_MANTISSA - 1))
    return float(np.int64(bits).view(np.float64))


@kernel
def push_count(counts: NDArray[Any], ring: NDArray[Any], position: int, full: bool, index: int, below: int, number: int) -> int:
    """Bucket `number` enters the window, the oldest leaves it when `full`; returns how many values lie below bucket `index`."""
    if full:
        gone = int(ring[position])
        counts[gone] -= 1
        below -= gone < index
    ring[position] = number
    counts[number] += 1
    return below + (number < index)


@kernel
def walk(counts: NDArray[Any], index: int, below: int, n: int) -> tuple[int, int]:
    """Move `index` to the bucket of the lower median of `n` > 0 values; returns it and how many values lie below it."""
    rank = (n - 1) >> 1
    while below > rank:
        index -= 1
        below -= counts[index]
    while below + counts[index] <= rank:
        below += counts[index]
        index += 1
    return index, below
