from __future__ import annotations

import pytest

from strategy.base import LONG, NONE, SHORT
from strategy.swing_trend import arm_trend, channel_level


@pytest.mark.parametrize(
    "close, daily_sign, side",
    [(111, 1, LONG), (110, 1, NONE), (111, 0, NONE), (111, -1, NONE), (89, -1, SHORT), (90, -1, NONE), (89, 1, NONE), (100, 1, NONE)],
)
def test_a_close_past_the_channel_with_the_daily_trend(close: int, daily_sign: int, side: int) -> None:
    assert arm_trend(close, 110, 90, daily_sign) == side


@pytest.mark.parametrize("channels, level", [(1, 105), (2, 110), (3, 120)])
def test_the_level_of_k_channels_is_the_kth_narrowest(channels: int, level: int) -> None:
    assert channel_level(channels, 105, 110, 120) == level
