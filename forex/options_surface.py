"""The volatility of any strike and day from a surface quoted by delta and tenor; how old a surface may be; the same surface held.

Between tenors the total variance (vol²·days) of each pillar is linear in time; before the first and after the last its vol is kept. The
five vols of a day get the strikes of their deltas, the middle one that of the delta-neutral straddle. Between them the vol is the cubic
spline of ln K that is level at both ends, and beyond 10 delta it is flat. So the slope has no kink anywhere: where the usual natural
spline meets flat wings the slope jumps, which is a butterfly with a negative price. On the real surfaces the density of this one is
positive to 90 days; at half a year and more quotes this steep and flat wings do not go together (docs/options.md has the figures).
Deltas depend on strike / spot alone: at another spot the same surface is the same smile by delta.
"""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from forex.options_calendar import DAY_MS, DAYS_IN_YEAR
from forex.options_conventions import atm_strike, delta_kind, kind_at
from forex.options_kernels import SPOT_ADJUSTED, strike_of_delta
from forex.sessions import open_ms
from state.options import Surface
from utils.kernel import kernel

Floats = npt.NDArray[np.float64]
Arrays = tuple[Floats, Floats, Floats, Floats]
"""A surface as kernels take it: days, vols (tenors, 5), domestic and foreign rates by tenor."""

WING, BELLY = 0.10, 0.25
"""Deltas of the outer and inner pillars."""
STALE_AFTER_MS = DAY_MS
"""A trading day: this much time with an open market. Weekends and holidays do not count."""


def arrays(surface: Surface) -> Arrays:
    """A surface as the arrays that kernels take."""
    days, vols = np.array(surface.days, np.float64), np.array(surface.vols, np.float64)
    return days, vols, np.array(surface.r_domestic, np.float64), np.array(surface.r_foreign, np.float64)


def kind_of(pair: str) -> int:
    """The `pair_kind` of kernels: the kind of delta of a pair's short tenors; beyond a year kernels take its forward fellow themselves."""
    return delta_kind(pair, 0.0)


@kernel
def _place(days: Floats, day: float) -> tuple[int, float]:
    """The tenor at or before `day` and the share of the way to the next: 0 <= share <= 1, level outside."""
    last = days.shape[0] - 1
    if day <= days[0] or last == 0:
        return 0, 0.0
    if day >= days[last]:
        return last - 1, 1.0
    k = 0
    while days[k + 1] < day:
        k += 1
    return k, (day - days[k]) / (days[k + 1] - days[k])


@kernel
def rates_at(days: Floats, r_domestic: Floats, r_foreign: Floats, day: float) -> tuple[float, float]:
    """Domestic and foreign rate to a day: rate x days linear between tenors (forward rates constant), level outside."""
    k, share = _place(days, day)
    if share == 0.0:
        return r_domestic[k], r_foreign[k]
    near, far = (1.0 - share) * days[k], share * days[k + 1]
    total = near + far
    return (near * r_domestic[k] + far * r_domestic[k + 1]) / total, (near * r_foreign[k] + far * r_foreign[k + 1]) / total


@kernel
def pillar_vol(days: Floats, vols: Floats, pillar: int, day: float) -> float:
    """Vol of one pillar (its place in `PILLARS`) to a day: total variance linear between tenors, level outside."""
    k, share = _place(days, day)
    if share == 0.0:
        return float(vols[k, pillar])
    near, far = (1.0 - share) * days[k], share * days[k + 1]
    return math.sqrt((near * vols[k, pillar] ** 2 + far * vols[k + 1, pillar] ** 2) / (near + far))


@kernel
def delta_kind_at(pair_kind: int, day: float) -> int:
    """The kind of delta that quotes to a day are in."""
    return int(kind_at(pair_kind >= SPOT_ADJUSTED, day))


@kernel
def pillar_strike(pillar: int, pair_kind: int, spot: float, day: float, r_domestic: float, r_foreign: float, vol: float) -> float:
    """Strike of one pillar to a day (> 0); nan where no strike has its delta (see `strike_of_delta`)."""
    years = day / DAYS_IN_YEAR
    if pillar == 2:
        return float(atm_strike(pair_kind >= SPOT_ADJUSTED, spot, years, r_domestic, r_foreign, vol))
    delta = WING if pillar in (0, 4) else BELLY
    return float(strike_of_delta(delta_kind_at(pair_kind, day), delta if pillar > 2 else -delta, spot, years, r_domestic, r_foreign, vol))


