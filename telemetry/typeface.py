"""Letters as coverage: the outlines in `typeface.json` (a few glyphs of a free font) filled at any size. Pure but for reading that file.

The server that a bot runs on need not have any font, so the few letters that plots use come with it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.float32]

SUB = 5
"""Scan lines a pixel row; across, coverage is exact."""
CURVE_STEPS = 4
REPLACEMENT = "?"
"""Drawn for a letter that the typeface does not have."""


class _Typeface(msgspec.Struct, frozen=True):
    units_per_em: int
    glyphs: dict[str, tuple[int, list[list[int]]]]
    """Letter -> (advance, contours of x, y, on-curve flag), as in TrueType's glyf table."""


@cache
def _typeface() -> _Typeface:
    return msgspec.json.decode(files("telemetry").joinpath("typeface.json").read_bytes(), type=_Typeface)


def fill(contours: list[Floats], height: int, width: int) -> Mask:
    """Coverage 0..1 of closed polygons, (n, 2) points x, y in pixels from the upper left; what lies outside the box is cut off."""
    edges = np.concatenate([np.hstack([points, np.roll(points, -1, axis=0)]) for points in contours])
    x0, y0, x1, y1 = (edges[:, k, None] for k in range(4))
    lines = (np.arange(height * SUB) + 0.5) / SUB
    crosses = (np.minimum(y0, y1) <= lines) & (lines < np.maximum(y0, y1))
    edge, line = np.nonzero(crosses)
    share = (lines[line] - y0[edge, 0]) / (y1 - y0)[edge, 0]
    x = np.clip(x0[edge, 0] + share * (x1 - x0)[edge, 0], 0.0, float(width))
    way = np.where(y1 > y0, 1.0, -1.0)[edge, 0]
    column = np.minimum(x.astype(np.int64), width)
    part = x - column
    winding = np.zeros((height * SUB, width + 2))
    np.add.at(winding, (line, column), way * (1.0 - part))
    np.add.at(winding, (line, column + 1), way * part)
    inside = np.clip(np.abs(np.cumsum(winding, axis=1)[:, :width]), 0.0, 1.0)
    return np.asarray(inside.reshape(height, SUB, width).mean(axis=1), dtype=np.float32)


def _flat(contour: list[int]) -> Floats:
    """Quadratic curves as short lines; between two control points in a row lies a point of the curve."""
    raw = np.array(contour, np.float64).reshape(-1, 3)
    points: list[tuple[float, float, bool]] = []
    for (x, y, on), (next_x, next_y, next_on) in zip(raw, np.roll(raw, -1, axis=0), strict=True):
        points.append((x, y, bool(on)))
        if not on and not next_on:
            points.append(((x + next_x) / 2, (y + next_y) / 2, True))
    first = next(k for k, point in enumerate(points) if point[2])
    points = points[first:] + points[:first]
    found: list[tuple[float, float]] = []
    for k, (x, y, on) in enumerate(points):
        if on:
            found.append((x, y))
            continue
        ax, ay, _ = points[k - 1]
        bx, by, _ = points[(k + 1) % len(points)]
        for step in range(1, CURVE_STEPS):
            t = step / CURVE_STEPS
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            found.append((a * ax + b * x + c * bx, a * ay + b * y + c * by))
    return np.array(found)


def advance(letter: str, size: float) -> float:
    """How far the pen moves, pixels, at `size` pixels an em."""
    face = _typeface()
    return face.glyphs.get(letter, face.glyphs[REPLACEMENT])[0] * size / face.units_per_em


def text_width(text: str, size: float) -> float:
    """Width in pixels."""
    return sum(advance(letter, size) for letter in text)


@cache
def glyph(letter: str, size: int) -> Mask | None:
    """The letter's coverage in a box 1.3 `size` high, its baseline at `size` from the top; None for a blank."""
    face = _typeface()
    contours = face.glyphs.get(letter, face.glyphs[REPLACEMENT])[1]
    if not contours:
        return None
    scale = size / face.units_per_em
    outlines = [_flat(contour) * (scale, -scale) + (1.0, float(size)) for contour in contours]
    return fill(outlines, round(size * 1.3), round(advance(letter, size)) + 3)


def text_mask(text: str, size: int) -> Mask:
    """A line of text as coverage, (1.3 `size`, width); its baseline is at `size` from the top, its first letter 1 pixel in."""
    mask = np.zeros((round(size * 1.3), int(text_width(text, size)) + size + 4), np.float32)
    pen = 0.0
    for letter in text:
        if (found := glyph(letter, size)) is not None:
            left = round(pen)
            part = mask[:, left : left + found.shape[1]]
            np.maximum(part, found[:, : part.shape[1]], out=part)
        pen += advance(letter, size)
    return mask[:, : int(text_width(text, size)) + 3]
