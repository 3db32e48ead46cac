from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_checker import check_env

from modules.learning.decision_env import DecisionEnv
from modules.learning.experience import Lessons
from self_test.strategy.worlds import world
from strategy.actions import ACTIONS
from utils.errors import Refusal


def test_the_checker_of_stable_baselines_has_nothing_to_object() -> None:
    check_env(DecisionEnv(Lessons(**world(50)._asdict())), warn=True)


def test_an_episode_is_one_decision_and_its_reward_is_in_the_lessons() -> None:
    lessons = Lessons(**world(50)._asdict())
    lessons.obs[3] = np.nan
    env = DecisionEnv(lessons)
    assert isinstance(env.observation_space, gym.spaces.Box) and len(env.lessons) == 49
    met = []
    for n in range(49):
        seen, _ = env.reset(seed=n)
        met.append(seen)
        for action in range(ACTIONS):
            again, reward, over, cut, told = env.step(np.int64(action))
            expected = env.lessons.u[n, action]
            assert over and not cut and np.array_equal(again, seen)
            assert told["masked"] == np.isnan(expected)
            assert reward == (0.0 if np.isnan(expected) else expected)
    assert np.array_equal(np.array(met), np.clip(env.lessons.obs, -5, 5))
    assert np.array_equal(env.reset()[0], met[0]), "after the last comes the first"


def test_blind_decisions_are_none() -> None:
    lessons = Lessons(**world(50)._asdict())
    lessons.obs[:] = np.nan
    with pytest.raises(Refusal):
        DecisionEnv(lessons)
