"""What an option is bought and sold at, and its candle, from a surface and the pair's prices: the one arithmetic of premiums. Kernels.

All prices are in ticks of the pair; a tick is a tenth of a pip. The mid premium is that of Garman and Kohlhagen at the smile's vol. Bid and
ask are the larger of 0.15 vol points of vega and one pip away from it, rounded against us: a whole tick up to buy, down to sell, never
below 0. From expiry on both are the intrinsic value, down to a whole tick: settlement has no spread. A candle of the pair becomes one of
the premium price by price, since without arbitrage a call rises and a put falls with spot.
"""

from __future__ import annotations

import math

from forex.options_calendar import DAYS_IN_YEAR
from forex.options_kernels import premium, vega_of
from forex.options_surface import Floats, rates_at, smile_vol
from utils.kernel import kernel

HALF_SPREAD_VOL = 0.0015
"""0.15 vol points."""
HALF_SPREAD_TICKS = 10.0
"""One pip."""


@kernel
def option_mid(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    spot: float,
    strike: float,
    day: float,
    tick: float,
) -> tuple[float, float]:
    """Mid premium and half-spread in ticks of a contract with `day` days left; from expiry on the intrinsic value and 0.

    `spot` and `strike` in ticks; `tick` in quote currency; `pair_kind` as `smile_vol` takes it.
    """
    s, k = spot * tick, strike * tick
    if day <= 0.0:
        return max(right * (spot - strike), 0.0), 0.0
    vol = smile_vol(days, vols, r_domestic, r_foreign, pair_kind, s, k, day)
    rd, rf = rates_at(days, r_domestic, r_foreign, day)
    years = day / DAYS_IN_YEAR
    half = max(HALF_SPREAD_VOL * vega_of(s, k, years, rd, rf, vol) / tick, HALF_SPREAD_TICKS)
    return premium(right, s, k, years, rd, rf, vol) / tick, half


@kernel
def option_quote(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    spot_bid: int,
    spot_ask: int,
    strike: int,
    day: float,
    tick: float,
) -> tuple[int, int, float]:
    """Bid and ask in whole ticks and the mid in ticks, at the middle of the pair's quote; bid < ask until expiry."""
    spot = 0.5 * (spot_bid + spot_ask)
    mid, half = option_mid(days, vols, r_domestic, r_foreign, pair_kind, right, spot, float(strike), day, tick)
    if day <= 0.0:
        settled = math.floor(mid)
        return settled, settled, mid
    return max(math.floor(mid - half), 0), math.ceil(mid + half), mid


@kernel
def premium_bar(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    strike: int,
    day: float,
    tick: float,
    opened: int,
    high: int,
    low: int,
    close: int,
) -> tuple[int, int, int, int]:
    """The mid premium's open, high, low and close in whole ticks, for a candle of the pair (mid prices in ticks), `day` days before expiry.

    One time for all four, so that the candle is one: a call's high is at the pair's high, a put's at its low.
    """
    up, down = (high, low) if right > 0 else (low, high)
    first = _nearest(days, vols, r_domestic, r_foreign, pair_kind, right, opened, strike, day, tick)
    last = _nearest(days, vols, r_domestic, r_foreign, pair_kind, right, close, strike, day, tick)
    top = _nearest(days, vols, r_domestic, r_foreign, pair_kind, right, up, strike, day, tick)
    bottom = _nearest(days, vols, r_domestic, r_foreign, pair_kind, right, down, strike, day, tick)
    # A surface that allows arbitrage must not make a candle that is none.
    return first, max(top, first, last), min(bottom, first, last), last


@kernel
def _nearest(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    spot: int,
    strike: int,
    day: float,
    tick: float,
) -> int:
    """The mid in whole ticks."""
    return math.floor(option_mid(days, vols, r_domestic, r_foreign, pair_kind, right, float(spot), float(strike), day, tick)[0] + 0.5)
