"""What was asked of a limited scope in the last seconds, kept where a kill does not reach it.

A process that is killed and started again forgets what it asked for, the venue does not: two starts within one window are shut out
for ten minutes. A few counters, one a wall second, in a file mapped into memory: the system writes it however the process ends.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from struct import Struct

SECONDS = 16
"""Slots of the ring; windows are shorter."""
_SLOT = Struct("<qq")
_SIZE = SECONDS * _SLOT.size


class Spent:
    """The counters in `path`, made when missing; a file of another size is begun anew. OSError when it cannot be written."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size != _SIZE:
                os.ftruncate(handle, 0)
                os.ftruncate(handle, _SIZE)
            self._map = mmap.mmap(handle, _SIZE)
        finally:
            os.close(handle)

    def note(self, now_ms: int) -> None:
        """One more was asked."""
        second = now_ms // 1000
        at = second % SECONDS * _SLOT.size
        known, count = _SLOT.unpack_from(self._map, at)
        _SLOT.pack_into(self._map, at, second, count + 1 if known == second else 1)

    def ages_ms(self, now_ms: int, window_ms: int) -> list[int]:
        """How long ago each request of the window was at the least, oldest first; what seems to lie ahead is of a corrected clock."""
        slots = sorted(_SLOT.unpack_from(self._map, n * _SLOT.size) for n in range(SECONDS))
        ages = [(max(0, now_ms - (second + 1) * 1000), count) for second, count in slots if second * 1000 <= now_ms and count > 0]
        return [age for age, count in ages if age < window_ms for _ in range(count)]
