"""The common rule through our kernels, and apart, all our rules over the five-minute bars of the same symbol: sweep and engine."""

from __future__ import annotations

import sys
import time
from itertools import product

from bench.peers.tools.stopwatch import BEGAN, Rule, tell, timed

import numpy as np  # isort: skip  the clock is read before what it measures
from dataio.tables import read_columns  # isort: skip

from bench.peers.rule import Convention, breakout  # isort: skip

LOADED = time.perf_counter()
TICK = 0.01
rule = Rule(sys.argv[1:])
columns = read_columns(rule.bars, ("open", "high", "low", "close"))
prices = [np.floor(column / TICK + 0.5).astype(np.int64) for column in columns.values()]
bars = (prices[0], prices[1], prices[2], prices[3])
ready = time.perf_counter()
rows, seconds = timed(lambda: breakout(bars, rule.width, rule.ppm))


def told(found: np.ndarray) -> list[tuple[int, int, float, float]]:
    """Trades in the form of all tools."""
    return [(int(one["entry"]), int(one["exit"]), float(one["entry_t"]) * TICK, float(one["exit_t"]) * TICK) for one in found]


others = {
    "".join("01"[flag] for flag in flags): told(breakout(bars, rule.width, rule.ppm, Convention(*flags)).copy())
    for flags in product((False, True), repeat=3)
}
tell("", len(prices[3]), told(rows), {"import": LOADED - BEGAN, "load": ready - LOADED, **seconds}, conventions=others)
