"""The words all strategies share: sides as codes, strategies as indices, and what "beyond a level" means."""

from __future__ import annotations

from utils.kernel import kernel

NONE, LONG, SHORT = 0, 1, 2
"""Side codes, as they stand in a signal code: two bits a strategy."""

C1, C2, C3, C4, DEMO, F1, F2, O1 = 0, 1, 2, 3, 4, 5, 6, 7
"""Indices of the strategies; `code >> 2 * index & 3` is the side that a strategy confirmed."""

TIGHT, BASE, WIDE = 0, 1, 2
"""Exit profiles (arms), narrowest first."""

CANDIDATES = 3
"""Confirm-bar closes on which an armed signal may be confirmed."""


@kernel
def beyond(side: int, price: float, level: float) -> bool:
    """True when `price` lies past `level` in the direction of `side` (strictly)."""
    return price > level if side == LONG else price < level


@kernel
def side_of(code: int, strategy: int) -> int:
    """The side that `strategy` confirmed in a signal code of `on_bar`: NONE, LONG or SHORT."""
    return (code >> (2 * strategy)) & 3
