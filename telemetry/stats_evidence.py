"""Evidence that luck cannot fake: a betting process on R, a bound on the recent mean, and the drawdown that other orders would have had.

R = net profit of a trade / its initial risk. Everything is a function of the sample alone: the bootstrap's chance is drawn from a hash
of the data, so a verdict computed twice is the same verdict.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence

import numpy as np

from telemetry.stats_beta import student_quantile
from telemetry.stats_sample import FLAT, MAX_EVIDENCE, mean_of, real, sample, spread

FRACTIONS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Shares of the stake that the betting process spreads its bets over: with losses bounded at 4 R, up to a fifth of it per R. Any fixed
shares are valid; smaller ones need far more trades to see an edge (`bench.gate_odds`), and larger ones are lost in a streak."""


def loss_bound_of(r_multiples: Iterable[float], floor: float = 4.0, step: float = 0.5) -> float | None:
    """The bound for `mean_r_eprocess`, in R: the largest loss of the sample rounded up to `step`, at least `floor`.

    A bound below what the market can take in a gap hides losses: at 1.5 R a worthless stream with gaps passes most of the time.
    None: no trades, or one whose R is not finite.
    """
    values = sample(r_multiples)
    if values is None:
        return None
    return max(floor, math.ceil(-min(values) / step - 1e-9) * step)


def mean_r_eprocess(r_multiples: Iterable[float], loss_bound: float, fractions: Sequence[float] = FRACTIONS) -> float | None:
    """Evidence that the mean R is above zero: the average wealth of gamblers who bet the share f of their stake on each trade.

    mean_j Π_i (1 + f_j / L · max(R_i, -L)), L = `loss_bound` in R (Waudby-Smith and Ramdas 2024). While the mean is at most zero and no
    loss exceeds L, wealth of 1/α is ever reached with a chance of at most α: 20 is the 5 % level. At most 1e300. None: no trades, an R
    that is not finite, a bound that is not positive. Raises ValueError on fractions outside (0, 1).
    """
    if not fractions or not all(0 < f < 1 for f in fractions):
        raise ValueError("each fraction must be in (0, 1)")
    values = sample(r_multiples)
    if values is None or not real(loss_bound) or loss_bound <= 0:
        return None
    logs = [math.fsum(math.log1p(f / loss_bound * max(value, -loss_bound)) for value in values) for f in fractions]
    top = max(logs)
    total = top + math.log(math.fsum(math.exp(log - top) for log in logs) / len(logs))
    return math.exp(min(total, math.log(MAX_EVIDENCE)))


def mean_upper_bound(values: Iterable[float], confidence: float = 0.95) -> float | None:
    """One-sided upper confidence bound of a mean, in the values' unit: mean + t(confidence, n - 1) · sd / sqrt(n).

    None: fewer than two values, no variance, a confidence outside (0.5, 1).
    """
    found = sample(values)
    deviation = spread(found) if found else None
    if found is None or deviation is None or not 0.5 < confidence < 1:
        return None
    return mean_of(found) + student_quantile(confidence, len(found) - 1) * deviation / math.sqrt(len(found))


def rolling_mean_r_ucb(r_multiples: Sequence[float], window: int = 100, confidence: float = 0.95) -> float | None:
    """`mean_upper_bound` of the last `window` trades, in R: below zero, the recent trades lose beyond doubt.

    None: fewer trades than the window, and as `mean_upper_bound`.
    """
    return mean_upper_bound(r_multiples[-window:], confidence) if 2 <= window <= len(r_multiples) else None


def bootstrap_drawdown(daily_returns: Iterable[float], quantile: float = 0.95, block_days: int = 5, resamples: int = 1000) -> float | None:
    """Quantile of the maximum drawdown over resampled records of the same length, a positive fraction 0..1.

    Circular block bootstrap (Politis and Romano 1992) over whole days, `block_days` in a row (at most half of the record) so that bad
    days stay together. The observed order is one of many: its own drawdown is mostly luck. Seeded by the data. The quantile is an order
    statistic, not interpolated. None: fewer than two days, days that are all alike, a value that is not finite.
    """
    values = sample(daily_returns)
    if values is None or spread(values) is None or not 0 < quantile < 1 or block_days < 1 or resamples < 1:
        return None
    n = len(values)
    block = min(block_days, n // 2)
    # The raw bit stream is the part of numpy's generators that is promised to stay the same from version to version.
    bits = np.random.PCG64(_seed(values)).random_raw(resamples * -(-n // block))
    starts = (bits % np.uint64(n)).astype(np.int64).reshape(resamples, -1, 1)
    days = ((starts + np.arange(block)) % n).reshape(resamples, -1)[:, :n]
    growth = 1 + np.clip(np.asarray(values), -1.0, None)
    # Compounding as a cumulative product of a record as long as years cannot leave the floats for returns that pass for returns.
    with np.errstate(over="ignore", invalid="ignore"):
        equity = np.cumprod(growth[days], axis=1)
        peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
        worst = np.sort((1 - equity / peak).max(axis=1))
    found = float(worst[math.ceil(quantile * resamples - FLAT) - 1])
    return max(0.0, found) if math.isfinite(found) else None


def _seed(values: list[float]) -> int:
    packed = struct.pack(f"<{len(values)}d", *values)
    return int.from_bytes(hashlib.sha256(packed).digest()[:16], "little")
