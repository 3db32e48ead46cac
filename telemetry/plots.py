"""The plots of a report: figures in, PNG bytes out. Pure drawing: nothing is computed here.

Every plot has a title, labelled axes with units and times in UTC; colours are told apart by any colour vision, and shapes tell the same.
Where there is nothing to draw the plot says so in words instead of showing an empty frame. `draw_...` give the page as a figure,
whose parts can be asked about; the public functions at the end give its PNG.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import msgspec

from telemetry.sheet import BLUE, GREY, INK, LABEL, MARGIN, ORANGE, PALE, RED, SKY, TICK, WIDTH, Sheet, days, png, scale, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

P = ParamSpec("P")
NO_TRADES = "no closed trades yet"


class Bar(msgspec.Struct, frozen=True):
    """One named amount of a bar chart, with a remark."""

    name: str
    value: float | None
    """None: it is not known, `remark` says why."""
    remark: str = ""


class Target(msgspec.Struct, frozen=True):
    """A figure against what is asked of it, all in one unit."""

    name: str
    value: float | None
    bound: float | None
    """Its confidence bound."""
    target: float | None
    words: str
    """The figures as text, with their units."""
    state: str
    """`met`, `not met` or `cannot be said`, with the reason."""


class Candles(msgspec.Struct, frozen=True, kw_only=True):
    """Bars, oldest first."""

    width_ms: int
    ts: Sequence[int]
    open: Sequence[float]
    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade on a price chart."""

    entry_ts: int
    entry: float
    exit_ts: int
    exit: float
    long: bool
    won: bool


def _sign(marker: str, colour: str, size: float = 20.0, edge: float = 5.0) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker=marker, color=colour, markersize=size, markeredgewidth=edge)


def draw_in_words(title: str, subtitle: str, words: str) -> Figure:
    """A plot of nothing: what is missing, in words."""
    sheet = Sheet(title, subtitle)
    sheet.say(words)
    return sheet.figure


def draw_equity_and_drawdown(
    title: str, subtitle: str, equity: Sequence[tuple[int, float]], drawdown: Sequence[tuple[int, float]], *, unit: str, missing: str = ""
) -> Figure:
    """Equity (ts, amount in `unit`) above, drawdown (ts, share of the peak, 0..1) below; `missing` says why there is none."""
    if len(equity) < 2:
        return draw_in_words(title, subtitle, missing or "no day is over yet: nothing to draw")
    sheet = Sheet(title, subtitle)
    upper, lower = sheet.frames(2, sharex=True, height_ratios=(3, 2))
    upper.plot(
        days([ts for ts, _ in equity]), [value for _, value in equity], color=BLUE, lw=5, marker="o" if len(equity) <= 45 else "", ms=14
    )
    upper.margins(x=0.02, y=0.08)
    scale(upper.yaxis, f"equity, {unit}")
    if drawdown:
        when, falls = days([ts for ts, _ in drawdown]), [-100.0 * share for _, share in drawdown]
        lower.fill_between(when, falls, color=ORANGE, alpha=0.5, lw=0)
        lower.plot(when, falls, color=RED, lw=4)
    else:
        words = sheet.wrapped(missing, LABEL, WIDTH - 8 * MARGIN)
        lower.text(0.5, 0.5, words, size=LABEL, color=GREY, ha="center", va="center", transform=lower.transAxes, parse_math=False)
    deepest = max((share for _, share in drawdown), default=0.0)
    lower.set_ylim(-100.0 * max(deepest * 1.1, 0.001), 0.0)
    scale(lower.yaxis, "drawdown, % of peak", most=4)
    times(lower.xaxis)
    for frame in (upper, lower):
        frame.grid(color=PALE, lw=2)
    sheet.figure.align_ylabels()
    return sheet.figure


