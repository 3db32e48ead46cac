"""Made-up volatility surfaces for the `simulated` environment: one a day, plausible, the same for the same seed. Never outside it.

The month's at-the-money vol goes around 7.8 % within 6 to 10 %, the risk reversal around a level of the pair's, both slowly: each is the
sum of the last days' shocks, an autoregression with a memory of a month, so that any day can be had without those before. Vols rise
with the tenor, butterflies are a fixed share of the vol. Rates are level. No real market is imitated; nothing is to be learnt from it.
"""

from __future__ import annotations

import hashlib
import math

from forex.options_calendar import DAY_MS
from forex.options_conventions import smile_vols
from state.options import Surface
from utils.errors import Refusal

DAYS = (7.0, 14.0, 21.0, 30.0, 61.0, 91.0, 182.0)
MONTH = 30.0

LEVEL, LOWEST, HIGHEST = 0.078, 0.06, 0.10
"""At-the-money vol of a month: where it goes back to and what it never passes."""
REVERSALS = {"EURUSD": -0.03, "USDJPY": -0.08}
"""25 delta risk reversal as a share of the vol, and so which pairs have a surface."""
RATES = {"USD": 0.04, "EUR": 0.025, "JPY": 0.005}
"""Per year, continuously compounded."""

MEMORY_DAYS = 30.0
_PAST = 240
"""Shocks older than this weigh less than 0.0004."""
_WEIGHT = math.exp(-1.0 / MEMORY_DAYS)


def _shock(name: str, day: int) -> float:
    """A day's shock: uniform with mean 0 and deviation 1, a hash of its name and the day."""
    digest = hashlib.blake2b(f"{name} {day}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) / 2**64 - 0.5) * math.sqrt(12.0)


def _slow(name: str, day: int) -> float:
    """A mean-reverting value of a day: mean 0, deviation 1."""
    return math.sqrt(1.0 - _WEIGHT**2) * sum(_WEIGHT**past * _shock(name, day - past) for past in range(_PAST))


def generated_surface(pair: str, seed: int, day_ts: int, spot: float) -> Surface:
    """The surface of the UTC day of `day_ts`, quoted at its beginning; Refusal for a pair without one."""
    if pair not in REVERSALS:
        raise Refusal(f"no surface is generated of {pair} (there are of {', '.join(REVERSALS)})")
    day = day_ts // DAY_MS
    month = min(max(LEVEL * math.exp(0.08 * _slow(f"{pair} {seed} level", day)), LOWEST), HIGHEST)
    lean = REVERSALS[pair] + 0.02 * _slow(f"{pair} {seed} lean", day)
    vols = []
    for days in DAYS:
        atm = month * (days / MONTH) ** 0.03
        skew = atm * lean * (days / MONTH) ** 0.2
        vols.append(smile_vols(atm, skew, 0.018 * atm, 1.8 * skew, 0.063 * atm))
    return Surface(
        pair=pair,
        ts=day * DAY_MS,
        spot=spot,
        days=DAYS,
        vols=tuple(vols),
        r_domestic=(RATES[pair[3:]],) * len(DAYS),
        r_foreign=(RATES[pair[:3]],) * len(DAYS),
        source="generated",
    )