@kernel
def _spline(x: Floats, y: Floats, at: float) -> float:
    """The cubic spline through five points, level at both ends and flat beyond them, at one place."""
    if at <= x[0]:
        return float(y[0])
    if not at < x[4]:
        return float(y[4])
    h0, h1, h2, h3 = x[1] - x[0], x[2] - x[1], x[3] - x[2], x[4] - x[3]
    c0, c1, c2, c3 = (y[1] - y[0]) / h0, (y[2] - y[1]) / h1, (y[3] - y[2]) / h2, (y[4] - y[3]) / h3
    # Equal curvature on both sides of each inner point: three equations for the slopes there.
    m1, m2, m3 = 2.0 * (1.0 / h0 + 1.0 / h1), 2.0 * (1.0 / h1 + 1.0 / h2), 2.0 * (1.0 / h2 + 1.0 / h3)
    r1, r2, r3 = 3.0 * (c0 / h0 + c1 / h1), 3.0 * (c1 / h1 + c2 / h2), 3.0 * (c2 / h2 + c3 / h3)
    s2 = (r2 - r1 / (m1 * h1) - r3 / (m3 * h2)) / (m2 - 1.0 / (m1 * h1 * h1) - 1.0 / (m3 * h2 * h2))
    s1, s3 = (r1 - s2 / h1) / m1, (r3 - s2 / h2) / m3
    if at < x[1]:
        k, step, left, right = 0, h0, 0.0, s1
    elif at < x[2]:
        k, step, left, right = 1, h1, s1, s2
    elif at < x[3]:
        k, step, left, right = 2, h2, s2, s3
    else:
        k, step, left, right = 3, h3, s3, 0.0
    t = (at - x[k]) / step
    u = 1.0 - t
    return float(u * u * (y[k] * (1.0 + 2.0 * t) + left * step * t) + t * t * (y[k + 1] * (1.0 + 2.0 * u) - right * step * u))


@kernel
def smile_vol(
    days: Floats, vols: Floats, r_domestic: Floats, r_foreign: Floats, pair_kind: int, spot: float, strike: float, day: float
) -> float:
    """Vol of a strike with `day` days left (both as on the surface's arrays; `pair_kind`: SPOT or SPOT_ADJUSTED, see `kind_of`).

    From expiry on the at-the-money vol of the first tenor: nothing depends on it then.
    """
    if day <= 0.0:
        return float(vols[0, 2])
    rd, rf = rates_at(days, r_domestic, r_foreign, day)
    x = np.empty(5)
    y = np.empty(5)
    for i in range(5):
        y[i] = pillar_vol(days, vols, i, day)
        x[i] = math.log(pillar_strike(i, pair_kind, spot, day, rd, rf, y[i]))
    return _spline(x, y, math.log(strike))


def crossed(surface: Surface) -> float | None:
    """The first tenor, in days, whose pillars have no strikes in the order of their deltas; None: all have, it can be interpolated.

    At another spot and the same rates the answer is the same.
    """
    kind = kind_of(surface.pair)
    for day, smile, rd, rf in zip(surface.days, surface.vols, surface.r_domestic, surface.r_foreign, strict=True):
        strikes = [pillar_strike(i, kind, surface.spot, day, rd, rf, vol) for i, vol in enumerate(smile)]
        if not all(low < high for low, high in pairwise(strikes)):  # a nan is in no order
            return day
    return None


def frozen(surface: Surface, ts: int, spot: float | None = None) -> Surface:
    """The same vols by delta and tenor and the same rates at another time and spot (None: its own), and named so."""
    return msgspec.structs.replace(surface, ts=ts, spot=surface.spot if spot is None else spot, source="frozen")


def trading_age(surface_ts: int, now_ts: int) -> int:
    """Time with an open market, ms, since a surface was quoted (both ms UTC); plain time after a week.

    No week is without a trading day, and years need not be walked through.
    """
    passed = now_ts - surface_ts
    return passed if passed > 7 * DAY_MS else open_ms(surface_ts, now_ts)


def stale(surface_ts: int, now_ts: int) -> bool:
    """Whether a surface quoted at `surface_ts` is older than one trading day at `now_ts` (both ms UTC)."""
    return trading_age(surface_ts, now_ts) > STALE_AFTER_MS
