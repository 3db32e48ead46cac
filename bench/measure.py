"""Timing: several runs of one function after a warm-up, the median and the spread. Never a test: figures of a machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


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
    less: bool = False
    """The goal is a most, not a least."""
    part: str = ""
    """Which part of the measurement it belongs to."""
    load: float | None = None
    """Of the machine, one minute, when its part was over."""

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached here; None when there is none."""
        if self.goal is None:
            return None
        return self.median <= self.goal if self.less else self.median >= self.goal


def rate(name: str, unit: str, count: int, work: Callable[[], object], runs: int, goal: float | None = None, note: str = "") -> Row:
    """How many of `count` things a second of the processor `work` does on one core: one run to warm up, then `runs` counted ones."""
    work()
    found = []
    for _ in range(runs):
        begin = time.process_time()
        work()
        found.append(count / max(time.process_time() - begin, 1e-9))
    median = statistics.median(found)
    return Row(name=name, unit=unit, median=median, lowest=min(found), highest=max(found), runs=runs, goal=goal, note=note)


def by_turns(works: Mapping[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Seconds of the processor that each of several works takes, one after the other in every run: what disturbs one disturbs all."""
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begin = time.process_time()
            work()
            found[name].append(time.process_time() - begin)
    return found


def spread(name: str, unit: str, found: Sequence[float], goal: float | None = None, note: str = "") -> Row:
    """Figures that are better when large: the median of what was found, against a goal that is a least."""
    row = took(name, unit, found, goal, note)
    row.less = False
    return row


def took(name: str, unit: str, found: Sequence[float], goal: float | None = None, note: str = "") -> Row:
    """Times, memory and other figures that are better when small: the median of what was found, against a goal that is a most."""
    return Row(
        name=name,
        unit=unit,
        median=statistics.median(found),
        lowest=min(found),
        highest=max(found),
        runs=len(found),
        goal=goal,
        note=note,
        less=True,
    )


def share(found: Sequence[float], percent: float) -> float:
    """The value that `percent` of `found` do not exceed; ValueError when there are none."""
    if not found:
        raise ValueError("nothing was measured")
    ordered = sorted(found)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def figure(value: float) -> str:
    """A number for people, about three digits of it."""
    for scale, letter in SCALES:
        if abs(value) >= 10 * scale or (scale > 1e3 and abs(value) >= scale):
            return f"{value / scale:.3g} {letter}" if value < 100 * scale else f"{value / scale:,.0f} {letter}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def goal_of(row: Row) -> str:
    """The goal with its direction, "" without one."""
    return "" if row.goal is None else f"{'≤' if row.less else '≥'} {figure(row.goal)}"


def verdict_of(row: Row) -> str:
    """met, MISSED or "" without a goal."""
    return {None: "", True: "met", False: "MISSED"}[row.met]


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    head = f"{'figure':56} {'median':>9} {'lowest':>9} {'highest':>9}  {'unit':12} {'goal':>9} {'':6} {'ratio':>7}"
    lines = [head]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        figures = f"{figure(row.median):>9} {figure(row.lowest):>9} {figure(row.highest):>9}  {row.unit:12}"
        lines.append(f"{row.name:56} {figures} {goal_of(row):>9} {verdict_of(row):6} {ratio:>7}  {row.note}".rstrip())
    return "\n".join(lines) + "\n"
