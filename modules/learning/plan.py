"""When a domain's policies are trained, judged, promoted and taken back: what is remembered, and the rules of time. Pure."""

from __future__ import annotations

import msgspec

from modules.learning.checkpoint import LCB_TABLE, SB3_DQN
from modules.settings import Learning
from state.drift import Drift
from state.policies import PolicyRef
from strategy.drift_levels import POST_MS, may_learn
from strategy.policy import L0, STATIC

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
NEXT = {LCB_TABLE: SB3_DQN, SB3_DQN: LCB_TABLE}
"""Which learner has its turn when the other has won or was given up."""
KEPT_LOG = 50
KEPT_VERSIONS = 30


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a domain's history of champions."""

    ts: int
    what: str
    """`trained`, `promoted`, `offered`, `rolled back`, `given up`."""
    version: str
    reason: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`champion.json` of a domain. Times are venue ms, 0: never."""

    champion: str = STATIC
    level: int = L0
    since_ts: int = 0
    previous: str = STATIC
    previous_level: int = L0
    challenger: str = ""
    algorithm: str = LCB_TABLE
    """The procedure that challenges. Each training makes another version of it; its evidence is that of all of them."""
    challengers: tuple[str, ...] = ()
    challenger_since: int = 0
    number: int = 0
    """Trainings so far."""
    last_train_ts: int = 0
    last_try_ts: int = 0
    """Also of a training that was refused."""
    last_judge_ts: int = 0
    last_promotion_ts: int = 0
    offered: str = ""
    """A version that a person may confirm."""
    offered_level: int = L0
    log: tuple[Entry, ...] = ()

    def with_entry(self, ts: int, what: str, version: str, reason: str = "") -> Plan:
        """The plan with one more line of history."""
        return msgspec.structs.replace(self, log=(*self.log, Entry(ts=ts, what=what, version=version, reason=reason))[-KEPT_LOG:])

    @property
    def in_use(self) -> tuple[str, ...]:
        """Versions that must stay on disk."""
        return tuple(sorted({self.champion, self.previous, self.challenger, self.offered} - {"", STATIC}))


def synced(plan: Plan, ref: PolicyRef | None) -> Plan:
    """The plan with the champion that really decides: the engine's word counts, whoever changed it."""
    version, level, since = (STATIC, L0, 0) if ref is None else (ref.version, ref.level, ref.since_ts)
    found = plan
    if version == plan.offered:
        return promoted(plan, since, version, level, "confirmed by a person")
    if version != plan.champion:
        found = msgspec.structs.replace(
            plan, champion=version, level=level, since_ts=since, previous=plan.champion, previous_level=plan.level, offered=""
        )
    elif since != plan.since_ts:
        found = msgspec.structs.replace(plan, since_ts=since)
    return found


def training_due(plan: Plan, drift: Drift | None, now: int, settings: Learning) -> str:
    """Why a training is due at `now`, in words; empty: it is not."""
    if not may_learn(drift) or (drift is not None and drift.change_ts and now - drift.change_ts < POST_MS):
        return ""
    passed = now - plan.last_train_ts
    if now - max(plan.last_train_ts, plan.last_try_ts) < settings.apart_hours * HOUR_MS:
        return ""
    if plan.last_train_ts == 0:
        return "the first one"
    if drift is not None and drift.level and drift.alarm_ts > plan.last_train_ts:
        return f"drift: {drift.reason}"
    if plan.challenger and plan.challenger == plan.previous and now - plan.last_promotion_ts < settings.promotion.apart_days * DAY_MS:
        return ""  # the champion before this one is in shadow: the new one is judged by it, and nobody may be promoted anyhow
    return f"{settings.every_days} days have passed" if passed >= settings.every_days * DAY_MS else ""


def judging_due(plan: Plan, now: int, settings: Learning) -> bool:
    """Whether the pair, or a learned champion alone, is to be looked at again."""
    there = plan.challenger or plan.champion != STATIC
    return bool(there) and now - plan.last_judge_ts >= settings.judge_hours * HOUR_MS


def looking_due(plan: Plan, looked_ts: int, now: int) -> bool:
    """Whether the conduct of a learned champion is to be looked at again: hourly, for a roll-back waits for nobody's day."""
    return plan.champion != STATIC and now - max(looked_ts, plan.since_ts) >= HOUR_MS


def trained(plan: Plan, now: int, version: str, reason: str) -> Plan:
    """After a training: the new version challenges, with the evidence of its procedure."""
    fresh = not plan.challengers
    found = msgspec.structs.replace(
        plan,
        challenger=version,
        challengers=(*[one for one in plan.challengers if one != version], version)[-KEPT_VERSIONS:],
        challenger_since=now if fresh else plan.challenger_since,
        number=plan.number + 1,
        last_train_ts=now,
        last_try_ts=now,
        last_judge_ts=now,  # there is nothing to be judged yet
    )
    return found.with_entry(now, "trained", version, reason)


def promoted(plan: Plan, now: int, version: str, level: int, reason: str) -> Plan:
    """After a promotion: the old champion goes on in shadow, until the other learner is trained."""
    found = msgspec.structs.replace(
        plan,
        champion=version,
        level=level,
        since_ts=now,
        previous=plan.champion,
        previous_level=plan.level,
        challenger=plan.champion,
        algorithm=NEXT[plan.algorithm],
        challengers=(),
        challenger_since=0,
        last_promotion_ts=now,
        offered="",
    )
    return found.with_entry(now, "promoted", version, reason)


def rolled_back(plan: Plan, now: int, reason: str) -> Plan:
    """After a roll-back: the champion before this one decides again, else the static one; nobody is in shadow."""
    version, level = (plan.previous, plan.previous_level) if plan.previous != plan.champion else (STATIC, L0)
    found = msgspec.structs.replace(
        plan,
        champion=version,
        level=level,
        since_ts=now,
        previous=STATIC,
        previous_level=L0,
        challenger="",
        challengers=(),
        challenger_since=0,
        offered="",
    )
    return found.with_entry(now, "rolled back", plan.champion, reason)


def given_up(plan: Plan, now: int) -> Plan:
    """A challenger that had its time and is worse: the other learner has its turn."""
    found = msgspec.structs.replace(
        plan, challenger="", challengers=(), challenger_since=0, algorithm=NEXT[plan.algorithm], last_train_ts=0, last_try_ts=0, offered=""
    )
    return found.with_entry(now, "given up", plan.challenger, "beyond doubt worse than the champion")


def trial(settings: Learning, now: int) -> dict[str, str]:
    """Arguments of a `policy` event that begins with half size."""
    rules = settings.promotion
    return {"half_until": str(now + rules.probation_days * DAY_MS), "half_trades": str(rules.probation_trades)}
