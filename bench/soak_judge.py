"""Whether a bot that runs for a day stays as it is: memory that does not climb, counts that do not move, files that have an end. Pure.

Memory is judged by the Theil-Sen slope (the median of the slopes between all pairs of samples: a jump or a spike does not move it, a leak
does) over the last third of the run; counts by their medians around four marks; files by their largest size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import msgspec
import numpy as np

from bench.soak_samples import MB, Sample

MARKS = (0.25, 0.5, 0.75, 1.0)
AROUND = 0.05
"""Half a mark's window, as a share of the run: a scrape or a reconnect adds a handle for a moment."""
LEAST = 8
"""Samples without which nothing can be said."""
HOURS = 24
KEPT_B = 1_000
"""What a closed trade may leave in memory for good: its row (650 bytes, and the object) is evidence, which gates judge anew each day."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What is still no growth; docs/soak.md has the reasons."""

    memory_mb_per_day: float = 24.0
    """Of the last third, venue days."""
    fds: int = 4
    threads: int = 2
    tasks: int = 4
    """Between the quarter marks."""
    journal_mb: float = 85.0
    data_mb_per_hour: float = 1.0
    """Of the last third, venue hours: snapshots, candles, costs, reports."""
    ledger_b_per_trade: float = 2_500.0
    """Kept for ever, so it may grow with what was traded and with nothing else."""
    late: float = 0.01
    """Share of wake-ups of the loop that come more than 0.1 s late."""
    inbox: int = 1_000
    """Events that wait, at most: it must empty again."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One figure and what it may be at most."""

    what: str
    value: float
    bound: float
    unit: str
    marks: tuple[float, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it stays within its bound; one that is no number does not."""
        return self.value <= self.bound

    def told(self) -> str:
        """For people."""
        at = f" ({', '.join(f'{one:g}' for one in self.marks)} at the quarters)" if self.marks else ""
        return f"{self.what}: {self.value:.6g} {self.unit}, at most {self.bound:g}{at}"


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Theil-Sen: the median slope of all pairs with different x; NaN when there is none."""
    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    i, j = np.triu_indices(len(x), 1)
    dx = x[j] - x[i]
    apart = dx != 0
    return float(np.median((y[j] - y[i])[apart] / dx[apart])) if apart.any() else float("nan")


def last_share(samples: Sequence[Sample], share: float = 1 / 3) -> list[Sample]:
    """The last part of the run, by venue time. By then what has a bound in rows is full, and a day has turned (docs/soak.md)."""
    since = samples[-1].venue_h - share * (samples[-1].venue_h - samples[0].venue_h)
    return [one for one in samples if one.venue_h >= since]


def marks(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> tuple[float, ...]:
    """The figure's median around each quarter of the run."""
    begin, length = samples[0].venue_h, samples[-1].venue_h - samples[0].venue_h
    found = []
    for mark in MARKS:
        near = [figure(one) for one in samples if abs((one.venue_h - begin) / length - mark) <= AROUND] if length else []
        found.append(float(median(near)) if near else float("nan"))
    return tuple(found)


def constant(samples: Sequence[Sample], what: str, figure: Callable[[Sample], float], bound: float) -> Finding:
    """How far apart the quarter marks are."""
    at = marks(samples, figure)
    return Finding(what=what, value=float(np.max(at) - np.min(at)), bound=bound, unit="", marks=at)  # NaN when one mark is


def judge(samples: Sequence[Sample], bounds: Bounds) -> list[Finding]:
    """Every figure with its bound. ValueError with too few samples."""
    if len(samples) < LEAST:
        raise ValueError(f"{len(samples)} samples, at least {LEAST} are needed")
    late = last_share(samples)
    hours, last = [one.venue_h for one in late], samples[-1]
    return [
        Finding(
            what="memory beyond the trades kept",
            value=slope(hours, [one.rss_mb - one.trades * KEPT_B / MB for one in late]) * HOURS,
            bound=bounds.memory_mb_per_day,
            unit="MB a venue day",
        ),
        constant(samples, "file handles", lambda one: one.fds, bounds.fds),
        constant(samples, "threads", lambda one: one.threads, bounds.threads),
        constant(samples, "tasks of the loop", lambda one: one.tasks, bounds.tasks),
        constant(samples, "supervised tasks", lambda one: one.supervised, 0),
        Finding(what="journal", value=max(one.journal_b for one in samples) / MB, bound=bounds.journal_mb, unit="MB"),
        Finding(
            what="other data", value=slope(hours, [one.data_b / MB for one in late]), bound=bounds.data_mb_per_hour, unit="MB a venue hour"
        ),
        Finding(
            what="ledger", value=last.ledger_b / last.trades if last.trades else 0.0, bound=bounds.ledger_b_per_trade, unit="bytes a trade"
        ),
        Finding(what="events waiting", value=max(one.inbox for one in samples), bound=bounds.inbox, unit=""),
        Finding(
            what="late wake-ups",
            value=(last.late - samples[0].late) / max(1, last.wakes - samples[0].wakes),
            bound=bounds.late,
            unit="of all",
        ),
        Finding(what="tasks that are out at the end", value=last.out, bound=0, unit=""),
    ]
