"""From detectors that went off to what the bot does about it: votes, levels, reactions, and when it is over. Pure rules with their numbers.

One detector alone is not believed: two families must agree on a stream within five days, or one must say it again. That is how the budget
of at most one false alarm a domain and 90 days is kept, measured in docs/drift.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from state.drift import DEMOTE, FREEZE, NONE, NOTE, Drift
from strategy.drift_streams import Family, Firing

DAY_MS = 86_400_000
WINDOW_MS = 5 * DAY_MS
"""Votes count together for so long."""
APART_MS = DAY_MS
"""One family going off again within this is still saying the same thing."""
QUIET_MS = 7 * DAY_MS
"""Without another alarm a level ends after this."""
POST_MS = 30 * DAY_MS
"""So much data from after a change makes a new policy worth training."""
WORTH_R = 0.1
"""A change of costs that is worth less, in R, is noted; from here on nothing is learned from it."""
HALF = 0.5
"""Size at level 2 and 3."""


class Source(StrEnum):
    """What is watched."""

    FEATURES = "features"
    """What a policy sees, one value a bar."""
    CALIBRATION = "calibration"
    """R of a trade less what the policy had predicted for it."""
    GAP = "sim_to_fill_gap"
    """R of a trade less what the simulator makes of it."""
    SLIPPAGE = "slippage"
    """What executions lost against the quote of the decision, in R."""
    POLICY = "policy_r"
    """R of the policy's trades."""


COSTS = frozenset({Source.GAP, Source.SLIPPAGE})
"""Streams that tell of what executions cost."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: it raises a domain's level."""

    ts: int
    level: int
    stream: str
    reason: str


class Votes:
    """The firings on one stream, and when they are believed."""

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        self._window_ms = window_ms
        self.seen: list[tuple[int, Family]] = []
        """(ts, family) that still count, oldest first."""

    def add(self, firing: Firing) -> tuple[Family, ...]:
        """The families that made an alarm of it, oldest first; empty: not yet believed."""
        self.seen = [one for one in self.seen if firing.ts - one[0] <= self._window_ms]
        mine = [ts for ts, family in self.seen if family is firing.family]
        if mine and (firing.family is Family.PSI or firing.ts - mine[-1] < APART_MS):
            return ()  # the same days again are no second evidence
        self.seen.append((firing.ts, firing.family))
        if len(self.seen) < 2:
            return ()
        told = tuple(family for _, family in self.seen)
        self.seen = []
        return told


def level_of(source: Source, shift_r: float) -> int:
    """The level of an alarm on a stream that changed by `shift_r` (R; of no meaning for features)."""
    if source is Source.POLICY:
        return DEMOTE
    if source is Source.CALIBRATION:
        return FREEZE
    return FREEZE if source is not Source.FEATURES and abs(shift_r) > WORTH_R else NOTE


def raised(drift: Drift, alarm: Alarm) -> Drift:
    """The domain after an alarm: a level only rises by alarms, it falls by quiet."""
    severe = alarm.level >= FREEZE
    higher = alarm.level > drift.level
    return Drift(
        level=max(drift.level, alarm.level),
        since_ts=alarm.ts if higher else drift.since_ts,
        alarm_ts=max(drift.alarm_ts, alarm.ts),
        stream=alarm.stream if higher or alarm.level == drift.level else drift.stream,
        reason=alarm.reason if higher or alarm.level == drift.level else drift.reason,
        costs_ts=max(drift.costs_ts, alarm.ts) if alarm.stream in COSTS else drift.costs_ts,
        change_ts=max(drift.change_ts, alarm.ts) if severe else drift.change_ts,
        person=drift.person or severe,
    )


def is_over(drift: Drift, now: int) -> bool:
    """Whether a level is in force and the time without alarms has passed."""
    return drift.level > NONE and now - drift.alarm_ts >= QUIET_MS


def cleared(drift: Drift, now: int) -> Drift:
    """The domain after its level ended; what changed and that a person must confirm the next promotion is kept."""
    return msgspec.structs.replace(drift, level=NONE, since_ts=now, stream="", reason="")


def confirmed(drift: Drift) -> Drift:
    """A person has promoted a policy: the next promotion may go by the rules again."""
    return msgspec.structs.replace(drift, person=False)


def size_factor(drift: Drift | None) -> float:
    """What entries are multiplied with: 1 or `HALF`, never more than 1."""
    return HALF if drift is not None and drift.level >= FREEZE else 1.0


def may_learn(drift: Drift | None) -> bool:
    """Whether policies may be updated and promoted."""
    return drift is None or drift.level < FREEZE


def may_promote_itself(drift: Drift | None) -> bool:
    """Whether a promotion may go without a person, as far as drift is concerned."""
    return drift is None or (drift.level < FREEZE and not drift.person)


def train_since(drift: Drift | None) -> int:
    """The time before which experience is of another world (ms UTC); 0: all of it is good."""
    return 0 if drift is None else drift.change_ts


def retrain_due(drift: Drift | None, trained_ts: int, now: int) -> bool:
    """Whether drift asks for a retraining that has not happened since (`trained_ts`: the newest one; when it may run is for its caller).

    Level 1 asks for it at once; after level 2 or 3 it waits until there are 30 days of data from after the change.
    """
    if drift is None:
        return False
    if drift.change_ts:
        return now - drift.change_ts >= POST_MS > trained_ts - drift.change_ts
    return drift.alarm_ts > trained_ts


def words(families: Iterable[Family]) -> str:
    """`adwin and page_hinkley`, or `adwin twice`."""
    found = list(dict.fromkeys(families))
    return f"{found[0]} twice" if len(found) == 1 else " and ".join(found)
