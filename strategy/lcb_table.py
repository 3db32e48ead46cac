"""L1: a table of what each exit profile has brought in R, by strategy, side and regime, counted only as far as the evidence goes.

Every past decision tells of every action at once (small orders move no price, so what the others would have brought is computed), older
ones weigh less. An action is worth the mean of its cell, shrunk to the strategy's, less `kappa` standard errors; the same over recent
decisions alone must agree, so that an edge that died is let go. Cells with too little evidence know nothing. Skipping is worth 0 for sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from state.books import STRATEGIES
from strategy.actions import ACTIONS, SKIP, Values
from strategy.policy import L1, unknown
from utils.errors import Refusal

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIDES, REGIMES = 2, 4
SHAPE = (STRATEGIES, SIDES, REGIMES, ACTIONS)
CELLS = STRATEGIES * SIDES * REGIMES
DAY_MS = 86_400_000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How evidence is weighed."""

    half_life_d: float = 60.0
    """Days after which a decision weighs half."""
    kappa: float = 1.645
    """Standard errors below the mean: one-sided 95 %."""
    least: float = 30.0
    """Effective decisions below which a cell knows nothing."""
    prior: float = 10.0
    """Decisions that the strategy's own mean of that action counts for in each cell."""
    recent_half_life_d: float = 20.0
    recent_kappa: float = 0.75


class LcbTable:
    """The table as a policy."""

    level = L1

    def __init__(self, version: str, lower: Values) -> None:
        """`lower`: the bounds, SHAPE float32."""
        self.version = version
        self._lower = np.array(lower, np.float32)  # a stored array may be read-only, which is another type to a kernel

    @classmethod
    def from_tensors(cls, version: str, tensors: Mapping[str, npt.NDArray[Any]]) -> LcbTable:
        """A stored table (`lower`, SHAPE, float32); Refusal for anything else."""
        lower = tensors.get("lower")
        if set(tensors) != {"lower"} or lower is None or lower.shape != SHAPE or lower.dtype != np.float32:
            raise Refusal(f"policy {version} is no table of {'x'.join(map(str, SHAPE))} float32 values")
        if np.isposinf(lower).any():
            raise Refusal(f"policy {version} holds infinite values")
        return cls(version, lower)

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        """The lower bounds of the cell; an observation is not needed."""
        if not (0 <= strategy < STRATEGIES and 0 <= regime < REGIMES):
            return unknown()
        found: Values = self._lower[strategy, int(side < 0), regime]
        return found

    def tensors(self) -> dict[str, Values]:
        """What is stored of it."""
        return {"lower": self._lower}


def fit(
    strategy: Ints, side: Ints, regime: Ints, ts: Ints, u: Floats, now: int, settings: Settings | None = None, weight: Floats | None = None
) -> Values:
    """The table's lower bounds (SHAPE float32) at `now` from past decisions.

    `u` (n, 7): what each action brought (learning's reward, R), NaN where it was not allowed or is not known. `ts` ms of the decisions;
    those after `now` are not looked at. `weight`: how much each counts beside its age.
    """
    chosen = settings or Settings()
    past = ts <= now
    cell = ((strategy * SIDES + (side < 0)) * REGIMES + regime)[past]
    u, age, day = u[past], (now - ts[past]) / DAY_MS, ts[past] // DAY_MS
    own = np.ones(len(age)) if weight is None else weight[past]
    lower = np.full((CELLS, ACTIONS), np.nan)
    for action in range(SKIP + 1, ACTIONS):
        known = np.isfinite(u[:, action])
        told = (cell[known], strategy[past][known], u[known, action], day[known])
        slow = _bound(*told, own[known] * 0.5 ** (age[known] / chosen.half_life_d), chosen.kappa, chosen)
        fast = _bound(*told, own[known] * 0.5 ** (age[known] / chosen.recent_half_life_d), chosen.recent_kappa, chosen)
        bound, enough = np.minimum(slow[0], fast[0]), slow[1] >= chosen.least
        lower[enough, action] = bound[enough]
    lower[:, SKIP] = 0.0
    return lower.reshape(SHAPE).astype(np.float32)


def _bound(cell: Ints, strategy: Ints, u: Floats, day: Ints, w: Floats, kappa: float, chosen: Settings) -> tuple[Floats, Floats]:
    """By cell the shrunk mean less `kappa` standard errors, and how many decisions of equal weight the evidence is worth.

    Decisions of one day may all ride the same move: the standard error is the larger of that of independent ones and that of whole days
    (the sandwich estimator with days as clusters).
    """
    total, squares = np.bincount(cell, w, CELLS), np.bincount(cell, w * w, CELLS)
    some = np.where(total > 0, total, 1.0)
    mean = np.bincount(cell, w * u, CELLS) / some
    n = np.where(total > 0, total**2 / np.where(squares > 0, squares, 1.0), 0.0)
    by_strategy = np.bincount(strategy, w, STRATEGIES)
    parent = np.bincount(strategy, w * u, STRATEGIES) / np.where(by_strategy > 0, by_strategy, 1.0)
    off = u - mean[cell]
    degrees = np.maximum(n - 1.0, 1.0)
    alone = np.bincount(cell, w * off**2, CELLS) / some / degrees
    days, at = np.unique(np.stack([cell, day]), axis=1, return_inverse=True)
    at = at.reshape(-1)
    sums = np.bincount(at, w * off, days.shape[1])
    together = np.bincount(days[0], sums**2, CELLS) / some**2 * n / degrees
    shrunk = (n * mean + chosen.prior * np.repeat(parent, SIDES * REGIMES)) / (n + chosen.prior)
    return shrunk - kappa * np.sqrt(np.maximum(alone, together)), n
