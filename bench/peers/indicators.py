"""Indicators over a year of bars: our kernels, step by step as they run live, beside pandas and TA-Lib over whole columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib

from bench.markets import random_grid
from bench.peers.compare import Contest, Entry
from bench.peers.interleave import in_turns
from strategy.indicators import ema, true_range, wilder
from strategy.windows import LOWEST, advance, push_max
from utils.kernel import kernel

Floats = npt.NDArray[np.float64]
EMA_N, ATR_N, WIDTH = 200, 28, 480


@kernel
def our_ema(close: Floats, n: int, out: Floats) -> None:
    """The exponential mean of every bar."""
    mean = 0.0
    for k in range(len(close)):
        mean = ema(mean, k, close[k], n)
        out[k] = mean


@kernel
def our_atr(high: Floats, low: Floats, close: Floats, n: int, out: Floats) -> None:
    """Wilder's mean of the true ranges; the first bar has none."""
    mean = 0.0
    for k in range(1, len(close)):
        mean = wilder(mean, k - 1, true_range(high[k], low[k], close[k - 1]), n)
        out[k] = mean


@kernel
def our_highest(high: Any, window: Any, out: Any) -> None:
    """The highest of the last `len(window)` bars."""
    position, prefix = 0, LOWEST
    for k in range(len(high)):
        out[k], prefix = push_max(window, position, prefix, high[k])
        position = advance(position, len(window))


def indicators(rounds: int) -> list[Contest]:
    """Mean, range and extreme; the last value of each is compared, or the contest would be about different things."""
    grid = random_grid(1, 365)
    ticks = grid.high[0]
    high, low, close = (getattr(grid, name)[0].astype(np.float64) for name in ("high", "low", "close"))
    bars, out, most = len(close), np.zeros(len(close)), np.zeros(len(close), np.int64)
    h, c, low_s = pd.Series(high), pd.Series(close), pd.Series(low)

    def pandas_atr() -> Any:
        before = c.shift(1)
        span = pd.concat([h - low_s, (h - before).abs(), (low_s - before).abs()], axis=1).max(axis=1)
        return span.ewm(alpha=1.0 / ATR_N, adjust=False).mean()

    def ours_atr() -> Floats:
        our_atr(high, low, close, ATR_N, out)
        return out

    def ours_ema() -> Floats:
        our_ema(close, EMA_N, out)
        return out

    def ours_highest() -> Any:
        our_highest(ticks, np.full(WIDTH, LOWEST, np.int64), most)
        return most

    whats: list[tuple[str, dict[str, Callable[[], Any]]]] = [
        (
            f"EMA {EMA_N}",
            {
                "ours": ours_ema,
                "TA-Lib": lambda: talib.EMA(close, EMA_N),
                "pandas": lambda: c.ewm(span=EMA_N, adjust=False).mean(),
            },
        ),
        (f"ATR {ATR_N}", {"ours": ours_atr, "TA-Lib": lambda: talib.ATR(high, low, close, ATR_N), "pandas": pandas_atr}),
        (
            f"highest high of {WIDTH}",
            {
                "ours": ours_highest,
                "TA-Lib": lambda: talib.MAX(high, WIDTH),
                "pandas": lambda: h.rolling(WIDTH).max(),
            },
        ),
    ]
    found = []
    for name, works in whats:
        rates = in_turns(bars, works, max(rounds, 5))
        ends = {who: float(np.asarray(work())[-1]) for who, work in works.items()}
        entries = [
            Entry(who=who, version=_version(who), rates=rates[who], note="" if who == "ours" else _equal(ends["ours"], ends[who]))
            for who in works
        ]
        found.append(Contest(name=f"Indicator: {name}", unit="bars/s", entries=entries, words=WORDS))
    return found


WORDS = (
    "A year of generated five-minute bars. Ours is the step that runs live, called bar by bar in a compiled loop; "
    "theirs see the whole column."
)


def _version(who: str) -> str:
    return {"TA-Lib": talib.__version__, "pandas": pd.__version__}.get(who, "")


def _equal(ours: float, theirs: float) -> str:
    apart = abs(theirs - ours) / abs(ours)
    return "last value equal" if apart < 1e-12 else f"last values {apart:.1g} apart"
