"""C2, swing pullback: the slow average rises and the close crosses back over the fast one; the next lows hold."""

from __future__ import annotations

from strategy.base import LONG, NONE, SHORT
from utils.kernel import kernel

FAST = 50
SLOW = 200
SLOPE_BARS = 16


@kernel
def arm_pullback(close: int, fast: float, close_before: int, fast_before: float, slope: float) -> int:
    """Side to arm at a primary close; `slope` = EMA200[t] - EMA200[t - 16], `..._before` = the bar before."""
    if slope > 0.0 and close > fast and close_before <= fast_before:
        return LONG
    if slope < 0.0 and close < fast and close_before >= fast_before:
        return SHORT
    return NONE


@kernel
def confirm_pullback(side: int, high: int, low: int, previous_high: int, previous_low: int) -> bool:
    """Long: the confirm bar's low lies above the previous one's; short: its high below the previous one's."""
    return low > previous_low if side == LONG else high < previous_high
