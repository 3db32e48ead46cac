"""Timing: several runs of one function after a warm-up, the median and the spread of its rate. Never a test, always a ratio to quote."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import msgspec


class Row(msgspec.Struct, kw_only=True):
    """One measured figure."""

    name: str
    unit: str
    median: float
    lowest: float
    highest: float
    runs: int
    goal: float | None = None
    ratio: float | None = None
    """Against the reference loop of the same run."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached here; None when there is none."""
        return None if self.goal is None else self.median >= self.goal


def rate(name: str, unit: str, count: int, work: Callable[[], object], runs: int, goal: float | None = None, note: str = "") -> Row:
    """How many of `count` things a second `work` does: one run to warm up, then `runs` counted ones."""
    work()
    found = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        found.append(count / (time.perf_counter() - begin))
    median = statistics.median(found)
    return Row(name=name, unit=unit, median=median, lowest=min(found), highest=max(found), runs=runs, goal=goal, note=note)
