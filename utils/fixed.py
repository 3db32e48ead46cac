"""The one door between decimal money and the integers that kernels book in.

Prices become ticks, quantities become steps, cash becomes money units of 1e-10 quote currency. Every conversion is exact or
rounds in a direction that its name says. One step at a price of one tick is worth `unit` money units, an integer for every
instrument that is accepted.
"""

from __future__ import annotations

import math
from decimal import Decimal

MONEY_SCALE = 10**10
"""Money units in one unit of quote currency."""

MONEY_LIMIT = 9.2e8
"""Largest amount of quote currency that fits int64 money units."""

PPM = 1_000_000


def nearest_ticks(price: float, tick: float) -> int:
    """The tick nearest to `price`, halves up: floor(x / tick + 0.5)."""
    return math.floor(price / tick + 0.5)


def floor_steps(quantity: Decimal, step: Decimal) -> int:
    """Whole steps in `quantity`, rounded down: never more than is there."""
    quotient, rest = divmod(quantity, step)  # exact, unlike `/`, which rounds at 28 digits
    return int(quotient) - (rest < 0)


def ceil_steps(quantity: Decimal, step: Decimal) -> int:
    """Fewest whole steps that reach `quantity` (for venue minimums)."""
    quotient, rest = divmod(quantity, step)
    return int(quotient) + (rest > 0)


def exact_count(value: Decimal, grid: Decimal) -> int:
    """`value` as a count of `grid`; ValueError when it is not on the grid."""
    quotient, rest = divmod(value, grid)
    if rest != 0:
        raise ValueError(f"{value} is not a multiple of {grid}")
    return int(quotient)


def to_decimal(count: int, grid: Decimal) -> Decimal:
    """A count of ticks or steps back as an exact decimal, without exponent or trailing noise."""
    return count * grid


def money_units(amount: Decimal) -> int:
    """Quote currency as money units; ValueError when finer than 1e-10 or out of range."""
    if not amount.is_finite() or abs(amount) > Decimal(MONEY_LIMIT):
        raise ValueError(f"{amount} does not fit the money range of {MONEY_LIMIT:g}")
    return exact_count(amount, Decimal(1).scaleb(-10))


def money(units: int) -> Decimal:
    """Money units as an exact decimal amount of quote currency."""
    return Decimal(units).scaleb(-10)


def value_unit(tick: Decimal, step: Decimal) -> int:
    """Money units that one step is worth at a price of one tick.

    ValueError when tick x step is finer than 1e-10: such an instrument is refused, because its cash could not be booked exactly.
    """
    return exact_count(tick * step, Decimal(1).scaleb(-10))


def plain(value: Decimal) -> str:
    """A decimal as people and JSON readers expect it: no exponent, no trailing zeros."""
    if value == 0:
        return "0"  # -0.00 is nothing, too
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
