from __future__ import annotations

import pytest

from strategy.base import LONG, NONE, SHORT
from strategy.regime import CHOP, TREND, UNKNOWN, VOLATILE
from strategy.scalp_fade import arm_fade, confirm_fade


@pytest.mark.parametrize(
    "z, regime, side",
    [
        (-2.51, CHOP, LONG),
        (2.51, CHOP, SHORT),
        (-2.5, CHOP, NONE),
        (2.5, CHOP, NONE),
        (-9.0, TREND, NONE),
        (-9.0, VOLATILE, NONE),
        (9.0, UNKNOWN, NONE),
    ],
)
def test_only_far_and_only_in_chop(z: float, regime: int, side: int) -> None:
    assert arm_fade(z, regime, 2.5) == side


@pytest.mark.parametrize("side, close, good", [(LONG, 101, True), (LONG, 100, False), (SHORT, 99, True), (SHORT, 100, False)])
def test_the_bar_turns(side: int, close: int, good: bool) -> None:
    assert confirm_fade(side, 100, close) is good
