"""Win rates with their uncertainty: intervals, sample sizes, the rate that breaks even, and how likely luck alone shows the same.

A win is a trade with a positive net result; everything else, a scratch too, is not. Rates and confidences are fractions 0..1. A win rate
without its payoff is not evidence: compare it with `breakeven_win_rate`. None where a value is undefined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from statistics import NormalDist

from telemetry.stats_beta import beta_cdf, beta_quantile, log_beta, log_beta_cdf
from telemetry.stats_sample import MAX_EVIDENCE, mean_of, real, sample

_NORMAL = NormalDist()
_LARGEST_N = 10**9
"""More trades than any account will make."""


def _alpha(confidence: float, sides: int) -> float:
    """Error allowed on each side. Raises ValueError on sides other than 1 and 2, which no data can cause."""
    if sides not in {1, 2}:
        raise ValueError(f"sides is {sides}, not 1 or 2")
    return (1 - confidence) / sides


def _counted(wins: float, n: float, confidence: float) -> bool:
    return 0 <= wins <= n and 0 < n <= _LARGEST_N and 0 < 1 - confidence < 1


def wilson_interval(wins: int, n: int, confidence: float = 0.95, sides: int = 2) -> tuple[float, float] | None:
    """Wilson's score interval of a proportion, (lower, upper) (Wilson 1927).

    `sides=1`: each bound holds by itself at `confidence`; `sides=2`: both together. None: no trades, or counts that cannot be.
    Raises ValueError on other sides.
    """
    alpha = _alpha(confidence, sides)
    if not _counted(wins, n, confidence):
        return None
    z = -_NORMAL.inv_cdf(alpha)
    rate, z2n = wins / n, z * z / n
    centre = rate + z2n / 2
    half = z * math.sqrt(rate * (1 - rate) / n + z2n / (4 * n))
    lower = 0.0 if wins == 0 else max(0.0, (centre - half) / (1 + z2n))
    upper = 1.0 if wins == n else min(1.0, (centre + half) / (1 + z2n))
    return lower, upper


def clopper_pearson_interval(wins: int, n: int, confidence: float = 0.95, sides: int = 2) -> tuple[float, float] | None:
    """Exact interval of a proportion, (lower, upper), by quantiles of the beta distribution (Clopper and Pearson 1934).

    `sides`, None and ValueError: as `wilson_interval`.
    """
    alpha = _alpha(confidence, sides)
    if not _counted(wins, n, confidence):
        return None
    lower = 0.0 if wins == 0 else beta_quantile(alpha, wins, n - wins + 1)
    upper = 1.0 if wins == n else beta_quantile(1 - alpha, wins + 1, n - wins)
    return lower, upper


def wilson_min_n(observed: float, target: float, confidence: float = 0.95, sides: int = 1) -> int | None:
    """Smallest number of trades at which a win rate of exactly `observed` has its lower Wilson bound at or above `target`.

    Only n at which `observed`·n is a whole number of wins count (observed as a fraction with a denominator up to 10⁶). None: an observed
    rate at or below the target (no n is enough), or arguments outside 0..1.
    """
    _alpha(confidence, sides)
    if not real(observed, target, confidence) or not 0 <= target < observed <= 1 or not 0 < 1 - confidence < 1:
        return None
    rate = Fraction(observed).limit_denominator(10**6)

    def enough(times: int) -> bool:
        bounds = wilson_interval(rate.numerator * times, rate.denominator * times, confidence, sides)
        return bounds is not None and bounds[0] >= target

    high = 1
    while not enough(high):
        if rate.denominator * high > _LARGEST_N:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high * rate.denominator


def winrate_evalue(wins: int, n: int, p0: float) -> float | None:
    """Evidence that the true win rate is above `p0`: likelihood ratio averaged over all rates p in (p0, 1), equally weighted.

    E = 1/(1 - p0) · ∫_{p0}^1 (p/p0)^wins · ((1-p)/(1-p0))^(n-wins) dp, closed form by the incomplete beta function. It may be looked at
    after every trade: where the true rate is at most p0, the chance that E ever reaches 20 is at most 1 in 20 (Ville). At most 1e300.
    None: no trades, counts that cannot be, a p0 outside (0, 1).
    """
    if not _counted(wins, n, 0.5) or not real(p0) or not 0 < p0 < 1:
        return None
    lost = n - wins
    log_e = log_beta(wins + 1, lost + 1) + log_beta_cdf(1 - p0, lost + 1, wins + 1) - wins * math.log(p0) - (lost + 1) * math.log1p(-p0)
    return math.exp(min(log_e, math.log(MAX_EVIDENCE)))


def win_loss_means(results: Iterable[float]) -> tuple[float, float] | None:
    """(average win, average loss as a positive number) of net results of any one unit; scratches count among the losses.

    None: no win, or no loss above zero: the payoff has no value then.
    """
    values = sample(results)
    won = [value for value in values or () if value > 0]
    lost = [-value for value in values or () if value <= 0]
    if not won or not lost or mean_of(lost) <= 0:
        return None
    return mean_of(won), mean_of(lost)


def breakeven_win_rate(mean_win: float, mean_loss: float) -> float | None:
    """The win rate at which the expectancy is zero: L / (W + L), both averages net and positive, in one unit.

    None: an average that is not positive.
    """
    if not real(mean_win, mean_loss) or mean_win <= 0 or mean_loss <= 0:
        return None
    return mean_loss / (mean_win + mean_loss)


def luck_p_value(wins: int, n: int, p0: float) -> float | None:
    """How likely luck alone shows as many wins or more: P(Binomial(n, p0) >= wins), p0 being the break-even win rate.

    It takes trades as independent and the payoff as known. None: no trades, counts that cannot be, a p0 outside (0, 1).
    """
    if not _counted(wins, n, 0.5) or not real(p0) or not 0 < p0 < 1:
        return None
    return 1.0 if wins == 0 else beta_cdf(p0, wins, n - wins + 1)
