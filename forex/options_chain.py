"""The listed options of a pair at a time, and those of them that strategy O1 may buy. Pure and deterministic.

Expiries are the Fridays with 5 to 60 days left (a Friday that is no trading day: the trading day before). Strikes are on a fixed grid
and reach from the strike of a 10 delta put to that of a 10 delta call. Deltas are of the pair's own convention.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from forex.options_calendar import DAY_MS, DAYS_IN_YEAR, weekly_expiries
from forex.options_kernels import delta_of
from forex.options_surface import Floats, arrays, delta_kind_at, kind_of, pillar_strike, pillar_vol, rates_at, smile_vol
from state.options import OptionContract, Right, Surface, tick_digits
from utils.errors import Refusal
from utils.kernel import kernel

LISTED_DAYS = (5.0, 60.0)
"""Days left of listed contracts."""
GRID = {"EURUSD": 500, "USDJPY": 500}
"""Distance of strikes in ticks of the pair: 0.0050 and 0.500."""

ENTRY_DELTAS = (0.25, 0.50)
ENTRY_DAYS = (14.0, 42.0)
"""What O1 buys: definitions, strategy table (25 to 50 delta, 2 to 6 weeks)."""
FAVOURITE_DAYS = 28.0


class Candidate(msgspec.Struct, frozen=True):
    """A contract that O1 may buy, with what it is chosen by."""

    contract: OptionContract
    delta: float
    """Of the pair's convention, negative for a put."""
    days: float
    """Days left."""


@kernel
def strike_range(
    days: Floats, vols: Floats, r_domestic: Floats, r_foreign: Floats, pair_kind: int, spot: float, day: float, step: float
) -> tuple[int, int]:
    """The lowest and highest multiple of `step` (quote currency) listed for an expiry `day` days away; (1, 0) where there are none."""
    if day <= 0.0:
        return 1, 0
    rd, rf = rates_at(days, r_domestic, r_foreign, day)
    low = pillar_strike(0, pair_kind, spot, day, rd, rf, pillar_vol(days, vols, 0, day))
    high = pillar_strike(4, pair_kind, spot, day, rd, rf, pillar_vol(days, vols, 4, day))
    return max(math.floor(low / step), 1), math.ceil(high / step)


@kernel
def listed_delta(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    spot: float,
    strike: float,
    day: float,
) -> float:
    """Delta of a contract at the smile's vol, of the kind that the pair is quoted by; spot and strike in quote currency."""
    rd, rf = rates_at(days, r_domestic, r_foreign, day)
    vol = smile_vol(days, vols, r_domestic, r_foreign, pair_kind, spot, strike, day)
    return float(delta_of(delta_kind_at(pair_kind, day), right, spot, strike, day / DAYS_IN_YEAR, rd, rf, vol))


@kernel
def listed_deltas(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    spot: float,
    strikes: Floats,
    left: Floats,
) -> Floats:
    """`listed_delta` of each of some contracts of one right, by strike (quote currency) and days left."""
    found = np.empty(strikes.shape[0])
    for n in range(strikes.shape[0]):
        found[n] = listed_delta(days, vols, r_domestic, r_foreign, pair_kind, right, spot, strikes[n], left[n])
    return found


def grid_of(pair: str) -> int:
    """Distance of listed strikes in ticks; Refusal for a pair without options."""
    if pair not in GRID:
        raise Refusal(f"no options are listed on {pair} (there are on {', '.join(GRID)})")
    return GRID[pair]


def chain(
    surface: Surface, spot: float, ts: int, days: tuple[float, float] = LISTED_DAYS, rights: tuple[Right, ...] = tuple(Right)
) -> Iterator[OptionContract]:
    """Every listed contract at `ts` (ms UTC) with so many days left: by expiry, then strike, the call before the put.

    Refusal for a pair without options.
    """
    pair, grid, kind, data = surface.pair, grid_of(surface.pair), kind_of(surface.pair), arrays(surface)
    digits = tick_digits(pair)
    for expiry in weekly_expiries(pair, ts, *days):
        first, last = strike_range(*data, kind, spot, (expiry - ts) / DAY_MS, grid * 10.0**-digits)
        for n in range(first, last + 1):
            for right in rights:
                yield OptionContract(pair=pair, right=right, strike=n * grid, digits=digits, expiry_ts=expiry)


def candidates(surface: Surface, spot: float, ts: int, right: Right) -> list[Candidate]:
    """The contracts of one right that O1 may buy at `ts`, best first: higher |delta|, then nearer to 28 days, then lower strike."""
    listed = list(chain(surface, spot, ts, ENTRY_DAYS, (right,)))
    tick = 10.0 ** -tick_digits(surface.pair)
    strikes = np.array([one.strike * tick for one in listed], np.float64)
    left = np.array([(one.expiry_ts - ts) / DAY_MS for one in listed], np.float64)
    deltas = listed_deltas(*arrays(surface), kind_of(surface.pair), int(right), spot, strikes, left)
    found = [Candidate(one, float(delta), float(days)) for one, delta, days in zip(listed, deltas, left, strict=True)]
    return sorted((one for one in found if ENTRY_DELTAS[0] <= abs(one.delta) <= ENTRY_DELTAS[1]), key=_rank)


def _rank(one: Candidate) -> tuple[float, float, int]:
    return -abs(one.delta), abs(one.days - FAVOURITE_DAYS), one.contract.strike
