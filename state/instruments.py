"""What can be traded and on which grid: tick, step, minimums. Parsed once from the venue, then exact for ever."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from state.accounts import Domain
from utils import fixed


class Financing(msgspec.Struct, frozen=True):
    """What holding a currency pair over a roll-over earns (negative: costs): yearly rates as fractions of the position's value."""

    long: Decimal
    short: Decimal
    days: tuple[int, ...] = (1, 1, 3, 1, 1, 0, 0)
    """Days charged at the roll-over of Monday to Sunday (17:00 in New York)."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable thing of one domain with its venue filters (prices in quote currency, quantities in base units)."""

    domain: Domain
    symbol: str
    base: str
    quote: str
    tick: Decimal
    """Smallest price difference."""
    step: Decimal
    """Smallest quantity difference."""
    min_qty: Decimal
    min_notional: Decimal
    """Smallest order value in quote currency."""
    max_qty: Decimal
    """Largest quantity of one order."""
    funding_interval_min: int = 0
    """Minutes between funding settlements; 0 = none (spot)."""
    trading: bool = True
    margin_rate: Decimal = Decimal(1)
    """Share of a position's value that the venue binds as margin (FOREX); 1: it has not said."""
    pip: Decimal = Decimal(0)
    """A pip in quote currency (FOREX), 0: it has none."""
    financing: Financing | None = None
    """What its venue says of financing; None: the configured rates count."""

    @property
    def key(self) -> str:
        """Its name across the whole bot, `DOMAIN:SYMBOL`."""
        return f"{self.domain}:{self.symbol}"

    @property
    def unit(self) -> int:
        """Money units that one step is worth at a price of one tick; ValueError when the grid is too fine to book."""
        return fixed.value_unit(self.tick, self.step)

    def ticks(self, price: Decimal) -> int:
        """An on-grid price as ticks; ValueError when it is off the grid."""
        return fixed.exact_count(price, self.tick)

    def price(self, ticks: int) -> Decimal:
        """Ticks as an exact price."""
        return fixed.to_decimal(ticks, self.tick)

    def steps(self, qty: Decimal) -> int:
        """Whole steps in a quantity, rounded down."""
        return fixed.floor_steps(qty, self.step)

    def qty(self, steps: int) -> Decimal:
        """Steps as an exact quantity."""
        return fixed.to_decimal(steps, self.step)


OPTION_STEP = Decimal(100)
"""Smallest quantity of an option on paper, in units of base currency."""


def option_slot(pair: Instrument) -> Instrument:
    """The slot of a currency pair's options: prices in its ticks, quantities in hundreds of base units, nothing to finance."""
    return msgspec.structs.replace(
        pair, domain=Domain.OPTIONS, step=OPTION_STEP, min_qty=OPTION_STEP, min_notional=Decimal(0), margin_rate=Decimal(1), financing=None
    )


def split_key(key: str) -> tuple[Domain, str]:
    """The domain and symbol of an instrument key; ValueError when it is not one."""
    domain, sep, symbol = key.partition(":")
    if not sep or not symbol:
        raise ValueError(f"{key!r} is not DOMAIN:SYMBOL")
    return Domain(domain), symbol
