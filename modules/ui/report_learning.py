"""What was learned in a domain, assembled from stored decisions, their outcomes and the history of policies. Pure.

Curves and calibration count every candidate for itself, whatever else was open: what the answer to it came to by the simulator, also
where it was not taken. Where nothing can be said, that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from modules.learning.champion import block_bound
from modules.learning.checkpoint import Manifest
from modules.learning.experience import Experience, Results
from modules.learning.labels import Why
from modules.learning.plan import Plan
from state.decisions import DecisionRow
from state.drift import Drift
from state.policies import PolicyRef
from strategy.actions import ACTIONS, SKIP, arm_of, choose_action, size_of, valid_actions
from strategy.policy import L0, STATIC, greedy_action
from strategy.regime import NAMES
from telemetry.plots_learning import Bin
from telemetry.stats_winrate import clopper_pearson_interval

LEVEL_NAMES = ("static", "lcb_table", "sb3_dqn")
ARM_NAMES = ("tight", "base", "wide")
LEAST = 30
"""Known outcomes below which nothing is said about an edge."""
BIN, MOST_BINS = 20, 8
"""Fewest decisions of a bin of the calibration, and most bins."""
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class RegimeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the candidates in one regime; the four add up."""

    regime: str
    taken: int
    refused: int
    """The policy wanted them, a rule of the gate did not."""
    skipped: int
    """The policy did not want them."""
    masked: int
    """Costs or stops allowed no exit profile at all."""
    explored: int
    """Of those taken, entries that tried another profile."""


class Mean(msgspec.Struct, frozen=True):
    """A mean with its 95 % bounds by a bootstrap over whole days; None where there is too little."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Exploration(msgspec.Struct, frozen=True, kw_only=True):
    """Of decisions that had a choice: how many tried another profile, and what that cost."""

    had_choice: int
    explored: int
    low: float | None
    high: float | None
    """Exact 95 % bounds of the share."""
    cost: Mean
    """R of the greedy answer less R of the explored one, each by the simulator."""
    real: Mean
    """R of explored trades by their fills."""


class Decider(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which one policy was in force, by the decisions' own rows."""

    version: str
    level: int
    from_ts: int
    until_ts: int
    decisions: int


class Told(msgspec.Struct, frozen=True):
    """A line of history: venue ms, what kind, words."""

    ts: int
    what: str
    words: str


class DomainLearning(msgspec.Struct, frozen=True, kw_only=True):
    """One domain."""

    domain: str
    version: str
    level: int
    since_ts: int
    challenger: str
    decisions: int
    labelled: int
    unlabelled: dict[str, int]
    """Decisions without a known outcome, by reason."""
    regimes: tuple[RegimeRow, ...]
    actions: dict[str, int]
    """How often the policy in force preferred each answer."""
    bins: tuple[Bin, ...]
    curve: tuple[tuple[int, float, float], ...]
    """(ts, R of the policies in force so far, R of `static` so far): sums of R x size over the same candidates."""
    policy_r: Mean
    static_r: Mean
    gain: Mean
    """R x size of the policy in force less that of `static`, a candidate."""
    gap: Mean
    """`sim_to_fill_gap`: R by the fills less R by the simulator."""
    exploration: Exploration
    deciders: tuple[Decider, ...]
    artefacts: tuple[Manifest, ...]
    history: tuple[Told, ...]
    drift_level: int
    drift: tuple[Told, ...]
    verdict: tuple[str, ...]


class LearningReport(msgspec.Struct, frozen=True, kw_only=True):
    """The document."""

    env: str
    now: int
    on: bool
    """The switch of online learning."""
    domains: tuple[DomainLearning, ...]
    notes: tuple[str, ...]


