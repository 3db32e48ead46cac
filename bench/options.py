"""A hundred thousand option prices with their greeks: how long the kernels take, on one core, compiling not counted.

Run by `make bench`; alone: python -m bench.options [--runs N] [--json FILE].
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec
import numpy as np

from bench.measure import Row, rate, table
from forex.options_kernels import prices_with_greeks

COUNT, LIMIT_S = 100_000, 0.050


def options_row(runs: int) -> Row:
    """Contracts a second; the goal is 100,000 in 50 ms. Rights, strikes out to ±3 deviations, days to three years: no two alike."""
    rng = np.random.default_rng(9)
    spot, vol, years = rng.uniform(0.6, 1.8, COUNT), rng.uniform(0.04, 0.4, COUNT), rng.uniform(1 / 365, 3.0, COUNT)
    rights, domestic, foreign = rng.choice([-1, 1], COUNT), rng.uniform(-0.02, 0.08, COUNT), rng.uniform(-0.02, 0.08, COUNT)
    strike = spot * np.exp((domestic - foreign) * years + rng.uniform(-3.0, 3.0, COUNT) * vol * np.sqrt(years))

    def work() -> None:
        prices_with_greeks(rights, spot, strike, years, domestic, foreign, vol)

    found = rate("options, price and 11 greeks", "contracts/s", COUNT, work, runs, goal=COUNT / LIMIT_S)
    found.note = f"{COUNT:,} in {1e3 * COUNT / found.median:.1f} ms"
    return found


def main(arguments: list[str]) -> int:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m bench.options", description="How long option prices take.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(arguments)
    rows = [options_row(args.runs)]
    sys.stdout.write(table(rows))
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"rows": msgspec.to_builtins(rows)}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