def draw_trades_on_candles(title: str, subtitle: str, trades: Sequence[Mark], candles: Candles | None, *, unit: str) -> Figure:
    """Entries and exits over the candles of one instrument (None: the trades alone); prices in `unit`."""
    if not trades:
        return draw_in_words(title, subtitle, NO_TRADES)
    from matplotlib.patches import Patch

    sheet = Sheet(title, subtitle)
    signs = [(_sign("^", INK), "long entry")] if any(one.long for one in trades) else []
    signs += [(_sign("v", INK), "short entry")] if not all(one.long for one in trades) else []
    signs += [(_sign("o", BLUE), "exit with a win"), (_sign("x", RED), "exit with a loss")]
    boxes = [(Patch(color=SKY), "candle, up"), (Patch(color=GREY), "candle, down")] if candles else []
    sheet.legend([*signs, *boxes])
    (frame,) = sheet.frames()
    frame.grid(color=PALE, lw=2)
    if candles:
        _candles(frame, candles)
    for one in trades:
        frame.plot(days([one.entry_ts, one.exit_ts]), [one.entry, one.exit], color=BLUE if one.won else RED, lw=3, ls="--")
    size = 22.0 if len(trades) <= 40 else 16.0
    for marker, colour, chosen in (
        ("^", INK, [(one.entry_ts, one.entry) for one in trades if one.long]),
        ("v", INK, [(one.entry_ts, one.entry) for one in trades if not one.long]),
        ("o", BLUE, [(one.exit_ts, one.exit) for one in trades if one.won]),
        ("x", RED, [(one.exit_ts, one.exit) for one in trades if not one.won]),
    ):
        where = days([ts for ts, _ in chosen])
        frame.plot(where, [price for _, price in chosen], ls="", marker=marker, ms=size, mew=size / 4, color=colour, zorder=3)
    frame.margins(x=0.03, y=0.06)
    scale(frame.yaxis, f"price, {unit}", most=8)
    times(frame.xaxis)
    return sheet.figure


def _candles(frame: Axes, candles: Candles) -> None:
    left, width = days(candles.ts), float(days([candles.width_ms])[0] - days([0])[0])
    rising = [c >= o for o, c in zip(candles.open, candles.close, strict=True)]
    colours = [SKY if up else GREY for up in rising]
    frame.vlines(left + width / 2, candles.low, candles.high, colors=colours, lw=2)
    heights = [c - o for o, c in zip(candles.open, candles.close, strict=True)]
    frame.bar(left + width / 2, heights, 0.7 * width, candles.open, color=colours, edgecolor=colours, lw=1.5)


