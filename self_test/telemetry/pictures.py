"""Reading a PNG of ours back: its pixels, without any library."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    """(height, width, 3); ValueError where a chunk's checksum is wrong."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        if crc != zlib.crc32(name + data):
            raise ValueError(name)
        parts[name] = data
        at += 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()  # no filter
    return rows[:, 1:].reshape(height, width, 3)


def count(png: bytes, colour: tuple[int, int, int]) -> int:
    """How many pixels are of exactly this colour."""
    return int((pixels(png) == colour).all(axis=2).sum())
