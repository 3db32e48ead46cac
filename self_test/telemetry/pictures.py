"""What a picture of ours holds: the pixels of a PNG, and the texts of a figure as they lie on the page."""

from __future__ import annotations

from io import BytesIO
from itertools import combinations
from typing import cast

import numpy as np
import numpy.typing as npt
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from telemetry.sheet import HEIGHT, WIDTH


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    """(height, width, 3)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    with Image.open(BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))


def count(png: bytes, colour: str) -> int:
    """How many pixels are of exactly this colour (`#rrggbb`)."""
    return int((pixels(png) == np.round(np.array(to_rgb(colour)) * 255)).all(axis=2).sum())


def ticks(axis: Axis) -> list[Text]:
    """The texts of an axis' marks that can be seen."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    marks = zip(axis.get_majorticklocs(), axis.get_major_ticks(), strict=True)
    return [mark.label1 for where, mark in marks if low - slack <= where <= high + slack and mark.label1.get_visible()]


def texts(figure: Figure) -> list[Text]:
    """Everything that can be read on a figure once it is drawn."""
    figure.draw_without_rendering()
    every = cast("list[Text]", figure.findobj(Text))
    of_marks = {id(text) for frame in figure.axes for axis in (frame.xaxis, frame.yaxis) for text in axis.findobj(Text)}
    of_axes = [
        text for frame in figure.axes for axis in (frame.xaxis, frame.yaxis) for text in (*ticks(axis), axis.label, axis.get_offset_text())
    ]
    found = [*(text for text in every if id(text) not in of_marks), *of_axes]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def words(figure: Figure) -> list[str]:
    """The texts themselves, each in one line."""
    return [" ".join(text.get_text().split()) for text in texts(figure)]


def faults(figure: Figure) -> list[str]:
    """What cannot be read: small letters, texts that leave the page or lie on each other."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    found = [f"small: {text.get_text()}" for text in texts(figure) if float(text.get_fontsize()) * figure.dpi / 72 < 22]
    found += [f"off the page: {text}" for text, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > WIDTH or box.y1 > HEIGHT]
    return found + [f"on each other: {a} / {b}" for (a, one), (b, other) in combinations(boxes, 2) if one.padded(-1).overlaps(other)]
