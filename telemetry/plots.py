"""The plots of a report: figures in, PNG bytes out, 1080 x 1350 pixels, to be read on a phone. Pure drawing: nothing is computed here.

Every plot has a title, labelled axes with units and times in UTC; colours are told apart by any colour vision, and shapes tell the same.
Where there is nothing to draw the plot says so in words instead of showing an empty frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from telemetry.axes import LABEL, TICK, Panel, left_of, number_ticks, padded, time_ticks, wrapped
from telemetry.canvas import BLUE, GREY, INK, ORANGE, PALE, RED, SKY, Canvas, Colour
from telemetry.typeface import text_width

WIDTH, HEIGHT = 1080, 1350
MARGIN = 40
TITLE, SUBTITLE = 44, 28
TIME = "time, UTC"
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


def _sheet(title: str, subtitle: str) -> tuple[Canvas, int]:
    """A canvas with its heading, and where it is free below."""
    canvas = Canvas(WIDTH, HEIGHT)
    y = 56
    for text, size, colour, step in ((title, TITLE, INK, 54), (subtitle, SUBTITLE, GREY, 38)):
        for line in wrapped(text, size, WIDTH - 2 * MARGIN):
            canvas.text(MARGIN, y, line, size, colour)
            y += step
        y -= 2
    return canvas, y


def in_words(title: str, subtitle: str, words: str) -> bytes:
    """A plot of nothing: what is missing, in words."""
    canvas, _ = _sheet(title, subtitle)
    _say(canvas, (MARGIN, 0, WIDTH - MARGIN, HEIGHT), words)
    return canvas.png()


def _say(canvas: Canvas, box: tuple[int, int, int, int], words: str) -> None:
    lines = wrapped(words, 36, box[2] - box[0] - 40)
    top = (box[1] + box[3]) / 2 - 25 * (len(lines) - 1)
    for k, line in enumerate(lines):
        canvas.text((box[0] + box[2]) / 2, top + 50 * k, line, 36, GREY, align=0.5)


def _legend(canvas: Canvas, y: float, entries: Sequence[tuple[str, str, Colour]]) -> float:
    """Signs and what they mean, as many in a line as fit; returns where it is free below."""
    x = float(MARGIN)
    for shape, text, colour in entries:
        wide = 44 + text_width(text, TICK) + 34
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + 42
        _sign(canvas, shape, x + 18, y, colour)
        canvas.text(x + 44, y, text, TICK)
        x += wide
    return y + 42


def _sign(canvas: Canvas, shape: str, x: float, y: float, colour: Colour, size: float = 13.0) -> None:
    match shape:
        case "up":
            canvas.polygon([(x, y - size), (x + size, y + size), (x - size, y + size)], colour)
        case "down":
            canvas.polygon([(x, y + size), (x + size, y - size), (x - size, y - size)], colour)
        case "cross":
            part = size * 0.8
            canvas.line([(x - part, y - part), (x + part, y + part)], colour, 6)
            canvas.line([(x - part, y + part), (x + part, y - part)], colour, 6)
        case "dot":
            canvas.dot(x, y, size * 0.9, colour)
        case "dash":
            canvas.line([(x - 18, y), (x + 18, y)], colour, 4, dash=9)
        case "tick":
            canvas.rect(x - 4, y - 18, x + 4, y + 18, colour)
        case "line":
            canvas.line([(x - 18, y), (x + 18, y)], colour, 5)
        case _:
            canvas.rect(x - 15, y - 13, x + 15, y + 13, colour)


def equity_and_drawdown(
    title: str, subtitle: str, equity: Sequence[tuple[int, float]], drawdown: Sequence[tuple[int, float]], *, unit: str, missing: str = ""
) -> bytes:
    """Equity (ts, amount in `unit`) above, drawdown (ts, share of the peak, 0..1) below; `missing` says why there is none."""
    if len(equity) < 2:
        return in_words(title, subtitle, missing or "no day is over yet: nothing to draw")
    canvas, top = _sheet(title, subtitle)
    xs = (float(equity[0][0]), float(equity[-1][0]))
    ys = padded([value for _, value in equity])
    ticks = number_ticks(*ys)
    deepest = max((share for _, share in drawdown), default=0.0)
    falls = (-max(deepest * 1.1, 0.001) * 100, 0.0)
    fall_ticks = number_ticks(*falls, most=4, unit=" %")
    left = max(left_of(ticks), left_of(fall_ticks))
    days = time_ticks(equity[0][0], equity[-1][0])
    upper = Panel(canvas, (left, top + 20, WIDTH - MARGIN, 800), xs, ys)
    upper.up(ticks, f"equity, {unit}")
    upper.frame()
    points = [(upper.x(ts), upper.y(value)) for ts, value in equity]
    canvas.line(points, BLUE, 5)
    if len(points) <= 45:
        for x, y in points:
            canvas.dot(x, y, 8, BLUE)
    lower = Panel(canvas, (left, 850, WIDTH - MARGIN, HEIGHT - 130), xs, falls)
    lower.up(fall_ticks, "drawdown, % of peak")
    if drawdown:
        curve = [(lower.x(ts), lower.y(-100 * share)) for ts, share in drawdown]
        canvas.polygon([(curve[0][0], lower.top), *curve, (curve[-1][0], lower.top)], ORANGE, 0.5)
        canvas.line(curve, RED, 4)
    else:
        _say(canvas, (left, lower.top, WIDTH - MARGIN, lower.bottom), missing)
    lower.frame()
    lower.across(days, TIME)
    return canvas.png()


def trades_on_candles(title: str, subtitle: str, trades: Sequence[Mark], candles: Candles | None, *, unit: str) -> bytes:
    """Entries and exits over the candles of one instrument (None: the trades alone); prices in `unit`."""
    if not trades:
        return in_words(title, subtitle, NO_TRADES)
    canvas, top = _sheet(title, subtitle)
    signs: list[tuple[str, str, Colour]] = [("up", "long entry", INK)] if any(one.long for one in trades) else []
    signs += [("down", "short entry", INK)] if not all(one.long for one in trades) else []
    signs += [("dot", "exit with a win", BLUE), ("cross", "exit with a loss", RED)]
    signs += [("box", "candle, up", SKY), ("box", "candle, down", GREY)] if candles else []
    top = round(_legend(canvas, top + 20, signs))
    first, last = min(one.entry_ts for one in trades), max(one.exit_ts for one in trades)
    prices = [price for one in trades for price in (one.entry, one.exit)]
    if candles:
        first, last = min(first, candles.ts[0]), max(last, candles.ts[-1] + candles.width_ms)
        prices += [*candles.high, *candles.low]
    xs, ys = padded([float(first), float(last)], 0.03), padded(prices)
    ticks = number_ticks(*ys, most=8)
    panel = Panel(canvas, (left_of(ticks), top + 10, WIDTH - MARGIN, HEIGHT - 130), xs, ys)
    panel.up(ticks, f"price, {unit}")
    if candles:
        _candles(panel, candles)
    size = 13.0 if len(trades) <= 40 else 9.0
    for one in trades:
        start, end = (panel.x(one.entry_ts), panel.y(one.entry)), (panel.x(one.exit_ts), panel.y(one.exit))
        canvas.line([start, end], BLUE if one.won else RED, 3, dash=9)
    for one in trades:
        _sign(canvas, "up" if one.long else "down", panel.x(one.entry_ts), panel.y(one.entry), INK, size)
        _sign(canvas, "dot" if one.won else "cross", panel.x(one.exit_ts), panel.y(one.exit), BLUE if one.won else RED, size)
    panel.frame()
    panel.across(time_ticks(round(xs[0]), round(xs[1])), TIME)
    return canvas.png()


def _candles(panel: Panel, candles: Candles) -> None:
    wide = max(2.0, 0.7 * (panel.x(candles.width_ms) - panel.x(0)))
    for ts, o, h, l, c in zip(candles.ts, candles.open, candles.high, candles.low, candles.close, strict=True):
        x = panel.x(ts + candles.width_ms / 2)
        colour = SKY if c >= o else GREY
        panel.canvas.line([(x, panel.y(h)), (x, panel.y(l))], colour, 2)
        y0, y1 = panel.y(o), panel.y(c)
        panel.canvas.rect(x - wide / 2, min(y0, y1) - 0.5, x + wide / 2, max(y0, y1) + 0.5, colour)


def r_distribution(title: str, subtitle: str, results: Sequence[float], mean: float | None) -> bytes:
    """How many trades ended with how many R, and their mean."""
    if not results:
        return in_words(title, subtitle, NO_TRADES)
    canvas, top = _sheet(title, subtitle)
    entries: list[tuple[str, str, Colour]] = [("box", "losses", ORANGE), ("box", "wins", BLUE)]
    entries += [("dash", f"mean {mean:+.2f} R".replace("-", "−"), INK)] if mean is not None else []
    top = round(_legend(canvas, top + 20, entries))
    width = next((step for step in (0.25, 0.5, 1.0, 2.0, 5.0) if (max(results) - min(results)) / step <= 40), 10.0)
    # A bin never holds losses and wins: bins are (a, b], and 0 is a border.
    bins: dict[int, int] = {}
    for value in results:
        k = -int(-value // width) - 1
        bins[k] = bins.get(k, 0) + 1
    xs = (min(*bins, -1) * width - width / 2, max(max(bins) + 1, 1) * width + width / 2)
    ys = (0.0, max(bins.values()) * 1.08)
    ticks = number_ticks(*ys, least=1.0)
    panel = Panel(canvas, (left_of(ticks), top + 10, WIDTH - MARGIN, HEIGHT - 110), xs, ys)
    panel.up(ticks, "trades")
    for k, count in bins.items():
        colour = BLUE if k >= 0 else ORANGE
        panel.canvas.rect(panel.x(k * width) + 2, panel.y(count), panel.x((k + 1) * width) - 2, panel.y(0), colour)
    canvas.line([(panel.x(0), panel.top), (panel.x(0), panel.bottom)], INK, 2)
    if mean is not None:
        canvas.line([(panel.x(mean), panel.top), (panel.x(mean), panel.bottom)], INK, 4, dash=14)
    panel.frame()
    panel.across(number_ticks(*xs, most=8), f"result of a trade, R (bars are {width:g} R wide)")
    return canvas.png()


def against_targets(title: str, subtitle: str, rows: Sequence[Target]) -> bytes:
    """Each figure on a scale of its own, with its confidence bound and its target."""
    if not rows:
        return in_words(title, subtitle, "no sample of evidence has begun: nothing to compare with the targets")
    canvas, top = _sheet(title, subtitle)
    signs: list[tuple[str, str, Colour]] = [
        ("dot", "value, met", BLUE),
        ("cross", "value, not met", RED),
        ("tick", "target", INK),
        ("line", "to its confidence bound; scales begin at 0 unless marked", GREY),
    ]
    top = round(_legend(canvas, top + 20, signs)) + 10
    step = (HEIGHT - top - 20) / max(len(rows), 4)
    for k, row in enumerate(rows):
        _target(canvas, row, top + k * step, step)
    return canvas.png()


def _target(canvas: Canvas, row: Target, top: float, step: float) -> None:
    canvas.text(MARGIN, top + 22, row.name, LABEL)
    canvas.text(WIDTH - MARGIN, top + 22, row.words, LABEL, align=1.0)
    known = [value for value in (row.value, row.bound, row.target) if value is not None]
    low, high = padded(known, 0.12, zero=True) if known else (0.0, 1.0)
    low = low if min([*known, 0.0]) < 0.0 else 0.0
    left, right, y = MARGIN + 10, WIDTH - MARGIN - 10, top + min(66.0, step * 0.55)
    x = Panel(canvas, (left, 0, right, 1), (low, high), (0.0, 1.0)).x
    canvas.line([(left, y), (right, y)], PALE, 10)
    if low < 0.0:
        canvas.line([(x(0.0), y - 14), (x(0.0), y + 14)], GREY, 3)
        canvas.text(x(0.0) + 8, y + 26, "0", TICK, GREY)
    if row.target is not None:
        canvas.rect(x(row.target) - 4, y - 22, x(row.target) + 4, y + 22, INK)
    if row.value is not None:
        if row.bound is not None:
            canvas.line([(x(row.bound), y), (x(row.value), y)], GREY, 7)
            canvas.line([(x(row.bound), y - 11), (x(row.bound), y + 11)], GREY, 5)
        met = row.state.startswith("met")
        _sign(canvas, "dot" if met else "cross", x(row.value), y, BLUE if met else RED)
    lines = wrapped(row.state, TICK, WIDTH - 2 * MARGIN)
    canvas.text(MARGIN, y + 38, lines[0] + (" …" if len(lines) > 1 else ""), TICK, GREY)


def bars(title: str, subtitle: str, rows: Sequence[Bar], axis: str, empty: str = NO_TRADES, *, costs: bool = False) -> bytes:
    """Named amounts, one below the other, from 0 to either side; `axis` names quantity and unit. `costs`: what is above 0 was paid."""
    known = [row.value for row in rows if row.value is not None]
    if not known:
        return in_words(title, subtitle, empty)
    canvas, top = _sheet(title, subtitle)
    low, high = padded(known, 0.08, zero=True)
    xs = (low if min(known) < 0.0 else 0.0, high if max(known) > 0.0 or min(known) == 0.0 else 0.0)
    panel = Panel(canvas, (MARGIN + 20, top + 10, WIDTH - MARGIN - 20, HEIGHT - 110), xs, (0.0, 1.0))
    ticks = number_ticks(*xs, most=6)
    step = (panel.bottom - panel.top) / max(len(rows), 4)
    for k, row in enumerate(rows):
        y = panel.top + k * step
        canvas.text(panel.left, y + 24, row.name, LABEL)
        canvas.text(panel.right, y + 24, row.remark, TICK, GREY, align=1.0)
        ends = (y + 48, panel.bottom if k == len(rows) - 1 else y + step)
        for tick in ticks:
            canvas.line([(panel.x(tick.value), ends[0]), (panel.x(tick.value), ends[1])], PALE, 2)
        if row.value is not None:
            thick = min(120.0, step - 80)
            canvas.rect(panel.x(0.0), y + 56, panel.x(row.value), y + 56 + thick, BLUE if (row.value >= 0) is not costs else ORANGE)
        canvas.line([(panel.x(0.0), ends[0]), (panel.x(0.0), ends[1])], INK, 2.5)
    canvas.line([(panel.left, panel.bottom), (panel.right, panel.bottom)], INK, 2.5)
    panel.across(ticks, axis)
    return canvas.png()
