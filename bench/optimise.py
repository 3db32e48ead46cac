"""A thousand trials: how long `optimize` takes over ten symbol-years of generated five-minute candles, everything included.

The clock runs from the request to the verdict: reading the candles, starting the workers, every trial with a full sweep of its own
(the memory of values seen before is off), storage, ledger, judging. Run by `make bench`; alone: python -m bench.optimise [--trials N].
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.markets import random_grid, write_root
from bench.measure import Row, table
from config import CONFIG
from modules.learning.optimize import Request, prepare, search
from utils.clock import WallClock

SYMBOLS, DAYS, TRIALS, LIMIT_S, WORKERS = 10, 365, 1_000, 120.0, 2


def measure(trials: int, days: int, folder: Path, strategy: str = "C4") -> Row:
    """Trials a second; the goal is that of 1,000 in 120 s."""
    grid = random_grid(SYMBOLS, days)
    write_root(folder, grid)
    request = Request(
        strategy=strategy,
        profile="spot",
        symbols=tuple(one.symbol for one in grid.instruments),
        data=folder,
        out=folder / "out",
        trials=trials,
        workers=WORKERS,
        remember=False,
    )
    begin = time.perf_counter()
    found = search(prepare(request, CONFIG), WallClock().now_ms, lambda _done, _total: None)
    took = time.perf_counter() - begin
    load = "/".join(f"{one:.1f}" for one in os.getloadavg())
    note = f"{trials} trials of {strategy} over {grid.bars} bars in {took:.1f} s, {WORKERS} workers; load {load}; N {found.verdict.trials}"
    speed = trials / took
    return Row(name="optimize, whole", unit="trials/s", median=speed, lowest=speed, highest=speed, runs=1, goal=TRIALS / LIMIT_S, note=note)


def optimise_row(*, quick: bool) -> Row:
    """The row of `make bench`; `quick`: a small search that measures nothing worth quoting."""
    with tempfile.TemporaryDirectory() as folder:
        row = measure(40 if quick else TRIALS, 330 if quick else DAYS, Path(folder))
    if quick:
        row.goal = None
    return row


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.optimise", description="How long a search takes.")
    parser.add_argument("--trials", type=int, default=TRIALS)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table([measure(args.trials, DAYS, Path(folder))]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
