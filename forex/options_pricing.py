"""Price, greeks, deltas and implied vol of a European currency option from checked inputs: the face of `forex.options_kernels`.

A contract is told in one of two ways, which may be mixed: rates (`r_domestic`, `r_foreign`, continuously compounded) or discount
factors (`df_domestic`, `df_foreign`), and `vol` or `stddev` = vol·√T. `T` in years is needed for rates and for vol; without it what
depends on time is unknown: theta and rho are None, vega is per 1.00 of stddev, an implied vol is an implied stddev. `type` is "call" or
"put", `S` and `K` are domestic per unit of foreign. Whatever else comes is a Refusal that names the field, its value and what is allowed.

Rates may be negative; vol may be 0. A contract at or past its expiry is refused: it is worth its intrinsic value, max(±(S − K), 0),
which `forex.options_kernels.premium` answers.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from forex.options_conventions import DELTA_KINDS
from forex.options_kernels import GREEKS, delta_at, greeks_at, implied_stddev, premium_at, strike_at
from state.options import Right
from utils.errors import Refusal

RIGHTS: Final = {"call": Right.CALL, "put": Right.PUT}
FIELDS: Final = ("type", "S", "K", "T", "r_domestic", "r_foreign", "df_domestic", "df_foreign", "vol", "stddev")
_OF_TIME: Final = frozenset({"theta_year", "theta_day", "rho_dom", "rho_for"})


class _Market(msgspec.Struct, frozen=True):
    """What prices a contract, checked."""

    right: int
    spot: float
    df_domestic: float
    df_foreign: float
    years: float | None
    r_domestic: float
    """0 without `years`."""
    r_foreign: float


def price(**inputs: object) -> float:
    """Premium in domestic currency per unit of foreign."""
    market = _market(inputs)
    return float(premium_at(market.right, market.spot, _above_zero(inputs, "K"), market.df_domestic, market.df_foreign, _stddev(inputs)))


def greeks(**inputs: object) -> dict[str, float | None]:
    """The figures of `GREEKS`: vega and rho per 1.00, theta_day = theta_year / 365; elasticity 0 where the price is 0."""
    market = _market(inputs)
    found = greeks_at(
        market.right,
        market.spot,
        _above_zero(inputs, "K"),
        market.df_domestic,
        market.df_foreign,
        _stddev(inputs),
        1.0 if market.years is None else market.years,
        market.r_domestic,
        market.r_foreign,
    )
    return {name: None if market.years is None and name in _OF_TIME else value for name, value in zip(GREEKS, found, strict=True)}


def delta(*, convention: str, **inputs: object) -> float:
    """Delta by a convention of `DELTA_KINDS`; a put's is negative."""
    market, kind = _market(inputs), _kind(convention)
    strike_price, stddev = _above_zero(inputs, "K"), _stddev(inputs)
    return float(delta_at(kind, market.right, market.spot, strike_price, market.df_domestic, market.df_foreign, stddev))


def strike(*, convention: str, delta: float, **inputs: object) -> float:
    """The strike that has a delta (a put's below 0) by a convention; inputs without `K`. Refusal where no strike has it."""
    market, kind = _market(inputs), _kind(convention)
    _unwanted(inputs, ("K",), "it is what is asked for")
    wanted = _number({"delta": delta}, "delta")
    if wanted * market.right <= 0.0:
        raise Refusal(f"delta {wanted:g} of a {inputs['type']}: must be {'above' if market.right > 0 else 'below'} 0")
    found = float(strike_at(kind, wanted, market.spot, market.df_domestic, market.df_foreign, _stddev(inputs)))
    if math.isnan(found):
        raise Refusal(f"delta {wanted:g} ({convention}): no strike has it at S {market.spot:g}, stddev {_stddev(inputs):g}")
    return found


