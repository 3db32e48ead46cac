from __future__ import annotations

from datetime import UTC, datetime

import pytest

from strategy.base import LONG, NONE, SHORT
from strategy.fx_fade import arm_fx_fade, confirm_fx_fade

LONDON_NOON = int(datetime(2025, 3, 10, 12, tzinfo=UTC).timestamp()) * 1000
NIGHT = int(datetime(2025, 3, 10, 3, tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    "zscore, closed_ts, side",
    [
        (-2.6, LONDON_NOON, LONG),
        (2.6, LONDON_NOON, SHORT),
        (-2.5, LONDON_NOON, NONE),
        (2.5, LONDON_NOON, NONE),
        (-9.0, NIGHT, NONE),
    ],
)
def test_a_far_close_arms_against_itself_in_trading_hours(zscore: float, closed_ts: int, side: int) -> None:
    assert arm_fx_fade(zscore, 2.5, closed_ts) == side


def test_the_confirming_bar_turns() -> None:
    assert confirm_fx_fade(LONG, 100, 101) and not confirm_fx_fade(LONG, 100, 100)
    assert confirm_fx_fade(SHORT, 100, 99) and not confirm_fx_fade(SHORT, 100, 100)
