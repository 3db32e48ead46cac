"""What a forex broker lists: the grid, margin rate and usual spread of each pair; read by the OANDA simulator and by replay.

Public: `FxListing` (`symbol`, `name` on the wire, `instrument`, `display_precision`, `pip_location`, `margin_rate`, `spread_pips`),
`LISTINGS` (by symbol, in the order of the table), `fx_listing(symbol)`, `fx_listing_for_prices(symbol, prices)`, and
`wire_name("EURUSD")` = "EUR_USD".
Units are whole and at least 1; the tick is 10^-displayPrecision. Margin rates are those of the venue's first tier outside the strictest
regulations: 0.0333 for majors, 0.05 for the rest. Spreads are calm-hour priors, told as such.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt

from state.accounts import Domain
from state.instruments import Instrument
from utils.errors import Refusal

MAJOR, MINOR = Decimal("0.0333"), Decimal("0.05")
MOST_UNITS = Decimal(100_000_000)
"""Largest order in units of the base currency (`maximumOrderUnits`)."""
SCALE = (5_000, 5_000_000)
"""Between so many ticks the price of any listed pair has lain: outside it a file tells points, or another thing."""


class FxListing(msgspec.Struct, frozen=True, kw_only=True):
    """One pair as the broker lists it."""

    instrument: Instrument
    display_precision: int
    """Most decimals of any price."""
    pip_location: int
    """A pip is 10 to this power."""
    margin_rate: Decimal
    """Margin as a share of the position's value."""
    spread_pips: float
    """Usual spread of a calm hour (a prior)."""

    @property
    def symbol(self) -> str:
        """Inside the bot: EURUSD."""
        return self.instrument.symbol

    @property
    def name(self) -> str:
        """On the wire: EUR_USD."""
        return wire_name(self.symbol)


def wire_name(symbol: str) -> str:
    """`EURUSD` as `EUR_USD`."""
    return f"{symbol[:3]}_{symbol[3:]}"


def _make(symbol: str, precision: int, margin_rate: Decimal, spread_pips: float) -> FxListing:
    instrument = Instrument(
        domain=Domain.FOREX,
        symbol=symbol,
        base=symbol[:3],
        quote=symbol[3:],
        tick=Decimal(1).scaleb(-precision),
        step=Decimal(1),
        min_qty=Decimal(1),
        min_notional=Decimal(0),
        max_qty=MOST_UNITS,
        margin_rate=margin_rate,
        pip=Decimal(1).scaleb(1 - precision),
    )
    # Prices are told with one decimal more than a pip has.
    return FxListing(
        instrument=instrument,
        display_precision=precision,
        pip_location=1 - precision,
        margin_rate=margin_rate,
        spread_pips=spread_pips,
    )


LISTINGS: dict[str, FxListing] = {
    one.symbol: one
    for one in (
        _make("EURUSD", 5, MAJOR, 1.2),
        _make("GBPUSD", 5, MAJOR, 1.6),
        _make("USDJPY", 3, MAJOR, 1.4),
        _make("AUDUSD", 5, MAJOR, 1.4),
        _make("USDCAD", 5, MAJOR, 1.8),
        _make("EURGBP", 5, MINOR, 1.6),
        _make("EURJPY", 3, MINOR, 2.0),
    )
}
"""The pairs of the mission, by symbol."""


def fx_listing(symbol: str) -> FxListing | None:
    """The table's row, or None where the pair is not listed."""
    return LISTINGS.get(symbol)


def fx_listing_for_prices(symbol: str, prices: npt.NDArray[np.float64]) -> FxListing:
    """The row of a pair with recorded prices; Refusal for a pair that is not listed, or prices on another scale (points for prices).

    Prices with a decimal more than the venue tells are rounded to its grid by whoever reads them.
    """
    found = fx_listing(symbol)
    if found is None:
        raise Refusal(f"{symbol} is not listed with the broker; there are {', '.join(LISTINGS)}")
    level = float(np.median(prices)) if len(prices) else 0.0
    if len(prices) and not SCALE[0] < level / float(found.instrument.tick) < SCALE[1]:
        raise Refusal(f"{symbol}: prices around {level:g} are not on the scale of its tick {found.instrument.tick}")
    return found
