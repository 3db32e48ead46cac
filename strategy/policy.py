"""L0, the static policy: the exit profile that fits the regime. It is always there, and what every learner falls back to."""

from __future__ import annotations

from strategy.base import BASE, TIGHT, WIDE
from strategy.regime import CHOP, TREND, UNKNOWN
from utils.kernel import kernel

TIGHT_BIT, BASE_BIT, WIDE_BIT = 1 << TIGHT, 1 << BASE, 1 << WIDE
ALL_ARMS = TIGHT_BIT | BASE_BIT | WIDE_BIT
NO_ARM = -1


@kernel
def regime_mask(regime: int) -> int:
    """Arms that a regime allows, as bits: chop tight and base, trend and volatile base and wide, unknown base alone."""
    if regime == CHOP:
        return TIGHT_BIT | BASE_BIT
    return BASE_BIT if regime == UNKNOWN else BASE_BIT | WIDE_BIT


@kernel
def preferred_arm(regime: int) -> int:
    """The arm taken when nothing masks it: chop tight, trend wide, else base."""
    if regime == CHOP:
        return TIGHT
    return WIDE if regime == TREND else BASE


@kernel
def choose_arm(regime: int, valid: int) -> int:
    """The preferred arm, else the next wider one that `valid` (bits: cost gate and stop cap passed) and the regime allow, else NO_ARM.

    Never a narrower one: an arm whose stop is too wide is refused, not shortened.
    """
    allowed = valid & regime_mask(regime)
    for arm in range(preferred_arm(regime), WIDE + 1):
        if (allowed >> arm) & 1:
            return arm
    return NO_ARM
