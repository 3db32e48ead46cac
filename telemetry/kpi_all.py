"""Every statistic there is, computed on one row's sample: what no page or gate shows is shown here. Pure.

A statistic that needs more than the sample gets the gate's own numbers (confidence 90 or 95 %, the number of samples tried), and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from telemetry import stats
from telemetry.kpi import Slice
from telemetry.ledger_rows import DAY_MS
from telemetry.sample import Floats

CONFIDENCE = 0.90
YEAR_MS = 365.25 * DAY_MS
LAGS_DAYS = 7
LEAST_YEARS = 10 / 365
"""Below ten days a number of trades a year is an invention."""


def every_statistic(part: Slice, targets_win_rate: float = 0.5, trials: int = 1) -> list[tuple[str, Any]]:
    """(call, value) of each public function of `stats`; a value is None where it is undefined."""
    returns: Floats = part.returns if part.returns is not None else np.zeros(0)
    r = [trade.r for trade in part.trades]
    pnl = [trade.pnl for trade in part.trades]
    on_notional = [trade.pnl / trade.notional for trade in part.trades if trade.notional > 0]
    n, wins, days = len(pnl), sum(value > 0 for value in pnl), len(returns)
    years = (part.until_ts - part.since_ts) / YEAR_MS
    found = stats.moments(returns=returns)
    sr, skew, kurt = (found.sharpe, found.skew, found.kurt) if found else (None, None, None)
    means = stats.win_loss_means(results=r)
    even = stats.breakeven_win_rate(mean_win=means[0], mean_loss=means[1]) if means else None
    bound = stats.loss_bound_of(r_multiples=r)
    annual = stats.sharpe(returns=returns, periods_per_year=part.periods)
    variance = 1.0 / (days - 1) if days > 1 else None
    per_trade = {"mean": float(np.mean(on_notional)), "variance": float(np.var(on_notional, ddof=1))} if len(on_notional) > 1 else None
    shape = None if found is None else {"sr": sr, "skew": skew, "kurt": kurt}
    counts = {"wins": wins, "n": n}
    rows: list[tuple[str, dict[str, Any] | None]] = [
        ("sharpe", {"returns": returns, "periods_per_year": part.periods}),
        ("sortino", {"returns": returns, "periods_per_year": part.periods}),
        ("calmar", {"returns": returns, "periods_per_year": part.periods}),
        ("max_drawdown", {"returns": returns}),
        ("bootstrap_drawdown", {"daily_returns": returns}),
        ("sharpe_per_trade", {"trade_returns": on_notional, "trades_per_year": n / years} if years >= LEAST_YEARS and n else None),
        ("sharpe_se_iid", {"sr": sr, "n": days} if found else None),
        ("lo_eta", _lags(returns)),
        ("moments", {"returns": returns}),
        ("psr", {**shape, "n": days, "sr_benchmark": 0.0} if shape else None),
        ("psr_from_returns", {"returns": returns, "sr_benchmark": 0.0}),
        ("psr_null_variance", {**shape, "n": days, "sr_benchmark": 0.0} if shape else None),
        ("expected_max_z", {"n_trials": trials}),
        ("dsr", {**shape, "n": days, "n_trials": trials, "var_trials": variance} if shape and variance else None),
        ("dsr_from_returns", {"returns": returns, "n_trials": trials, "var_trials": variance} if variance else None),
        ("min_trl", {**shape, "sr_benchmark": 0.0, "confidence": 0.95} if shape else None),
        ("min_trl_null_variance", {**shape, "sr_benchmark": 0.0, "confidence": 0.95} if shape else None),
        ("min_btl_years", {"n_trials": trials, "sr_annual": annual} if annual is not None else None),
        ("pbo_cscv", _by_strategy(part)),
        ("win_loss_means", {"results": r}),
        ("breakeven_win_rate", {"mean_win": means[0], "mean_loss": means[1]} if means else None),
        ("wilson_interval", {**counts, "confidence": CONFIDENCE, "sides": 1}),
        ("clopper_pearson_interval", {**counts, "confidence": CONFIDENCE, "sides": 1}),
        ("wilson_min_n", {"observed": wins / n, "target": targets_win_rate, "confidence": CONFIDENCE} if n else None),
        ("winrate_evalue", {**counts, "p0": even} if even else None),
        ("luck_p_value", {**counts, "p0": even} if even else None),
        ("profit_factor", {"pnl": pnl}),
        ("max_drawdown_r", {"r_multiples": r}),
        ("loss_bound_of", {"r_multiples": r}),
        ("mean_r_eprocess", {"r_multiples": r, "loss_bound": bound} if bound else None),
        ("mean_upper_bound", {"values": r}),
        ("rolling_mean_r_ucb", {"r_multiples": r}),
        ("kelly_fraction", {"win_prob": wins / n, "payoff": means[0] / means[1]} if means and n else None),
        ("kelly_continuous", per_trade),
    ]
    return [(_call(name, given), None if given is None else getattr(stats, name)(**given)) for name, given in rows]


def _call(name: str, given: dict[str, Any] | None) -> str:
    """How it was called: small arguments in full, long ones by their length."""
    said = []
    for key, value in (given or {}).items():
        if isinstance(value, int | float):
            said.append(f"{key}={value:g}")
        else:
            said.append(f"{key}[{len(value)}]")
    return f"{name}({', '.join(said)})"


def _lags(returns: Floats) -> dict[str, Any] | None:
    """Autocorrelations of daily returns up to a week."""
    if len(returns) < 4 * LAGS_DAYS or float(returns.std()) <= 0.0:
        return None
    away = returns - returns.mean()
    total = float((away * away).sum())
    return {"q": LAGS_DAYS, "rho": [float((away[k:] * away[:-k]).sum()) / total for k in range(1, LAGS_DAYS)]}


def _by_strategy(part: Slice) -> dict[str, Any] | None:
    """Realised R a day of each strategy, as the configurations of a choice between them; None with fewer than two of them."""
    strategies = sorted({trade.strategy for trade in part.trades})
    days = _range(trade.exit_ts // DAY_MS for trade in part.trades)
    if len(strategies) < 2 or len(days) < 16:
        return None
    table = np.zeros((len(days), len(strategies)))
    for trade in part.trades:
        table[trade.exit_ts // DAY_MS - days[0], strategies.index(trade.strategy)] += trade.r
    return {"returns_T_by_N": table.tolist(), "n_splits": 8}


def _range(numbers: Iterable[int]) -> range:
    found = list(numbers)
    return range(min(found), max(found) + 1) if found else range(0)
