"""What the simulated OANDA account can trade: the seven listed pairs (fx_listings) as its API shows them, what holding costs; pure.

Rates are those of an ordinary day, not of any particular one: a test bed, like the market that is generated.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from modules.simulator.fx_listings import LISTINGS, MOST_UNITS

HOME = "USD"
"""The currency of the account."""
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
T2 = (1, 1, 3, 1, 1, 0, 0)
"""Days charged at 17:00 New York of each weekday: settlement is two days on, so Wednesday carries the weekend."""
T1 = (1, 1, 1, 3, 1, 0, 0)
"""The same for a pair that settles the next day."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument; `name` is the wire's (`EUR_USD`). Rates are fractions a year of the notional, negative = paid."""

    name: str
    pip_location: int
    precision: int
    """Most decimals of a price."""
    margin_rate: Decimal
    long_rate: Decimal
    short_rate: Decimal
    spread: int
    """Of a calm hour, in units of the last decimal."""
    days: tuple[int, ...] = T2

    @property
    def base(self) -> str:
        """The currency that is bought."""
        return self.name[:3]

    @property
    def quote(self) -> str:
        """The currency that it is paid in."""
        return self.name[4:]

    @property
    def symbol(self) -> str:
        """Its name without the bar, as data folders and bots write it."""
        return self.base + self.quote

    @property
    def tick(self) -> Decimal:
        """The smallest step of a price."""
        return Decimal(1).scaleb(-self.precision)

    def price(self, value: Decimal) -> str:
        """A price as the venue writes it."""
        return f"{value:.{self.precision}f}"

    def row(self) -> dict[str, Any]:
        """The instrument as the API shows it."""
        pip = Decimal(1).scaleb(self.pip_location)
        return {
            "name": self.name,
            "type": "CURRENCY",
            "displayName": self.name.replace("_", "/"),
            "pipLocation": self.pip_location,
            "displayPrecision": self.precision,
            "tradeUnitsPrecision": 0,
            "minimumTradeSize": "1",
            "maximumTrailingStopDistance": self.price(10_000 * pip),
            "minimumTrailingStopDistance": self.price(5 * pip),
            "maximumPositionSize": "0",
            "maximumOrderUnits": str(MOST_UNITS),
            "marginRate": str(self.margin_rate),
            "commission": {"commission": "0.0000", "unitsTraded": "0", "minimumCommission": "0.0000"},
            "guaranteedStopLossOrderMode": "DISABLED",
            "tags": [{"type": "ASSET_CLASS", "name": "CURRENCY"}],
            "financing": {
                "longRate": str(self.long_rate),
                "shortRate": str(self.short_rate),
                "financingDaysOfWeek": [{"dayOfWeek": day, "daysCharged": count} for day, count in zip(DAYS, self.days, strict=True)],
            },
        }


MIN_TRAIL_PIPS = 5


def _pair(name: str, long_rate: str, short_rate: str, days: tuple[int, ...] = T2) -> Pair:
    listed = LISTINGS[name.replace("_", "")]
    return Pair(
        name=name, pip_location=listed.pip_location, precision=listed.display_precision, margin_rate=listed.margin_rate,
        long_rate=Decimal(long_rate), short_rate=Decimal(short_rate), spread=round(10 * listed.spread_pips), days=days,
    )  # fmt: skip


PAIRS: dict[str, Pair] = {
    one.name: one
    for one in (
        _pair("EUR_USD", "-0.0268", "0.0065"),
        _pair("GBP_USD", "-0.0107", "-0.0103"),
        _pair("USD_JPY", "0.0253", "-0.0502"),
        _pair("AUD_USD", "-0.0153", "-0.0061"),
        _pair("USD_CAD", "0.0052", "-0.0259", T1),
        _pair("EUR_GBP", "-0.0318", "0.0099"),
        _pair("EUR_JPY", "0.0072", "-0.0291"),
    )
}
SYMBOLS: dict[str, str] = {one.symbol: one.name for one in PAIRS.values()}
"""Wire name by symbol (`EURUSD`)."""


def wire_name(text: str) -> str | None:
    """`EURUSD`, `EUR_USD` and `EUR/USD` as the wire writes it; None for what is not listed."""
    plain = text.upper().replace("_", "").replace("/", "")
    return SYMBOLS.get(plain)


def route(currency: str) -> tuple[str, bool] | None:
    """(pair, whether its price must be turned over) that leads from a currency to the home currency; None for home itself."""
    if currency == HOME:
        return None
    direct = f"{currency}_{HOME}"
    return (direct, False) if direct in PAIRS else (f"{HOME}_{currency}", True)
