"""Sweeps in several processes at once: candles a second against the cores they really got.

Each process sweeps a market of its own over and over, as workers of a search do. How much of a core it got is its processor time over the
time that passed, so the curve says something on a busy machine, too: in proportion to the cores used, whoever else uses the others.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from bench.markets import random_grid
from bench.scaling_work import sweep_of

SYMBOLS = 5


class Share(msgspec.Struct, frozen=True):
    """What one process did in its stretch."""

    bars: int
    cpu_s: float
    wall_s: float


class Cores(msgspec.Struct, frozen=True, kw_only=True):
    """So many processes at once, medians over the rounds."""

    processes: int
    cores_used: float
    bars_s: float
    lowest: float
    highest: float
    bars_a_core_s: float
    """Bars of a second of processor time."""


def _child(days: int, seed: int, pipe: Connection) -> None:
    grid = random_grid(SYMBOLS, days, seed)
    sweep = sweep_of(grid)
    sweep()
    pipe.send_bytes(b"ready")
    while (seconds := float(pipe.recv_bytes())) > 0:
        done, begin, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - begin < seconds:
            sweep()
            done += grid.bars
        pipe.send_bytes(msgspec.json.encode(Share(done, time.process_time() - cpu, time.perf_counter() - begin)))


def summed(processes: int, rounds: Iterable[list[Share]]) -> Cores:
    """Medians of what all processes did together."""
    speeds, used, each = [], [], []
    for shares in rounds:
        speeds.append(sum(one.bars / one.wall_s for one in shares))
        used.append(sum(one.cpu_s / one.wall_s for one in shares))
        each.append(sum(one.bars for one in shares) / sum(one.cpu_s for one in shares))
    return Cores(
        processes=processes,
        cores_used=statistics.median(used),
        bars_s=statistics.median(speeds),
        lowest=min(speeds),
        highest=max(speeds),
        bars_a_core_s=statistics.median(each),
    )


def measured(most: int, rounds: int, seconds: float, days: int) -> list[Cores]:
    """1 to `most` processes, by turns, so that what else the machine does falls on all of them alike."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    children: list[Any] = []
    for seed in range(most):
        ours, theirs = context.Pipe()
        child = context.Process(target=_child, args=(days, seed + 1, theirs), daemon=True)
        child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)
        ours.recv_bytes()  # one after the other: a kernel that must be compiled is compiled once
    found: dict[int, list[list[Share]]] = {count: [] for count in range(1, most + 1)}
    for _ in range(rounds):
        for count, shares in found.items():
            for pipe in pipes[:count]:
                pipe.send_bytes(str(seconds).encode())
            shares.append([msgspec.json.decode(pipe.recv_bytes(), type=Share) for pipe in pipes[:count]])
    for pipe, child in zip(pipes, children, strict=True):
        pipe.send_bytes(b"0")
        child.join()
    return [summed(count, shares) for count, shares in found.items()]
