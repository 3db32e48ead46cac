"""The common rule as a user of backtesting.py writes it: a Strategy with sl and tp."""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

from bench.peers.tools.stopwatch import BEGAN, Rule, tell, timed

import pandas as pd  # isort: skip  the clock is read before the tool's imports
from backtesting import Backtest, Strategy  # isort: skip

LOADED = time.perf_counter()
rule = Rule(sys.argv[1:])


def highest(values: Any, width: int) -> Any:
    """The highest of the `width` bars before each."""
    return pd.Series(values).rolling(width).max().shift(1)


class Breakout(Strategy):  # type: ignore[misc]  # no types
    """Long above the range; both legs are named before the fill is known, so from the signal's close."""

    def init(self) -> None:
        """Before the run."""
        self.level = self.I(highest, self.data.High, rule.width)

    def next(self) -> None:
        """A bar closed."""
        close = self.data.Close[-1]
        if not self.position and close > self.level[-1]:
            self.buy(size=1, sl=close * (1 - rule.stop), tp=close * (1 + rule.target))


frame = pd.read_parquet(rule.bars)
frame.index = pd.to_datetime(frame["ts"], unit="ms")
frame = frame.rename(columns=str.title)[["Open", "High", "Low", "Close", "Volume"]]
ready = time.perf_counter()
warnings.simplefilter("ignore")


def run() -> Any:
    """The run proper."""
    return Backtest(frame, Breakout, cash=1e9, commission=rule.fee, finalize_trades=False).run()


found, seconds = timed(run, warm=False)
rows = found["_trades"]
trades = [
    (int(a), int(b), float(p), float(q))
    for a, b, p, q in zip(rows["EntryBar"], rows["ExitBar"], rows["EntryPrice"], rows["ExitPrice"], strict=True)
]
tell("backtesting", len(frame), trades, {"import": LOADED - BEGAN, "load": ready - LOADED, **seconds})
