from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy.actions import ACTIONS, SKIP, action_of, arm_of, choose_action, size_of, valid_actions, without_small

ANY = st.lists(st.floats(width=32), min_size=ACTIONS, max_size=ACTIONS)


def test_the_seven_actions_are_skip_and_each_profile_in_two_sizes() -> None:
    told = [(arm_of(action), size_of(action)) for action in range(ACTIONS)]
    assert told == [(-1, 0.0), (0, 0.5), (0, 1.0), (1, 0.5), (1, 1.0), (2, 0.5), (2, 1.0)]
    assert [action_of(arm, size) for arm, size in told[1:]] == list(range(1, ACTIONS))


@pytest.mark.parametrize("arms, bits", [(0, 0b1), (1, 0b111), (2, 0b11001), (4, 0b1100001), (7, 0b1111111)])
def test_skip_is_always_valid(arms: int, bits: int) -> None:
    assert valid_actions(arms) == bits


@pytest.mark.parametrize(
    "values, arms, action",
    [
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 7, 6),
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 3, 4),
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0, SKIP),
        ([9, 0.1, 0, 0, 0, 0, 0], 7, 1),  # what SKIP is said to be worth does not matter: it is worth 0
        ([0, 0, 0, 0, 0, 0, 0], 7, SKIP),
        ([0, -1, -1, -1, -1, -1, -1], 7, SKIP),
        ([0, 0.2, 0.2, 0.2, 0, 0, 0], 7, 1),
        ([0, np.nan, 0.1, np.inf, -np.inf, np.nan, 0], 7, 2),
    ],
)
def test_the_best_action_that_is_valid_and_better_than_skipping(values: list[float], arms: int, action: int) -> None:
    assert choose_action(np.array(values, np.float32), valid_actions(arms)) == action


@given(values=ANY, arms=st.integers(0, 7))
def test_whatever_the_values_only_a_valid_action_comes_out(values: list[float], arms: int) -> None:
    action = choose_action(np.array(values, np.float32), valid_actions(arms))
    assert valid_actions(arms) >> action & 1
    assert action == SKIP or 0 < values[action] < np.inf


@pytest.mark.parametrize("arms, left", [(0b111, 0b1111111), (0b000, 0b1010101), (0b010, 0b1011101)])
def test_the_small_size_goes_where_it_may_not_be_asked_for(arms: int, left: int) -> None:
    assert without_small(valid_actions(0b111), arms) == left
