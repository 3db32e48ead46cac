"""The generated currency market: five currencies against the dollar, seeded, and the crosses that follow from them.

The arithmetic is that of the generated coins (drivers.py): a common factor, the dollar, and one driver per currency. A cross is the
quotient of its legs at every point, so no three pairs disagree. Currencies move a little while the market is shut: that is the Sunday gap.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from forex import sessions
from modules.simulator import drivers
from modules.simulator.generated import FIRST_START_MS, HISTORY_DAYS, MINUTES, random
from modules.simulator.intervals import DAY, MINUTE
from modules.simulator.oanda_market import FX_BAR, FxSeries, spreads
from modules.simulator.oanda_pairs import HOME, PAIRS

Floats = npt.NDArray[np.float64]


class Currency(msgspec.Struct, frozen=True):
    """How one currency moves: what one unit of it costs in dollars at first, its share in the dollar's moves, its own volatility."""

    dollars: float
    beta: float
    own_daily: float


CURRENCIES: dict[str, Currency] = {
    "EUR": Currency(1.0500, 1.0, 0.0024),
    "GBP": Currency(1.2700, 0.95, 0.0030),
    "JPY": Currency(1 / 149.50, 0.7, 0.0045),
    "AUD": Currency(0.6250, 1.1, 0.0035),
    "CAD": Currency(1 / 1.4400, 0.55, 0.0024),
}
FACTOR_DAILY = 0.0038
FACTOR_TREND = 0.7
OWN_TREND = 0.4
TICKS_A_MINUTE = 40.0
SHUT = 0.12
"""Activity while the market is shut."""


def season_of(day: int) -> Floats:
    """Activity by minute of the UTC day: quiet from New York's evening to Tokyo, busy while London and New York are both open."""
    hour = np.arange(MINUTES) / 60.0
    shape = 0.85 + 0.45 * np.cos(2 * np.pi * (hour - 13.5) / 24.0) + 0.15 * np.cos(4 * np.pi * (hour - 14.0) / 24.0)
    times = day * DAY + np.arange(MINUTES, dtype=np.int64) * MINUTE
    return np.where(open_at(times), np.maximum(0.3, shape), SHUT)


def open_at(times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether the market trades at each time (ascending)."""
    table = sessions.table(times)
    return np.asarray((times >= table[:, 0]) & (times < table[:, 1]))


class GeneratedFx:
    """See the top of this file; `names`: wire names, empty = all pairs. The seed and the start are those of the coins."""

    def __init__(self, seed: int, start_ms: int, names: Sequence[str] = ()) -> None:
        self.seed = seed
        self.notices: tuple[str, ...] = ()
        self.series = {name: FxSeries(pair, MINUTE) for name, pair in PAIRS.items() if not names or name in names}
        self._day = max(FIRST_START_MS, start_ms) // DAY - HISTORY_DAYS
        self._drivers = {name: np.zeros(drivers.STATE) for name in ("dollar", *CURRENCIES)}
        self._levels = {name: np.zeros(1) for name in CURRENCIES}
        self.extend(start_ms)

    def extend(self, until_ms: int) -> None:
        """Generate whole days until the bar at `until_ms` is there."""
        while self._day * DAY <= until_ms:
            self._generate(self._day)
            self._day += 1

    def _generate(self, day: int) -> None:
        season = season_of(day)
        times = day * DAY + np.arange(MINUTES, dtype=np.int64) * MINUTE
        dollar = self._drive("dollar", day, season, FACTOR_DAILY, FACTOR_TREND)
        paths: dict[str, Floats] = {HOME: np.ones((MINUTES, 4))}
        trade: dict[str, Floats] = {HOME: np.zeros(MINUTES)}
        heat: dict[str, Floats] = {HOME: np.ones(MINUTES)}
        for name, traits in CURRENCIES.items():
            own = self._drive(name, day, season, traits.own_daily, OWN_TREND)
            rng = random(self.seed, f"fx bars {name}", day)
            usual = float(np.hypot(traits.beta * FACTOR_DAILY, traits.own_daily) / np.sqrt(MINUTES))
            bars = np.empty((MINUTES, 5))
            drivers.trade_minutes(
                self._levels[name], *dollar, *own, traits.beta, rng.standard_exponential((MINUTES, 2)), rng.standard_normal(MINUTES),
                season, usual, TICKS_A_MINUTE, bars
            )  # fmt: skip
            opens, highs, lows, closes = (bars[:, column] * traits.dollars for column in range(4))
            up = closes >= opens
            paths[name] = np.stack((opens, np.where(up, lows, highs), np.where(up, highs, lows), closes), axis=1)
            trade[name] = bars[:, 4]
            heat[name] = np.hypot(traits.beta * dollar[1], own[1]) / (usual * season)
        keep = open_at(times)
        if not keep.any():
            return
        for series in self.series.values():
            pair = series.pair
            path = paths[pair.base] / paths[pair.quote]
            ticks = np.floor(path[keep] * 10.0**pair.precision + 0.5).astype(np.int64)
            rows = np.zeros(len(ticks), dtype=FX_BAR)
            rows["ts"] = times[keep]
            rows["open"], rows["close"] = ticks[:, 0], ticks[:, 3]
            rows["high"], rows["low"] = ticks.max(axis=1), ticks.min(axis=1)
            rows["volume"] = np.maximum(4, np.maximum(trade[pair.base], trade[pair.quote])[keep])
            rows["spread"] = spreads(pair, times[keep], np.maximum(heat[pair.base], heat[pair.quote])[keep])
            series.append(rows)

    def _drive(self, name: str, day: int, season: Floats, daily: float, trend: float) -> tuple[Floats, Floats]:
        return drivers.drive_day(self._drivers[name], random(self.seed, f"fx driver {name}", day), season, daily, trend)
