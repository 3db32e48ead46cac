from __future__ import annotations

import pytest

from strategy.base import LONG, SHORT
from strategy.option_trend import confirm_option_trend


@pytest.mark.parametrize(
    "side, close, intact",
    [(LONG, 1_001, True), (LONG, 1_000, False), (LONG, 999, False), (SHORT, 999, True), (SHORT, 1_000, False), (SHORT, 1_001, False)],
)
def test_the_trend_is_intact_while_the_close_lies_on_the_signals_side_of_the_mean(side: int, close: int, intact: bool) -> None:
    assert confirm_option_trend(side, close, 1_000.0) is intact
