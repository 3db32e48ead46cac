"""O1, options on currency pairs: armed as F1 is; taken while the trend of the primary bars stands: a call for a rise, a put for a fall."""

from __future__ import annotations

from strategy.base import beyond
from utils.kernel import kernel


@kernel
def confirm_option_trend(side: int, close: int, fast: float) -> bool:
    """Whether the trend is intact: the confirm close lies on the signal's side of `fast`, the EMA50 of the primary bars (ticks)."""
    return beyond(side, float(close), fast)
