from __future__ import annotations

import pytest

from strategy.base import LONG, NONE, SHORT
from strategy.scalp_breakout import arm_breakout, confirm_breakout


@pytest.mark.parametrize(
    "close, squeeze_age, side",
    [(111, 0, LONG), (111, 15, LONG), (111, 16, NONE), (110, 0, NONE), (90, 0, NONE), (89, 15, SHORT), (89, 16, NONE)],
)
def test_a_breakout_needs_a_recent_squeeze(close: int, squeeze_age: int, side: int) -> None:
    assert arm_breakout(close, 110, 90, squeeze_age, 16) == side


@pytest.mark.parametrize("z, good", [(1.0, False), (1.01, True), (-3.0, False)])
def test_volume_must_stand_out(z: float, good: bool) -> None:
    assert confirm_breakout(z, 1.0) is good
