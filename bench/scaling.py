"""How costs grow: with bars, symbols, open positions and listeners, and what more cores and a hundred symbol-years come to.

python -m bench.scaling [--rounds N] [--json FILE] [--picture FILE] [--quick]

Times are of the processor, each size by turns with the others; exponents are fitted to the best of each. About two minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.scaling_cores import Cores
from bench.scaling_cores import measured as by_cores
from bench.scaling_curves import LINEAR, Curve, curve, everything
from bench.scaling_memory import MB, Memory
from bench.scaling_memory import measured as by_memory
from bench.scaling_picture import draw

ROUNDS, STRETCH_S = 7, 1.5


class Scaling(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured."""

    load: tuple[float, float, float]
    """Of the machine, when it was over."""
    curves: list[Curve]
    cores: list[Cores]
    memory: Memory


def table(found: Scaling) -> str:
    """For people."""
    lines = [f"{'what grows':58} {'smallest':>22} {'largest':>26} {'exponent':>9} {'upper half':>11} {'one more':>12}"]
    for one in found.curves:
        ends = [f"{point.us:,.1f} us at {point.x:,.0f}" for point in (one.points[0], one.points[-1])]
        words = "linear or better" if one.linear else "MORE THAN LINEAR"
        lines.append(f"{one.name:58} {ends[0]:>22} {ends[1]:>26} {one.exponent:9.2f} {one.tail:11.2f} {one.each_us:9,.3g} us  {words}")
    lines += ["", f"{'processes':>9} {'cores used':>11} {'bars/s':>14} {'lowest':>14} {'highest':>14} {'bars/core-s':>14} {'of one':>7}"]
    for each in found.cores:
        share = each.bars_a_core_s / found.cores[0].bars_a_core_s
        figures = " ".join(f"{value:14,.0f}" for value in (each.bars_s, each.lowest, each.highest, each.bars_a_core_s))
        lines.append(f"{each.processes:9} {each.cores_used:11.2f} {figures} {share:7.2f}")
    memory = found.memory
    each_bar = memory.mb_a_symbol_year * memory.symbol_years * MB / memory.bars
    size = f"{memory.symbol_years:.0f} symbol-years of 5m in one run: {memory.bars:,} bars, {memory.trades:,} trades;"
    resident = f"  resident, MB: {memory.before_mb:,.0f} before, {memory.read_peak_mb:,.0f} at the worst of reading, {memory.held_mb:,.0f}"
    lines += [
        "",
        f"{size} read in {memory.read_s:.1f} s, swept in {memory.sweep_s:.1f} s",
        f"{resident} with the grid, {memory.swept_peak_mb:,.0f} at the worst of sweeping; swapped {memory.swapped_mb:,.0f}",
        f"  {memory.mb_a_symbol_year:.1f} MB a symbol-year at the worst, {each_bar:.0f} bytes a bar (its five numbers are 40)",
        f"load {'/'.join(f'{one:.1f}' for one in found.load)}; linear or better: an exponent of at most {LINEAR}",
    ]
    return "\n".join(lines) + "\n"


def measure(*, rounds: int, quick: bool) -> Scaling:
    """All of it."""
    sys.stderr.write("measuring how costs grow ...\n")
    curves = [curve(one, rounds) for one in everything(quick=quick, rounds=rounds)]
    sys.stderr.write("measuring with more cores ...\n")
    most = min(4, os.cpu_count() or 1)
    cores = by_cores(2, 1, 0.1, 10) if quick else by_cores(max(2, most), rounds, STRETCH_S, 60)
    sys.stderr.write("measuring memory ...\n")
    memory = by_memory(*((4, 20) if quick else (100, 365)))
    return Scaling(load=os.getloadavg(), curves=curves, cores=cores, memory=memory)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; 1 when something grows faster than it should."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description="How costs grow.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, default=Path("var/scaling.json"), metavar="FILE")
    parser.add_argument("--picture", type=Path, default=Path("var/scaling.png"), metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it works, not to quote")
    args = parser.parse_args(arguments)
    found = measure(rounds=args.rounds, quick=args.quick)
    for path in (args.json, args.picture):
        path.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    draw(found.curves, found.cores, found.memory, args.picture)
    sys.stdout.write(table(found))
    sys.stdout.write(f"written to {args.json} and {args.picture}\n")
    return 0 if all(one.linear for one in found.curves) or args.quick else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
