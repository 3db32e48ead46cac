"""The daemon's side of `sim_to_fill_gap`: when the trainer's process is asked for what is new, and where it goes, the drift watch.

Labels are computed where computing is cheap for trading, in the process beside the daemon, also with learning off: whether fills still come
as simulated says something about every trade, not about learning. Nothing is asked for while nothing has closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modules.learning.drift_watch import DriftWatch
from modules.learning.jobs import Gaps
from state.accounts import Domain


class GapStream:
    """One for all domains."""

    def __init__(self, watch: DriftWatch) -> None:
        self._watch = watch
        self._asked: dict[Domain, tuple[int, int]] = {}
        """Domain -> (when it was last asked for, the newest exit by then)."""
        self._left: set[Domain] = set()
        """Domains in which something was closed whose label is not known yet."""

    def job(self, domain: Domain, now: int, apart_ms: int) -> Gaps | None:
        """What to ask at `now` (venue ms), at most every `apart_ms`; None when nothing is due."""
        told, closed = self._watch.gap_ts(domain), self._watch.closed_ts(domain)
        last, known = self._asked.get(domain, (0, told))
        if now - last < apart_ms or (closed <= known and domain not in self._left):
            return None
        return Gaps(domain=domain, now=now, since=told)

    def tell(self, job: Gaps, result: dict[str, Any]) -> None:
        """Pass an answer on, oldest first; an empty one: it was refused."""
        found: Sequence[tuple[int, float]] = result.get("gaps", ())
        self._asked[job.domain] = (job.now, max(job.since, min(job.now, self._watch.closed_ts(job.domain))))
        self._left = self._left | {job.domain} if result.get("left") else self._left - {job.domain}
        for ts, value in found:
            self._watch.gap(str(job.domain), int(ts), float(value))
