"""Forty more coins for load and chaos, SIM01 to SIM40: level, temper and grid drawn from their names, the same for ever.

They are listed only when asked for by name; the market of default symbols does not change.
"""

from __future__ import annotations

import hashlib
import math

NAMES = tuple(f"SIM{number:02d}" for number in range(1, 41))
Grid = tuple[str, str, str]
"""Tick, step, most per order."""


def share(name: str, what: str) -> float:
    """A number in [0, 1) for a trait of a coin."""
    return int.from_bytes(hashlib.sha256(f"{name} {what}".encode()).digest()[:6], "big") / 2**48


def level(name: str) -> float:
    """Where its price begins: from 5 cents to 500, evenly in the logarithm."""
    return float(10 ** (math.log10(0.05) + 4 * share(name, "level")))


def grids(name: str) -> tuple[Grid, Grid]:
    """Spot and linear: a tick of about the fifth digit of the price, a step worth about a cent (linear: a dollar)."""
    price = level(name)
    tick = math.floor(math.log10(price)) - 4
    step = math.floor(math.log10(0.01 / price))
    most = str(int(5_000_000 / price))
    return (_power(tick), _power(min(step, 0)), most), (_power(tick), _power(min(step + 2, 0)), most)


def _power(exponent: int) -> str:
    return f"{10.0**exponent:.{max(0, -exponent)}f}"
