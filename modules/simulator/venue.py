"""What the simulated venue knows at this instant: its market, its clock, and the figures that tickers show."""

from __future__ import annotations

from typing import Any

import msgspec

from modules.simulator import intervals, path
from modules.simulator.bar_rows import index_of
from modules.simulator.candles import visible
from modules.simulator.clock import VenueClock
from modules.simulator.market import Market, Series

DAY_STATS_MS = 5 * intervals.MINUTE
"""The 24-hour figures are renewed this often (venue time); the last price is always current."""


class DayStats(msgspec.Struct, frozen=True):
    """The last 24 hours, prices in ticks."""

    before: int
    hour_before: int
    high: int
    low: int
    volume: float
    turnover: float


class NextFunding(msgspec.Struct, frozen=True):
    """The settlement ahead."""

    ts: int
    rate: float


class Venue:
    """Read side for REST, streams and control; only the publisher moves the clock."""

    def __init__(self, market: Market, clock: VenueClock) -> None:
        self.market = market
        self.clock = clock
        self._stats: dict[str, tuple[int, DayStats]] = {}
        self._funding: dict[str, NextFunding] = {}

    @property
    def now_ms(self) -> int:
        """Venue time: everything before it is published."""
        return self.clock.now_ms

    def series(self, category: str, symbol: str) -> Series | None:
        """The series of a listing, None when it is not listed."""
        return self.market.series.get(f"{category}:{symbol}")

    def last(self, series: Series) -> Any:
        """The newest published path point; before the first one, the first."""
        point = path.last_point(series, self.now_ms)
        return point if point is not None else path.points(series, 0, 1)[0]

    def day_stats(self, series: Series) -> DayStats:
        """Figures of the last 24 hours, at most five venue minutes old."""
        bucket = self.now_ms // DAY_STATS_MS
        known = self._stats.get(series.listing.key)
        if known is not None and known[0] == bucket:
            return known[1]
        now = self.now_ms
        rows = visible(series, now - intervals.DAY, now, now)
        if not len(rows):
            price = int(self.last(series)["price"])
            stats = DayStats(price, price, price, price, 0.0, 0.0)
        else:
            hour = index_of(rows["ts"], now - 60 * intervals.MINUTE)
            typical = (rows["high"].astype(float) + rows["low"] + 2.0 * rows["close"]) * (series.tick / 4)
            stats = DayStats(
                before=int(rows["open"][0]),
                hour_before=int(rows["open"][min(hour, len(rows) - 1)]),
                high=int(rows["high"].max()),
                low=int(rows["low"].min()),
                volume=float(rows["volume"].sum()),
                turnover=float((rows["volume"] * typical).sum()),
            )
        self._stats[series.listing.key] = (bucket, stats)
        return stats

    def next_funding(self, series: Series) -> NextFunding:
        """The next settlement of a perpetual; the usual 1 bp where the market has no record of it."""
        key = series.listing.key
        known = self._funding.get(key)
        if known is not None and known.ts > self.now_ms:
            return known
        interval = series.listing.instrument.funding_interval_min * intervals.MINUTE
        ts = (self.now_ms // interval + 1) * interval
        found = self.market.funding(key, ts, ts)
        self._funding[key] = NextFunding(ts, found[0][1] if found else 0.0001)
        return self._funding[key]
