"""Black-76: what an option on a currency future is worth, how it moves, and which volatility its premium implies.

The exchange's options are on futures and European, so they are priced on the future's price and not on spot: with F the future, K the
strike, T years to expiry, r the continuously compounded dollar rate and v the yearly volatility,

    d1 = ln(F / K) / (v sqrt(T)) + v sqrt(T) / 2,  d2 = d1 - v sqrt(T)
    call = e^(-rT) (F N(d1) - K N(d2)),  put = e^(-rT) (K N(-d2) - F N(-d1)),  call - put = e^(-rT) (F - K)

(Black 1976; Hull, Options, Futures and Other Derivatives, "Futures options"). Prices are US dollars per unit of the currency. Zero
volatility or no time left is the discounted intrinsic value. A premium that no volatility explains implies none (NaN).
"""

from __future__ import annotations

from math import erfc, exp, isfinite, log, nan, pi, sqrt

import msgspec

from utils.errors import Refusal
from utils.kernel import kernel

CALL, PUT = 1, -1
DAYS = 365.0
"""Days in the year of theta."""
VOL_MOST = 10.0
_ROOT_HALF = sqrt(0.5)
_DENSITY = 1.0 / sqrt(2.0 * pi)
_STEPS = 200


class Greeks(msgspec.Struct, frozen=True, kw_only=True):
    """How one option moves, US dollars per unit of the currency."""

    price: float
    delta: float
    """Per dollar of the future's price."""
    gamma: float
    vega: float
    """Per 1.0 of volatility."""
    theta_year: float
    theta_day: float
    rho: float
    """Per 1.0 of the rate, the future standing still."""


@kernel
def premium76(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> float:
    """The price; `right` +1 call, -1 put. Everything above 0 but the rate, else the discounted intrinsic value."""
    discount = exp(-rate * max(0.0, years))
    spread = vol * sqrt(max(0.0, years))
    if spread <= 0.0:
        return discount * max(0.0, right * (future - strike))
    d1 = log(future / strike) / spread + 0.5 * spread
    d2 = d1 - spread
    return discount * right * 0.5 * (future * erfc(-right * d1 * _ROOT_HALF) - strike * erfc(-right * d2 * _ROOT_HALF))


@kernel
def greeks76(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> tuple[float, float, float, float, float]:
    """(delta, gamma, vega, theta a year, rho). Without time or volatility: delta of the intrinsic value, theta of the discount, else 0."""
    price = premium76(right, future, strike, years, rate, vol)
    discount = exp(-rate * max(0.0, years))
    spread = vol * sqrt(max(0.0, years))
    rho = -max(0.0, years) * price
    if spread <= 0.0:
        inside = right * (future - strike) > 0.0
        return (right * discount if inside else 0.0), 0.0, 0.0, (rate * price if years > 0.0 else 0.0), rho
    d1 = log(future / strike) / spread + 0.5 * spread
    density = _DENSITY * exp(-0.5 * d1 * d1)
    delta = discount * right * 0.5 * erfc(-right * d1 * _ROOT_HALF)
    gamma = discount * density / (future * spread)
    vega = discount * future * density * sqrt(years)
    return delta, gamma, vega, rate * price - 0.5 * vol * vega / years, rho


@kernel
def implied76(right: int, future: float, strike: float, years: float, rate: float, price: float) -> float:
    """The volatility at which the price is `price`, NaN when there is none up to 1000 %: bisection, which cannot miss, to the last bit."""
    low, high = 0.0, VOL_MOST
    if (
        years <= 0.0
        or price < premium76(right, future, strike, years, rate, low)
        or price > premium76(right, future, strike, years, rate, high)
    ):
        return nan
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in {low, high}:
            break
        if premium76(right, future, strike, years, rate, middle) < price:
            low = middle
        else:
            high = middle
    return high


def price(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> float:
    """The premium, US dollars per unit. Refusal for inputs that no option has."""
    _checked(right, future, strike, years, rate, vol)
    return premium76(right, future, strike, years, rate, vol)


def greeks(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> Greeks:
    """Price and greeks. Refusal for inputs that no option has."""
    _checked(right, future, strike, years, rate, vol)
    delta, gamma, vega, theta, rho = greeks76(right, future, strike, years, rate, vol)
    worth = premium76(right, future, strike, years, rate, vol)
    return Greeks(price=worth, delta=delta, gamma=gamma, vega=vega, theta_year=theta, theta_day=theta / DAYS, rho=rho)


def implied_vol(right: int, future: float, strike: float, years: float, rate: float, premium: float) -> float:
    """The volatility that a premium implies. Refusal when it lies outside what any volatility explains, with the bounds."""
    _checked(right, future, strike, years, rate, 0.0)
    found = implied76(right, future, strike, years, rate, premium)
    if not isfinite(found):
        least, most = (premium76(right, future, strike, years, rate, vol) for vol in (0.0, VOL_MOST))
        raise Refusal(f"a premium of {premium} implies no volatility: with {years} years left it lies between {least:.8f} and {most:.8f}")
    return found


def _checked(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> None:
    for name, value, fits in (
        ("right", right, right in {CALL, PUT}),
        ("future", future, isfinite(future) and future > 0),
        ("strike", strike, isfinite(strike) and strike > 0),
        ("years", years, isfinite(years)),
        ("rate", rate, isfinite(rate)),
        ("vol", vol, isfinite(vol) and vol >= 0),
    ):
        if not fits:
            raise Refusal(f"{name}: {value} is nothing that an option can have")
