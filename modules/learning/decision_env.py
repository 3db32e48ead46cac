"""Stored decisions as a gymnasium environment, one decision an episode: what stable-baselines3's checker and algorithms expect to see.

Nothing is simulated: the reward of every allowed action is in the lessons. It is for the trainer process alone.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from modules.learning.experience import Lessons
from strategy.actions import ACTIONS, SKIP
from strategy.features import SIZE
from utils.errors import Refusal

CLIP = 5.0


class DecisionEnv(gym.Env[npt.NDArray[np.float32], np.int64]):
    """Observation: 34 features in [-5, 5]. Actions: Discrete(7). Reward: u of the action; an action that was not allowed skips."""

    def __init__(self, lessons: Lessons) -> None:
        """Decisions in order of time, those without an observation left out; Refusal when none is left."""
        self.observation_space = gym.spaces.Box(-CLIP, CLIP, (SIZE,), np.float32)
        self.action_space = gym.spaces.Discrete(ACTIONS)
        self.lessons = lessons.take(np.asarray(np.isfinite(lessons.obs).all(axis=1)))
        if not len(self.lessons):
            raise Refusal("no decision has an observation")
        self._next = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """The next decision; after the last comes the first."""
        super().reset(seed=seed)
        self._at = self._next
        self._next = (self._next + 1) % len(self.lessons)
        return self._seen(), {}

    def step(self, action: np.int64) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """The reward; the episode is over."""
        reward = float(self.lessons.u[self._at, int(action)])
        masked = not np.isfinite(reward)
        if masked:
            reward = float(self.lessons.u[self._at, SKIP])
        return self._seen(), reward, True, False, {"masked": masked}

    def _seen(self) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = np.clip(self.lessons.obs[self._at], -CLIP, CLIP)
        return found
