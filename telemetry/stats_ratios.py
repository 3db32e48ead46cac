"""Reward and risk in one number: Sharpe, Sortino, Calmar, drawdown, profit factor, Kelly.

Returns are simple returns per period (0.01 = 1 %), `periods_per_year` is 365 for daily crypto and 260 for daily forex. The standard
deviation has ddof=1. Every function answers None where its value is undefined, never infinity, NaN or a stand-in zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from telemetry.stats_sample import finite, mean_of, real, sample, spread


def sharpe(returns: Iterable[float], periods_per_year: float, rf_per_period: float = 0.0) -> float | None:
    """Annual Sharpe ratio: mean(r - rf) / sd(r - rf) · sqrt(periods per year) (Sharpe 1994).

    None: fewer than two returns, no variance, a value that is not finite.
    """
    values = sample(returns)
    if values is None or not real(periods_per_year, rf_per_period) or periods_per_year <= 0:
        return None
    excess = [value - rf_per_period for value in values]
    deviation = spread(excess)
    return None if deviation is None else finite(mean_of(excess) / deviation * math.sqrt(periods_per_year))


def sharpe_per_trade(trade_returns: Iterable[float], trades_per_year: float) -> float | None:
    """Annual Sharpe ratio from returns per trade: mean / sd · sqrt(trades per year).

    It takes trades as independent and ignores days without any: next to `sharpe` on daily equity it is a cross-check, not the KPI.
    None: as `sharpe`.
    """
    return sharpe(trade_returns, trades_per_year)


def lo_eta(q: int, rho: Sequence[float]) -> float | None:
    """What a per-period Sharpe ratio is multiplied with to span q periods of autocorrelated returns (Lo 2002).

    eta(q) = q / sqrt(q + 2·Σ_{k=1}^{q-1} (q - k)·rho_k); sqrt(q) where all rho are 0. `rho`: the q - 1 autocorrelations of lag 1, 2, ...
    None: q < 1, another number of lags, a correlation beyond ±1, or a variance of the sum that is not positive.
    """
    if q < 1 or len(rho) != q - 1 or not all(abs(r) <= 1 for r in rho):
        return None
    variance = q + 2 * math.fsum((q - k) * r for k, r in enumerate(rho, 1))
    return q / math.sqrt(variance) if variance > 1e-12 * q else None


def sharpe_se_iid(sr: float, n: int) -> float | None:
    """Standard error of a Sharpe ratio from n independent returns: sqrt((1 + SR² / 2) / n), in the unit of `sr` per period (Lo 2002).

    None: fewer than two returns.
    """
    return math.sqrt((1 + sr * sr / 2) / n) if n >= 2 and real(sr, n) else None


def sortino(returns: Iterable[float], periods_per_year: float, mar_per_period: float = 0.0) -> float | None:
    """Annual Sortino ratio: mean(r - MAR) / sqrt(Σ min(r - MAR, 0)² / n) · sqrt(periods per year), n being ALL periods.

    Source: Rollinger and Hoffman (Red Rock Capital). None: fewer than two returns, or none below the minimum acceptable return.
    """
    values = sample(returns)
    if values is None or len(values) < 2 or not real(periods_per_year, mar_per_period) or periods_per_year <= 0:
        return None
    excess = [value - mar_per_period for value in values]
    downside = math.sqrt(math.fsum(min(value, 0.0) ** 2 for value in excess) / len(excess))
    floor = 1e-12 * max(*map(abs, values), abs(mar_per_period))
    return finite(mean_of(excess) / downside * math.sqrt(periods_per_year)) if downside > floor else None


def max_drawdown(returns: Iterable[float]) -> float | None:
    """Largest fall of compounded equity below its peak so far, as a positive fraction 0..1; the start counts as a peak.

    A return of -1 or less ends the account: 1. None: no returns, or one that is not finite.
    """
    values = sample(returns)
    if values is None:
        return None
    equity = peak = 1.0
    worst = 0.0
    for value in values:
        equity = min(equity * (1 + max(value, -1.0)), 1e300)
        peak = max(peak, equity)
        worst = max(worst, 1 - equity / peak)
    return worst


def max_drawdown_r(r_multiples: Iterable[float]) -> float | None:
    """Largest fall of the running sum of R multiples below its peak, in R and positive; the start (0) counts as a peak.

    None: no trades, or one whose R is not finite.
    """
    values = sample(r_multiples)
    if values is None:
        return None
    total = peak = worst = 0.0
    for value in values:
        total += value
        peak = max(peak, total)
        worst = max(worst, peak - total)
    return worst


def calmar(returns: Iterable[float], periods_per_year: float) -> float | None:
    """Compound annual growth / maximum drawdown: (Π(1 + r)^(periods per year / n) - 1) / MDD.

    None: fewer than two returns, no drawdown, or an account that a return of -1 or less has ended.
    """
    values = sample(returns)
    worst = None if values is None else max_drawdown(values)
    if values is None or not worst or len(values) < 2 or min(values) <= -1 or not real(periods_per_year) or periods_per_year <= 0:
        return None
    power = math.fsum(math.log1p(value) for value in values) * periods_per_year / len(values)
    return finite(math.expm1(power) / worst) if power < 700 else None


def profit_factor(pnl: Iterable[float]) -> float | None:
    """Sum of the profits / sum of the losses, from net results of any one unit. None: no trades, or no loss among them."""
    values = sample(pnl)
    if values is None:
        return None
    lost = -math.fsum(value for value in values if value < 0)
    return finite(math.fsum(value for value in values if value > 0) / lost) if lost > 0 else None


def kelly_fraction(win_prob: float, payoff: float) -> float | None:
    """Share of the stake that maximises log growth: p - (1 - p) / b, at least 0 (Kelly 1956); b = average win / average loss.

    Shown, never used to size. None: a probability outside 0..1, a payoff that is not positive.
    """
    if not real(win_prob, payoff) or not 0 <= win_prob <= 1 or payoff <= 0:
        return None
    return max(0.0, win_prob - (1 - win_prob) / payoff)


def kelly_continuous(mean: float, variance: float) -> float | None:
    """Leverage that maximises log growth of continuous returns: mean / variance, both per the same period (Thorp 2006).

    Negative with a negative mean. None: a variance that is not positive.
    """
    return finite(mean / variance) if real(mean, variance) and variance > 0 else None
