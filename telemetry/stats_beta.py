"""The regularised incomplete beta function and its inverse: binomial tails, exact intervals and Student's t come from them."""

from __future__ import annotations

import math
from functools import lru_cache

_TINY = 1e-300
_STEPS = 200_000
"""The fraction needs about sqrt(max(a, b)) of them."""


def log_beta(a: float, b: float) -> float:
    """The natural logarithm of B(a, b)."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_beta_cdf(x: float, a: float, b: float) -> float:
    """The natural logarithm of I_x(a, b), exact in the far lower tail too; -inf at x <= 0. `a`, `b` > 0.

    Continued fraction of Lentz (Numerical Recipes 6.4), on the side of the mean where it converges quickly.
    """
    if x <= 0:
        return -math.inf
    if x >= 1:
        return 0.0
    if x > (a + 1) / (a + b + 2):
        upper = math.exp(_log_tail(1 - x, b, a))
        return math.log1p(-upper) if upper < 1 else -math.inf
    return _log_tail(x, a, b)


def beta_cdf(x: float, a: float, b: float) -> float:
    """I_x(a, b): the chance that a Beta(a, b) variable is at most x."""
    return math.exp(log_beta_cdf(x, a, b))


def beta_quantile(p: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = p, 0 < p < 1, to the last bits: halving an interval cannot be fooled by a flat stretch."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if beta_cdf(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=1024)
def student_quantile(p: float, df: float) -> float:
    """Upper quantile of Student's t, 0.5 < p < 1, with `df` > 0 degrees of freedom: from I_x(df/2, 1/2) = 2(1 - p), x = df/(df + t²)."""
    x = beta_quantile(2 * (1 - p), df / 2, 0.5)
    return math.sqrt(df * (1 - x) / x)


def _log_tail(x: float, a: float, b: float) -> float:
    """The logarithm of I_x(a, b), for x below the mean."""
    front = a * math.log(x) + b * math.log1p(-x) - log_beta(a, b) - math.log(a)
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    fraction = d
    for m in range(1, _STEPS):
        for step in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 + step * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + step / c
            c = c if abs(c) > _TINY else _TINY
            fraction *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return min(0.0, front + math.log(fraction))
