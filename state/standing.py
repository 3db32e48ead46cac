"""Where a style of a domain stands: on paper, on probation with real money (canary), or live; and how it came there.

Keyed by (domain, style), because each style earns and loses its standing by itself. A standing never changes the stage.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from state.accounts import Domain


class Level(StrEnum):
    """What a style may trade with."""

    PAPER = "paper"
    CANARY = "canary"
    LIVE = "live"


class Fall(msgspec.Struct, frozen=True):
    """A demotion: when, where to, why."""

    ts: int
    to: Level
    reason: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One style's standing; times are venue time, ms UTC."""

    level: Level = Level.PAPER
    since_ts: int = 0
    reason: str = ""
    """What brought it here, in words."""
    offered_ts: int = 0
    """Since when a promotion waits for a person; 0 = none does."""
    falls: tuple[Fall, ...] = ()
    """Every demotion so far: after one, only new evidence lifts it again, no request does."""

    @property
    def real(self) -> bool:
        """Whether it trades real money."""
        return self.level is not Level.PAPER


def standing_key(domain: Domain, style: str) -> str:
    """`CRYPTO/swing`."""
    return f"{domain}/{style}"
