"""Drawing an operator's two pictures, a symbol's candles and equity with its drawdown: dark, 1280 x 720 pixels, PNG.

Seen on a phone: few marks, large letters, shapes beside colours. Runs in a process of its own (`modules/ui/beside.py`), so matplotlib is
imported here and this file nowhere in the daemon; what a picture is made from is in `modules/ui/charts.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation

from modules.ui.charts import Curve, EquityChart, Past, PriceChart
from telemetry.sheet import days, number, png, scale, times

WIDTH, HEIGHT, DPI = 1280, 720, 72
TITLE, LABEL, TICK = 30, 19, 18
GROUND, PANEL, INK, GREY, FAINT = "#0f1419", "#151b22", "#e8ecf1", "#9aa7b4", "#2a333d"
UP, DOWN, BLUE, ORANGE = "#56b4e9", "#8a97a5", "#56b4e9", "#e69f00"
WON, LOST, STOP, TARGET = "#2ec4a6", "#ff6b57", "#ff6b57", "#2ec4a6"
SHADES = {1: ("#0072b2", "trend"), 2: ("#7f8c99", "chop"), 3: ("#cc79a7", "volatile")}
"""Regime -> its shading and its name; an unknown one stays dark."""
LINES = ("#56b4e9", "#e69f00", "#2ec4a6", "#cc79a7", "#f0e442", "#d55e00", "#b3b3b3", "#ffffff")
MOST_CANDLES = 150
GROUPS = (1, 3, 6, 12, 24, 48, 144, 288)
"""How many bars may become one candle."""
FAR = 0.8
"""A line further from the candles than so many of their ranges is named at the edge instead of squeezing them."""


def price_chart(given: bytes) -> bytes:
    """PNG of a PriceChart (msgpack); msgspec.ValidationError for anything else."""
    return png(draw_price(msgspec.msgpack.decode(given, type=PriceChart)))


def equity_chart(given: bytes) -> bytes:
    """PNG of an EquityChart (msgpack)."""
    return png(draw_equity(msgspec.msgpack.decode(given, type=EquityChart)))


# --- a symbol -------------------------------------------------------------------------------------------------------------------------


def draw_price(chart: PriceChart) -> Figure:
    """Candles, regime behind them, entries and exits on them, stop and target beside them."""
    rows = np.frombuffer(chart.bars, np.int64).reshape(-1, 6)
    rows = rows[rows[:, 0] >= chart.from_ts]
    figure = _page(chart.title, chart.subtitle)
    if len(rows) < 2:
        return _say(figure, "no candles yet: the first ones come with the next closes")
    rows, width_ms = grouped(rows, chart.width_ms)
    (frame,) = _frames(figure, 1)
    start, end = int(rows[0, 0]), int(rows[-1, 0]) + width_ms
    _shade(frame, rows, width_ms)
    prices: npt.NDArray[np.float64] = rows[:, 1:5].astype(np.float64) * chart.tick
    _candles(frame, rows[:, 0], prices, width_ms)
    low, high = float(prices[:, 2].min()), float(prices[:, 1].max())
    room = max(high - low, high * 1e-4)
    edges = _lines(frame, chart, start, end, (low - FAR * room, high + FAR * room))
    low, high = min([low, *edges]), max([high, *edges])
    room = high - low
    named = [price for one in chart.held for price in (one.stop, one.target) if price is not None]
    above, below = any(price > high for price in named), any(price < low for price in named)
    frame.set_ylim(low - (0.14 if below else 0.06) * room, high + (0.14 if above else 0.06) * room)  # room for what is named at an edge
    _trades(frame, [one for one in chart.trades if one.exit_ts >= start])
    for one in chart.held:
        _mark(frame, max(one.opened_ts, start), one.entry, "^" if one.long else "v", INK)
    left, right = days([start, end])
    frame.set_xlim(left - 0.01 * (right - left), right + 0.015 * (right - left))
    last = float(prices[-1, 3])
    frame.axhline(last, color=GREY, lw=1.2, ls=":", zorder=1)
    _tag(frame, last, _price(last, chart.tick), GREY)
    _part_tags(frame)
    scale(frame.yaxis, f"price, {chart.unit}", most=8)
    times(frame.xaxis)
    _dark(frame)
    _legend(figure, rows, chart)
    figure.text(0.02, 0.03, "candles: blue rose, grey fell", size=TICK, color=GREY, va="center")
    return figure


def grouped(rows: npt.NDArray[np.int64], width_ms: int) -> tuple[npt.NDArray[np.int64], int]:
    """Bars joined to at most `MOST_CANDLES` candles on round times, and their width."""
    for n in GROUPS:
        width = n * width_ms
        starts = rows[:, 0] // width
        if int(starts[-1] - starts[0]) < MOST_CANDLES or n == GROUPS[-1]:
            break
    firsts = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    lasts = np.append(firsts[1:], len(rows)) - 1
    found = np.column_stack(
        [
            starts[firsts] * width,
            rows[firsts, 1],
            np.maximum.reduceat(rows[:, 2], firsts),
            np.minimum.reduceat(rows[:, 3], firsts),
            rows[lasts, 4],
            rows[lasts, 5],
        ]
    )
    return found, width


def _candles(frame: Axes, ts: npt.NDArray[np.int64], prices: npt.NDArray[np.float64], width_ms: int) -> None:
    left, width = days(ts.tolist()), float(days([width_ms])[0] - days([0])[0])
    colours = [UP if up else DOWN for up in (prices[:, 3] >= prices[:, 0]).tolist()]
    frame.vlines(left + width / 2, prices[:, 2], prices[:, 1], colors=colours, lw=1.6, zorder=2)
    tall = prices[:, 3] - prices[:, 0]
    frame.bar(left + width / 2, tall, 0.72 * width, prices[:, 0], color=colours, edgecolor=colours, lw=1.2, zorder=2.5)


def _shade(frame: Axes, rows: npt.NDArray[np.int64], width_ms: int) -> None:
    edges = np.flatnonzero(np.diff(rows[:, 5], prepend=-1))
    for first, following in zip(edges, [*edges[1:], len(rows)], strict=True):
        shade = SHADES.get(int(rows[first, 5]))
        if shade is not None:
            left, right = days([int(rows[first, 0]), int(rows[following - 1, 0]) + width_ms])
            frame.axvspan(left, right, color=shade[0], alpha=0.17, lw=0, zorder=0)


def _price(value: float, tick: float) -> str:
    """As exact as the tick: `90,040.6`."""
    return f"{value:,.{max(0, math.ceil(-math.log10(tick) - 1e-9))}f}"


def _lines(frame: Axes, chart: PriceChart, start: int, end: int, view: tuple[float, float]) -> list[float]:
    """Entry, stop and target of what is held; returns the prices that the frame must show."""
    edges = []
    for one in chart.held:
        left, right = days([max(one.opened_ts, start), end])
        for name, price, colour, dash in (
            ("stop", one.stop, STOP, "--"),
            ("target", one.target, TARGET, "--"),
            ("entry", None if one.stop is None else one.entry, INK, ":"),
        ):
            if price is None:
                continue
            if view[0] <= price <= view[1]:
                frame.hlines(price, left, right, color=colour, lw=2.4, ls=dash, zorder=3)
                edges.append(price)
                _tag(frame, price, f"{name} {_price(price, chart.tick)}", colour)
            else:
                up = price > view[1]
                away = 100.0 * (price / one.entry - 1.0)
                text = f"{'↑' if up else '↓'} {name} {_price(price, chart.tick)} ({away:+.1f} %)".replace("-", "−")
                frame.annotate(
                    text,
                    (0.99, 0.975 if up else 0.025),
                    xycoords="axes fraction",
                    ha="right",
                    va="top" if up else "bottom",
                    size=TICK,
                    color=colour,
                    zorder=6,
                )
    return edges


def _trades(frame: Axes, trades: Sequence[Past]) -> None:
    for one in trades:
        colour = WON if one.r > 0 else LOST
        frame.plot(days([one.entry_ts, one.exit_ts]), [one.entry, one.exit], color=colour, lw=2, ls="--", zorder=3)
        _mark(frame, one.entry_ts, one.entry, "^" if one.long else "v", INK)
        _mark(frame, one.exit_ts, one.exit, "o" if one.r > 0 else "X", colour)


def _mark(frame: Axes, ts: int, price: float, sign: str, colour: str) -> None:
    frame.plot(days([ts]), [price], ls="", marker=sign, ms=14, color=colour, mec=GROUND, mew=1.6, zorder=5)


def _tag(frame: Axes, price: float, text: str, colour: str) -> None:
    """A label in the margin at the right, at the height of its price."""
    frame.annotate(
        text,
        (1.0, price),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        size=TICK,
        color=colour,
        va="center",
        annotation_clip=False,
        gid="tag",
    )


def _part_tags(frame: Axes) -> None:
    """Labels in the margin that would lie on each other are moved apart."""
    tags = sorted((one for one in frame.texts if isinstance(one, Annotation) and one.get_gid() == "tag"), key=lambda one: float(one.xy[1]))
    low, high = frame.get_ylim()
    height = HEIGHT * 0.74
    before = -1e9
    for tag in tags:
        at = (float(tag.xy[1]) - low) / (high - low) * height
        moved = max(at, before + 1.25 * TICK)
        tag.set_position((8, moved - at))
        before = moved


def _legend(figure: Figure, rows: npt.NDArray[np.int64], chart: PriceChart) -> None:

    signs: list[Any] = [
        Patch(color=colour, alpha=0.45, label=name) for regime, (colour, name) in SHADES.items() if (rows[:, 5] == regime).any()
    ]
    start = int(rows[0, 0])
    shown = [one for one in chart.trades if one.exit_ts >= start]

    def sign(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], ls="", marker=marker, ms=12, color=colour, mec=GROUND, label=label)

    sides = {one.long for one in shown} | {one.long for one in chart.held}
    signs += [sign("^", INK, chart.sides[0])] if True in sides else []
    signs += [sign("v", INK, chart.sides[1])] if False in sides else []
    signs += [sign("o", WON, "exit, won")] if any(one.r > 0 for one in shown) else []
    signs += [sign("X", LOST, "exit, lost")] if any(one.r <= 0 for one in shown) else []
    _sign_row(figure, signs)


# --- equity ---------------------------------------------------------------------------------------------------------------------------


def draw_equity(chart: EquityChart) -> Figure:
    """Equity above (several accounts: change in per cent), drawdown below with its limits."""
    figure = _page(chart.title, chart.subtitle)
    curves = [one for one in chart.curves if len(one.points) >= 2]
    if not curves:
        return _say(figure, "no equity yet: the first mark comes with the next close")
    upper, lower = _frames(figure, 2, height_ratios=(3, 2))
    alone = len(curves) == 1
    deepest = 0.0
    signs = []
    for one, colour in zip(curves, LINES * 9, strict=False):
        ts, amounts = days([ts for ts, _ in one.points]), np.array([amount for _, amount in one.points])
        first = amounts[0] or 1.0
        (line,) = upper.plot(ts, amounts if alone else 100.0 * (amounts / first - 1.0), color=colour, lw=3, label=_named(one))
        signs.append(line)
        peaks = np.maximum.accumulate(amounts)
        if one.peak > peaks[-1]:
            peaks = np.maximum(peaks, one.peak)  # the peak was before the first point
        falls = -100.0 * np.where(peaks > 0.0, 1.0 - amounts / np.maximum(peaks, 1e-12), 0.0)
        deepest = min(deepest, float(falls.min()))
        lower.plot(ts, falls, color=colour, lw=2.4)
        lower.fill_between(ts, falls, color=colour, alpha=0.22, lw=0)
    lowest = min(1.25 * deepest, -1.0)
    near = [one for one in chart.steps if -100.0 * one[0] >= 2.2 * lowest]
    for share, name in near:
        lower.axhline(-100.0 * share, color=LOST, lw=1.6, ls="--")
        lower.annotate(
            f"{name} {share:.0%}", (0.01, -100.0 * share), xycoords=("axes fraction", "data"), xytext=(0, -3), textcoords="offset points",
            size=TICK, color=LOST, va="top",
        )  # fmt: skip
    lowest = min([lowest, *(-118.0 * share for share, _ in near)])
    lower.set_ylim(lowest, -0.03 * lowest)
    upper.margins(x=0.015, y=0.1)
    scale(upper.yaxis, f"equity, {curves[0].unit}" if alone else "equity, % change", most=6)
    scale(lower.yaxis, "drawdown, %", most=4)
    times(lower.xaxis)
    upper.tick_params(labelbottom=False)
    for frame in (upper, lower):
        _dark(frame)
    figure.align_ylabels()
    _sign_row(figure, signs)
    return figure


def _named(curve: Curve) -> str:
    return f"{curve.account} {number(round(curve.points[-1][1], 2))} {curve.unit}"


# --- the page -------------------------------------------------------------------------------------------------------------------------


def _page(title: str, subtitle: str) -> Figure:

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    figure.text(0.02, 0.975, title, size=TITLE, color=INK, va="top", weight="bold", parse_math=False)
    figure.text(0.98, 0.968, subtitle, size=LABEL, color=GREY, va="top", ha="right", parse_math=False)
    return figure


def _say(figure: Figure, words: str) -> Figure:
    figure.text(0.5, 0.5, words, size=LABEL + 4, color=GREY, ha="center", va="center", parse_math=False)
    return figure


def _frames(figure: Figure, count: int, **options: Any) -> list[Axes]:
    right = 0.86 if count == 1 else 0.975
    grid = {"left": 0.095, "right": right, "top": 0.84, "bottom": 0.1, "hspace": 0.09}
    found: list[Axes] = list(figure.subplots(count, 1, squeeze=False, sharex=True, gridspec_kw=grid, **options)[:, 0])
    return found


def _dark(frame: Axes) -> None:
    frame.set_facecolor(PANEL)
    frame.set_axisbelow(True)
    frame.grid(color=FAINT, lw=1)
    frame.spines[:].set_visible(False)
    frame.tick_params(labelsize=TICK, colors=GREY, length=0, pad=6)
    frame.tick_params(axis="x", pad=14)
    for axis in (frame.xaxis, frame.yaxis):
        axis.label.set(size=LABEL, color=GREY)
        axis.get_offset_text().set(size=TICK, color=GREY)
    frame.xaxis.set_label_text("")


def _sign_row(figure: Figure, signs: Sequence[Any]) -> None:
    if signs:
        figure.legend(
            handles=list(signs), loc="upper left", bbox_to_anchor=(0.012, 0.92), ncols=len(signs), fontsize=TICK, frameon=False,
            labelcolor=INK, handlelength=1.2, columnspacing=1.3, borderpad=0.2,
        )  # fmt: skip
