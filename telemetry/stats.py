"""The statistics of KPIs and gates, one function each: pure, deterministic, None where a value is undefined.

Formulas, units and sources stand with the functions, sorted by idea into the `stats_*` files; this is the surface to import from.
"""

from __future__ import annotations

from telemetry.stats_deflation import (
    Overfitting,
    dsr,
    dsr_from_returns,
    expected_max_z,
    min_btl_years,
    min_trl,
    min_trl_null_variance,
    pbo_cscv,
    psr,
    psr_from_returns,
    psr_null_variance,
)
from telemetry.stats_evidence import (
    FRACTIONS,
    bootstrap_drawdown,
    loss_bound_of,
    mean_r_eprocess,
    mean_upper_bound,
    rolling_mean_r_ucb,
)
from telemetry.stats_ratios import (
    calmar,
    kelly_continuous,
    kelly_fraction,
    lo_eta,
    max_drawdown,
    max_drawdown_r,
    profit_factor,
    sharpe,
    sharpe_per_trade,
    sharpe_se_iid,
    sortino,
)
from telemetry.stats_sample import Moments, moments
from telemetry.stats_winrate import (
    breakeven_win_rate,
    clopper_pearson_interval,
    luck_p_value,
    wilson_interval,
    wilson_min_n,
    win_loss_means,
    winrate_evalue,
)

__all__ = [
    "FRACTIONS",
    "Moments",
    "Overfitting",
    "bootstrap_drawdown",
    "breakeven_win_rate",
    "calmar",
    "clopper_pearson_interval",
    "dsr",
    "dsr_from_returns",
    "expected_max_z",
    "kelly_continuous",
    "kelly_fraction",
    "lo_eta",
    "loss_bound_of",
    "luck_p_value",
    "max_drawdown",
    "max_drawdown_r",
    "mean_r_eprocess",
    "mean_upper_bound",
    "min_btl_years",
    "min_trl",
    "min_trl_null_variance",
    "moments",
    "pbo_cscv",
    "profit_factor",
    "psr",
    "psr_from_returns",
    "psr_null_variance",
    "rolling_mean_r_ucb",
    "sharpe",
    "sharpe_per_trade",
    "sharpe_se_iid",
    "sortino",
    "wilson_interval",
    "wilson_min_n",
    "win_loss_means",
    "winrate_evalue",
]
