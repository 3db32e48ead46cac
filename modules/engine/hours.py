"""Keeps in each instrument's row when its market opens, closes and rests: the clock of the calendar, turned by events."""

from __future__ import annotations

import numpy as np

from forex.sessions import UNKNOWN, hours
from state.books import Rows


class Hours:
    """Looks after the rows of `inst` that have a session; what it writes follows from the time it is told alone."""

    def __init__(self, inst: Rows) -> None:
        self._rows = np.flatnonzero(inst["session"]).tolist()
        self._now = UNKNOWN

    def turn(self, inst: Rows, ts: int) -> None:
        """Bring the rows to what holds at `ts` (ms UTC)."""
        if not self._rows or self._now.since <= ts < self._now.rest_until:
            return
        now = self._now = hours(ts)
        for i in self._rows:
            row = inst[i]
            row["open_ts"], row["close_ts"], row["rest_ts"], row["rest_until"] = now.open_ts, now.close_ts, now.rest_ts, now.rest_until
