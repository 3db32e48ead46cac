"""What a sample is: finite numbers with some spread, summed exactly, so that neither row order nor platform changes a verdict.

Everything that the statistics take passes through `sample`: empty, NaN, infinite or absurd input is no sample, and every function on top
answers None for it. A number that only looks like one (a Sharpe ratio of 1e16 over equal returns) never leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

ABSURD = 1e100
"""Beyond this no return, profit or R multiple is real, and its square would no longer be exact."""
FLAT = 1e-12
"""A spread smaller than this share of the largest value is rounding, not variance."""
MAX_EVIDENCE = 1e300
"""E-values beyond it are given as it: evidence has no upper end, floats have."""


class Moments(NamedTuple):
    """The per-period figures that PSR and DSR are made of."""

    n: int
    sharpe: float
    """Mean / standard deviation (ddof=1), per period."""
    skew: float
    """Biased (population) third standardised moment."""
    kurt: float
    """Biased fourth standardised moment, not in excess: 3 for a normal sample."""


def sample(values: Iterable[float]) -> list[float] | None:
    """The values as plain floats; None when there are none, or when one is not finite or is absurd."""
    found = [float(value) for value in values]
    if not found or not all(abs(value) <= ABSURD for value in found):  # NaN compares false
        return None
    return found


def real(*numbers: float) -> bool:
    """Whether all are finite and not absurd."""
    return all(abs(number) <= ABSURD for number in numbers)


def finite(number: float) -> float | None:
    """The number, or None when it is infinite or NaN."""
    return number if math.isfinite(number) else None


def mean_of(values: list[float]) -> float:
    """Arithmetic mean of a non-empty sample, the sum rounded once."""
    return math.fsum(values) / len(values)


def spread(values: list[float]) -> float | None:
    """Standard deviation with ddof=1; None below two values or without variance."""
    if len(values) < 2:
        return None
    mean = mean_of(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return deviation if deviation > FLAT * max(map(abs, values)) else None


def moments(returns: Iterable[float]) -> Moments | None:
    """Count, Sharpe ratio, skewness and kurtosis of per-period simple returns; None below two values or without variance."""
    values = sample(returns)
    deviation = spread(values) if values else None
    if values is None or deviation is None:
        return None
    n, mean = len(values), mean_of(values)
    away = [(value - mean) / deviation for value in values]
    second = math.fsum(d * d for d in away) / n
    skew = math.fsum(d**3 for d in away) / n / second**1.5
    kurt = math.fsum(d**4 for d in away) / n / second**2
    return Moments(n, mean / deviation, skew, kurt)
