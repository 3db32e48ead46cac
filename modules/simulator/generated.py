"""The generated market: endless, seeded, alike from run to run; several coins that share a factor and keep their own tempers.

Random numbers come from a PCG64 per (seed, name, UTC day), so a coin's path does not depend on which others are listed. Days are
generated in order, because volatility and regime go on from day to day; the first is 100 days before the start.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt

from modules.simulator import drivers, extra_coins, filters, intervals, path
from modules.simulator.bar_rows import Bars
from modules.simulator.filters import Category
from modules.simulator.market import BAR, Funding, Series
from utils.errors import Refusal

DEFAULT_START = 1_741_075_200_000
"""Tuesday 2025-03-04 08:00 UTC: where a market begins that does not run at the wall clock's speed."""
HISTORY_DAYS = 100
FIRST_START_MS = HISTORY_DAYS * intervals.DAY
"""History begins no earlier than 1970: days are counted from there, and seeds are made from the count."""
RESERVED_DAYS = 10
MINUTES = 1440
Floats = npt.NDArray[np.float64]


class Coin(msgspec.Struct, frozen=True):
    """How one coin moves: a level, its share in the common factor, its own volatility and trade."""

    price: float
    beta: float
    own_daily: float
    """Standard deviation of its own daily return."""
    hourly_quote: float
    """Quote currency traded in a usual hour on spot; perpetuals trade four times that."""


COINS: dict[str, Coin] = {
    "BTC": Coin(88_000.0, 1.0, 0.010, 12e6),
    "ETH": Coin(2_300.0, 1.25, 0.016, 8e6),
    "SOL": Coin(150.0, 1.45, 0.024, 4e6),
    "XRP": Coin(2.35, 1.25, 0.026, 4e6),
    "ADA": Coin(0.82, 1.4, 0.027, 1.5e6),
    "DOGE": Coin(0.205, 1.5, 0.028, 2e6),
    "BNB": Coin(600.0, 0.85, 0.014, 2e6),
    "LINK": Coin(15.2, 1.4, 0.026, 1.2e6),
    "AAVE": Coin(205.0, 1.4, 0.029, 1e6),
    "WIF": Coin(0.62, 1.7, 0.042, 1e6),
}


def coin_of(name: str) -> Coin:
    """The traits of a coin, from the table or drawn from its name."""
    if name in COINS:
        return COINS[name]
    return Coin(
        price=extra_coins.level(name),
        beta=0.8 + extra_coins.share(name, "beta"),
        own_daily=0.015 + 0.025 * extra_coins.share(name, "own"),
        hourly_quote=0.3e6 + 1.7e6 * extra_coins.share(name, "trade"),
    )


FACTOR_DAILY = 0.022
FACTOR_TREND = 0.75
OWN_TREND = 0.40
BASIS_MEAN = -0.0003
BASIS_SPREAD = 0.0004


