"""The mood of a market as a hook: a source says a number, and all it can do is make an entry smaller or prevent it.

Off by default. No claim is made that mood predicts anything: measured news sentiment gets markets wrong in both directions. What is old or
missing is neutral, and says so in the observation.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from state.sentiment import Felt

OFF = "off"
"""The source that there is when none is: what was told before is forgotten."""
HALF = 0.5
"""Size against a strong mood."""
FUTURE_MS = 300_000
"""A reading from further ahead than clocks differ is not believed."""


class Reading(msgspec.Struct, frozen=True):
    """What a source says: -1 (fear) to 1 (greed), true since `ts` (ms UTC)."""

    value: float
    ts: int


class SentimentSource(Protocol):
    """Where a mood comes from."""

    name: str

    async def latest(self, now: int) -> Reading | None:
        """The newest reading that was known at `now` (ms UTC); None: neutral. Transient when it may work again later."""
        ...


class Neutral:
    """The default: nothing is known, nothing follows."""

    name = OFF

    async def latest(self, now: int) -> Reading | None:
        """Nothing, ever."""
        return None


class SentimentRule(msgspec.Struct, frozen=True, kw_only=True):
    """From when on a mood against the side of an entry counts. Sizes can only shrink, whatever stands here."""

    shrink_at: float = 0.5
    """Half size from here on."""
    veto_at: float = 0.9
    """No entry from here on."""
    max_age_ms: int = 48 * 3_600_000


def mood(felt: Felt | None, rule: SentimentRule, now: int) -> tuple[float, float]:
    """(value, stale) as the observation has them: -1 to 1, 0 when it does not count; stale 1 when a source is on and says nothing new."""
    if felt is None:
        return 0.0, 0.0
    age = now - felt.ts
    if not felt.ts or age > rule.max_age_ms or age < -FUTURE_MS:
        return 0.0, 1.0
    return min(max(felt.milli / 1000.0, -1.0), 1.0), 0.0


def size_factor(felt: Felt | None, rule: SentimentRule, side: int, now: int) -> float:
    """What an entry of `side` (1 long, -1 short) is multiplied with: 1, or half against a strong mood. Never more."""
    against = -side * mood(felt, rule, now)[0]
    return HALF if against >= rule.shrink_at else 1.0


def vetoed(felt: Felt | None, rule: SentimentRule, side: int, now: int) -> bool:
    """Whether the mood is so much against `side` that nothing is entered."""
    return -side * mood(felt, rule, now)[0] >= rule.veto_at
