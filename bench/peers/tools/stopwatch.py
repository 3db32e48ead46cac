"""How every tool is timed: import, load, a first run, then runs that count; printed as one line of JSON. Standard library alone."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ENOUGH_S = 1.0
"""Runs are repeated until they have taken this long, and at least once."""
MOST = 200
BEGAN = time.perf_counter()
Trade = tuple[int, int, float, float]
"""Bar of the entry, bar of the exit, price of each."""


class Rule:
    """The common rule's numbers, as they come on the command line."""

    def __init__(self, words: Sequence[str]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("bars", type=Path)
        parser.add_argument("--width", type=int, required=True)
        parser.add_argument("--stop-ppm", type=int, required=True)
        parser.add_argument("--target-ppm", type=int, required=True)
        parser.add_argument("--fee-ppm", type=int, required=True)
        parser.add_argument("--folder", type=Path, required=True, help="a folder of its own to write to")
        args = parser.parse_args(words)
        self.bars: Path = args.bars
        self.width: int = args.width
        self.stop: float = args.stop_ppm / 1e6
        self.target: float = args.target_ppm / 1e6
        self.fee: float = args.fee_ppm / 1e6
        self.ppm: tuple[int, int, int] = (args.stop_ppm, args.target_ppm, args.fee_ppm)
        self.folder: Path = args.folder


class Spent(NamedTuple):
    """Seconds of a run."""

    wall: float
    processor: float
    """All threads of the process together: not longer because others compute, too."""


def timed(work: Callable[[], Any], prepare: Callable[[], object] = lambda: None, *, warm: bool = True) -> tuple[Any, dict[str, float]]:
    """What `work` answers, and seconds: the first run, the median of those that count, and the processor's time of these.

    What `prepare` does before each is not counted. `warm`: the first run compiles or fills caches, so only later ones count.
    """
    found, runs, skip = None, list[Spent](), int(warm)
    while len(runs) <= skip or (sum(run.wall for run in runs[skip:]) < ENOUGH_S and len(runs) < MOST):
        prepare()
        begin, cpu = time.perf_counter(), time.process_time()
        found = work()
        runs.append(Spent(time.perf_counter() - begin, time.process_time() - cpu))
    counted = runs[skip:]
    seconds = {"first": runs[0].wall, "run": statistics.median(run.wall for run in counted)}
    return found, {**seconds, "processor": statistics.median(run.processor for run in counted)}


def peak_mib() -> float:
    """The most memory this program has had resident (its parent's is no part of it, as it would be in `getrusage`)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next((int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")), 0.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tell(package: str, bars: int, trades: Sequence[Trade], seconds: dict[str, float], **more: object) -> None:
    """The one line that the command reads; `seconds`: import, load, first, run, processor."""
    told = {"package": package, "version": version(package) if package else "", "bars": bars, "trades": trades, "seconds": seconds}
    sys.stdout.write(json.dumps({**told, "peak_mib": round(peak_mib(), 1), **more}) + "\n")
