"""The page that a plot is drawn on: 1080 x 1350 pixels, to be read on a phone; heading, legend, the frames below, and its PNG.

matplotlib does the drawing, through its object interface alone: no pyplot, no settings changed, nothing shared between pages. It is
imported where it is needed, so that importing this module costs nothing.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 1080, 1350
MARGIN = 40
DPI = 72
"""At 72 dots an inch a point is a pixel: every size below is in pixels."""
TITLE, WORDS, LABEL, TICK = 42, 34, 26, 24
"""Letter sizes: on a phone's screen the picture is about a third as wide."""
INK, GREY, PALE = "#1a1a1a", "#666666", "#dddddd"
BLUE, SKY, ORANGE, RED = "#0072b2", "#56b4e9", "#e69f00", "#d55e00"
"""Of the colours of Okabe and Ito, which any colour vision tells apart."""
TIME = "time, UTC"


def number(value: float, _position: int | None = None) -> str:
    """A figure of a scale: thousands apart, a real minus sign, no trailing zeros."""
    return f"{value:,.10g}".replace("-", "−")


class Sheet:
    """A page with its heading; legend and frames go where it is free below."""

    def __init__(self, title: str, subtitle: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        self._layout = ConstrainedLayoutEngine(w_pad=0.0, hspace=0.0, wspace=0.0)
        self.figure: Figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white", layout=self._layout)
        self._renderer = FigureCanvasAgg(self.figure).get_renderer()
        self._free = float(HEIGHT - MARGIN)
        for text, size, colour, most in ((title, TITLE, INK, 2), (subtitle, LABEL, GREY, 4)):
            lines = self.wrapped(text, size, WIDTH - 2 * MARGIN, most)
            drawn = self.figure.text(MARGIN / WIDTH, self._free / HEIGHT, lines, size=size, color=colour, va="top", parse_math=False)
            self._free = drawn.get_window_extent(self._renderer).y0 - 12

    def wrapped(self, text: str, size: int, width: float, most: int = 8) -> str:
        """`text` in at most `most` lines of at most `width` pixels, broken between words, and inside of one only that is wider itself.

        What does not fit is cut off at a sign of omission.
        """
        from matplotlib.font_manager import FontProperties

        letters = FontProperties(size=size)

        def fits(line: str) -> bool:
            return float(self._renderer.get_text_width_height_descent(line, letters, ismath=False)[0]) <= width

        lines: list[str] = []
        for word in text.split():
            if lines and fits(f"{lines[-1]} {word}"):
                lines[-1] += f" {word}"
                continue
            rest = word
            while not fits(rest) and len(rest) > 1:
                end = max(1, bisect_left(range(1, len(rest)), True, key=lambda end: not fits(rest[:end])))
                lines.append(rest[:end])
                rest = rest[end:]
            lines.append(rest)
        if len(lines) > most:
            last = lines[most - 1]
            while last and not fits(f"{last} …"):
                last = last[:-1]
            lines = [*lines[: most - 1], f"{last} …"]
        return "\n".join(lines)

    def say(self, words: str) -> None:
        """A sentence in the middle of the page."""
        lines = self.wrapped(words, WORDS, WIDTH - 4 * MARGIN)
        self.figure.text(0.5, 0.5, lines, size=WORDS, color=GREY, ha="center", va="center", linespacing=1.4, parse_math=False)

    def legend(self, signs: Sequence[tuple[Artist, str]]) -> None:
        """Signs and what they mean, as many side by side as fit."""
        for columns in range(len(signs), 0, -1):
            drawn = self.figure.legend(
                [sign for sign, _ in signs],
                [text for _, text in signs],
                loc="upper left",
                bbox_to_anchor=(MARGIN / WIDTH, (self._free - 8) / HEIGHT),
                ncols=columns,
                fontsize=TICK,
                frameon=False,
                borderpad=0.0,
                borderaxespad=0.0,
                handlelength=1.6,
                columnspacing=1.4,
            )
            drawn.set_in_layout(False)
            box = drawn.get_window_extent(self._renderer)
            if columns == 1 or box.x1 <= WIDTH - MARGIN:
                self._free = box.y0 - 16
                return
            drawn.remove()

    def frames(self, rows: int = 1, *, left: float = MARGIN / 2, apart: float = 16, **options: Any) -> list[Axes]:
        """`rows` frames, one below the other, in what is free of the page.

        `apart`: pixels between two of them; `left`: where they begin, with their texts at the side; `options`: of `Figure.subplots`.
        """
        bottom = MARGIN / 2
        self._layout.set(
            h_pad=apart / 2 / DPI, rect=(left / WIDTH, bottom / HEIGHT, (WIDTH - left - MARGIN) / WIDTH, (self._free - bottom) / HEIGHT)
        )
        found: list[Axes] = list(self.figure.subplots(rows, 1, squeeze=False, **options)[:, 0])
        for frame in found:
            frame.spines[["top", "right"]].set_visible(False)
            frame.set_axisbelow(True)
            frame.tick_params(labelsize=TICK, colors=INK, length=8, pad=6)
        return found


def scale(axis: Axis, label: str, *, most: int = 7, whole: bool = False) -> None:
    """A scale of numbers: at most `most` steps of round size (`whole`: of whole numbers)."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_label_text(label, size=LABEL, color=INK, parse_math=False)
    axis.labelpad = 10
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10], integer=whole, min_n_ticks=1 if whole else 2))
    axis.set_major_formatter(FuncFormatter(number))


def times(axis: Axis) -> None:
    """A scale of times in UTC; at its right end stands what its marks leave out: the year, or the day of the last of them."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    marks = AutoDateLocator(tz=UTC, minticks=3, maxticks=7)
    axis.set_label_text(TIME, size=LABEL, color=INK)
    axis.set_major_locator(marks)
    words = ConciseDateFormatter(
        marks,
        tz=UTC,
        formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"],
        zero_formats=["", "%Y", "%b", "%d %b", "%H:%M", "%H:%M:%S"],
        offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y"],
    )
    axis.set_major_formatter(words)
    axis.get_offset_text().set(size=TICK, color=GREY)


def days(ts: Sequence[float]) -> Any:
    """Times in ms UTC as matplotlib counts them: an array of days."""
    import numpy as np
    from matplotlib.dates import date2num

    return date2num(np.asarray(ts, "float64").astype("datetime64[ms]"))


def png(figure: Figure) -> bytes:
    """The picture; the same figure gives the same bytes."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()
