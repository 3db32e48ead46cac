"""The sweep beside the limit: the same rules as one hand-written loop (`bench/limit_loop.py`), in turns, on one core.

Two passes (signals, then the portfolio), and a trial on a kept market pass as an optimisation runs it, making rows and wallets included.
Times are of the processor. Before anything is timed both must have made the same trades.
"""

from __future__ import annotations

import numpy as np

from bench.limit_loop import COLUMNS, Limit
from bench.markets import random_grid
from bench.measure import Row, by_turns, spread, took
from config import CONFIG
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.learning.research import market_of, sweep_trades

ALL = chosen_strategies(None)
SYMBOLS, DAYS = 10, 365
TWO_PASSES, TRIAL, SHARE = 10e6, 20e6, 0.5


def research_rows(runs: int, *, quick: bool = False) -> list[Row]:
    """Bars a second of each, and which part of the limit the sweep reaches."""
    grid = random_grid(SYMBOLS, 60 if quick else DAYS)
    limit, kept = Limit(grid, CONFIG, ALL), market_of(grid, CONFIG)
    signals = limit.signals()
    swept, found = sweep_trades(grid, CONFIG, ALL, market=kept)[0], limit.trades(signals)
    if len(swept) != len(found) or any(not np.array_equal(swept[name], found[:, at]) for at, name in enumerate(COLUMNS)):
        raise AssertionError("the limit does not trade as the sweep does: there is nothing to compare")
    times = by_turns(
        {
            "limit": lambda: limit.trades(limit.signals()),
            "two": lambda: sweep_trades(grid, CONFIG, ALL),
            "second": lambda: limit.trades(signals),
            "trial": lambda: sweep_trades(grid, CONFIG, ALL, market=kept),
            "market": lambda: market_of(grid, CONFIG),
            "desk": lambda: fresh_engine(CONFIG, grid.instruments, ALL, int(grid.ts[0]), quotes=False),
        },
        runs,
    )

    def speed(name: str, what: str, goal: float | None = None, note: str = "") -> Row:
        return spread(what, "bars/s", [grid.bars / one for one in times[name]], goal, note)

    def part(name: str, of: str, what: str) -> Row:
        return spread(what, "of it", [whole / one for one, whole in zip(times[name], times[of], strict=True)], SHARE)

    return [
        speed("limit", "hand-written loop, both halves", note=f"{grid.bars:,} bars, {len(found):,} trades, equal to the sweep's"),
        speed("two", "sweep, two passes", TWO_PASSES),
        part("two", "limit", "sweep against the hand-written loop"),
        speed("second", "hand-written loop, second half"),
        speed("trial", "sweep, a trial on a cached market pass", TRIAL),
        part("trial", "second", "such a trial against the second half"),
        speed("market", "market pass"),
        took("rows and wallets made for a trial", "ms", [one * 1e3 for one in times["desk"]]),
    ]
