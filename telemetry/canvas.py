"""A picture of pixels: rectangles, lines, polygons, dots and text with smooth edges, out as PNG bytes. Pure.

No plotting library: what reports need of one is these few shapes, and drawing them here costs no import, no font and no window system.
Coordinates are pixels from the upper left corner, y downwards.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from telemetry.typeface import Mask, fill, text_mask, text_width

Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE, INK, GREY, PALE = (255, 255, 255), (33, 33, 33), (110, 110, 110), (222, 222, 222)
BLUE, ORANGE, SKY, GREEN, RED, PURPLE = (0, 114, 178), (230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167)
"""Okabe and Ito's palette, told apart with any colour vision; RED is their vermillion."""


class Canvas:
    """A white picture, `width` by `height` pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._pixels: npt.NDArray[np.float32] = np.full((height, width, 3), 255.0, np.float32)

    def _blend(self, mask: Mask, left: int, top: int, colour: Colour, alpha: float = 1.0) -> None:
        """Lay `colour` over the picture where `mask` covers it; what falls outside the picture is cut off."""
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(self.width, left + mask.shape[1]), min(self.height, top + mask.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        share = mask[y0 - top : y1 - top, x0 - left : x1 - left, None] * alpha
        part = self._pixels[y0:y1, x0:x1]
        part += (np.array(colour, np.float32) - part) * share

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, alpha: float = 1.0) -> None:
        """A filled rectangle between two corners, in any order."""
        (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
        left, top, right, bottom = int(np.floor(x0)), int(np.floor(y0)), int(np.ceil(x1)), int(np.ceil(y1))
        across = np.clip(np.minimum(np.arange(left, right) + 1, x1) - np.maximum(np.arange(left, right), x0), 0.0, 1.0)
        down = np.clip(np.minimum(np.arange(top, bottom) + 1, y1) - np.maximum(np.arange(top, bottom), y0), 0.0, 1.0)
        self._blend((down[:, None] * across).astype(np.float32), left, top, colour, alpha)

    def polygon(self, points: Sequence[Point], colour: Colour, alpha: float = 1.0) -> None:
        """A filled polygon."""
        outline = np.array(points, np.float64)
        corner = np.floor(outline.min(axis=0)) - 1
        size = (np.ceil(outline.max(axis=0)) + 1 - corner).astype(int)
        self._blend(fill([outline - corner], int(size[1]), int(size[0])), int(corner[0]), int(corner[1]), colour, alpha)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 3.0, dash: float = 0.0, alpha: float = 1.0) -> None:
        """A line through the points with round ends; `dash` pixels on, as many off, 0 for a whole one."""
        parts = list(pairwise(points))
        if dash:
            parts = [piece for start, end in parts for piece in _dashes(start, end, dash)]
        if not parts:
            return
        ends = np.array(parts).reshape(-1, 2)
        low = np.floor(ends.min(axis=0) - width - 1).astype(int)
        high = np.ceil(ends.max(axis=0) + width + 2).astype(int)
        low, high = np.maximum(low, 0), np.minimum(high, (self.width, self.height))
        if (low >= high).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
        for start, end in parts:
            _stroke(mask, np.array(start) - low, np.array(end) - low, width / 2)
        self._blend(mask, int(low[0]), int(low[1]), colour, alpha)

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.line([(x, y), (x, y)], colour, 2 * radius)

    def text(self, x: float, y: float, text: str, size: int, colour: Colour = INK, align: float = 0.0, *, up: bool = False) -> None:
        """A line of text whose letters' middle is at `y`; `align` 0, 0.5 or 1: it begins, is centred or ends at `x`.

        `up`: turned a quarter to the left, centred on `y`.
        """
        mask = text_mask(text, size)
        width = text_width(text, size)
        middle = size * 0.64  # of capitals and figures, from the top of the mask
        if up:
            self._blend(np.ascontiguousarray(np.rot90(mask)), round(x - middle), round(y - width / 2), colour)
        else:
            self._blend(mask, round(x - width * align), round(y - middle), colour)

    def png(self) -> bytes:
        """The picture as a PNG file: 8 bits a colour."""
        rows = np.zeros((self.height, 1 + 3 * self.width), np.uint8)
        rows[:, 1:] = np.clip(self._pixels + 0.5, 0, 255).astype(np.uint8).reshape(self.height, -1)
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _dashes(start: Point, end: Point, dash: float) -> list[tuple[Point, Point]]:
    (x0, y0), (x1, y1) = start, end
    length = float(np.hypot(x1 - x0, y1 - y0))
    if length == 0.0:
        return [(start, end)]
    found = []
    for begin in np.arange(0.0, length, 2 * dash):
        a, b = begin / length, min(begin + dash, length) / length
        found.append(((x0 + a * (x1 - x0), y0 + a * (y1 - y0)), (x0 + b * (x1 - x0), y0 + b * (y1 - y0))))
    return found


def _stroke(mask: Mask, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], half: float) -> None:
    """Cover what lies within `half` pixels of the segment."""
    low = np.maximum(np.floor(np.minimum(start, end) - half - 1), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(start, end) + half + 2), (mask.shape[1], mask.shape[0])).astype(int)
    if (low >= high).any():
        return
    x = np.arange(low[0], high[0]) + 0.5 - start[0]
    y = (np.arange(low[1], high[1]) + 0.5 - start[1])[:, None]
    dx, dy = end - start
    length = dx * dx + dy * dy
    share = np.clip((x * dx + y * dy) / length, 0.0, 1.0) if length else 0.0
    distance = np.hypot(x - share * dx, y - share * dy)
    part = mask[low[1] : high[1], low[0] : high[0]]
    np.maximum(part, np.clip(half + 0.5 - distance, 0.0, 1.0), out=part)
