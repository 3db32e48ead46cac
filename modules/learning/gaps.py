"""What fills brought beside what the simulator makes of the same entries, in the order of their exits: the stream that drift is watched on.

An older trade whose label is still open holds the later ones back, because a stream is told oldest first and each moment once. It waits no
longer than its strategy may hold: what has no label then (missing candles) never gets one.
"""

from __future__ import annotations

import numpy as np

from modules.learning.experience import Experience
from modules.learning.labels import Why
from state.accounts import Domain
from strategy.registry import STRATEGIES

SETTLE_MS = 300_000
"""What closed within the last minutes waits: another account may still be telling of an earlier exit."""
SLACK_MS = 86_400_000


def longest_ms(domain: Domain) -> int:
    """A trade of `domain` was decided at most so long before its exit, and its label is known at most so long after its decision."""
    return max(one.max_hold_ms for one in STRATEGIES if domain in one.domains) + SLACK_MS


def gaps_of(experience: Experience, since: int, now: int) -> tuple[list[tuple[int, float]], bool]:
    """(exit, ms UTC; R of the fill less R of the label) of what was closed after `since` and may be told at `now`, oldest first.

    What was closed at the same moment is one value, their mean. And whether anything is left that can be told later.
    """
    filled = np.isfinite(experience.fill)
    waits = (experience.labels.why == Why.STILL_OPEN) & (experience.ts + experience.hold_ms + SLACK_MS > now)
    until = int(experience.exits[filled & waits[:, None]].min(initial=now - SETTLE_MS))
    gaps = experience.fill - experience.labels.r
    known = np.isfinite(gaps) & (experience.exits > since) & (experience.exits < until)
    moments, values = experience.exits[known], gaps[known]
    later = filled & (experience.labels.good | waits)[:, None] & (experience.exits >= max(until, since + 1))
    return [(int(ts), float(values[moments == ts].mean())) for ts in np.unique(moments)], bool(later.any())
