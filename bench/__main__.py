"""`make bench`: measure, print a table and write JSON. Figures are this machine's, in this minute; compare the ratios.

python -m bench [--runs N] [--json FILE] [--quick] [--load]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.load import load_rows
from bench.markets import random_grid
from bench.measure import Row, rate, table
from bench.optimise import optimise_row
from bench.options import options_row
from config import CONFIG
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.engine.grid import Grid
from modules.engine.replay import drive, events_of
from modules.exchange.paper_bars import BarVenue
from modules.learning.research import market_of, sweep_trades
from state.accounts import Mode
from state.journal import Journal
from state.messages import Command, Event, encode_commands, encode_event
from strategy.actions import ACTIONS
from strategy.features import SIZE
from strategy.network import Ensemble
from utils.kernel import kernel

ALL = chosen_strategies(None)
ASKED = 20_000


@kernel
def reference_loop(close: Any, out: Any) -> None:
    """One exponential average over every bar: what this machine does with the least a bar can ask for."""
    for i in range(close.shape[0]):
        mean = float(close[i, 0])
        for k in range(close.shape[1]):
            mean += (close[i, k] - mean) * 0.01
            out[i, k] = mean


def sweep_rows(grid: Grid, runs: int) -> list[Row]:
    """Both passes together, and the portfolio pass on a kept market pass."""
    out = np.zeros(grid.close.shape)
    kept = market_of(grid, CONFIG)
    found = [
        rate("reference loop (one average)", "bars/s", grid.bars, lambda: reference_loop(grid.close, out), runs),
        rate("market pass", "bars/s", grid.bars, lambda: market_of(grid, CONFIG), runs),
        rate("sweep, two passes", "bars/s", grid.bars, lambda: sweep_trades(grid, CONFIG, ALL), runs, goal=10e6),
        rate(
            "sweep, a trial on a cached market pass",
            "bars/s",
            grid.bars,
            lambda: sweep_trades(grid, CONFIG, ALL, market=kept),
            runs,
            goal=20e6,
        ),
    ]
    trades = len(sweep_trades(grid, CONFIG, ALL, market=kept)[0])
    found[-1].note = f"{trades} trades"
    return found


def engine_rows(grid: Grid, runs: int, folder: Path) -> list[Row]:
    """The engine, event by event: with its journal (no fsync), and without."""
    events = list(events_of(grid))

    def replay(journal: Journal | None) -> None:
        engine, _ = fresh_engine(CONFIG, grid.instruments, ALL, int(grid.ts[0]), quotes=False)
        venue = BarVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), grid.confirm_ms)

        def sink(event: Event, commands: list[Command]) -> None:
            if journal is not None:
                journal.record(encode_event(event), encode_commands(commands))

        drive(engine, venue, events, sink)

    def journalled() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            journal, _ = Journal.open(Path(fresh), durable=False)
            replay(journal)
            journal.close()

    note = f"{len(grid.instruments)} symbols, events made beforehand"
    return [
        rate("engine replay with journal, no fsync", "bars/s", grid.bars, journalled, runs, goal=200e3, note=note),
        rate("engine replay without journal", "bars/s", grid.bars, lambda: replay(None), runs, note=note),
    ]


def policy_row(runs: int) -> Row:
    """How often an ensemble as it ships (4 networks of 64, 64) can be asked: goal 10 us each."""
    rng, widths = np.random.default_rng(1), (SIZE, 64, 64, ACTIONS)
    tensors = {
        f"{k}.{layer}.{part}": rng.normal(size=shape).astype(np.float32)
        for k in range(4)
        for layer in range(3)
        for part, shape in (("weight", (widths[layer + 1], widths[layer])), ("bias", (widths[layer + 1],)))
    }
    policy, seen = Ensemble.from_tensors("bench", tensors), rng.normal(size=SIZE).astype(np.float32)

    def ask() -> None:
        for _ in range(ASKED):
            policy.values(seen, 0, 1, 1)

    return rate("ensemble asked (4 of 64, 64)", "answers/s", ASKED, ask, runs, goal=100e3, note="10 us each")


def machine() -> dict[str, str | int | None]:
    """What the figures were taken on."""
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "msgspec")},
    }


def main(arguments: list[str]) -> int:
    """Measure everything, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measured figures of this machine.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="small markets: to see that it works, not to quote")
    parser.add_argument("--load", action="store_true", help="also what one simulator process serves (about a minute)")
    args = parser.parse_args(arguments)
    days = 60 if args.quick else 365
    sys.stderr.write("measuring the sweep ...\n")
    rows = sweep_rows(random_grid(10, days), args.runs)
    sys.stderr.write("measuring the engine ...\n")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    rows += engine_rows(random_grid(8, days // 6), args.runs, args.json.parent)
    rows += [policy_row(args.runs), options_row(args.runs)]
    for row in rows[1:]:
        row.ratio = row.median / rows[0].median
    sys.stderr.write("measuring a search of parameters ...\n")
    rows.append(optimise_row(quick=args.quick))
    if args.load:
        sys.stderr.write("measuring the simulator ...\n")
        rows += load_rows(3 if args.quick else 10)
    args.json.write_text(json.dumps({"machine": machine(), "rows": msgspec.to_builtins(rows)}, indent=2) + "\n")
    sys.stdout.write(table(rows))
    sys.stdout.write(f"written to {args.json}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
