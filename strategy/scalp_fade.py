"""C4, scalp fade: in chop, a close far from its 96-bar mean is expected back; confirmed by a bar that turns."""

from __future__ import annotations

from strategy.base import LONG, NONE, SHORT
from strategy.regime import CHOP
from utils.kernel import kernel


@kernel
def arm_fade(zscore: float, regime: int, threshold: float) -> int:
    """Side to arm at a primary close: against the deviation, in chop only."""
    if regime != CHOP:
        return NONE
    if zscore < -threshold:
        return LONG
    return SHORT if zscore > threshold else NONE


@kernel
def confirm_fade(side: int, opening: int, close: int) -> bool:
    """The confirm bar closes on the reversal side of its own open."""
    return close > opening if side == LONG else close < opening
