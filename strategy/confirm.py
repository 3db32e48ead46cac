"""An armed signal waits for one of the next three confirm closes; it is taken on the first that agrees, or it expires.

Confirmed when (a) the close is beyond the level, (b) the strategy's own condition holds, (c) the confirm ATR28 is calm, at most 3 times
its 30-day median. C4 and F2 have no level.
"""

from __future__ import annotations

from state.rows import STRATEGIES, Row
from strategy.base import C2, C3, C4, CANDIDATES, F2, NONE, O1, beyond
from strategy.fx_fade import confirm_fx_fade
from strategy.measures import ATR
from strategy.option_trend import confirm_option_trend
from strategy.scalp_breakout import confirm_breakout
from strategy.scalp_fade import confirm_fade
from strategy.swing_pullback import confirm_pullback
from utils.kernel import kernel


@kernel
def arm(row: Row, strategy: int, side: int, level: float) -> None:
    """Put a signal on watch; one that was there is replaced. NONE changes nothing."""
    if side == NONE:
        return
    row.arm_side[strategy] = side
    row.arm_left[strategy] = CANDIDATES
    row.arm_level[strategy] = level
    row.armed |= 1 << strategy


@kernel
def try_confirm(row: Row, p: Row, o: int, h: int, l: int, c: int) -> int:
    """Hold a confirm close against every armed signal; returns the confirmed sides, two bits a strategy."""
    calm = row.confirm_bars > ATR and row.confirm_atr <= p.calm * row.confirm_atr_median
    code = 0
    for s in range(STRATEGIES):
        if (row.armed >> s) & 1:
            side = row.arm_side[s]
            good = calm and (s in (C4, F2) or beyond(side, float(c), row.arm_level[s]))
            if good and s == C2:
                good = confirm_pullback(side, h, l, row.previous_high, row.previous_low)
            elif good and s == C3:
                good = confirm_breakout(row.volume_z, p.volume_z)
            elif good and s == C4:
                good = confirm_fade(side, o, c)
            elif good and s == F2:
                good = confirm_fx_fade(side, o, c)
            elif good and s == O1:
                good = confirm_option_trend(side, c, row.ema_fast)
            row.arm_left[s] -= 1
            if good:
                code |= side << (2 * s)
            if good or row.arm_left[s] == 0:
                row.armed &= ~(1 << s)
    return code