def assemble(
    domain: str,
    groups: Sequence[Sequence[DecisionRow]],
    experience: Experience,
    results: Results,
    *,
    ref: PolicyRef | None = None,
    plan: Plan | None = None,
    artefacts: Sequence[Manifest] = (),
    drift: Drift | None = None,
    events: Sequence[Told] = (),
) -> DomainLearning:
    """The report on a domain from its candidates (`groups`, one a row of `experience`)."""
    rows, labels, known = experience.rows, experience.labels, np.flatnonzero(experience.labels.good)
    ts = experience.ts[known]
    greedy = np.array([rows[n].greedy for n in known], np.int64)
    static = np.array([_static(rows[n]) for n in known], np.int64)
    ours, theirs = _r(labels.r[known], greedy), _r(labels.r[known], static)
    policy_r, static_r, gain = mean(ts, ours), mean(ts, theirs), mean(ts, ours - theirs)
    gapped = np.isfinite(experience.fill - labels.r)
    gap = mean(np.repeat(experience.ts, gapped.shape[1]).reshape(gapped.shape)[gapped], (experience.fill - labels.r)[gapped])
    why = Counter(Why(int(code)).name.lower() for code in labels.why if code != Why.LABELLED)
    level = ref.level if ref is not None else L0
    told = [Told(one.ts, one.what, f"{one.version} {one.reason}".strip()) for one in plan.log] if plan is not None else []
    seen = [one for one in events if one.what == "drift"]
    if drift is not None and drift.level and not seen:
        seen = [Told(drift.alarm_ts, "drift", f"level {drift.level}: {drift.reason}")]
    return DomainLearning(
        domain=domain,
        version=ref.version if ref is not None else STATIC,
        level=level,
        since_ts=ref.since_ts if ref is not None else 0,
        challenger=ref.challenger if ref is not None else "",
        decisions=len(rows),
        labelled=len(known),
        unlabelled=dict(sorted(why.items())),
        regimes=_regimes(groups),
        actions=dict(zip(ACTION_NAMES, np.bincount([row.greedy for row in rows], minlength=ACTIONS).tolist(), strict=True)),
        bins=tuple(calibrated(experience)),
        curve=tuple(zip(ts.tolist(), np.cumsum(ours).round(6).tolist(), np.cumsum(theirs).round(6).tolist(), strict=True)),
        policy_r=policy_r,
        static_r=static_r,
        gain=gain,
        gap=gap,
        exploration=_exploration(groups, experience, results),
        deciders=_deciders(rows),
        artefacts=tuple(artefacts),
        history=tuple(sorted([*told, *(one for one in events if one.what == "policy")], key=lambda one: one.ts)),
        drift_level=drift.level if drift is not None else 0,
        drift=tuple(seen),
        verdict=verdict(policy_r, gain, learned=any(row.level > L0 for row in rows)),
    )


ACTION_NAMES = ("skip", *(f"{ARM_NAMES[arm_of(action)]} x {size_of(action):g}" for action in range(1, ACTIONS)))


def verdict(policy_r: Mean, gain: Mean, *, learned: bool) -> tuple[str, ...]:
    """Plain words that follow from the bounds and from nothing else."""
    if policy_r.n < LEAST or policy_r.value is None or policy_r.low is None or policy_r.high is None:
        return (f"{policy_r.n} decisions have a known outcome: too few to say anything ({LEAST} on two days are needed)",)
    figures = f"mean {policy_r.value:+.3f} R a candidate, 95 % bounds {policy_r.low:+.3f} to {policy_r.high:+.3f}"
    if policy_r.low > 0.0:
        found = [f"the answers in force were worth more than doing nothing, beyond chance: {figures}. It need not go on"]
    elif policy_r.high < 0.0:
        found = [f"no edge: the answers in force would have lost beyond chance: {figures}"]
    else:
        found = [f"no evidence of edge: {figures}; always-flat (0) is as good as far as can be said"]
    if not learned:
        return (*found, "nothing learned has been in force: `static` decided all of it")
    if gain.value is None or gain.low is None or gain.high is None:
        return tuple(found)
    against = f"{gain.value:+.3f} R a candidate over `static`, 95 % bounds {gain.low:+.3f} to {gain.high:+.3f}"
    if gain.low > 0.0:
        return (*found, f"learning did better than `static` beyond chance: {against}")
    return (
        *found,
        f"learning did worse than `static` beyond chance: {against}" if gain.high < 0.0 else f"no evidence that learning helps: {against}",
    )


def mean(ts: Ints, values: Floats) -> Mean:
    """The mean with 95 % bounds."""
    if not len(values):
        return Mean(0)
    low, high = block_bound(ts, values, 0.975), block_bound(ts, -values, 0.975)
    return Mean(len(values), float(values.mean()), low, None if high is None else 0.0 - high)


