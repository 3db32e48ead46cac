"""Has the world changed: how far today's distribution of a feature is from the one a policy was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence


def psi(expected: Sequence[float], actual: Sequence[float]) -> float | None:
    """Population stability index of two histograms over the same bins: Σ (a - e)·ln(a / e), shares or counts alike.

    It is the symmetric Kullback-Leibler divergence KL(a|e) + KL(e|a), in nats. The textbook limits 0.1 and 0.25 ignore sampling error and
    autocorrelation: compare it with the feature's own history. None: fewer than two bins, different numbers of bins, a share that is
    negative or not finite, nothing in one histogram, or a bin that is empty in one of them alone (the index is infinite there).
    """
    if len(expected) != len(actual) or len(expected) < 2 or not all(0 <= share <= 1e100 for share in (*expected, *actual)):
        return None
    whole_e, whole_a = math.fsum(expected), math.fsum(actual)
    if not whole_e or not whole_a:
        return None
    pairs = [(e / whole_e, a / whole_a) for e, a in zip(expected, actual, strict=True) if e or a]
    if any(not e or not a for e, a in pairs):
        return None
    return math.fsum((a - e) * math.log(a / e) for e, a in pairs)
