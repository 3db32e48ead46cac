from __future__ import annotations

import numpy as np
import pytest

from modules.learning.experience import Lessons
from modules.learning.scoring import answers, score, worth
from self_test.strategy.worlds import world
from strategy.actions import ACTIONS, SKIP, Values
from strategy.policy import unknown


class Eager:
    """Holds the wide arm at full size for the best, and needs an observation."""

    version, level = "eager", 2

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        return unknown() if observation is None else np.arange(ACTIONS, dtype=np.float32)


def test_a_masked_action_is_never_the_answer_and_blindness_skips() -> None:
    lessons = Lessons(**world(300)._asdict())
    lessons.obs[::10] = np.nan
    actions = answers(Eager(), lessons)
    assert np.all(actions[::10] == SKIP)
    assert np.all(np.isfinite(worth(actions, lessons)))
    seen = np.ones(300, bool)
    seen[::10] = False
    best = np.where(np.isfinite(lessons.u), np.arange(ACTIONS), 0).max(axis=1)
    assert np.array_equal(actions[seen], best[seen])
    found = score(Eager(), lessons)
    assert found["skip_rate"] == pytest.approx(0.1) and found["decisions"] == 300.0
    assert found["mean_u_taken"] < found["mean_u"] < 0.0


def test_nothing_is_worth_nothing() -> None:
    none = Lessons(**world(300)._asdict()).take(slice(0, 0))
    assert score(Eager(), none) == {"decisions": 0.0, "skip_rate": 1.0, "mean_u": 0.0, "mean_u_taken": 0.0}
