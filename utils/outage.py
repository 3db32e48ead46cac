"""An outage in the log: one line when it begins and one when it is over, of one level, whatever is tried and fails in between.

Both bear the same `what`, so that no filter shows one without the other; what is tried meanwhile is for DEBUG.
"""

from __future__ import annotations

import structlog

log = structlog.get_logger("outage")


class Outages:
    """What is out at the moment; `fields` go into every line. Names are few and known: they stay here until they are over."""

    def __init__(self, **fields: str) -> None:
        self._fields = fields
        self._out: set[str] = set()

    def begin(self, what: str, reason: str) -> bool:
        """`what` is out, for `reason`; True and a line when that is news."""
        if what in self._out:
            log.debug("still out", what=what, reason=reason, **self._fields)
            return False
        self._out.add(what)
        log.warning("outage", what=what, reason=reason, **self._fields)
        return True

    def over(self, what: str) -> bool:
        """`what` works; True and a line when it was out."""
        if what not in self._out:
            return False
        self._out.remove(what)
        log.warning("outage over", what=what, **self._fields)
        return True
