from __future__ import annotations

import pytest

from modules.learning.spaces import SPACES, grid_of, parse, space_of, today, with_values
from modules.parameters import Parameters
from utils.errors import Refusal


@pytest.mark.parametrize("strategy", SPACES)
def test_every_space_is_small_and_every_point_of_it_is_allowed_and_the_mission_s_values_are_one(strategy: str) -> None:
    space = space_of(strategy)
    points = list(grid_of(space))
    assert len(space) <= 5 and len(points) <= 3_125
    for point in (points[0], points[-1]):
        made = getattr(with_values(Parameters(), strategy, point), strategy)
        assert {name: float(getattr(made, name)) for name in point} == point
    own = getattr(Parameters(), strategy)
    assert today(strategy, Parameters()) == {axis.name: float(getattr(own, axis.name)) for axis in space}
    assert today(strategy, Parameters()) in points


def test_a_point_in_words() -> None:
    assert parse("C1", "channels=3, stop=1.25") == {"channels": 3.0, "stop": 1.25}


@pytest.mark.parametrize(
    "strategy, text, words",
    [
        ("C1", "chanels=3", "no parameter 'chanels'; there are channels, stop"),
        ("C1", "stop=1.3", "stop=1.3 is not on the grid 0.75, 1, 1.25, 1.5"),
        ("C1", "stop=x", "not on the grid"),
        ("C1", "stop", "not on the grid"),
        ("C9", "stop=1", "'C9' has no parameters to search; there are C1"),
    ],
)
def test_what_is_no_point_is_refused(strategy: str, text: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        parse(strategy, text)
