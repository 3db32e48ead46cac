"""The sequential arithmetic of the generated market: what moves prices, minute by minute.

A *driver* gives returns with stochastic volatility (a fast and a slow log-volatility, both AR(1), so that large moves cluster for hours
and days), jumps that raise the fast part, and a semi-Markov regime: trends that drift for days, chop that pulls back to where it began,
volatile spells. One driver is the common factor, one per coin is its own. `trade_minutes` turns factor and own returns into bars.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from utils.kernel import kernel

Floats = npt.NDArray[np.float64]

STATE = 7
"""Driver state: fast, slow (log-volatility), regime, minutes left, drift a minute, distance since the regime began, started."""
UP, DOWN, CHOP, WILD = 0, 1, 2, 3

FAST_SD = 0.35
SLOW_SD = 0.40
DRAWS_A_DAY = 32


@kernel
def drive(
    state: Any, normals: Any, jumps: Any, regime_draws: Any, season: Any, minute_sigma: float, trend: float, out_r: Any, out_s: Any
) -> None:
    """One block of a driver. normals (n, 4): return, fast, slow, jump size; jumps (n) and regime_draws (m, 3, used in turn): uniforms.

    `trend`: drift of a trend in daily sigmas a day (Gaussian around it by draw). Fills log returns and their sigma.
    """
    keep_fast = 0.5 ** (1.0 / 120.0)
    keep_slow = 0.5 ** (1.0 / 2880.0)
    push_fast = 0.35 * np.sqrt(1.0 - keep_fast * keep_fast)
    push_slow = 0.40 * np.sqrt(1.0 - keep_slow * keep_slow)
    level = minute_sigma / np.exp(0.35 * 0.35 + 0.40 * 0.40)
    used = 0
    for i in range(len(out_r)):
        if state[3] <= 0.0:
            pick = regime_draws[used % len(regime_draws), 0]
            days = regime_draws[used % len(regime_draws), 1]
            pace = 0.6 + 0.8 * regime_draws[used % len(regime_draws), 2]
            used += 1
            regime = 0 if pick < 0.32 else (1 if pick < 0.6 else (2 if pick < 0.86 else 3))
            state[2] = regime
            state[3] = np.floor(1440.0 * (1.5 + 4.5 * days if regime < 2 else (0.7 + 2.3 * days if regime == 2 else 0.3 + 1.0 * days)))
            drift = minute_sigma * np.sqrt(1440.0) * trend * pace / 1440.0
            state[4] = drift if regime == 0 else (-drift if regime == 1 else 0.0)
            state[5] = 0.0
        regime = int(state[2])
        state[0] = keep_fast * state[0] + push_fast * normals[i, 1]
        state[1] = keep_slow * state[1] + push_slow * normals[i, 2]
        strength = 1.8 if regime == 3 else (0.8 if regime == 2 else 1.0)
        sigma = level * strength * season[i] * np.exp(state[0] + state[1])
        r = state[4] + sigma * normals[i, 0]
        if regime == 2:
            r -= 0.0014 * state[5]
        if jumps[i] < 0.0005:
            r += sigma * (7.0 + 4.0 * abs(normals[i, 3])) * (1.0 if normals[i, 3] > 0.0 else -1.0)
            state[0] += 0.7
        state[3] -= 1.0
        state[5] += r
        out_r[i] = r
        out_s[i] = sigma


def drive_day(state: Floats, rng: np.random.Generator, season: Floats, daily: float, trend: float) -> tuple[Floats, Floats]:
    """One day of a driver with the day's random numbers: log returns and their sigma, a value a minute of `season`.

    `daily`: standard deviation of a usual day; `state` (STATE,) is carried, and started with the first day.
    """
    minutes = len(season)
    if state[6] == 0.0:
        state[0], state[1], state[6] = rng.standard_normal() * FAST_SD, rng.standard_normal() * SLOW_SD, 1.0
    returns, sigmas = np.empty(minutes), np.empty(minutes)
    drive(
        state, rng.standard_normal((minutes, 4)), rng.random(minutes), rng.random((DRAWS_A_DAY, 3)), season,
        daily / float(np.sqrt(minutes)), trend, returns, sigmas
    )  # fmt: skip
    return returns, sigmas


@kernel
def trade_minutes(
    state: Any, factor_r: Any, factor_s: Any, own_r: Any, own_s: Any, beta: float, wicks: Any, noise: Any, season: Any, usual: float,
    minute_volume: float, out: Any
) -> None:  # fmt: skip
    """Minute bars as floats relative to the coin's base price. state[0] = log distance from it, pulled back over months.

    wicks (n, 2): exponentials; noise (n): normals of the volume; usual: the coin's usual minute sigma. out (n, 5): O, H, L, C and volume in
    quote, which rises with the size of the move and with volatility.
    """
    for i in range(len(factor_r)):
        before = state[0]
        r = beta * factor_r[i] + own_r[i] - 0.000008 * before
        sigma = np.sqrt(beta * beta * factor_s[i] * factor_s[i] + own_s[i] * own_s[i])
        after = before + r
        state[0] = after
        out[i, 0] = np.exp(before)
        out[i, 1] = np.exp(max(before, after) + 0.45 * sigma * wicks[i, 0])
        out[i, 2] = np.exp(min(before, after) - 0.45 * sigma * wicks[i, 1])
        out[i, 3] = np.exp(after)
        heat = 0.35 + 0.45 * abs(r) / usual + 0.4 * sigma / usual
        out[i, 4] = minute_volume * season[i] * heat * np.exp(0.5 * noise[i] - 0.125)


@kernel
def wander(state: Any, normals: Any, keep: float, spread: float, out: Any) -> None:
    """An AR(1) around zero with standard deviation `spread`; state[0] is carried."""
    push = spread * np.sqrt(1.0 - keep * keep)
    for i in range(len(out)):
        state[0] = keep * state[0] + push * normals[i]
        out[i] = state[0]
