"""What a search proved: the plateau's centre, how such choices fared afterwards, and how much of it luck explains. Pure.

**Centre**: per parameter the median of the best fifth of the trials, on the grid. **Walk-forward**: in each fold the centre of the blind
trials by their score in that fold's training window alone, judged on the test window after the gap. **Accepted** when PBO is low enough,
the lower bound of the mean R of all those tests is above zero, and the centre's objective is above that of the parameters in force.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median_low

import msgspec
import numpy as np
import numpy.typing as npt

from modules.learning.objective import Score, Tail
from modules.learning.search_settings import Optimize
from modules.learning.spaces import Axis, Values
from telemetry.stats_beta import student_quantile
from telemetry.stats_deflation import dsr_from_returns, expected_max_z, pbo_cscv

Floats = npt.NDArray[np.float64]
YEAR_DAYS = 365


class Trial(msgspec.Struct, frozen=True):
    """One trial of the search as the verdict sees it."""

    number: int
    values: Values
    objective: float | None
    """None: pruned or failed."""
    train: tuple[float | None, ...]
    """Score per fold; empty for a failed one."""
    daily: Floats
    blind: bool


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The figures and the decision."""

    accepted: bool
    reasons: tuple[str, ...]
    """Why not; empty when accepted."""
    centre: Values
    """Empty when no trial had enough trades."""
    objective: float | None
    old_objective: float | None
    oos_trades: int
    oos_mean_r: float | None
    oos_bound_r: float | None
    pbo: float | None
    dsr: float | None
    trials: int
    """N of the deflation: every trial ever made for this strategy and profile."""
    luck_sharpe: float | None
    """Annual Sharpe ratio that the best of so many worthless trials is expected to show over these days."""
    sharpe: float | None
    """Annual, of the centre over all days it was searched on: in sample."""
    days: int


def centre_of(space: Sequence[Axis], scored: Sequence[tuple[Values, float]], share: float) -> Values:
    """Median per parameter (the lower of two middle values) over the best `share`, at least one; empty without any."""
    if not scored:
        return {}
    best = sorted(scored, key=lambda one: (-one[1], sorted(one[0].items())))[: max(1, math.ceil(share * len(scored)))]
    return {axis.name: axis.nearest(median_low([values[axis.name] for values, _ in best])) for axis in space}


def fold_centres(space: Sequence[Axis], trials: Sequence[Trial], folds: int, share: float) -> list[Values]:
    """Each fold's choice, by its own training window, from the blind trials; empty where none had enough trades there."""
    found = []
    for k in range(folds):
        scored = [(one.values, score) for one in trials if one.blind and one.train and (score := one.train[k]) is not None]
        found.append(centre_of(space, scored, share))
    return found


def lower_bound(tails: Sequence[Tail], confidence: float) -> tuple[int, float | None, float | None]:
    """Trades, mean R and its one-sided lower bound: Student's t, errors clustered by the day of exit, because coins move together."""
    r = np.array([value for tail in tails for value in tail.r])
    day = np.array([value for tail in tails for value in tail.day], np.int64)
    if len(r) == 0:
        return 0, None, None
    mean = float(r.mean())
    _, index = np.unique(day, return_inverse=True)
    sums = np.bincount(index, weights=r - mean)
    clusters = len(sums)
    if clusters < 2:
        return len(r), mean, None
    error = math.sqrt(float((sums**2).sum()) * clusters / (clusters - 1)) / len(r)
    return len(r), mean, mean - student_quantile(confidence, clusters - 1) * error


def overfitting(trials: Sequence[Trial], blocks: int) -> float | None:
    """PBO over the daily R of all trials with enough trades, each set of values once; None when it cannot be computed."""
    known = {tuple(sorted(one.values.items())): one.daily for one in trials if one.train and None not in one.train}
    columns = [daily for daily in known.values() if len(daily)]
    if len(columns) < 2:
        return None
    found = pbo_cscv(np.column_stack(columns).tolist(), blocks)
    return None if found is None else found["pbo"]


def judge(
    space: Sequence[Axis], plan: Optimize, trials: Sequence[Trial], old: Values, score: Callable[[Values], Score], folds: int, count: int
) -> Verdict:
    """The verdict on `trials`; `score` sweeps a centre. `count`: trials ever made. `old`: the parameters in force."""
    scored = [(one.values, one.objective) for one in trials if one.objective is not None]
    centre = centre_of(space, scored, plan.plateau)
    tails = [score(values).tests[k] for k, values in enumerate(fold_centres(space, trials, folds, plan.plateau)) if values]
    n, mean, bound = lower_bound(tails, plan.confidence)
    pbo = overfitting(trials, plan.pbo_blocks)
    days = max((len(one.daily) for one in trials), default=0)
    new, before = (score(centre) if centre else None), score(old)
    daily = _daily(trials, centre)
    ratios = [float(one.mean() / one.std(ddof=1)) for one in _distinct(trials) if len(one) > 1 and one.std() > 0]
    variance = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    luck = expected_max_z(max(1, count))
    reasons = []
    if new is None or new.objective is None:
        reasons.append(f"no parameters had {plan.min_trades} trades in every fold")
    else:
        if pbo is None:
            reasons.append("the probability of overfitting cannot be computed")
        elif pbo > plan.max_pbo:
            reasons.append(f"the probability of overfitting is {pbo:.2f}, at most {plan.max_pbo:.2f} is accepted")
        if bound is None or bound <= 0:
            words = "there are too few trades" if bound is None else f"the lower bound of mean R is {bound:+.3f}, not above 0"
            reasons.append(f"out of sample {words}")
        if centre == old:
            reasons.append("the centre is what is in force")
        elif before.objective is not None and new.objective <= before.objective:
            reasons.append(f"the objective {new.objective:+.3f} is not above the {before.objective:+.3f} of what is in force")
    return Verdict(
        accepted=not reasons,
        reasons=tuple(reasons),
        centre=centre,
        objective=new.objective if new is not None else None,
        old_objective=before.objective,
        oos_trades=n,
        oos_mean_r=mean,
        oos_bound_r=bound,
        pbo=pbo,
        dsr=None if daily is None else dsr_from_returns(daily.tolist(), max(1, count), variance),
        trials=count,
        luck_sharpe=None if luck is None or days < 2 else luck / math.sqrt(days) * math.sqrt(YEAR_DAYS),
        sharpe=None if daily is None or daily.std() == 0 else float(daily.mean() / daily.std(ddof=1)) * math.sqrt(YEAR_DAYS),
        days=days,
    )


def _distinct(trials: Sequence[Trial]) -> list[Floats]:
    return list({tuple(sorted(one.values.items())): one.daily for one in trials if one.train}.values())


def _daily(trials: Sequence[Trial], values: Values) -> Floats | None:
    return next((one.daily for one in trials if one.values == values and len(one.daily) > 1), None)
