"""C3, scalp breakout: a quiet spell, then a close beyond the 48-bar extreme, confirmed by volume."""

from __future__ import annotations

from strategy.base import LONG, NONE, SHORT
from utils.kernel import kernel


@kernel
def arm_breakout(close: int, extreme_high: int, extreme_low: int, squeeze_age: int, squeeze_bars: int) -> int:
    """Side to arm at a primary close; `squeeze_age` = bars since VR was last below the squeeze threshold (0 = this bar)."""
    if squeeze_age >= squeeze_bars:
        return NONE
    if close > extreme_high:
        return LONG
    return SHORT if close < extreme_low else NONE


@kernel
def confirm_breakout(volume_z: float, threshold: float) -> bool:
    """The confirm bar's ln volume stands out of the last 288."""
    return volume_z > threshold
