"""F1, forex trend: a close beyond the 20-day channel, not in the hour in which the day turns; the confirm bar closes beyond it, too."""

from __future__ import annotations

from state.rows import CHANNEL, CHANNEL_DAYS, DAY_MS, Row
from strategy.base import LONG, NONE, SHORT
from strategy.clocks import in_rollover
from utils.kernel import kernel


@kernel
def channel_bars(primary_ms: int) -> int:
    """Primary bars of the channel: 480 of 1h."""
    return CHANNEL_DAYS * DAY_MS // primary_ms


@kernel
def channel_edge(row: Row, side: int) -> int:
    """The edge of the 20-day channel on `side`, in ticks; of the three nested channels that a row keeps the one of that length."""
    n = channel_bars(row.primary_ms)
    if n <= CHANNEL:
        return int(row.channel_high_short if side == LONG else row.channel_low_short)
    if n == 2 * CHANNEL:
        return int(row.channel_high_middle if side == LONG else row.channel_low_middle)
    return int(row.channel_high_long if side == LONG else row.channel_low_long)


@kernel
def arm_fx_trend(close: int, high: int, low: int, closed_ts: int) -> int:
    """Side to arm at a primary close; `high` and `low` are of the bars before it, `closed_ts` is the time of the close."""
    if in_rollover(closed_ts):
        return NONE
    if close > high:
        return LONG
    return SHORT if close < low else NONE