def random(seed: int, name: str, day: int) -> np.random.Generator:
    """The random numbers of one name on one UTC day (days since 1970)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(name.encode()), day])))


def season_of(day: int) -> Floats:
    """Activity by minute of the day: quiet at 04 UTC, busy at 15 UTC; weekends are quieter. Mean about 1 on a weekday."""
    hour = np.arange(MINUTES) / 60.0
    shape = 1.0 + 0.28 * np.cos(2 * np.pi * (hour - 15.0) / 24.0) + 0.10 * np.cos(4 * np.pi * (hour - 14.5) / 24.0)
    weekend = (day + 3) % 7 >= 5
    return np.asarray(shape * (0.72 if weekend else 1.03), dtype=np.float64)


class GeneratedMarket:
    """See the top of this file. `symbols` empty means all; Refusal for one that is not in the table."""

    def __init__(self, seed: int, start_ms: int, symbols: Sequence[str] = ()) -> None:
        every = [coin + filters.QUOTE for coin in COINS]
        more = [coin + filters.QUOTE for coin in extra_coins.NAMES]
        if unknown := [one for one in symbols if one not in every + more]:
            raise Refusal(
                f"--symbols: {', '.join(unknown)} is not in the generated market; there are {', '.join(every)}, and {more[0]} to {more[-1]}"
            )
        if start_ms < FIRST_START_MS:
            raise Refusal(f"--from: {start_ms} (ms) is too early; the generated market can begin at 1970-04-11 or later")
        chosen = list(dict.fromkeys(symbols)) or every
        self.name = "generated"
        self.seed = seed
        self.start_ms = start_ms
        self.end_ms: int | None = None
        self.notices: tuple[str, ...] = ()
        self._coins = [one.removesuffix(filters.QUOTE) for one in chosen]
        categories: tuple[Category, ...] = ("spot", "linear")
        listed = [found for category in categories for one in chosen if (found := filters.listing(one, category))]
        self.series = {one.key: Series(one, intervals.MINUTE) for one in listed}
        for one in self.series.values():
            one.reserve((HISTORY_DAYS + RESERVED_DAYS) * MINUTES)
        self._day = start_ms // intervals.DAY - HISTORY_DAYS
        self._drivers = {name: np.zeros(drivers.STATE) for name in ("factor", *self._coins)}
        self._levels = {coin: np.zeros(1) for coin in self._coins}
        self._basis = {coin: np.zeros(1) for coin in self._coins}
        self._stress = {key: np.zeros(2) for key in self.series}
        self.extend(start_ms)

    def extend(self, until_ms: int) -> None:
        """Generate whole days until the bar at `until_ms` is there."""
        while self._day * intervals.DAY <= until_ms:
            self._generate(self._day)
            self._day += 1

    def funding(self, key: str, start_ms: int, end_ms: int) -> list[Funding]:
        """Every 8 hours, from the basis at the settlement: 1 bp when the perpetual is at par, more when it is dear."""
        series = self.series[key]
        if series.listing.category == "spot":
            return []
        interval = filters.FUNDING_INTERVAL_MIN * intervals.MINUTE
        first = -(-max(start_ms, int(series.bars["ts"][0])) // interval) * interval
        return [(ts, self._rate(series.listing.symbol, ts)) for ts in range(first, end_ms + 1, interval)]

    def _rate(self, symbol: str, ts: int) -> float:
        draw = random(self.seed, f"funding {symbol}", ts // (filters.FUNDING_INTERVAL_MIN * intervals.MINUTE)).standard_normal()
        return float(np.clip(round(0.00008 + 0.00009 * draw, 6), -0.003, 0.003))

    def _generate(self, day: int) -> None:
        season = season_of(day)
        factor = self._drive("factor", day, season, FACTOR_DAILY, FACTOR_TREND)
        for coin in self._coins:
            traits = coin_of(coin)
            own = self._drive(coin, day, season, traits.own_daily, OWN_TREND)
            rng = random(self.seed, f"bars {coin}", day)
            usual = float(np.hypot(traits.beta * FACTOR_DAILY, traits.own_daily) / np.sqrt(MINUTES))
            bars = np.empty((MINUTES, 5))
            drivers.trade_minutes(
                self._levels[coin], *factor, *own, traits.beta, rng.standard_exponential((MINUTES, 2)), rng.standard_normal(MINUTES),
                season, usual, traits.hourly_quote / 60.0, bars
            )  # fmt: skip
            bars[:, :4] *= traits.price
            basis = np.empty(MINUTES)
            drivers.wander(self._basis[coin], rng.standard_normal(MINUTES), 0.5 ** (1 / 720), BASIS_SPREAD, basis)
            if series := self.series.get(f"spot:{coin}{filters.QUOTE}"):
                self._book(series, day, bars)
            series = self.series[f"linear:{coin}{filters.QUOTE}"]
            perp = bars.copy()
            perp[:, :4] *= (1.0 + BASIS_MEAN + basis)[:, None]
            perp[:, 4] *= 4.0 * np.exp(0.2 * rng.standard_normal(MINUTES))
            self._book(series, day, perp)

    def _drive(self, name: str, day: int, season: Floats, daily: float, trend: float) -> tuple[Floats, Floats]:
        return drivers.drive_day(self._drivers[name], random(self.seed, f"driver {name}", day), season, daily, trend)

    def _book(self, series: Series, day: int, bars: Floats) -> None:
        """Round a day of float bars to the listing's grid and append it."""
        rows: Bars = np.zeros(MINUTES, dtype=BAR)
        rows["ts"] = day * intervals.DAY + np.arange(MINUTES) * intervals.MINUTE
        ticks = np.floor(bars[:, :4] / series.tick + 0.5).astype(np.int32)
        rows["open"], rows["high"], rows["low"], rows["close"] = ticks[:, 0], ticks[:, 1], ticks[:, 2], ticks[:, 3]
        rows["high"] = ticks.max(axis=1)
        rows["low"] = ticks.min(axis=1)
        steps = np.maximum(4.0, np.floor(bars[:, 4] / bars[:, 3] / series.step))
        rows["volume"] = np.round(steps * series.step, series.size_digits)
        path.add_stress(rows, series.tf_ms, self._stress[series.listing.key])
        series.append(rows)


def default_start(speed: float, wall_ms: int) -> int:
    """Where the generated market starts without `--from`: at the wall clock for speed 1, else on the fixed Tuesday."""
    return wall_ms if Decimal(str(speed)) == 1 else DEFAULT_START
