"""The plots of a report on learning: figures in, PNG bytes out. Pure drawing, on the page that the other plots are drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from telemetry.plots import draw_in_words
from telemetry.sheet import BLUE, GREY, INK, LABEL, ORANGE, PALE, RED, SKY, TICK, Sheet, days, png, scale, times

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "lw": 6, "ls": "-"},
    {"color": ORANGE, "lw": 5, "ls": "--"},
    {"color": INK, "lw": 3, "ls": ":"},
)
PARTS: tuple[dict[str, Any], ...] = (
    {"facecolor": BLUE, "edgecolor": "white", "lw": 2},
    {"facecolor": SKY, "edgecolor": "white", "lw": 2, "hatch": "/"},
    {"facecolor": ORANGE, "edgecolor": "white", "lw": 2, "hatch": "x"},
    {"facecolor": PALE, "edgecolor": GREY, "lw": 2},
)
TOO_FEW = "no decision has a known outcome yet: nothing to draw"


class Bin(msgspec.Struct, frozen=True):
    """Decisions of about the same prediction, R: how many, what was predicted on average, what came, and its 95 % bounds."""

    count: int
    predicted: float
    real: float
    low: float | None
    high: float | None


def draw_parts(title: str, subtitle: str, parts: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], axis: str) -> Figure:
    """One bar a row, divided into `parts` (at most four); `axis` names what is counted."""
    shown = [(name, counts) for name, counts in rows if sum(counts)]
    if not shown:
        return draw_in_words(title, subtitle, "nothing has been decided yet: nothing to draw")
    from matplotlib.patches import Patch

    sheet = Sheet(title, subtitle)
    sheet.legend([(Patch(**look), name) for name, look in zip(parts, PARTS, strict=False)])
    (frame,) = sheet.frames()
    frame.grid(axis="x", color=PALE, lw=2)
    for k, (name, counts) in enumerate(shown):
        left = 0
        for count, look in zip(counts, PARTS, strict=False):
            frame.barh(k + 0.6, count, 0.5, left=left, **look)
            left += count
        remark = ", ".join(f"{count:,}" for count in counts)
        for text, x, side, size, colour in ((name, 0.0, "left", LABEL, INK), (remark, 1.0, "right", TICK, GREY)):
            frame.text(x, k + 0.2, text, size=size, color=colour, ha=side, va="center", transform=frame.get_yaxis_transform())
    frame.set_ylim(max(len(shown), 4), 0.0)
    frame.tick_params(left=False, labelleft=False)
    scale(frame.xaxis, axis, most=6, whole=True)
    return sheet.figure


def draw_calibration(title: str, subtitle: str, bins: Sequence[Bin]) -> Figure:
    """What came against what was predicted, R, with 95 % bounds; on the diagonal both are the same."""
    if not bins:
        return draw_in_words(title, subtitle, "no learned policy has predicted anything yet that has a known outcome: nothing to draw")
    from matplotlib.lines import Line2D

    sheet = Sheet(title, subtitle)
    point = Line2D([], [], ls="", marker="o", ms=18, color=BLUE)
    sheet.legend(
        [
            (point, "mean of a bin, with how many decisions"),
            (Line2D([], [], color=GREY, lw=6), "95 % bounds"),
            (Line2D([], [], color=INK, lw=3, ls="--"), "as predicted"),
        ]
    )
    (frame,) = sheet.frames()
    frame.grid(color=PALE, lw=2)
    x = [one.predicted for one in bins]
    known = [*x, *(value for one in bins for value in (one.real, one.low, one.high) if value is not None)]
    frame.axhline(0.0, color=GREY, lw=2)
    frame.axline((0.0, 0.0), slope=1.0, color=INK, lw=3, ls="--")
    for one in bins:
        if one.low is not None and one.high is not None:
            frame.plot([one.predicted, one.predicted], [one.low, one.high], color=GREY, lw=6, marker="_", ms=24, mew=5)
    frame.plot(x, [one.real for one in bins], ls="", marker="o", ms=18, color=BLUE, zorder=4)
    spare = 0.08 * (max(known) - min(known)) or 0.1
    for k, one in enumerate(bins):
        there = one.real if one.high is None else one.high
        frame.annotate(f"{one.count:,}", (one.predicted, there), (0, 14 + 26 * (k % 2)), textcoords="offset points", size=TICK, ha="center")
    wide = 0.12 * (max(x) - min(x)) or 0.1
    frame.set_xlim(min(x) - wide, max(x) + wide)
    frame.set_ylim(min(known) - spare, max(known) + 2.5 * spare)
    scale(frame.xaxis, "predicted by the policy, u in R", most=6)
    scale(frame.yaxis, "what it came to, mean u in R")
    return sheet.figure


def draw_curves(title: str, subtitle: str, curves: Sequence[tuple[str, Sequence[tuple[int, float]]]], axis: str) -> Figure:
    """Running sums (ts, value) of at most three, over one time; `axis` names quantity and unit."""
    if not any(len(points) > 1 for _, points in curves):
        return draw_in_words(title, subtitle, TOO_FEW)
    from matplotlib.lines import Line2D

    sheet = Sheet(title, subtitle)
    shown = list(zip(curves, LOOKS, strict=False))
    sheet.legend([(Line2D([], [], **look), name) for (name, _), look in shown])
    (frame,) = sheet.frames()
    frame.grid(color=PALE, lw=2)
    for (_, points), look in reversed(shown):
        frame.plot(days([ts for ts, _ in points]), [value for _, value in points], drawstyle="steps-post", **look)
    frame.margins(x=0.02, y=0.08)
    scale(frame.yaxis, axis)
    times(frame.xaxis)
    return sheet.figure


def draw_history(title: str, subtitle: str, spans: Sequence[tuple[int, int, int]], marks: Sequence[tuple[int, bool]]) -> Figure:
    """Which level decided when: `spans` (from, until, level 0..2); `marks`: (ts, True for a promotion, False for a roll-back)."""
    if not spans:
        return draw_in_words(title, subtitle, "nothing has been decided yet: nothing to draw")
    from matplotlib.lines import Line2D

    sheet = Sheet(title, subtitle)
    up: dict[str, Any] = {"marker": "^", "color": INK, "ms": 22}
    down: dict[str, Any] = {"marker": "v", "color": RED, "ms": 22}
    decides = Line2D([], [], color=BLUE, lw=18)
    sheet.legend([(decides, "decides"), (Line2D([], [], ls="", **up), "promotion"), (Line2D([], [], ls="", **down), "roll-back")])
    (frame,) = sheet.frames()
    frame.grid(axis="x", color=PALE, lw=2)
    for begin, end, level in spans:
        frame.plot(days([begin, max(end, begin + 1)]), [level, level], color=BLUE, lw=18, solid_capstyle="butt")
    for ts, promoted in marks:
        frame.plot(days([ts]), [2.35], ls="", clip_on=False, **(up if promoted else down))
    frame.set_ylim(-0.5, 2.6)
    frame.set_yticks([0, 1, 2], ["static", "lcb_table", "sb3_dqn"], size=TICK)
    frame.set_ylabel("policy in force", size=LABEL, color=INK)
    frame.margins(x=0.02)
    times(frame.xaxis)
    return sheet.figure


def parts(title: str, subtitle: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], axis: str) -> bytes:
    """`draw_parts` as PNG."""
    return png(draw_parts(title, subtitle, names, rows, axis))


def calibration(title: str, subtitle: str, bins: Sequence[Bin]) -> bytes:
    """`draw_calibration` as PNG."""
    return png(draw_calibration(title, subtitle, bins))


def curves(title: str, subtitle: str, found: Sequence[tuple[str, Sequence[tuple[int, float]]]], axis: str) -> bytes:
    """`draw_curves` as PNG."""
    return png(draw_curves(title, subtitle, found, axis))


def history(title: str, subtitle: str, spans: Sequence[tuple[int, int, int]], marks: Sequence[tuple[int, bool]]) -> bytes:
    """`draw_history` as PNG."""
    return png(draw_history(title, subtitle, spans, marks))
