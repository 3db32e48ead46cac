from __future__ import annotations

import pytest

from strategy.base import BASE, TIGHT, WIDE
from strategy.policy import ALL_ARMS, BASE_BIT, NO_ARM, TIGHT_BIT, WIDE_BIT, choose_arm
from strategy.regime import CHOP, TREND, UNKNOWN, VOLATILE


@pytest.mark.parametrize(
    "regime, valid, arm",
    [
        (CHOP, ALL_ARMS, TIGHT),
        (CHOP, BASE_BIT | WIDE_BIT, BASE),
        (CHOP, WIDE_BIT, NO_ARM),  # wide is not for chop
        (TREND, ALL_ARMS, WIDE),
        (TREND, BASE_BIT | TIGHT_BIT, NO_ARM),  # a stop too wide is refused, never shortened
        (VOLATILE, ALL_ARMS, BASE),
        (VOLATILE, WIDE_BIT, WIDE),
        (VOLATILE, TIGHT_BIT, NO_ARM),
        (UNKNOWN, ALL_ARMS, BASE),
        (UNKNOWN, TIGHT_BIT | WIDE_BIT, NO_ARM),
        (CHOP, 0, NO_ARM),
    ],
)
def test_preferred_else_next_wider_valid(regime: int, valid: int, arm: int) -> None:
    assert choose_arm(regime, valid) == arm
