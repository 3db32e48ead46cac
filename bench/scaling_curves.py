"""What a piece of work costs as one thing grows: points with their spread, and the exponent of the power that fits them.

An exponent of 1 is in proportion; below it, something is shared by many (a fixed part); above it, each one more costs more.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from bench.counts import processor_s
from bench.markets import random_grid
from bench.scaling_work import Work, first_days, first_symbols, running, sweep_of, told

LINEAR = 1.1
"""The largest exponent that still counts as linear: measured points scatter."""
US = 1e6
WARM, BARS, NOTICES = 288, 40, 50


class Point(msgspec.Struct, frozen=True):
    """Processor time of the work at size `x`, microseconds: median, lowest and highest of the rounds."""

    x: float
    us: float
    lowest: float
    highest: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One curve. `grows`: what x counts; `exponent`: over all points; `tail`: of the larger half, where a fixed part hides growth less."""

    name: str
    grows: str
    points: list[Point]
    exponent: float
    tail: float
    each_us: float
    """What one more costs: the slope of a straight line through the points as they are."""

    @property
    def linear(self) -> bool:
        """Whether the growth is linear or better, also of the larger half."""
        return max(self.exponent, self.tail) <= LINEAR


class Growing(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: sizes, and the work at a size, made anew each time; `per`: how often the work does its thing."""

    name: str
    grows: str
    sizes: tuple[int, ...]
    work: Callable[[int], Work]
    scale: float = 1.0
    """x of one size."""
    per: int = 1


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The slope of a straight line through the logarithms, least squares."""
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def curve(one: Growing, rounds: int) -> Curve:
    """All sizes by turns, in a first turn to load kernels."""
    took: dict[int, list[float]] = {size: [] for size in one.sizes}
    for turn in range(rounds + 1):
        for size, found in took.items():
            one.work(size)()  # what another size left in the caches is no part of this one
            work = one.work(size)
            spent = processor_s(work)
            if turn:
                found.append(spent / one.per * US)
    points = [Point(size * one.scale, statistics.median(found), min(found), max(found)) for size, found in took.items()]
    # The lowest of each: other work on the machine only ever adds.
    xs, ys = [point.x for point in points], [point.lowest for point in points]
    half = max(0, min(len(xs) - 2, len(xs) // 2))
    return Curve(
        name=one.name,
        grows=one.grows,
        points=points,
        exponent=exponent(xs, ys),
        tail=exponent(xs[half:], ys[half:]),
        each_us=float(np.polyfit(xs, ys, 1)[0]),
    )


def everything(*, quick: bool, rounds: int) -> list[Growing]:
    """The curves, for so many rounds; `quick`: small ones that show that it works."""
    days = (10, 20) if quick else (30, 60, 120, 240, 480, 960)
    few = (1, 2, 4) if quick else (1, 2, 4, 8, 16, 32, 64, 100)
    seats = (1, 4, 8) if quick else (1, 2, 4, 8, 16, 32, 64, 128)
    ears = (1, 4, 8) if quick else (1, 4, 16, 64, 256)
    long, wide = random_grid(4, days[-1]), random_grid(few[-1], 10 if quick else 60)
    crowd = random_grid(seats[-1], 1 + (WARM + 2 * BARS * (rounds + 1)) // 288)
    longs = {size: sweep_of(first_days(long, size)) for size in days}
    wides = {size: sweep_of(first_symbols(wide, size)) for size in few}
    idle = {n: running(first_symbols(crowd, n), 0, WARM, BARS) for n in seats}
    some = {n: running(crowd, n, WARM, BARS) for n in seats}
    full = {n: running(first_symbols(crowd, n), n, WARM, BARS) for n in seats}
    return [
        Growing(name="sweep, by bars (4 symbols)", grows="bars", sizes=days, work=longs.__getitem__, scale=4 * 288.0),
        Growing(name=f"sweep, by symbols ({len(wide.ts)} bars each)", grows="symbols", sizes=few, work=wides.__getitem__),
        Growing(
            name="engine, one close, by symbols, nothing held",
            grows="symbols",
            work=lambda n: idle[n](),
            sizes=seats,
            per=BARS,
        ),
        Growing(
            name=f"engine, one close of {seats[-1]} symbols, by positions",
            grows="open positions",
            work=lambda n: some[n](),
            sizes=seats,
            per=BARS,
        ),
        Growing(
            name="engine, one close, by symbols, all held",
            grows="symbols, each with a position",
            work=lambda n: full[n](),
            sizes=seats,
            per=BARS,
        ),
        Growing(
            name="a notice told and taken, by listeners",
            grows="subscribers",
            sizes=ears,
            work=lambda n: told(n, NOTICES),
            per=NOTICES,
        ),
    ]
