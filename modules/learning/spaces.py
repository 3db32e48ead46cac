"""What is searched: for each strategy at most five parameters on coarse grids, the mission's values among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import msgspec

from modules.parameters import Parameters
from utils.errors import Refusal

Values = dict[str, float]
"""Parameter -> value on its grid."""


class Axis(msgspec.Struct, frozen=True):
    """One parameter: every `step` from `low` to `high`."""

    name: str
    low: float
    high: float
    step: float

    def grid(self) -> tuple[float, ...]:
        """Its values, ascending."""
        return tuple(round(self.low + k * self.step, 10) for k in range(round((self.high - self.low) / self.step) + 1))

    def nearest(self, value: float) -> float:
        """The value of the grid that is nearest; the lower one of two."""
        return min(self.grid(), key=lambda one: (abs(one - value), one))


_STOP, _TRAIL, _TARGET = Axis("stop", 0.75, 1.5, 0.25), Axis("trail", 0.5, 1.5, 0.25), Axis("target", 0.5, 1.25, 0.25)

SPACES: Mapping[str, tuple[Axis, ...]] = {
    "C1": (Axis("channels", 1, 3, 1), _STOP, _TRAIL, _TARGET),
    "C2": (_STOP, _TRAIL, _TARGET),
    "C3": (
        Axis("squeeze_ratio", 0.5, 0.9, 0.1),
        Axis("squeeze_bars", 8, 32, 8),
        Axis("volume_z", 0.0, 2.0, 0.5),
        _STOP,
    ),
    "C4": (Axis("fade_z", 2.0, 3.5, 0.25), _STOP, _TARGET),
    "F1": (_STOP, _TRAIL, _TARGET),
    "F2": (Axis("fade_z", 2.0, 3.5, 0.25), _STOP, _TARGET),
}


def space_of(strategy: str) -> tuple[Axis, ...]:
    """The axes of `strategy`; Refusal names those that have any."""
    if strategy not in SPACES:
        raise Refusal(f"--strategy: {strategy!r} has no parameters to search; there are {', '.join(SPACES)}")
    return SPACES[strategy]


def grid_of(space: tuple[Axis, ...]) -> Iterator[Values]:
    """Every point of the grid, the last axis fastest."""
    for point in product(*(axis.grid() for axis in space)):
        yield {axis.name: value for axis, value in zip(space, point, strict=True)}


def today(strategy: str, parameters: Parameters) -> Values:
    """The values in force, each at its nearest place on the grid."""
    own = getattr(parameters, strategy)
    return {axis.name: axis.nearest(float(getattr(own, axis.name))) for axis in space_of(strategy)}


def with_values(parameters: Parameters, strategy: str, values: Mapping[str, float]) -> Parameters:
    """`parameters` with those of one strategy replaced; pydantic's ValidationError for a value out of bounds."""
    tree = parameters.model_dump()
    tree[strategy] |= values
    return Parameters.model_validate(tree)


def parse(strategy: str, text: str) -> Values:
    """`channels=3,stop=1.25` as a point; Refusal for an unknown name, what is no number, or a value beside the grid."""
    space = {axis.name: axis for axis in space_of(strategy)}
    found: Values = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in space:
            raise Refusal(f"--try: {strategy} has no parameter {name!r}; there are {', '.join(space)}")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if number not in space[name].grid():
            raise Refusal(f"--try: {name}={value} is not on the grid {', '.join(f'{one:g}' for one in space[name].grid())}")
        found[name] = number
    return found