def calibrated(experience: Experience) -> list[Bin]:
    """Bins of equal count: what the policy held its best allowed answer for (taken or not), and what that came to by the simulator."""
    predicted, real, ts = [], [], []
    for n in np.flatnonzero(experience.labels.good).tolist():
        row = experience.rows[n]
        if row.values is None or len(row.values) != ACTIONS:
            continue
        values = np.array([np.nan if value is None else value for value in row.values], np.float32)
        # Lifted above any threshold, so that the best one is found also where none was worth it.
        best = choose_action(values + np.float32(100.0), valid_actions(row.mask))
        if best != SKIP:
            predicted.append(float(values[best]))
            real.append(float(experience.labels.u[n, best]))
            ts.append(row.ts)
    if len(predicted) < BIN:
        return []
    order = np.argsort(np.array(predicted), kind="stable")
    x, y, when = np.array(predicted)[order], np.array(real)[order], np.array(ts, np.int64)[order]
    found = []
    for part in np.array_split(np.arange(len(x)), min(MOST_BINS, len(x) // BIN)):
        one = mean(when[part], y[part])
        found.append(Bin(len(part), float(x[part].mean()), float(y[part].mean()), one.low, one.high))
    return found


def _static(row: DecisionRow) -> int:
    return greedy_action(np.zeros(ACTIONS, np.float32), 0, row.regime, row.mask)


def _r(r: Floats, actions: Ints) -> Floats:
    """(n,) R x size of an action each; 0 for SKIP."""
    arms = np.array([max(0, arm_of(int(action))) for action in actions], np.int64)
    sizes = np.array([size_of(int(action)) for action in actions], np.float64)
    found: Floats = np.where(actions == SKIP, 0.0, r[np.arange(len(actions)), arms] * sizes)
    return found


def _regimes(groups: Sequence[Sequence[DecisionRow]]) -> tuple[RegimeRow, ...]:
    counts: dict[int, Counter[str]] = {}
    for group in groups:
        row, found = group[0], counts.setdefault(group[0].regime, Counter())
        if row.order or row.explored:
            found["taken"] += 1
        elif row.greedy != SKIP:
            found["refused"] += 1
        else:
            found["skipped" if row.mask else "masked"] += 1
        found["explored"] += any(one.explored for one in group)
    return tuple(
        RegimeRow(regime=NAMES[code], **{name: found[name] for name in ("taken", "refused", "skipped", "masked", "explored")})
        for code, found in sorted(counts.items())
    )


def _exploration(groups: Sequence[Sequence[DecisionRow]], experience: Experience, results: Results) -> Exploration:
    drawn = [(n, row) for n, group in enumerate(groups) for row in group if row.propensity < 1.0]
    tried = [(n, row) for n, row in drawn if row.explored]
    share = clopper_pearson_interval(len(tried), len(drawn)) if drawn else None
    known = [(n, row) for n, row in tried if experience.labels.good[n]]
    labels = experience.labels.r[[n for n, _ in known]]
    cost = _r(labels, np.array([row.greedy for _, row in known], np.int64)) - _r(
        labels, np.array([row.action for _, row in known], np.int64)
    )
    closed = [(row.ts, results[row.order].r) for _, row in tried if row.order in results]
    return Exploration(
        had_choice=len(drawn),
        explored=len(tried),
        low=share[0] if share else None,
        high=share[1] if share else None,
        cost=mean(np.array([row.ts for _, row in known], np.int64), cost),
        real=mean(np.array([ts for ts, _ in closed], np.int64), np.array([r for _, r in closed])),
    )


def _deciders(rows: Sequence[DecisionRow]) -> tuple[Decider, ...]:
    found: list[Decider] = []
    for row in rows:
        last = found[-1] if found else None
        if last is not None and last.version == row.policy:
            found[-1] = msgspec.structs.replace(last, until_ts=row.ts, decisions=last.decisions + 1)
        else:
            found.append(Decider(version=row.policy, level=row.level, from_ts=row.ts, until_ts=row.ts, decisions=1))
    return tuple(found)
