"""What a policy would have answered to lessons, and what that was worth: decided by the one function that the engine uses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modules.learning.experience import Lessons
from strategy.actions import ACTIONS, SKIP, choose_action
from strategy.policy import Policy

Ints = npt.NDArray[np.int64]


def answers(policy: Policy, lessons: Lessons) -> Ints:
    """(n,) the greedy action of a learned policy to each decision; SKIP where it has no observation and needs one."""
    found = np.zeros(len(lessons), np.int64)
    bits: Ints = np.isfinite(lessons.u).astype(np.int64) @ (1 << np.arange(ACTIONS))
    seen = np.asarray(np.isfinite(lessons.obs).all(axis=1))
    for n in range(len(lessons)):
        obs = lessons.obs[n] if seen[n] else None
        values = policy.values(obs, int(lessons.strategy[n]), int(lessons.side[n]), int(lessons.regime[n]))
        found[n] = choose_action(values, int(bits[n]) | 1 << SKIP)
    return found


def worth(actions: Ints, lessons: Lessons) -> npt.NDArray[np.float64]:
    """(n,) u of an action each."""
    return lessons.u[np.arange(len(actions)), actions].astype(np.float64)


def score(policy: Policy, lessons: Lessons) -> dict[str, float]:
    """Share skipped, mean u a decision, mean u of those that were taken."""
    actions = answers(policy, lessons)
    found = worth(actions, lessons)
    taken = actions != SKIP
    return {
        "decisions": float(len(lessons)),
        "skip_rate": float(1.0 - taken.mean()) if len(lessons) else 1.0,
        "mean_u": float(found.mean()) if len(lessons) else 0.0,
        "mean_u_taken": float(found[taken].mean()) if taken.any() else 0.0,
    }
