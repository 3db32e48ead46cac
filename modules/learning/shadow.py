"""What champion and challenger answered to the same candidates, as pairs to be judged; and how the champion has done since it took over.

Answers are those that the decision rows recorded when they were made, never new ones; that a policy still gives the recorded answer is
checked, and one that does not is a fault.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from modules.learning.champion import DAY_MS, Conduct, Pairs, PromotionConfig, block_bound, mix_limit, mix_of
from modules.learning.experience import Experience, Results
from modules.learning.labels import usable
from state.decisions import DecisionRow
from strategy.actions import SKIP, arm_of, size_of
from strategy.features import SCHEMA
from strategy.policy import L2, Observation, Policy, decide
from strategy.registry import BY_ID

Ints = npt.NDArray[np.int64]
LEAST_DAYS = 5
"""Days before a promoted policy is compared with the one before it."""


def pairs_of(experience: Experience, champion: str, challengers: Collection[str], since: int, now: int) -> Pairs:
    """Decisions from `since` on that version `champion` made while one of `challengers` decided beside it, their outcomes known by `now`.

    As for training, what could still have been open is left out, whether it was or not.
    """
    rows, labels = experience.rows, experience.labels
    known = usable(experience.ts, experience.hold_ms, labels.good, now) & (experience.ts >= since)
    chosen = [n for n, row in enumerate(rows) if known[n] and row.policy == champion and row.challenger in challengers]
    ours = np.array([rows[n].challenger_action for n in chosen], np.int64)
    theirs = np.array([rows[n].greedy for n in chosen], np.int64)
    return Pairs(
        ts=experience.ts[chosen],
        champion_action=theirs,
        challenger_action=ours,
        champion_u=labels.u[chosen, theirs].astype(np.float64),
        challenger_u=labels.u[chosen, ours].astype(np.float64),
        champion_r=_r(experience, chosen, theirs),
        challenger_r=_r(experience, chosen, ours),
        champion_size=_sizes(theirs),
        challenger_size=_sizes(ours),
    )


def conduct_of(
    experience: Experience, results: Results, policy: Policy, since: int, now: int, before: str, config: PromotionConfig
) -> Conduct:
    """How `policy` has done since it took over at `since` (ms UTC); `before`: the version that it replaced, which decides in shadow."""
    mine = [n for n, row in enumerate(experience.rows) if row.policy == policy.version and row.ts >= since]
    rows = [experience.rows[n] for n in mine]
    traded = sorted((results[row.order].exit_ts, results[row.order].r) for row in rows if row.order in results and not row.explored)
    gaps = experience.fill[mine] - experience.labels.r[mine] if mine else np.zeros((0, 1))
    back = pairs_of(experience, policy.version, {before}, since, now)
    enough = len(back.ts) >= config.disagreements and now - since >= LEAST_DAYS * DAY_MS
    shadow = [row for row in experience.rows if row.challenger == policy.version and row.ts < since]
    reference = np.array([row.challenger_action for row in shadow], np.int64)
    return Conduct(
        non_finite=sum(_no_numbers(row) for row in rows),
        faults_today=sum(not same_answer(policy, row) for row in rows if row.ts > now - DAY_MS),
        gaps=tuple(gaps[np.isfinite(gaps)].tolist()),
        trades_r=tuple(r for _, r in traded),
        better_before=block_bound(back.ts, back.challenger_u - back.champion_u, 0.95) if enough else None,
        mix=mix_of(np.array([row.greedy for row in rows], np.int64), reference),
        mix_limit=mix_limit(np.array([row.ts for row in shadow], np.int64), reference),
    )


def same_answer(policy: Policy, row: DecisionRow) -> bool:
    """Whether the policy still prefers what the row says it preferred."""
    seen = np.array(row.obs, np.float32) if row.obs is not None and row.schema == SCHEMA else None
    asked = Observation(features=seen, strategy=BY_ID[row.strategy].index, side=row.side, regime=row.regime)
    return decide(policy, asked, row.mask).action == row.greedy


def _no_numbers(row: DecisionRow) -> bool:
    """A network that saw something and answered with no number. A table may know nothing of an action, that is no fault."""
    return row.level == L2 and row.obs is not None and row.values is not None and any(value is None for value in row.values)


def _sizes(actions: Ints) -> npt.NDArray[np.float64]:
    return np.array([size_of(int(action)) for action in actions], np.float64)


def _r(experience: Experience, chosen: Sequence[int], actions: Ints) -> npt.NDArray[np.float64]:
    """R x size of an action each, 0 for SKIP."""
    arms = np.array([max(0, arm_of(int(action))) for action in actions], np.int64)
    r = experience.labels.r[chosen, arms] * _sizes(actions)
    return np.where(actions == SKIP, 0.0, r)
