"""The ticker row of a listing at a path point, as REST and the tickers stream both show it."""

from __future__ import annotations

from modules.simulator.filters import FUNDING_INTERVAL_MIN
from modules.simulator.frames import amount
from modules.simulator.market import Series
from modules.simulator.venue import Venue

OPEN_INTEREST_HOURS = 18.0
"""Open interest of a simulated perpetual, in hours of its usual trade."""


def row(venue: Venue, series: Series, ts: int, price: int, bid: int, ask: int, bid_size: int, ask_size: int) -> dict[str, str]:
    """All fields at the point of `ts`, strings, in the venue's order. Index and, unless recorded, mark follow the middle of the touch."""
    stats = venue.day_stats(series)
    text, size = series.price, series.size
    last = text(price)
    common = {
        "symbol": series.listing.symbol,
        "lastPrice": last,
        "prevPrice24h": text(stats.before),
        "price24hPcnt": amount(price / stats.before - 1.0, 6),
        "highPrice24h": text(max(stats.high, price)),
        "lowPrice24h": text(min(stats.low, price)),
        "turnover24h": amount(stats.turnover, 4),
        "volume24h": amount(stats.volume, 8),
        "bid1Price": text(bid),
        "bid1Size": size(bid_size),
        "ask1Price": text(ask),
        "ask1Size": size(ask_size),
    }
    if series.listing.category == "spot":
        return common | {"usdIndexPrice": last}
    middle = text((bid + ask) // 2)
    funding = venue.next_funding(series)
    interest = round(stats.volume / 24.0 * OPEN_INTEREST_HOURS)
    hours = (series.listing.instrument.funding_interval_min or FUNDING_INTERVAL_MIN) // 60
    return common | {
        "indexPrice": middle,
        "markPrice": text(series.mark(ts, (bid + ask) // 2)),
        "prevPrice1h": text(stats.hour_before),
        "openInterest": str(interest),
        "openInterestValue": amount(interest * price * series.tick, 2),
        "fundingRate": amount(funding.rate, 8),
        "nextFundingTime": str(funding.ts),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basis": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "fundingIntervalHour": str(hours),
        "fundingCap": amount(float(series.listing.funding_cap), 6),
    }
