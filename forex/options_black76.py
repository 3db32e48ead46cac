"""Black-76: what an option on a currency future is worth, how it moves, and which volatility its premium implies.

The exchange's options are on futures and European, so they are priced on the future's price F and not on spot. That is the arithmetic of
`forex/options_kernels.py` with F in the place of spot and the dollar rate r on both sides, since nothing is earned by holding a future
(Black 1976; Hull, Options, Futures and Other Derivatives, "Futures options"). So nothing is computed here: it gets its names, and the
greeks of a future, delta per dollar of F and rho with F standing still. Prices are US dollars per unit of the currency. Zero volatility
or no time left is the discounted intrinsic value. A premium that no volatility explains implies none (NaN).
"""

from __future__ import annotations

from math import exp, isfinite, nan, sqrt

import msgspec

from forex.options_kernels import greeks_of, implied_stddev, premium
from utils.errors import Refusal

CALL, PUT = 1, -1
DAYS = 365.0
"""Days in the year of theta."""
VOL_MOST = 10.0
"""1000 %: beyond it no premium implies a volatility."""


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


def premium76(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> float:
    """The price; `right` +1 call, -1 put. Everything above 0 but the rate, else the discounted intrinsic value."""
    return float(premium(right, future, strike, years, rate, rate, vol))


def greeks76(right: int, future: float, strike: float, years: float, rate: float, vol: float) -> tuple[float, float, float, float, float]:
    """(delta, gamma, vega, theta a year, rho). Expired: the delta of the intrinsic value, and 0."""
    found = greeks_of(right, future, strike, years, rate, rate, vol)
    return found[1], found[5], found[6], found[7] if years > 0.0 else 0.0, found[9] + found[10]


def implied76(right: int, future: float, strike: float, years: float, rate: float, price: float) -> float:
    """The volatility at which the price is `price`, NaN when there is none up to 1000 %."""
    if years <= 0.0:
        return nan
    discount = exp(-rate * years)
    found = float(implied_stddev(right, price, future * discount, strike * discount)) / sqrt(years)
    return found if found <= VOL_MOST else nan


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


def implied_vol(right: int, future: float, strike: float, years: float, rate: float, paid: float) -> float:
    """The volatility that a premium implies. Refusal when it lies outside what any volatility explains, with the bounds."""
    _checked(right, future, strike, years, rate, 0.0)
    found = implied76(right, future, strike, years, rate, paid)
    if not isfinite(found):
        least, most = (premium76(right, future, strike, years, rate, vol) for vol in (0.0, VOL_MOST))
        raise Refusal(f"a premium of {paid} implies no volatility: with {years} years left it lies between {least:.8f} and {most:.8f}")
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
