"""`make bench`: measure, print a table with goals, and write JSON. Figures are this machine's, in this minute; compare the ratios.

python -m bench [--only PART,…] [--live] [--runs N] [--json FILE] [--doc FILE] [--quick]

What is measured anew replaces its part in FILE, what is not stays there. `--doc` writes the tables of a page (docs/performance.md) from it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench import performance
from bench.disaster import disaster_rows
from bench.frames import frame_rows
from bench.load import load_rows
from bench.markets import random_grid
from bench.measure import Row, rate, table
from bench.optimise import optimise_row
from bench.options import options_row
from bench.order_path import order_rows
from bench.research import research_rows
from bench.resident import resident_rows
from bench.starts import start_rows
from bench.storage import storage_rows
from bench.training_lag import lag_rows
from config import CONFIG
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.engine.grid import Grid
from modules.engine.replay import drive, events_of
from modules.exchange.paper_bars import BarVenue
from state.accounts import Mode
from state.journal import Journal
from state.messages import Command, Event, encode_commands, encode_event
from strategy.actions import ACTIONS
from strategy.features import SIZE
from strategy.network import Ensemble

ASKED = 20_000
ENGINE_GOAL, POLICY_US = 200e3, 10.0


class Told(msgspec.Struct, kw_only=True):
    """The document: rows of parts that were measured at one time or another."""

    machine: dict[str, Any]
    rows: list[Row]


def engine_rows(grid: Grid, runs: int, folder: Path) -> list[Row]:
    """The engine, event by event: with its journal (no fsync), and without."""
    events, chosen = list(events_of(grid)), chosen_strategies(None)

    def replay(journal: Journal | None) -> None:
        engine, _ = fresh_engine(CONFIG, grid.instruments, chosen, int(grid.ts[0]), quotes=False)
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
        rate("engine replay with journal, no fsync", "bars/s", grid.bars, journalled, runs, goal=ENGINE_GOAL, note=note),
        rate("engine replay without journal", "bars/s", grid.bars, lambda: replay(None), runs, note=note),
    ]


def policy_row(runs: int) -> Row:
    """Microseconds that an ensemble as it ships (4 networks of 64, 64) takes to answer."""
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

    found = rate("policy decision (4 networks of 64, 64)", "us", ASKED, ask, runs, goal=POLICY_US)
    found.median, found.lowest, found.highest = (1e6 / one for one in (found.median, found.highest, found.lowest))
    found.less = True
    return found


class Wanted(msgspec.Struct, frozen=True):
    """How to measure."""

    runs: int
    quick: bool
    folder: Path


def _engine(wanted: Wanted) -> list[Row]:
    return engine_rows(random_grid(8, 10 if wanted.quick else 40), wanted.runs, wanted.folder)


PARTS: dict[str, Callable[[Wanted], list[Row]]] = {
    "research": lambda wanted: research_rows(2 * wanted.runs + 1, quick=wanted.quick),
    "engine": _engine,
    "policy": lambda wanted: [policy_row(wanted.runs), options_row(wanted.runs)],
    "orders": lambda wanted: order_rows(wanted.folder, quick=wanted.quick),
    "frames": lambda wanted: frame_rows(wanted.runs, quick=wanted.quick),
    "storage": lambda wanted: storage_rows(wanted.folder, wanted.runs, quick=wanted.quick),
    "optimise": lambda wanted: [optimise_row(quick=wanted.quick)],
}
"""What needs no running bot; `optimise` is the long one."""
LIVE: dict[str, Callable[[Wanted], list[Row]]] = {
    "starts": lambda wanted: start_rows(wanted.folder, 1 if wanted.quick else 3),
    "memory": lambda wanted: resident_rows(wanted.folder, 1.0 if wanted.quick else 24.0),
    "disaster": lambda wanted: disaster_rows(wanted.folder, 1 if wanted.quick else 2),
    "lag": lambda wanted: lag_rows(5.0 if wanted.quick else 25.0),
}
"""What starts the bot."""
MORE: dict[str, Callable[[Wanted], list[Row]]] = {"load": lambda wanted: load_rows(3 if wanted.quick else 10)}
"""What is asked for by name."""
EVERY = PARTS | LIVE | MORE


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "processor": processor(Path("/proc/cpuinfo")),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "msgspec", "pyarrow", "websockets", "aiohttp", "optuna")},
    }


def processor(path: Path) -> str | None:
    """Its name as the system says it; None where it says none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def measured(parts: Mapping[str, Callable[[Wanted], list[Row]]], wanted: Wanted) -> list[Row]:
    """The rows of each part, with its name and the load when it was over."""
    found = []
    for name, work in parts.items():
        sys.stderr.write(f"measuring {name} ...")
        sys.stderr.flush()
        begin = time.monotonic()
        rows = work(wanted)
        for row in rows:
            row.part, row.load = name, round(os.getloadavg()[0], 1)
        found += rows
        sys.stderr.write(f" {time.monotonic() - begin:.0f} s\n")
    return found


def merged(before: Sequence[Row], fresh: Sequence[Row]) -> list[Row]:
    """Parts measured anew replace theirs; all in the order of `EVERY`."""
    anew = {row.part for row in fresh}
    kept = [row for row in before if row.part not in anew]
    return sorted([*kept, *fresh], key=lambda row: list(EVERY).index(row.part))


def chosen_parts(args: argparse.Namespace) -> dict[str, Callable[[Wanted], list[Row]]]:
    """What is to be measured; ValueError names an unknown part."""
    if args.only is not None:
        names = [name for name in args.only.split(",") if name and name != "none"]
        if unknown := [name for name in names if name not in EVERY]:
            raise ValueError(f"unknown {', '.join(unknown)}; there are {', '.join(EVERY)}, and none")
        return {name: EVERY[name] for name in names}
    return PARTS | (LIVE if args.live else {}) | (MORE if args.load else {})


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measured figures of this machine.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", metavar="PART,…", help=f"of {', '.join(EVERY)}; none: only write the page")
    parser.add_argument("--live", action="store_true", help="also what starts the bot: starts, memory, disaster, lag")
    parser.add_argument("--load", action="store_true", help="also what one simulator process serves")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), metavar="FILE")
    parser.add_argument("--doc", type=Path, metavar="FILE", help="write the tables of this page")
    parser.add_argument(
        "--scaling", type=Path, default=Path("var/scaling.json"), metavar="FILE", help="of `python -m bench.scaling`, for it"
    )
    parser.add_argument("--quick", action="store_true", help="small markets: to see that it works, not to quote")
    args = parser.parse_args(arguments)
    try:
        parts = chosen_parts(args)
    except ValueError as error:
        parser.error(str(error))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    before = msgspec.json.decode(args.json.read_bytes(), type=Told).rows if args.json.exists() else []
    with tempfile.TemporaryDirectory(dir=args.json.parent) as folder:
        fresh = measured(parts, Wanted(args.runs, args.quick, Path(folder)))
    told = Told(machine=machine(), rows=merged([row for row in before if row.part in EVERY], fresh))
    written = {"machine": told.machine, "rows": [msgspec.to_builtins(row) | {"met": row.met} for row in told.rows]}
    args.json.write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n")
    if args.doc is not None:
        performance.write(args.doc, told.machine, told.rows, args.scaling)
    sys.stdout.write(table(fresh or told.rows))
    sys.stdout.write(f"written to {args.json}{f' and {args.doc}' if args.doc else ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
