"""What a held option is and how it moves, as people and JSON readers see it; who prices it is told apart from who shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from state.runtime import RuntimeState


class OptionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a held option is and how it moves now; prices and money as decimal strings, None what nothing can be priced with.

    Delta (by the pair's own convention) and gamma (change of the spot delta per 1.00 of spot) are per unit of base currency; vega (per vol
    point) and theta (per day) are those of the whole position in account currency.
    """

    expiry: int
    """ms UTC."""
    right: str
    """call or put."""
    strike: str
    days: float
    """Left to expiry, 24 h each; below 0 once it has passed."""
    delta: float | None
    gamma: float | None
    vega: str | None
    theta_day: str | None
    vol: float | None
    """Of the smile at its strike, as a decimal."""
    timeframe: str
    """Primary and confirm timeframe that govern it, `1h/15m`."""
    premium: str
    """Its mark."""
    intrinsic: str | None
    """What exercising it would bring at the pair's last price."""
    spot: str | None
    """The pair's last price."""


Figures = Callable[["RuntimeState", int], OptionFigures | None]
"""What a seat's option is now; None for what is none."""


def no_figures(_state: RuntimeState, _i: int) -> OptionFigures | None:
    """Where nothing is priced."""
    return None
