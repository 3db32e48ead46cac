"""The path points of one listing in order of time, read ahead by the stretch; each stretch of time is asked for once."""

from __future__ import annotations

from modules.simulator import path
from modules.simulator.market import Series

CHUNK_BARS = 120
Row = tuple[int, int, int, int, int, int, int, int]
"""A path point: ts, price, size, bid, ask, bid size, ask size, buy; prices in ticks, sizes in steps."""


class PointReader:
    """Give it rising stretches; one that does not begin where the last ended is found again."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._rows: list[Row] = []
        self._at = 0
        self._reached = -1

    def take(self, start_ms: int, stop_ms: int) -> list[Row]:
        """The points in [start, stop)."""
        if start_ms != self._reached:
            self._load(start_ms)
        self._reached = stop_ms
        begin = self._at
        rows, size = self._rows, len(self._rows)
        while self._at < size and rows[self._at][0] < stop_ms:
            self._at += 1
        if self._at < size:
            return rows[begin : self._at]
        found = rows[begin:]
        while self._load(self._rows[-1][0] + 1 if self._rows else start_ms):
            while self._at < len(self._rows) and self._rows[self._at][0] < stop_ms:
                found.append(self._rows[self._at])
                self._at += 1
            if self._at < len(self._rows):
                break
        return found

    @property
    def next_ts(self) -> int:
        """When the next point is, as far as was read ahead; else where reading ended."""
        return self._rows[self._at][0] if self._at < len(self._rows) else self._reached

    def forget(self) -> None:
        """The bars ahead have changed: read them again."""
        self._rows, self._at, self._reached = [], 0, -1

    def _load(self, from_ms: int) -> bool:
        """Read the next stretch of points from `from_ms` on; False when there are none yet."""
        first = max(0, path.index_at(self._series, from_ms + 1))
        rows = path.points(self._series, first, min(first + CHUNK_BARS, len(self._series.bars))).tolist()
        self._at = next((at for at, row in enumerate(rows) if row[0] >= from_ms), len(rows))
        self._rows = rows if self._at < len(rows) else []
        self._at = self._at if self._rows else 0
        return bool(self._rows)
