"""Where a domain stands between "as it was" and "not to be trusted": the level of drift in force, why, and what outlasts it."""

from __future__ import annotations

import msgspec

NONE, NOTE, FREEZE, DEMOTE = 0, 1, 2, 3
"""Nothing; noted, a retraining is scheduled; learning frozen and half size; the policy and its standing are demoted."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One domain's drift; times are venue time, ms UTC, 0: never."""

    level: int = NONE
    since_ts: int = 0
    """When this level began."""
    alarm_ts: int = 0
    """The newest alarm: seven days after it without another one the level ends."""
    stream: str = ""
    """What it came from."""
    reason: str = ""
    """In words, with its figures."""
    change_ts: int = 0
    """The newest alarm of level 2 or 3: a policy is trained anew on what came after it alone."""
    costs_ts: int = 0
    """The newest alarm that says that executions cost another than they did: costs are measured again sooner."""
    person: bool = False
    """A promotion waits for a person, since level 2 or 3 was reached: what has drifted never promotes by itself."""
