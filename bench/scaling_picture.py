"""The curves of `bench.scaling` as a picture: what each costs as it grows, candles against cores, memory of many symbol-years."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.scaling_cores import Cores
from bench.scaling_curves import Curve
from bench.scaling_memory import Memory

SIZE = (13.0, 10.0)
DPI = 100
LINE, IDEAL = "#1f5fa8", "#999999"
WORDS = 11


def draw(curves: Sequence[Curve], cores: Sequence[Cores], memory: Memory, path: Path) -> None:
    """Write the PNG."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(3, 3).flatten().tolist()
    for axes, curve in zip(places, curves, strict=False):
        _curve(axes, curve)
    _cores(places[len(curves)], cores)
    _memory(places[len(curves) + 1], memory)
    for axes in places[len(curves) + 2 :]:
        axes.set_axis_off()
    figure.savefig(path)


def _curve(axes: Axes, curve: Curve) -> None:
    xs, ys = [one.x for one in curve.points], [one.us for one in curve.points]
    bars = [[one.us - one.lowest for one in curve.points], [one.highest - one.us for one in curve.points]]
    axes.plot(xs, [ys[-1] * x / xs[-1] for x in xs], color=IDEAL, lw=1.2, ls="--", label="in proportion")
    axes.errorbar(
        xs,
        ys,
        bars,
        color=LINE,
        lw=1.6,
        marker="o",
        ms=4,
        capsize=2,
        label=f"measured, exponent {curve.exponent:.2f}, {curve.each_us:.2g} µs each",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(curve.name, fontsize=WORDS)
    axes.set_xlabel(curve.grows)
    axes.set_ylabel("processor time, µs")
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")


def _cores(axes: Axes, cores: Sequence[Cores]) -> None:
    used = [0.0, *(one.cores_used for one in cores)]
    axes.plot(used, [x * cores[0].bars_a_core_s / 1e6 for x in used], color=IDEAL, lw=1.2, ls="--", label="in proportion")
    axes.plot(used, [0.0, *(one.bars_s / 1e6 for one in cores)], color=LINE, lw=1.6, marker="o", ms=4, label="measured")
    for one in cores:
        place = (-8, -3) if one.processes % 2 else (8, -3)
        words = f"{one.processes} process{'es' if one.processes > 1 else ''}"
        axes.annotate(
            words, (one.cores_used, one.bars_s / 1e6), xytext=place, textcoords="offset points", ha="left" if place[0] > 0 else "right"
        )
    axes.set_title("sweep, by cores", fontsize=WORDS)
    axes.set_xlabel("cores used (processor time a second)")
    axes.set_ylabel("million bars a second")
    axes.set_ylim(0, 1.15 * max(one.bars_s for one in cores) / 1e6)
    axes.set_xlim(0, 1.4 * used[-1])
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")


def _memory(axes: Axes, memory: Memory) -> None:
    steps = {
        "nothing read": memory.before_mb,
        "reading, peak": memory.read_peak_mb,
        "grid held": memory.held_mb,
        "sweep, peak": memory.swept_peak_mb,
    }
    drawn = axes.barh(list(steps), list(steps.values()), color=LINE)
    axes.bar_label(drawn, fmt="{:,.0f}", padding=3)
    axes.invert_yaxis()
    axes.set_xlim(right=1.2 * max(steps.values()))
    axes.set_title(f"{memory.symbol_years:.0f} symbol-years of 5m in one run", fontsize=WORDS)
    axes.set_xlabel("resident MB")
    axes.grid(alpha=0.3, axis="x")
