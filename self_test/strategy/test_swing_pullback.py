from __future__ import annotations

import pytest

from strategy.base import LONG, NONE, SHORT
from strategy.swing_pullback import arm_pullback, confirm_pullback


@pytest.mark.parametrize(
    "close, fast, close_before, fast_before, slope, side",
    [
        (101, 100.0, 99, 100.0, 1.0, LONG),
        (101, 100.0, 100, 100.0, 1.0, LONG),  # on the average before counts as below
        (101, 100.0, 101, 100.0, 1.0, NONE),  # was above already
        (100, 100.0, 99, 100.0, 1.0, NONE),
        (101, 100.0, 99, 100.0, 0.0, NONE),
        (101, 100.0, 99, 100.0, -1.0, NONE),
        (99, 100.0, 101, 100.0, -1.0, SHORT),
        (99, 100.0, 100, 100.0, -1.0, SHORT),
        (99, 100.0, 99, 100.0, -1.0, NONE),
        (99, 100.0, 101, 100.0, 1.0, NONE),
    ],
)
def test_crossing_back_with_the_slope(close: int, fast: float, close_before: int, fast_before: float, slope: float, side: int) -> None:
    assert arm_pullback(close, fast, close_before, fast_before, slope) == side


@pytest.mark.parametrize(
    "side, high, low, good", [(LONG, 120, 91, True), (LONG, 120, 90, False), (SHORT, 109, 80, True), (SHORT, 110, 95, False)]
)
def test_lows_hold(side: int, high: int, low: int, good: bool) -> None:
    assert confirm_pullback(side, high, low, 110, 90) is good
