"""What a policy may answer: skip, or one of three exit profiles at half or full size. Nothing else can be said.

Discrete(7): 0 skips; 1 + 2 * arm + half, where half 0 is size 0.5 and 1 is size 1.0. There is no action that widens a stop, grows a
position or passes a gate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strategy.base import WIDE
from utils.kernel import kernel

Values = npt.NDArray[np.float32]
"""(7,): what each action is worth in R after costs, SKIP 0."""

ACTIONS = 7
SKIP = 0
SMALL, FULL = 0.5, 1.0
"""The two sizes, as factors of what the risk rules allow."""
ARMS = WIDE + 1


@kernel
def action_of(arm: int, size: float) -> int:
    """The action that takes exit profile `arm` at `size`; anything below full size is the small one."""
    return 1 + 2 * arm + (1 if size >= FULL else 0)


@kernel
def arm_of(action: int) -> int:
    """The exit profile of an action; -1 for SKIP."""
    return (action - 1) >> 1 if action > SKIP else -1


@kernel
def size_of(action: int) -> float:
    """The size factor of an action: 0.5 or 1, 0 for SKIP."""
    if action <= SKIP:
        return 0.0
    return FULL if (action - 1) & 1 else SMALL


@kernel
def valid_actions(arms: int) -> int:
    """Bits of the actions that go with the exit profiles `arms` (bits); SKIP always does."""
    bits = 1 << SKIP
    for arm in range(ARMS):
        if (arms >> arm) & 1:
            bits |= 3 << (1 + 2 * arm)
    return bits


@kernel
def without_small(actions: int, arms: int) -> int:
    """`actions` (bits) without the small size of every exit profile that is not in `arms` (bits)."""
    for arm in range(ARMS):
        if not (arms >> arm) & 1:
            actions &= ~(1 << action_of(arm, SMALL))
    return actions


@kernel
def choose_action(values: Values, actions: int) -> int:
    """The action of greatest value among `actions` (bits), SKIP unless it is above 0; the first of equals.

    `values` (7,) float32 in R after costs; NaN and infinities are no values: they are a fault of whoever computed them.
    """
    best, found = 0.0, SKIP
    for action in range(1, ACTIONS):
        value = values[action]
        if (actions >> action) & 1 and best < value < 1e30:
            best, found = value, action
    return found
