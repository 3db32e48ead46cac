"""The common rule as a user of vectorbt writes it: a rolling maximum, shifted signals, Portfolio.from_signals with both stops."""

from __future__ import annotations

import sys
import time
from typing import Any

from bench.peers.tools.stopwatch import BEGAN, Rule, tell, timed

import numpy as np  # isort: skip  the clock is read before the tool's imports
import pandas as pd  # isort: skip
import vectorbt as vbt  # isort: skip

LOADED = time.perf_counter()
rule = Rule(sys.argv[1:])
frame = pd.read_parquet(rule.bars)
frame.index = pd.to_datetime(frame["ts"], unit="ms")
ready = time.perf_counter()


def run() -> Any:
    """The run proper: the trades' records."""
    level = frame["high"].rolling(rule.width).max().shift(1)
    entries = (frame["close"] > level).shift(1, fill_value=False)  # closed above: filled at the next open
    portfolio = vbt.Portfolio.from_signals(
        frame["close"],
        entries,
        False,
        price=frame["open"],
        open=frame["open"],
        high=frame["high"],
        low=frame["low"],
        size=1.0,
        sl_stop=rule.stop,
        tp_stop=rule.target,
        stop_entry_price="FillPrice",
        fees=rule.fee,
        init_cash=1e9,
        freq="15min",
    )
    return portfolio.trades.records


found, seconds = timed(run)
rows = found[found["status"] == 1]
trades = [
    (int(a), int(b), float(p), float(q))
    for a, b, p, q in zip(rows["entry_idx"], rows["exit_idx"], rows["entry_price"], rows["exit_price"], strict=True)
]
more = {"numpy": np.__version__, "pandas": pd.__version__}
tell("vectorbt", len(frame), trades, {"import": LOADED - BEGAN, "load": ready - LOADED, **seconds}, with_versions=more)
