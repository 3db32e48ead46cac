from __future__ import annotations

from datetime import UTC, datetime

import pytest

from strategy.base import LONG, NONE, SHORT
from strategy.fx_trend import arm_fx_trend, channel_bars, channel_edge
from strategy.market import new_market

M15, HOUR = 900_000, 3_600_000
NOON = int(datetime(2025, 3, 10, 12, tzinfo=UTC).timestamp()) * 1000
TURN = int(datetime(2025, 3, 10, 21, tzinfo=UTC).timestamp()) * 1000
"""17:00 in New York, which has summer time since the day before."""


@pytest.mark.parametrize(
    "close, closed_ts, side",
    [
        (1_001, NOON, LONG),
        (1_000, NOON, NONE),
        (900, NOON, NONE),
        (899, NOON, SHORT),
        (1_001, TURN, NONE),
        (899, TURN + HOUR, NONE),
        (899, TURN + HOUR + M15, SHORT),
        (1_001, TURN - HOUR, LONG),
    ],
)
def test_a_close_beyond_the_channel_arms_outside_the_hour_of_the_turn(close: int, closed_ts: int, side: int) -> None:
    assert arm_fx_trend(close, 1_000, 900, closed_ts) == side


@pytest.mark.parametrize(
    "primary, bars, which", [(4 * HOUR, 120, "short"), (HOUR, 480, "short"), (HOUR // 2, 960, "middle"), (M15, 1_920, "long")]
)
def test_the_channel_is_twenty_days_long_on_every_timeframe(primary: int, bars: int, which: str) -> None:
    assert channel_bars(primary) == bars
    rows = new_market(1, 300_000, primary, weekends=True)
    for n, name in enumerate(("short", "middle", "long")):
        rows[f"channel_high_{name}"], rows[f"channel_low_{name}"] = 10 + n, 5 - n
    expected = ("short", "middle", "long").index(which)
    assert (channel_edge(rows[0], LONG), channel_edge(rows[0], SHORT)) == (10 + expected, 5 - expected)
