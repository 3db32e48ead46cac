"""Small worlds in which the truth is known: candidates with what each action would have brought, for judging whoever learns from them.

A trade stops out at -1 R or reaches its target; costs come off both. Where there is no edge the chance of the target is the driftless one,
so that nothing but abstaining is right. `edge` adds R to one exit profile in one regime, from `born` to `dead`. Features are noise, except
those that name side and strategy, and one that names the regime.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from strategy.actions import ACTIONS, ARMS, SKIP, action_of, arm_of, size_of
from strategy.base import TIGHT
from strategy.features import INDEX, SIZE
from strategy.policy import regime_mask
from strategy.regime import CHOP, TREND, VOLATILE

DAY_MS = 86_400_000
START = 20_000 * DAY_MS
PAYOFF = (2.0, 1.5, 1.2)
"""Target over stop of tight, base, wide."""
COST = (0.15, 0.10, 0.07)
"""Round trip in R: the tighter the stop, the more."""
REGIME_FEATURE = INDEX["efficiency"]

Ints = NDArray[np.int64]
Floats = NDArray[Any]


class World(NamedTuple):
    """Candidates in order of time; `u` (n, 7) NaN where an action was not allowed."""

    ts: Ints
    strategy: Ints
    side: Ints
    regime: Ints
    obs: Floats
    u: Floats

    def cut(self, keep: Any) -> World:
        return World(*(column[keep] for column in self))


def reward(r: Floats, size: float) -> Floats:
    """Learning's reward: s R - 0.1 s^2 min(R, 0)^2, clipped to 3."""
    return np.clip(size * r - 0.1 * size**2 * np.minimum(r, 0.0) ** 2, -3.0, 3.0)


def world(
    n: int = 2_000,
    seed: int = 1,
    *,
    days: int = 180,
    edge: float = 0.0,
    regime: int = CHOP,
    arm: int = TIGHT,
    born: int = 0,
    dead: int = 10_000,
    costs: bool = True,
) -> World:
    """`n` candidates of two strategies over `days`; `born`, `dead` in days from the start."""
    rng = np.random.default_rng(seed)
    ts = np.sort(START + rng.integers(0, days * DAY_MS, n))
    strategy, side = rng.integers(0, 2, n), rng.choice([-1, 1], n)
    kind = rng.choice([TREND, CHOP, VOLATILE], n, p=[0.25, 0.5, 0.25])
    alive = (kind == regime) & (ts >= START + born * DAY_MS) & (ts < START + dead * DAY_MS)
    u = np.full((n, ACTIONS), np.nan)
    u[:, SKIP] = 0.0
    luck = rng.random(n)  # one price path: what is good for one profile tends to be good for all
    for profile in range(ARMS):
        payoff = PAYOFF[profile]
        chance = (1.0 + np.where(alive & (profile == arm), edge + COST[profile], 0.0)) / (1.0 + payoff)
        own = np.where(rng.random(n) < 0.3, rng.random(n), luck)
        r = np.where(own < chance, payoff, -1.0) - (COST[profile] if costs else 0.0)
        allowed = np.array([regime_mask(int(one)) >> profile & 1 for one in kind], bool)
        for size in (0.5, 1.0):
            u[allowed, action_of(profile, size)] = reward(r, size)[allowed]
    obs = rng.normal(size=(n, SIZE)).astype(np.float32)
    obs[:, INDEX["side"]] = side
    for k in range(4):
        obs[:, INDEX[f"is_c{k + 1}"]] = strategy == k
    obs[:, REGIME_FEATURE] = (kind - 2.0) * 2.0
    return World(ts, strategy, side, kind, obs, u)


def permuted(w: World, seed: int = 9) -> World:
    """The same candidates with outcomes of others that were allowed the same: whatever is found in them is not there."""
    rng = np.random.default_rng(seed)
    u = w.u.copy()
    for allowed in np.unique(np.isfinite(u), axis=0):
        alike = np.flatnonzero((np.isfinite(u) == allowed).all(axis=1))
        u[alike] = u[rng.permutation(alike)]
    # Costs stay, an edge does not: what is left of the mean is spread evenly, so it is taken off above what random entries bring.
    for action in range(1, ACTIONS):
        size, cost = size_of(action), COST[arm_of(action)]
        known = np.isfinite(u[:, action])
        u[known, action] -= max(0.0, float(u[known, action].mean()) + size * cost)
    return w._replace(u=u)


def brought(w: World, actions: Ints) -> Floats:
    """What the chosen actions brought, one each; an action that was not allowed is a mistake of the caller."""
    found = w.u[np.arange(len(actions)), actions]
    assert np.isfinite(found).all()
    return found
