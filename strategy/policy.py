"""What every policy is: it says what each action is worth, and no more. L0, the static one, takes the exit profile that fits the regime.

A policy answers with seven values; the compiled rule `strategy.actions.choose_action` makes an action of them, and everything behind it
(caps, stops, targets, the gate) is the same whoever answered. A `Decision` has no field with which anything could be widened or grown.
L0 is always there: what every learner falls back to.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
import numpy as np

from strategy.actions import ACTIONS, FULL, SKIP, Values, action_of, choose_action, valid_actions
from strategy.base import BASE, TIGHT, WIDE
from strategy.regime import CHOP, TREND, UNKNOWN
from utils.kernel import kernel

TIGHT_BIT, BASE_BIT, WIDE_BIT = 1 << TIGHT, 1 << BASE, 1 << WIDE
ALL_ARMS = TIGHT_BIT | BASE_BIT | WIDE_BIT
NO_ARM = -1
L0, L1, L2 = 0, 1, 2
"""Levels: static, lcb_table, sb3_dqn."""
STATIC = "static"
"""Version of the static policy, in every domain and for ever."""


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


@kernel
def greedy_action(values: Values, learned: int, regime: int, valid: int) -> int:
    """The action of a policy among the arms that `valid` and the regime allow: the regime's own where `learned` is 0, else the best."""
    if learned:
        return choose_action(values, valid_actions(valid & regime_mask(regime)))
    arm = choose_arm(regime, valid)
    return action_of(arm, FULL) if arm >= 0 else SKIP


class Observation(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One candidate as a policy sees it. It knows nothing of the account."""

    features: Values | None
    """(34,) float32 in the order of `strategy.features.FEATURES`; None where there is none."""
    reason: str = ""
    """Why there are no features."""
    strategy: int
    """Index, C1 = 0."""
    side: int
    """1 long, -1 short."""
    regime: int
    """Code of `strategy.regime`."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy answered to one candidate: which action, with which chance, on which grounds. No more can be asked of the gate."""

    action: int
    greedy: int
    propensity: float = 1.0
    explored: bool = False
    values: tuple[float, ...] | None = None
    """What it held each action for, R; None for the static one."""
    version: str = STATIC
    level: int = L0


class Policy(Protocol):
    """What is asked of every policy: pure, without I/O, below a millisecond."""

    @property
    def version(self) -> str:
        """Names the policy and its weights: the same version always answers the same."""
        ...

    @property
    def level(self) -> int:
        """L0, L1 or L2; at L0 `values` is not asked for, the regime decides."""
        ...

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        """(7,) float32: what each action is worth in R after costs as far as the evidence is trusted, SKIP 0, NaN where it knows nothing.

        All but SKIP at or below 0 (or NaN) means: do not trade. A policy that needs an observation answers NaN without one.
        """
        ...


class Static:
    """L0."""

    version = STATIC
    level = L0

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        """Nothing is known of any action: the regime decides."""
        return unknown()


def unknown() -> Values:
    """Values of a policy that knows nothing: 0 for SKIP, NaN for the rest."""
    found = np.full(ACTIONS, np.nan, np.float32)
    found[SKIP] = 0.0
    return found


def decide(policy: Policy, observation: Observation, valid: int) -> Decision:
    """The greedy decision of `policy` among the exit profiles `valid` (bits: cost gate and stop cap passed); exploration comes after."""
    learned = policy.level > L0
    values = policy.values(observation.features, observation.strategy, observation.side, observation.regime)
    action = greedy_action(values, int(learned), observation.regime, valid)
    told = tuple(float(value) for value in values) if learned else None
    return Decision(action=action, greedy=action, values=told, version=policy.version, level=policy.level)
