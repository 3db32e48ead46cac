"""Statistics that the venue publishes of a perpetual: open interest and the ratio of long to short accounts, computed from its candles."""

from __future__ import annotations

import math
from typing import Any

from modules.simulator import intervals
from modules.simulator.candles import visible
from modules.simulator.frames import amount
from modules.simulator.market import Series
from modules.simulator.paging import page, stamp
from modules.simulator.request_fields import Fields
from modules.simulator.tickers import OPEN_INTEREST_HOURS
from modules.simulator.venue import Venue

STEPS = {
    "5min": 5 * intervals.MINUTE,
    "15min": 15 * intervals.MINUTE,
    "30min": 30 * intervals.MINUTE,
    "1h": 60 * intervals.MINUTE,
    "4h": 240 * intervals.MINUTE,
    "1d": intervals.DAY,
}
CROWD = 5.0
"""How strongly the crowd leans after the price: +10 % in a day puts 62 % of accounts long."""


def open_interest(venue: Venue, series: Series, query: Fields) -> dict[str, Any]:
    """`list` and `nextPageCursor` of open-interest: so many hours of the usual trade of the day before, newest first."""
    found, cursor = _times(venue, series, query, "intervalTime", 200)
    rows = []
    for ts in found:
        volume = float(visible(series, ts - intervals.DAY, ts, ts)["volume"].sum())
        interest = str(round(volume / 24.0 * OPEN_INTEREST_HOURS))
        rows.append({"openInterest": interest, "singleOpenInterest": interest, "timestamp": str(ts)})
    return {"list": rows, "nextPageCursor": cursor}


def account_ratio(venue: Venue, series: Series, query: Fields) -> dict[str, Any]:
    """`list` and `nextPageCursor` of account-ratio: the crowd follows the price of the last day."""
    found, cursor = _times(venue, series, query, "period", 500)
    rows = []
    for ts in found:
        bars = visible(series, ts - intervals.DAY, ts, ts)
        change = float(bars["close"][-1]) / float(bars["open"][0]) - 1.0 if len(bars) else 0.0
        buy = round(0.5 + 0.5 * math.tanh(CROWD * change) / 2.0, 4)
        rows.append({"symbol": series.listing.symbol, "buyRatio": amount(buy, 4), "sellRatio": amount(1.0 - buy, 4), "timestamp": str(ts)})
    return {"list": rows, "nextPageCursor": cursor}


def _times(venue: Venue, series: Series, query: Fields, name: str, most: int) -> tuple[list[int], str]:
    """A page of the instants that are asked for and known, newest first."""
    step = STEPS[query.choice(name, tuple(STEPS))]
    start, end = query.time("startTime"), query.time("endTime")
    newest = min(venue.now_ms, end if end is not None else venue.now_ms) // step * step
    oldest = max(series.first_ts, start if start is not None else series.first_ts)
    return page(range(newest, oldest - 1, -step), lambda ts: stamp(ts, ""), query.limit(50, most), query.text("cursor"))