def draw_r_distribution(title: str, subtitle: str, results: Sequence[float], mean: float | None) -> Figure:
    """How many trades ended with how many R, and their mean."""
    if not results:
        return draw_in_words(title, subtitle, NO_TRADES)
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    sheet = Sheet(title, subtitle)
    losses: dict[str, Any] = {"facecolor": ORANGE, "edgecolor": "white", "hatch": "/", "lw": 2}
    wins: dict[str, Any] = {"facecolor": BLUE, "edgecolor": "white", "lw": 2}
    boxes = [(Patch(**losses), "losses"), (Patch(**wins), "wins")]
    width = next((step for step in (0.25, 0.5, 1.0, 2.0, 5.0) if (max(results) - min(results)) / step <= 40), 10.0)
    # A bin never holds losses and wins: bins are (a, b], and 0 is a border.
    bins = Counter(-int(-value // width) - 1 for value in results)
    sheet.legend(boxes if mean is None else [*boxes, (Line2D([], [], color=INK, lw=4, ls="--"), f"mean {mean:+.2f} R".replace("-", "−"))])
    (frame,) = sheet.frames()
    frame.grid(axis="y", color=PALE, lw=2)
    for chosen, look in (([k for k in bins if k < 0], losses), ([k for k in bins if k >= 0], wins)):
        frame.bar([k * width for k in chosen], [bins[k] for k in chosen], width, align="edge", **look)
    frame.axvline(0.0, color=INK, lw=2)
    if mean is not None:
        frame.axvline(mean, color=INK, lw=4, ls="--")
    frame.set_xlim(min(*bins, -1) * width - width / 2, max(max(bins) + 1, 1) * width + width / 2)
    scale(frame.xaxis, f"result of a trade, R (bars are {width:g} R wide)", most=8)
    scale(frame.yaxis, "trades", whole=True)
    return sheet.figure


def draw_against_targets(title: str, subtitle: str, rows: Sequence[Target]) -> Figure:
    """Each figure on a scale of its own, with its confidence bound and its target."""
    if not rows:
        return draw_in_words(title, subtitle, "no sample of evidence has begun: nothing to compare with the targets")
    from matplotlib.lines import Line2D

    sheet = Sheet(title, f"{subtitle}; scales begin at 0 unless marked")
    sheet.legend(
        [
            (_sign("o", BLUE), "value, met"),
            (_sign("x", RED), "value, not met"),
            (_sign("|", INK, size=34, edge=8), "target"),
            (Line2D([], [], color=GREY, lw=7), "confidence bound"),
        ]
    )
    frames = sheet.frames(max(len(rows), 4), left=MARGIN, apart=32)
    for frame in frames:
        frame.spines[:].set_visible(False)
        frame.tick_params(length=0)
        frame.set_xticks([])
        frame.set_yticks([])
    for frame, row in zip(frames, rows, strict=False):
        _target(sheet, frame, row)
    return sheet.figure


def _target(sheet: Sheet, frame: Axes, row: Target) -> None:
    known = [value for value in (row.value, row.bound, row.target) if value is not None]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    spare = 0.12 * (high - low) or 1.0
    frame.set_xlim(low - spare if low < 0.0 else 0.0, high + spare)
    frame.set_ylim(-1.0, 1.0)
    frame.axhline(0.0, color=PALE, lw=10, zorder=0)
    if low < 0.0:
        frame.plot([0.0], [0.0], marker="|", ms=28, mew=3, color=GREY)
        frame.set_xticks([0.0], ["0"], size=TICK, color=GREY)
    if row.target is not None:
        frame.plot([row.target], [0.0], marker="|", ms=44, mew=8, color=INK, zorder=4, clip_on=False)
    if row.value is not None and row.bound is not None:
        frame.plot([row.bound, row.value], [0.0, 0.0], marker="|", ms=22, mew=5, color=GREY, lw=7, clip_on=False)
    if row.value is not None:
        met = row.state.startswith("met")
        look = _sign("o", BLUE) if met else _sign("x", RED)
        frame.plot([row.value], [0.0], marker=look.get_marker(), ms=24, mew=5, color=look.get_color(), zorder=5, clip_on=False)
    frame.set_title(row.name, loc="left", size=LABEL, color=INK, pad=4, parse_math=False)
    frame.set_title(row.words, loc="right", size=LABEL, color=INK, pad=4, parse_math=False)
    first, *more = sheet.wrapped(row.state, TICK, WIDTH - 4 * MARGIN).split("\n")
    frame.set_xlabel(first + (" …" if more else ""), loc="left", size=TICK, color=GREY, parse_math=False)


def draw_bars(title: str, subtitle: str, rows: Sequence[Bar], axis: str, empty: str = NO_TRADES, *, costs: bool = False) -> Figure:
    """Named amounts, one below the other, from 0 to either side; `axis` names quantity and unit. `costs`: what is above 0 was paid."""
    known = [row.value for row in rows if row.value is not None]
    if not known:
        return draw_in_words(title, subtitle, empty)
    sheet = Sheet(title, subtitle)
    (frame,) = sheet.frames(left=MARGIN)
    frame.grid(axis="x", color=PALE, lw=2)
    for k, row in enumerate(rows):
        if row.value is not None:
            good = (row.value >= 0.0) is not costs
            frame.barh(k + 0.6, row.value, 0.55, facecolor=BLUE if good else ORANGE, edgecolor="white", hatch="" if good else "/")
        for text, x, side, size, colour in ((row.name, 0.0, "left", LABEL, INK), (row.remark, 1.0, "right", TICK, GREY)):
            frame.text(
                x, k + 0.16, text, size=size, color=colour, ha=side, va="center", transform=frame.get_yaxis_transform(), parse_math=False
            ).set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 4})
    frame.axvline(0.0, color=INK, lw=2.5, zorder=1.5)
    spare = 0.08 * (max(*known, 0.0) - min(*known, 0.0)) or 1.0
    frame.set_xlim(min(known) - spare if min(known) < 0.0 else 0.0, max(known) + spare if max(known) > 0.0 or min(known) == 0.0 else 0.0)
    frame.set_ylim(max(len(rows), 4), 0.0)
    frame.spines["left"].set_visible(False)
    frame.tick_params(left=False, labelleft=False)
    scale(frame.xaxis, axis, most=6)
    return sheet.figure


def _as_png(draw: Callable[P, Figure]) -> Callable[P, bytes]:
    @wraps(draw)
    def drawn(*given: P.args, **named: P.kwargs) -> bytes:
        return png(draw(*given, **named))

    return drawn


in_words = _as_png(draw_in_words)
equity_and_drawdown = _as_png(draw_equity_and_drawdown)
trades_on_candles = _as_png(draw_trades_on_candles)
r_distribution = _as_png(draw_r_distribution)
against_targets = _as_png(draw_against_targets)
bars = _as_png(draw_bars)
