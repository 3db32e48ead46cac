"""What kind of market it is: trend, chop or volatile, with hysteresis. It chooses stops, size and exploration; it forecasts nothing.

score = (ADX28 / 20 + ER48 / 0.28 + (50 - CHOP28) / 20) / 2, and VR = volatility / its own 30-day median. A label is left later than
it is entered, must be seen on 2 bars in a row, and a regime stays for at least 4 bars.
"""

from __future__ import annotations

from collections.abc import Sequence

from strategy.indicators import adx_step, choppiness, directional, efficiency_ratio, true_range, wilder
from utils.kernel import kernel

UNKNOWN, TREND, CHOP, VOLATILE = 0, 1, 2, 3
NAMES = ("unknown", "trend", "chop", "volatile")

CONFIRM_BARS = 2
MIN_DWELL = 4
HOLD_AFTER_GAP = 4
"""Primary closes without a regime after a gap."""


@kernel
def regime_score(adx: float, efficiency: float, chop: float) -> float:
    """Trendiness: about 1 where a trend is entered, well below 0.75 in chop."""
    return (adx / 20.0 + efficiency / 0.28 + (50.0 - chop) / 20.0) / 2.0


@kernel
def label(
    current: int,
    score: float,
    vol_ratio: float,
    volatile_enter: float,
    volatile_leave: float,
    trend_enter: float,
    trend_leave: float,
) -> int:
    """The label of this bar alone, seen from the regime it is in (each regime has its own, lower, threshold for leaving)."""
    if vol_ratio > (volatile_leave if current == VOLATILE else volatile_enter):
        return VOLATILE
    if score > (trend_leave if current == TREND else trend_enter):
        return TREND
    return CHOP


@kernel
def next_regime(current: int, pending: int, pending_bars: int, dwell: int, seen: int) -> tuple[int, int, int, int]:
    """One bar of the state machine: (regime, pending label, its bars in a row, bars spent in the regime).

    From UNKNOWN the label is taken at once: waiting there would only lengthen the time without one.
    """
    if current == UNKNOWN:
        return seen, UNKNOWN, 0, 1
    dwell += 1
    if seen == current:
        return current, UNKNOWN, 0, dwell
    pending_bars = pending_bars + 1 if seen == pending else 1
    if pending_bars >= CONFIRM_BARS and dwell > MIN_DWELL:
        return seen, UNKNOWN, 0, 1
    return current, seen, pending_bars, dwell


def regime_indicators_last(
    high: Sequence[float],
    low: Sequence[float],
    close: Sequence[float],
    adx_n: int = 28,
    atr_n: int = 28,
    er_n: int = 48,
    chop_n: int = 28,
) -> dict[str, float | None]:
    """ADX, ATR (in the prices' own unit), efficiency ratio and choppiness at the last bar, by the kernels of the live row.

    None for an indicator that the series is too short for. Meant for oracles and notebooks: it runs over the whole series.
    """
    smooth = plus = minus = adx = atr = 0.0
    spans: list[float] = []
    for k in range(1, len(close)):
        span = true_range(high[k], low[k], close[k - 1])
        up, down = directional(high[k], low[k], high[k - 1], low[k - 1])
        smooth, plus, minus, adx = adx_step(adx_n, k - 1, smooth, plus, minus, adx, span, up, down)
        atr = wilder(atr, k - 1, span, atr_n)
        spans.append(span)
    count = len(spans)
    path = sum(abs(close[k] - close[k - 1]) for k in range(len(close) - er_n, len(close))) if count >= er_n else 0.0
    return {
        "adx": adx if count >= 2 * adx_n - 1 else None,
        "atr": atr if count >= atr_n else None,
        "er": efficiency_ratio(close[-1] - close[-1 - er_n], path) if count >= er_n else None,
        "chop": choppiness(sum(spans[-chop_n:]), max(high[-chop_n:]), min(low[-chop_n:]), chop_n) if count >= chop_n else None,
    }
