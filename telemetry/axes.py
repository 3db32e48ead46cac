"""Scales, ticks and frames of a plot: round numbers, readable dates (UTC), labels that never touch each other. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from telemetry.canvas import GREY, INK, PALE, Canvas, Colour
from telemetry.typeface import text_width

TICK = 26
LABEL = 28
"""Letter sizes, pixels: on a phone's screen the picture is about a third as wide."""
EDGE = 10
"""No text comes closer to the picture's sides, pixels."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEPS = (
    *(MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR * count for count in (1, 2, 3, 6, 12)),
    *(DAY * count for count in (1, 2, 5, 10)),
)
MONTHS = (1, 2, 3, 6, 12, 24, 60)


class Tick(msgspec.Struct, frozen=True):
    """A mark on a scale: where, and one or two lines of text."""

    value: float
    text: str
    below: str = ""


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10^k that cuts `span` (> 0) into at most `most` parts."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step for step in (power, 2 * power, 2.5 * power, 5 * power, 10 * power, 20 * power) if step >= raw * (1 - 1e-9))


def number_ticks(low: float, high: float, most: int = 6, unit: str = "", least: float = 0.0) -> list[Tick]:
    """Round numbers within [low, high], at least `least` apart, with as many decimals as they need; `unit` is put behind each."""
    step = max(least, round_step(high - low, most))
    places = next(k for k in range(12) if abs(step * 10**k - round(step * 10**k)) < 1e-6 * step * 10**k)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(k * step, f"{k * step:,.{places}f}{unit}".replace("-", "−")) for k in range(first, last + 1)]


def padded(values: Sequence[float], share: float = 0.06, *, zero: bool = False) -> tuple[float, float]:
    """A range around the values (and 0 when asked), a little wider than they are; never empty."""
    low, high = min([*values, 0.0] if zero else values), max([*values, 0.0] if zero else values)
    extra = (high - low) * share or max(abs(high) * 0.01, 1e-9)
    return low - extra, high + extra


def time_ticks(low: int, high: int, most: int = 5) -> list[Tick]:
    """Round times (UTC) within [low, high] ms: hours or days, the date or the year below the first one and where it changes."""
    step = next((step for step in STEPS if (high - low) / step <= most), None)
    if step is None:
        return _month_ticks(low, high, most)
    times = range(-(-low // step) * step, high + 1, step)
    found: list[Tick] = []
    before = ""
    for ts in times:
        moment = datetime.fromtimestamp(ts / 1000, UTC)
        day = f"{moment.day} {moment:%b}"
        text, below = (day, f"{moment:%Y}") if step >= DAY else (f"{moment:%H:%M}", f"{day} {moment:%Y}")
        found.append(Tick(ts, text, below if below != before else ""))
        before = below
    return found


def _month_ticks(low: int, high: int, most: int) -> list[Tick]:
    step = next((step for step in MONTHS if (high - low) / (step * 30 * DAY) <= most), MONTHS[-1])
    first, last = (datetime.fromtimestamp(ts / 1000, UTC) for ts in (low, high))
    found: list[Tick] = []
    before = ""
    for month in range(first.year * 12, last.year * 12 + last.month):
        moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        ts = round(moment.timestamp() * 1000)
        if month % step == 0 and low <= ts <= high:
            year = f"{moment:%Y}"
            found.append(Tick(ts, f"{moment:%b}", year if year != before else ""))
            before = year
    return found


class Panel:
    """A frame with two linear scales on a canvas; `x` and `y` turn values into pixels."""

    def __init__(self, canvas: Canvas, box: tuple[int, int, int, int], xs: tuple[float, float], ys: tuple[float, float]) -> None:
        """`box`: left, top, right, bottom in pixels; `xs`, `ys`: the values at its sides."""
        self.canvas = canvas
        self.left, self.top, self.right, self.bottom = box
        self.x = _scale(xs, (self.left, self.right))
        self.y = _scale(ys, (self.bottom, self.top))

    def frame(self) -> None:
        """The left and the lower side."""
        self.canvas.line([(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)], INK, 2.5)

    def across(self, ticks: Sequence[Tick], label: str) -> None:
        """The scale below; marks whose text would touch the one before are left without text."""
        free, free_below = 0.0, 0.0
        for tick in ticks:
            x = self.x(tick.value)
            self.canvas.line([(x, self.bottom), (x, self.bottom + 9)], INK, 2.5)
            free = self._mark(x, self.bottom + 30, tick.text, INK, free)
            free_below = self._mark(x, self.bottom + 64, tick.below, GREY, free_below)
        lines = 106 if any(tick.below for tick in ticks) else 72
        self.canvas.text((self.left + self.right) / 2, self.bottom + lines, label, LABEL, align=0.5)

    def _mark(self, x: float, y: float, text: str, colour: Colour, free: float) -> float:
        """Write a mark's text, within the picture, where it does not touch the one before; returns where it is free to the right."""
        half = text_width(text, TICK) / 2
        middle = min(max(x, half + EDGE), self.canvas.width - half - EDGE)
        if not text or middle - half < free:
            return free
        self.canvas.text(middle, y, text, TICK, colour, align=0.5)
        return middle + half + TICK / 2

    def up(self, ticks: Sequence[Tick], label: str) -> None:
        """The scale at the left, with pale lines across."""
        for tick in ticks:
            y = self.y(tick.value)
            self.canvas.line([(self.left, y), (self.right, y)], PALE, 2)
            self.canvas.text(self.left - 14, y, tick.text, TICK, align=1.0)
        self.canvas.text(30, (self.top + self.bottom) / 2, label, LABEL, align=0.5, up=True)


def _scale(values: tuple[float, float], pixels: tuple[float, float]) -> Callable[[float], float]:
    (low, high), (start, end) = values, pixels
    factor = (end - start) / (high - low)
    return lambda value: start + (value - low) * factor


def left_of(ticks: Sequence[Tick]) -> int:
    """Where a panel begins so that its own label and these texts fit beside it, pixels."""
    return round(30 + LABEL + 20 + max((text_width(tick.text, TICK) for tick in ticks), default=0.0))


def wrapped(text: str, size: int, width: float) -> list[str]:
    """`text` in lines of at most `width` pixels, broken between words."""
    found: list[str] = []
    for word in text.split():
        longer = f"{found[-1]} {word}" if found else word
        if found and text_width(longer, size) <= width:
            found[-1] = longer
        else:
            found.append(word)
    return found