def implied_vol(price: float, **inputs: object) -> float:
    """The vol at which the premium is `price` (without `T` the stddev); inputs without vol and stddev.

    Refusal, with the bounds, where none is: below the discounted intrinsic value of the forward, or from the upper bound on, which is
    the discounted S for a call and the discounted K for a put.
    """
    market, strike_price = _market(inputs), _above_zero(inputs, "K")
    _unwanted(inputs, ("vol", "stddev"), "it is what is asked for")
    paid = _number({"price": price}, "price")
    spot_now, strike_now = market.spot * market.df_foreign, strike_price * market.df_domestic
    found = float(implied_stddev(market.right, paid, spot_now, strike_now))
    if math.isnan(found) or paid < 0.0:
        low, high = max(market.right * (spot_now - strike_now), 0.0), spot_now if market.right > 0 else strike_now
        raise Refusal(f"price {paid:g} of a {inputs['type']}: no vol gives it, arbitrage allows from {low:g} to less than {high:g}")
    return found if market.years is None else found / math.sqrt(market.years)


def _market(inputs: dict[str, object]) -> _Market:
    if unknown := [name for name in inputs if name not in FIELDS]:
        raise Refusal(f"unknown input {', '.join(unknown)}: must be of {', '.join(FIELDS)}")
    if "type" not in inputs:
        raise Refusal(f"type is missing: must be {' or '.join(RIGHTS)}")
    right = next((int(right) for name, right in RIGHTS.items() if name == inputs["type"]), None)
    if right is None:
        raise Refusal(f"type {inputs['type']!r}: must be {' or '.join(RIGHTS)}")
    spot = _above_zero(inputs, "S")
    years = _years(inputs) if "T" in inputs else None
    df_domestic, r_domestic = _discount(inputs, "domestic", years)
    df_foreign, r_foreign = _discount(inputs, "foreign", years)
    return _Market(right, spot, df_domestic, df_foreign, years, r_domestic, r_foreign)


def _discount(inputs: dict[str, object], side: str, years: float | None) -> tuple[float, float]:
    """Discount factor and rate of a currency; the rate is 0 where no time is told."""
    rate, factor = f"r_{side}", f"df_{side}"
    if factor in inputs:
        _unwanted(inputs, (rate,), f"{factor} says it already")
        df = _above_zero(inputs, factor)
        return df, 0.0 if years is None else -math.log(df) / years
    if rate not in inputs:
        raise Refusal(f"{rate} is missing: give {rate} and T, or {factor}")
    if years is None:
        raise Refusal(f"T is missing: {rate} needs the years to expiry (or give {factor})")
    found = _number(inputs, rate)
    if abs(found * years) > 100.0:
        raise Refusal(f"{rate} {found:g} over T {years:g}: no discount factor; rates are decimals a year (0.05 is 5 %)")
    return math.exp(-found * years), found


def _stddev(inputs: dict[str, object]) -> float:
    if "stddev" in inputs:
        _unwanted(inputs, ("vol",), "stddev says it already")
        name, scale = "stddev", 1.0
    elif "vol" not in inputs:
        raise Refusal("vol is missing: give vol and T, or stddev")
    elif "T" not in inputs:
        raise Refusal("T is missing: vol needs the years to expiry (or give stddev)")
    else:
        name, scale = "vol", math.sqrt(_years(inputs))
    found = _number(inputs, name)
    if not 0.0 <= found * scale < math.inf:
        raise Refusal(f"{name} {found:g}: must not be below 0 (a decimal: 0.08 is 8 %)")
    return found * scale


def _years(inputs: dict[str, object]) -> float:
    if (found := _number(inputs, "T")) <= 0.0:
        raise Refusal(f"T {found:g}: the contract has expired; must be above 0 (years to expiry)")
    return found


def _kind(convention: str) -> int:
    if convention not in DELTA_KINDS:
        raise Refusal(f"convention {convention!r}: must be one of {', '.join(DELTA_KINDS)}")
    return DELTA_KINDS[convention]


def _above_zero(inputs: dict[str, object], name: str) -> float:
    if (found := _number(inputs, name)) <= 0.0:
        raise Refusal(f"{name} {found:g}: must be above 0")
    return found


def _number(inputs: dict[str, object], name: str) -> float:
    if name not in inputs:
        raise Refusal(f"{name} is missing: must be a number")
    value = inputs[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refusal(f"{name} {value!r}: must be a finite number")
    return float(value)


def _unwanted(inputs: dict[str, object], names: tuple[str, ...], why: str) -> None:
    for name in names:
        if name in inputs:
            raise Refusal(f"{name} {inputs[name]!r} must not be given: {why}")
