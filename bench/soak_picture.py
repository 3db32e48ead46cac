"""The samples of a soak as a picture: memory, counts, files and the loop's lateness over venue hours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.soak_samples import MB, Sample

SIZE = (10.0, 7.0)
DPI = 100
HEADROOM = 1.3
"""Of the highest value: the legend stands there."""


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Write the PNG."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    (memory, counts), (files, lateness) = figure.subplots(2, 2)
    hours = [one.venue_h for one in samples]
    _lines(memory, hours, "MB", {"resident memory": [one.rss_mb for one in samples]})
    counted = {name: [float(getattr(one, name)) for one in samples] for name in ("fds", "tasks", "supervised", "threads")}
    _lines(counts, hours, "how many", {"file handles": counted.pop("fds"), **counted})
    written = {"journal": "journal_b", "ledger (kept for ever)": "ledger_b", "other data": "data_b"}
    _lines(files, hours, "MB", {name: [getattr(one, field) / MB for one in samples] for name, field in written.items()})
    _lines(lateness, hours[1:], "ms", {"loop lag, mean between samples": mean_lags(samples)})
    figure.savefig(path)


def mean_lags(samples: Sequence[Sample]) -> list[float]:
    """How late the loop woke on average between each two samples, ms."""
    return [1000 * (b.lag_s - a.lag_s) / max(1, b.wakes - a.wakes) for a, b in pairwise(samples)]


def _lines(axes: Axes, hours: Sequence[float], unit: str, series: dict[str, list[float]]) -> None:
    for name, values in series.items():
        axes.plot(hours, values, label=name, lw=1.3)
    axes.set_xlabel("venue hours")
    axes.set_ylabel(unit)
    axes.set_ylim(0, HEADROOM * max(max(values, default=0.0) for values in series.values()) or 1.0)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize="small", ncols=2)
