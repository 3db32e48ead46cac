"""Before anything is learned: nothing that the policy sees may know the outcome already, and there must be something to see.

A feature from closed bars is weakly related to what follows, whatever it is; one that goes hand in hand with the result was computed from
it. Each is ranked against the result of the trade itself and against the market's move (the result times the side).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modules.learning.experience import Lessons
from strategy.actions import action_of
from strategy.base import BASE
from strategy.features import FEATURES
from utils.errors import Refusal

LIMIT = 0.40
"""Largest rank correlation with the outcome that a feature from the past is believed to have."""
SIGMAS = 4.0
"""And within a few days, so many standard errors of none, one observation a day: decisions of one day may all ride one move."""
LEAST = 100
DAY_MS = 86_400_000

Floats = npt.NDArray[np.float64]


def ranks(values: Floats) -> Floats:
    """Ranks from 0; equal values share the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    found: Floats = (first + (counts - 1) / 2.0)[index]
    return found


def centred_ranks(values: Floats) -> Floats:
    """Ranks less their mean."""
    found = ranks(values)
    found -= found.mean()
    return found


def correlation(x: Floats, y: Floats) -> float:
    """Of two columns of mean 0, -1 to 1; 0 where one of them does not vary. Of centred ranks it is Spearman's rho."""
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 0.0 else 0.0


def suspicion(lessons: Lessons) -> tuple[str, float]:
    """The feature that knows most of the outcome, and how much: the larger of its two correlations, absolute."""
    u = lessons.u[:, action_of(BASE, 1.0)].astype(np.float64)  # base is allowed in every regime
    known = np.isfinite(u) & np.isfinite(lessons.obs).all(axis=1)
    if np.count_nonzero(known) < LEAST:
        return "", 0.0
    result = centred_ranks(u[known])
    moved = result * lessons.side[known]
    columns = [centred_ranks(column) for column in lessons.obs[known].astype(np.float64).T]
    found = [max(abs(correlation(column, result)), abs(correlation(column, moved))) for column in columns]
    worst = int(np.argmax(found))
    return FEATURES[worst].name, found[worst]


def audit(lessons: Lessons) -> None:
    """Refusal where a feature knows the future, or where every feature is constant: then a bug feeds this, not a market."""
    seen = lessons.obs[np.isfinite(lessons.obs).all(axis=1)]
    if len(seen) >= LEAST and not (seen.max(axis=0) > seen.min(axis=0)).any():
        raise Refusal(f"all features of {len(seen)} decisions are constant: nothing is learned from them")
    name, found = suspicion(lessons)
    days = len(np.unique(lessons.ts // DAY_MS))
    limit = max(LIMIT, SIGMAS / np.sqrt(max(1, days)))
    if found > limit:
        raise Refusal(f"feature {name!r} knows the outcome: rank correlation {found:.2f} over {days} days (limit {limit:.2f})")
