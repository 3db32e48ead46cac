"""C1, swing trend: a close beyond the 5, 10 and 20 day channels (at least 2 of 3), with the daily trend.

The channels are nested, so "at least k of 3" is the k-th narrowest, and the level to hold is that one channel's edge.
"""

from __future__ import annotations

from strategy.base import LONG, NONE, SHORT
from utils.kernel import kernel


@kernel
def arm_trend(close: int, high_level: int, low_level: int, daily_sign: int) -> int:
    """Side to arm at a primary close. Levels are of the bars before it; `daily_sign` = last UTC close against its 20-day mean."""
    if daily_sign > 0 and close > high_level:
        return LONG
    if daily_sign < 0 and close < low_level:
        return SHORT
    return NONE


@kernel
def channel_level(channels: int, short: int, middle: int, long: int) -> int:
    """The edge that a close must pass to be beyond at least `channels` of the three."""
    if channels >= 3:
        return long
    return middle if channels == 2 else short
