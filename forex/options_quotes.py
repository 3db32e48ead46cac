"""What an option is bought and sold at, from a surface and the pair's price: the one arithmetic of premiums. Kernels.

All prices are in ticks of the pair; a tick is a tenth of a pip. The mid premium is that of Garman and Kohlhagen at the smile's vol. Bid and
ask are the larger of 0.15 vol points of vega and one pip away from it, rounded against us: a whole tick up to buy, down to sell, never
below 0. From expiry on both are the intrinsic value, down to a whole tick: settlement has no spread.
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
