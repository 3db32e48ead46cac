"""What a Sharpe ratio is worth: its chance to be above a benchmark, after the length of the record, its shape and the trials made.

All Sharpe ratios here are PER PERIOD (per day where the returns are daily), never annual, except where a name says so. Skewness and
kurtosis are biased sample moments, kurtosis not in excess (normal = 3). None where a value is undefined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from telemetry.stats_sample import ABSURD, FLAT, finite, mean_of, moments, real

_NORMAL = NormalDist()
_EULER_GAMMA = 0.57721566490153286
METRIC = "mean/std ddof=1"


class Overfitting(TypedDict):
    """Answer of `pbo_cscv`."""

    pbo: float
    n_combinations: int
    mean_logit: float


def _variance(sr: float, skew: float, kurt: float) -> float | None:
    """Variance of a Sharpe ratio times n: 1 - g3·SR + (g4 - 1)/4·SR² (Mertens 2002); None where the moments leave none."""
    if not real(sr, skew, kurt):
        return None
    found = 1 - skew * sr + (kurt - 1) / 4 * sr * sr
    return found if found > FLAT and real(found) else None


def psr(sr: float, n: int, skew: float, kurt: float, sr_benchmark: float = 0.0) -> float | None:
    """Probabilistic Sharpe ratio: the chance that the true one is above the benchmark (Bailey and López de Prado 2012).

    Phi((SR - SR*)·sqrt(n - 1) / sqrt(1 - g3·SR + (g4 - 1)/4·SR²)). None: fewer than two periods, moments without a variance.
    """
    variance = _variance(sr, skew, kurt)
    if variance is None or n < 2 or not real(n, sr_benchmark):
        return None
    return _NORMAL.cdf((sr - sr_benchmark) * math.sqrt(n - 1) / math.sqrt(variance))


def psr_from_returns(returns: Iterable[float], sr_benchmark: float = 0.0) -> float | None:
    """`psr` of per-period simple returns. None: fewer than two, no variance, a value that is not finite."""
    found = moments(returns)
    return None if found is None else psr(found.sharpe, found.n, found.skew, found.kurt, sr_benchmark)


def psr_null_variance(sr: float, n: int, skew: float, kurt: float, sr_benchmark: float = 0.0) -> float | None:
    """The 2025 convention of `psr`: the benchmark's variance and sqrt(n) (López de Prado, Lipton and Zoonekynd). Not to be mixed with it.

    Phi((SR - SR*)·sqrt(n) / sqrt(1 - g3·SR* + (g4 - 1)/4·SR*²)). None: as `psr`.
    """
    variance = _variance(sr_benchmark, skew, kurt)
    if variance is None or n < 2 or not real(n, sr):
        return None
    return _NORMAL.cdf((sr - sr_benchmark) * math.sqrt(n) / math.sqrt(variance))


def expected_max_z(n_trials: float) -> float | None:
    """Expected largest of n independent standard normal values: what the best of n worthless trials shows (Bailey, López de Prado 2014).

    (1 - γ)·z(1 - 1/n) + γ·z(1 - 1/(n·e)), at least 0; 0 for one trial. None: fewer than one trial.
    """
    if not real(n_trials) or n_trials < 1:
        return None
    if n_trials == 1:
        return 0.0
    rest = 1 / n_trials  # by symmetry of z: 1 - rest would lose the digits of a large n
    return max(0.0, -(1 - _EULER_GAMMA) * _NORMAL.inv_cdf(rest) - _EULER_GAMMA * _NORMAL.inv_cdf(rest / math.e))


def dsr(sr: float, n: int, skew: float, kurt: float, n_trials: float, var_trials: float) -> float | None:
    """Deflated Sharpe ratio: `psr` against what the best of `n_trials` worthless ones would show (Bailey and López de Prado 2014).

    SR* = sqrt(var_trials)·expected_max_z(n_trials); `var_trials`: variance of the trials' per-period Sharpe ratios.
    None: as `psr`, fewer than one trial, a negative variance.
    """
    expected = expected_max_z(n_trials)
    if expected is None or not real(var_trials) or var_trials < 0:
        return None
    return psr(sr, n, skew, kurt, math.sqrt(var_trials) * expected)


def dsr_from_returns(returns: Iterable[float], n_trials: float, var_trials: float) -> float | None:
    """`dsr` of per-period simple returns. `var_trials` is taken as at least 1/(n - 1), what the length of the sample alone explains.

    None: as `psr_from_returns` and `dsr`.
    """
    found = moments(returns)
    if found is None or not real(var_trials) or var_trials < 0:
        return None
    return dsr(found.sharpe, found.n, found.skew, found.kurt, n_trials, max(var_trials, 1 / (found.n - 1)))


def _quantile(confidence: float) -> float | None:
    return _NORMAL.inv_cdf(confidence) if 0.5 <= confidence < 1 else None


def min_trl(sr: float, sr_benchmark: float, skew: float, kurt: float, confidence: float = 0.95) -> float | None:
    """Minimum track record length in PERIODS, not rounded up: the n at which `psr` reaches `confidence` (Bailey, López de Prado 2012).

    1 + (1 - g3·SR + (g4 - 1)/4·SR²)·(z / (SR - SR*))². None: a ratio at or below its benchmark (no record is long enough), a confidence
    outside [0.5, 1).
    """
    variance, z = _variance(sr, skew, kurt), _quantile(confidence)
    if variance is None or z is None or not real(sr_benchmark) or sr <= sr_benchmark:
        return None
    return finite(1 + variance * (z / (sr - sr_benchmark)) ** 2) if sr - sr_benchmark > 1 / ABSURD else None


def min_trl_null_variance(sr: float, sr_benchmark: float, skew: float, kurt: float, confidence: float = 0.95) -> float | None:
    """Minimum track record length in periods by the 2025 convention of `psr_null_variance`.

    (1 - g3·SR* + (g4 - 1)/4·SR*²)·(z / (SR - SR*))². None: as `min_trl`.
    """
    variance, z = _variance(sr_benchmark, skew, kurt), _quantile(confidence)
    if variance is None or z is None or not real(sr) or sr <= sr_benchmark:
        return None
    return finite(variance * (z / (sr - sr_benchmark)) ** 2) if sr - sr_benchmark > 1 / ABSURD else None


def min_btl_years(n_trials: float, sr_annual: float) -> float | None:
    """Years of data below which the best of `n_trials` worthless trials is expected to show the ANNUAL Sharpe ratio `sr_annual`.

    (expected_max_z(n) / SR)² (Bailey et al. 2014, 'Pseudo-mathematics'). None: fewer than one trial, a ratio that is not positive.
    """
    expected = expected_max_z(n_trials)
    if expected is None or not real(sr_annual) or sr_annual <= 0:
        return None
    return finite((expected / sr_annual) ** 2) if sr_annual > 1 / ABSURD else None


def pbo_cscv(returns_T_by_N: Sequence[Sequence[float]], n_splits: int, metric: str = METRIC) -> Overfitting | None:
    """Probability of back-test overfitting by combinatorially symmetric cross-validation (Bailey et al. 2017).

    Rows are periods (the T mod S oldest are dropped), columns configurations. For each choice of half of the S equal blocks, the best
    configuration in sample (first on ties) has the relative rank w = average rank / (N + 1) out of sample; logit ln(w / (1 - w)) <= 0
    counts as overfit. None: fewer than two configurations, an odd S or one below 2, halves of fewer than two rows, a value that is not
    finite, a configuration without variance in some half. Raises ValueError on a metric other than `mean/std ddof=1`.
    """
    if metric != METRIC:
        raise ValueError(f"no metric {metric!r}: only {METRIC!r}")
    table = _table(returns_T_by_N)
    if table is None or n_splits < 2 or n_splits % 2 or len(table) < n_splits:
        return None
    rows = len(table) // n_splits
    blocks = table[len(table) - rows * n_splits :].reshape(n_splits, rows, -1)
    if rows * n_splits // 2 < 2:
        return None
    logits = []
    for chosen in combinations(range(n_splits), n_splits // 2):
        inside = _ratios(blocks[list(chosen)])
        outside = _ratios(blocks[[k for k in range(n_splits) if k not in chosen]])
        if inside is None or outside is None:
            return None
        its = outside[int(np.argmax(inside))]
        rank = float(np.sum(outside < its)) + (float(np.sum(outside == its)) + 1) / 2
        logits.append(math.log(rank / (len(outside) + 1 - rank)))
    return {"pbo": sum(logit <= 0 for logit in logits) / len(logits), "n_combinations": len(logits), "mean_logit": mean_of(logits)}


def _table(rows: Sequence[Sequence[float]]) -> NDArray[np.float64] | None:
    """A rectangle of finite returns with at least two columns, else None."""
    if len(rows) == 0 or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return None
    table = np.asarray(rows, dtype=np.float64)
    return table if bool((np.abs(table) <= ABSURD).all()) else None


def _ratios(blocks: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Mean / standard deviation of each column over the rows of all blocks; None when a column does not vary."""
    table = blocks.reshape(-1, blocks.shape[-1])
    deviation = table.std(axis=0, ddof=1)
    if not bool((deviation > FLAT * np.abs(table).max(axis=0)).all()):
        return None
    found: NDArray[np.float64] = table.mean(axis=0) / deviation
    return found
