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

MIN_DAYS, MAX_DAYS = 5.0, 60.0
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
def entry_candidates(
    days: Floats,
    vols: Floats,
    r_domestic: Floats,
    r_foreign: Floats,
    pair_kind: int,
    right: int,
    spot: float,
    grid: int,
    tick: float,
    left: Floats,
) -> Floats:
    """What O1 may buy of one right, best first: rows (place in `left`, strike in ticks, delta).

    `left`: days left of each listed expiry; `spot` in quote currency; `grid` in ticks. The order: higher |delta|, then nearer to 28
    days, then lower strike.
    """
    found = np.empty((0, 4))
    for place in range(left.shape[0]):
        day = left[place]
        if not ENTRY_DAYS[0] <= day <= ENTRY_DAYS[1]:
            continue
        first, last = strike_range(days, vols, r_domestic, r_foreign, pair_kind, spot, day, grid * tick)
        rows = np.empty((max(last - first + 1, 0), 4))
        count = 0
        for n in range(first, last + 1):
            delta = listed_delta(days, vols, r_domestic, r_foreign, pair_kind, right, spot, n * grid * tick, day)
            if ENTRY_DELTAS[0] <= abs(delta) <= ENTRY_DELTAS[1]:
                rows[count] = float(place), float(n * grid), delta, abs(day - FAVOURITE_DAYS)
                count += 1
        found = np.concatenate((found, rows[:count]))
    # Insertion sort: a few dozen rows, and the order of equal deltas is said.
    for i in range(1, found.shape[0]):
        row = found[i].copy()
        j = i - 1
        while j >= 0 and better(row, found[j]):
            found[j + 1] = found[j]
            j -= 1
        found[j + 1] = row
    return found[:, :3]


@kernel
def better(one: Floats, other: Floats) -> bool:
    """Whether a row (place, strike, delta, distance from 28 days) comes before another."""
    if abs(one[2]) != abs(other[2]):
        return bool(abs(one[2]) > abs(other[2]))
    if one[3] != other[3]:
        return bool(one[3] < other[3])
    return bool(one[1] < other[1])


def grid_of(pair: str) -> int:
    """Distance of listed strikes in ticks; Refusal for a pair without options."""
    if pair not in GRID:
        raise Refusal(f"no options are listed on {pair} (there are on {', '.join(GRID)})")
    return GRID[pair]


def _contract(pair: str, right: Right, strike: int, expiry_ts: int) -> OptionContract:
    return OptionContract(pair=pair, right=right, strike=strike, digits=tick_digits(pair), expiry_ts=expiry_ts)


def chain(surface: Surface, spot: float, ts: int) -> Iterator[OptionContract]:
    """Every listed contract at `ts` (ms UTC): by expiry, then strike, the call before the put. Refusal for a pair without options."""
    grid, kind, data = grid_of(surface.pair), kind_of(surface.pair), arrays(surface)
    tick = 10.0 ** -tick_digits(surface.pair)
    for expiry in weekly_expiries(surface.pair, ts, MIN_DAYS, MAX_DAYS):
        first, last = strike_range(*data, kind, spot, (expiry - ts) / DAY_MS, grid * tick)
        for n in range(first, last + 1):
            for right in Right:
                yield _contract(surface.pair, right, n * grid, expiry)


def candidates(surface: Surface, spot: float, ts: int, right: Right) -> list[Candidate]:
    """The contracts of one right that O1 may buy at `ts`, best first (`entry_candidates`)."""
    expiries = list(weekly_expiries(surface.pair, ts, *ENTRY_DAYS))
    left = np.array([(expiry - ts) / DAY_MS for expiry in expiries], np.float64)
    grid, tick = grid_of(surface.pair), 10.0 ** -tick_digits(surface.pair)
    rows = entry_candidates(*arrays(surface), kind_of(surface.pair), int(right), spot, grid, tick, left)
    return [
        Candidate(_contract(surface.pair, right, int(strike), expiries[int(place)]), float(delta), float(left[int(place)]))
        for place, strike, delta in rows
    ]
