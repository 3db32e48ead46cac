"""The arithmetic of a European currency option: premium, greeks, deltas, strike of a delta, implied deviation. Pure kernels.

Garman and Kohlhagen (1983), continuously compounded rates: S and K in domestic per unit of foreign, PV_S = S·Df, PV_K = K·Dd,
d1 = ln(PV_S / PV_K) / stddev + stddev / 2, d2 = d1 − stddev, premium = right·(PV_S·N(right·d1) − PV_K·N(right·d2)). A premium is
computed as the discounted intrinsic value of the forward plus the premium of the side that is out of the money: equal by parity,
never below the intrinsic value, and with every digit far out of the money. `right` is 1 for a call and −1 for a put. Nothing is
checked here: `forex.options_pricing` is the face for input from outside. At zero deviation and from expiry on (years <= 0) every
figure is its limit, a step for the deltas; where there is none (gamma at the kink) it is 0.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from utils.kernel import kernel

Floats = npt.NDArray[np.float64]

SPOT, FORWARD, SPOT_ADJUSTED, FORWARD_ADJUSTED = 0, 1, 2, 3
"""Kinds of delta: units of foreign currency to hedge with, at spot or by a forward; adjusted: less the premium, paid in foreign."""
GREEKS = (
    "price",
    "delta_spot",
    "delta_forward",
    "delta_spot_premium_adjusted",
    "delta_forward_premium_adjusted",
    "gamma",
    "vega",
    "theta_year",
    "theta_day",
    "rho_dom",
    "rho_for",
    "elasticity",
)
"""What `greeks_of` answers, in its order."""

_SQRT2 = math.sqrt(2.0)
_SQRT2PI = math.sqrt(2.0 * math.pi)
_STEPS = 100
_ROUNDING = 1e-15
"""How far below its bound, of the larger present value, a premium may be and still be the bound."""
_WIDEST = 40.0
"""A deviation at which every premium equals its upper bound in double precision."""


@kernel
def norm_pdf(x: float) -> float:
    """Density of the standard normal distribution."""
    return math.exp(-0.5 * x * x) / _SQRT2PI


@kernel
def norm_cdf(x: float) -> float:
    """Distribution function of the standard normal: by erfc, so that the lower tail keeps its relative precision."""
    return 0.5 * math.erfc(-x / _SQRT2)


@kernel
def norm_inverse(p: float) -> float:
    """The x with norm_cdf(x) = p; nan outside 0 < p < 1. P. Acklam's rational approximation (1e-9), then one step of Halley (1e-16)."""
    if not 0.0 < p < 1.0:
        return math.nan
    if p > 0.5:
        return -norm_inverse(1.0 - p)
    if p < 0.02425:
        q = math.sqrt(-2.0 * math.log(p))
        top = -7.784894002430293e-03 * q - 3.223964580411365e-01
        top = ((top * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968
        bottom = ((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416
        x = (top * q + 2.938163982698783) / (bottom * q + 1.0)
    else:
        q = p - 0.5
        r = q * q
        top = (-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02
        top = ((top * r + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239
        bottom = (-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02
        bottom = (bottom * r + 6.680131188771972e01) * r - 1.328068155288572e01
        x = top * q / (bottom * r + 1.0)
    off = (norm_cdf(x) - p) / norm_pdf(x)
    return x - off / (1.0 + 0.5 * x * off)


@kernel
def d1_of(spot_now: float, strike_now: float, stddev: float) -> float:
    """d1 of present values; at zero deviation +inf, −inf, or 0 where the forward is the strike."""
    if stddev > 0.0:
        return math.log(spot_now / strike_now) / stddev + 0.5 * stddev
    if spot_now == strike_now:
        return 0.0
    return math.inf if spot_now > strike_now else -math.inf


@kernel
def _time_value(spot_now: float, strike_now: float, stddev: float) -> float:
    """Premium of the side that is out of the money (either, at the money)."""
    side = -1.0 if spot_now > strike_now else 1.0
    d1 = d1_of(spot_now, strike_now, stddev)
    return max(side * (spot_now * norm_cdf(side * d1) - strike_now * norm_cdf(side * (d1 - stddev))), 0.0)


@kernel
def premium_at(right: int, spot: float, strike: float, df_domestic: float, df_foreign: float, stddev: float) -> float:
    """`premium` by discount factors and stddev = vol·√years (>= 0)."""
    spot_now, strike_now = spot * df_foreign, strike * df_domestic
    return max(right * (spot_now - strike_now), 0.0) + _time_value(spot_now, strike_now, stddev)


@kernel
def premium(right: int, spot: float, strike: float, years: float, r_domestic: float, r_foreign: float, vol: float) -> float:
    """Premium in domestic currency per unit of foreign; years by ACT/365, rates continuously compounded, vol per √year."""
    t = max(years, 0.0)
    return premium_at(right, spot, strike, math.exp(-r_domestic * t), math.exp(-r_foreign * t), vol * math.sqrt(t))


@kernel
def vega_of(spot: float, strike: float, years: float, r_domestic: float, r_foreign: float, vol: float) -> float:
    """Change of the premium per 1.00 of vol, the same for both rights: S·Df·n(d1)·√years."""
    t = max(years, 0.0)
    spot_now = spot * math.exp(-r_foreign * t)
    return spot_now * norm_pdf(d1_of(spot_now, strike * math.exp(-r_domestic * t), vol * math.sqrt(t))) * math.sqrt(t)


@kernel
def delta_at(kind: int, right: int, spot: float, strike: float, df_domestic: float, df_foreign: float, stddev: float) -> float:
    """`delta_of` by discount factors and stddev."""
    spot_now, strike_now = spot * df_foreign, strike * df_domestic
    d1 = d1_of(spot_now, strike_now, stddev)
    if kind in (SPOT_ADJUSTED, FORWARD_ADJUSTED):
        found = right * strike_now / spot_now * norm_cdf(right * (d1 - stddev))
    else:
        found = right * norm_cdf(right * d1)
    return found if kind in (FORWARD, FORWARD_ADJUSTED) else found * df_foreign


@kernel
def delta_of(kind: int, right: int, spot: float, strike: float, years: float, r_domestic: float, r_foreign: float, vol: float) -> float:
    """Delta of a kind (`SPOT` ...), negative for a put: right·N(right·d1), adjusted right·K/F·N(right·d2); at spot times Df."""
    t = max(years, 0.0)
    return delta_at(kind, right, spot, strike, math.exp(-r_domestic * t), math.exp(-r_foreign * t), vol * math.sqrt(t))


@kernel
def greeks_at(
    right: int,
    spot: float,
    strike: float,
    df_domestic: float,
    df_foreign: float,
    stddev: float,
    years: float,
    r_domestic: float,
    r_foreign: float,
) -> tuple[float, float, float, float, float, float, float, float, float, float, float, float]:
    """`greeks_of` by discount factors and stddev, too; years > 0 and the rates are those of the discount factors."""
    spot_now, strike_now = spot * df_foreign, strike * df_domestic
    d1 = d1_of(spot_now, strike_now, stddev)
    held, owed = right * norm_cdf(right * d1), right * norm_cdf(right * (d1 - stddev))
    density = spot_now * norm_pdf(d1)
    price = max(right * (spot_now - strike_now), 0.0) + _time_value(spot_now, strike_now, stddev)
    adjusted = strike_now / spot_now * owed
    gamma = density / spot / spot / stddev if stddev > 0.0 else 0.0
    theta = r_foreign * spot_now * held - r_domestic * strike_now * owed
    if years > 0.0:
        theta -= density * stddev / (2.0 * years)
    return (
        price,
        df_foreign * held,
        held,
        df_foreign * adjusted,
        adjusted,
        gamma,
        density * math.sqrt(years),
        theta,
        theta / 365.0,
        strike_now * years * owed,
        -spot_now * years * held,
        spot_now * held / price if price > 0.0 else 0.0,
    )


@kernel
def greeks_of(
    right: int, spot: float, strike: float, years: float, r_domestic: float, r_foreign: float, vol: float
) -> tuple[float, float, float, float, float, float, float, float, float, float, float, float]:
    """The figures named in `GREEKS`: vega and rho per 1.00, theta of time passing, gamma per 1.00 of spot at spot delta.

    Elasticity, the change of the premium in percent per percent of spot, is 0 where the premium is 0.
    """
    t = max(years, 0.0)
    stddev = vol * math.sqrt(t)
    return greeks_at(right, spot, strike, math.exp(-r_domestic * t), math.exp(-r_foreign * t), stddev, t, r_domestic, r_foreign)


@kernel
def prices_with_greeks(
    right: npt.NDArray[np.int64], spot: Floats, strike: Floats, years: Floats, r_domestic: Floats, r_foreign: Floats, vol: Floats
) -> Floats:
    """`greeks_of` of many contracts: arrays of one length n in, one of shape (n, 12) out, columns as in `GREEKS`."""
    found = np.empty((spot.shape[0], 12))
    for i in range(spot.shape[0]):
        found[i] = greeks_of(right[i], spot[i], strike[i], years[i], r_domestic[i], r_foreign[i], vol[i])
    return found


@kernel
def strike_at(kind: int, delta: float, spot: float, df_domestic: float, df_foreign: float, stddev: float) -> float:
    """`strike_of_delta` by discount factors and stddev."""
    right = 1.0 if delta > 0.0 else -1.0
    share = abs(delta) if kind in (FORWARD, FORWARD_ADJUSTED) else abs(delta) / df_foreign
    forward = spot * df_foreign / df_domestic
    if not share > 0.0:
        return math.nan
    if share < 1.0:
        u = stddev * (0.5 * stddev - right * norm_inverse(share))  # ln(K / F) of the unadjusted delta
    elif right < 0.0 and kind in (SPOT_ADJUSTED, FORWARD_ADJUSTED):
        u = math.log(share)
    else:
        return math.nan
    if kind in (SPOT_ADJUSTED, FORWARD_ADJUSTED) and stddev > 0.0:
        u = _adjusted(right, share, stddev, u)
    return forward * math.exp(u)


@kernel
def _adjusted(right: float, share: float, stddev: float, u: float) -> float:
    """ln(K / F) where K/F·N(right·d2) = share, by Newton from `u`; nan where no strike has that delta.

    Solved as u + ln N(right·d2) − ln share = 0, concave in u. A call's falls beyond its maximum, and at the unadjusted strike it is
    negative: from there Newton comes down to the outer of the two roots, the out-of-the-money one that the market means, and can not
    pass it. A put's only rises, so Newton climbs to the root after at most one step past it.
    """
    goal = math.log(share)
    for _ in range(_STEPS):
        d2 = -u / stddev - 0.5 * stddev
        mass = norm_cdf(right * d2)
        slope = 1.0 - right * norm_pdf(d2) / (mass * stddev)
        if not (mass > 0.0 and right * slope < 0.0):
            return math.nan
        step = (u + math.log(mass) - goal) / slope
        u -= step
        if abs(step) <= 1e-15 * max(abs(u), stddev):
            return u
    return u if abs(step) < 1e-9 else math.nan


@kernel
def strike_of_delta(kind: int, delta: float, spot: float, years: float, r_domestic: float, r_foreign: float, vol: float) -> float:
    """The strike of a delta: a call's where delta > 0, a put's where delta < 0; nan where none has it.

    Closed form for spot and forward delta, a root to machine precision for the adjusted ones: of a call's two, the outer. Without
    deviation every delta's strike is the forward.
    """
    t = max(years, 0.0)
    return strike_at(kind, delta, spot, math.exp(-r_domestic * t), math.exp(-r_foreign * t), vol * math.sqrt(t))


@kernel
def implied_stddev(right: int, price: float, spot_now: float, strike_now: float) -> float:
    """The deviation vol·√years at which the premium is `price`; nan outside [intrinsic value of the forward, upper bound).

    Newton on the logarithm of the time value inside a bracket that only shrinks; bisection where a step would leave it.
    """
    goal = price - max(right * (spot_now - strike_now), 0.0)
    if goal < -_ROUNDING * max(spot_now, strike_now) or goal >= min(spot_now, strike_now):
        return math.nan
    if goal <= 0.0:
        return 0.0
    low, high = 0.0, _WIDEST
    # Where the time value has its turning point in the deviation, or what it takes at the money, whichever is more.
    s = min(max(math.sqrt(2.0 * abs(math.log(spot_now / strike_now))), _SQRT2PI * goal / strike_now), 0.5 * _WIDEST)
    for _ in range(_STEPS):
        value = _time_value(spot_now, strike_now, s)
        if value < goal:
            low = s
        else:
            high = s
        slope = spot_now * norm_pdf(d1_of(spot_now, strike_now, s))
        following = s - math.log(value / goal) * value / slope if value > 0.0 and slope > 0.0 else math.nan
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - s) <= 1e-15 * s:
            return following
        s = following
    return s
