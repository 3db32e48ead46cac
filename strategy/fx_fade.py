"""F2, forex fade: in the hours of London and New York a close far from its 96-bar mean is expected back; confirmed by a bar that turns."""

from __future__ import annotations

from strategy.base import LONG, NONE, SHORT
from strategy.clocks import in_trading_hours
from utils.kernel import kernel


@kernel
def arm_fx_fade(zscore: float, threshold: float, closed_ts: int) -> int:
    """Side to arm at a primary close: against the deviation; `closed_ts` is the time of the close."""
    if not in_trading_hours(closed_ts):
        return NONE
    if zscore < -threshold:
        return LONG
    return SHORT if zscore > threshold else NONE


@kernel
def confirm_fx_fade(side: int, opening: int, close: int) -> bool:
    """The confirm bar closes on the reversal side of its own open."""
    return close > opening if side == LONG else close < opening
