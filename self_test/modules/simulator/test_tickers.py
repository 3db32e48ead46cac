"""Ticker rows have the fields a strict client insists on, all strings, and agree with the touch."""

from __future__ import annotations

import msgspec
import pytest

from modules.simulator import tickers
from self_test.modules.simulator import toy

SPOT = (
    "symbol bid1Price bid1Size ask1Price ask1Size lastPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h turnover24h volume24h "
    "usdIndexPrice"
)
LINEAR = (
    "symbol lastPrice indexPrice markPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h prevPrice1h openInterest openInterestValue "
    "turnover24h volume24h fundingRate nextFundingTime predictedDeliveryPrice basisRate basis deliveryFeeRate deliveryTime bid1Price "
    "bid1Size ask1Price ask1Size fundingIntervalHour fundingCap"
)


@pytest.mark.parametrize(("key", "fields"), [("spot:BTCUSDT", SPOT), ("linear:BTCUSDT", LINEAR)])
def test_all_fields_are_strings(key: str, fields: str) -> None:
    desk = toy.Desk()
    row = tickers.row(desk.venue, desk.market.series[key], 0, 8_000_000, 7_999_999, 8_000_003, 10, 20)
    assert set(fields.split()) == set(row)
    assert msgspec.convert(row, dict[str, str]) == row
    assert not any("e" in value.lower() for name, value in row.items() if name != "symbol"), "no exponents"
    assert float(row["bid1Price"]) < float(row["ask1Price"])


def test_a_new_extreme_shows_at_once() -> None:
    desk = toy.Desk()
    series = desk.market.series["spot:BTCUSDT"]
    high = desk.venue.day_stats(series).high
    row = tickers.row(desk.venue, series, 0, high + 500, high + 499, high + 500, 1, 1)
    assert row["highPrice24h"] == row["lastPrice"] == series.price(high + 500)


def test_the_interval_of_funding_is_in_hours() -> None:
    desk = toy.Desk()
    row = tickers.row(desk.venue, desk.market.series["linear:BTCUSDT"], 0, 800_000, 799_999, 800_001, 1, 1)
    assert (row["fundingIntervalHour"], row["fundingRate"]) == ("8", "0.0002")
    assert float(row["bid1Price"]) <= float(row["markPrice"]) <= float(row["ask1Price"])
