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


def table(rows: list[Row]) -> str:
    """The rows for people."""
    lines = [f"{'figure':42} {'median':>12} {'lowest':>12} {'highest':>12} {'goal':>12} {'ratio':>8}"]
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:,.0f} {'ok' if row.met else 'NO'}"
        ratio = "" if row.ratio is None else f"{row.ratio:.4f}"
        lines.append(f"{row.name:42} {row.median:12,.0f} {row.lowest:12,.0f} {row.highest:12,.0f} {goal:>15} {ratio:>8}  {row.note}")
    return "\n".join(lines) + "\n"
