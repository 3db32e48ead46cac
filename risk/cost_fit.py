"""From measured slippage to the next version of a pair's cost model: a robust fit that few fills cannot bend, behind guards. Pure.

Non-negative Huber regression with a ridge toward the prior that weighs as much as `PSEUDO` fills. Least squares would follow the one
fill in twenty that went badly wrong; an unshrunk fit would follow the thirty there happen to be.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from risk.cost_model import PRIOR, Conditions, CostModel, Sample, Source

Floats = npt.NDArray[np.float64]

PSEUDO = 30.0
"""The prior counts like so many fills."""
HUBER = 1.345
"""Residuals beyond so many robust standard deviations count linearly (95 % efficient on normal ones)."""
LEAST = 30
"""Samples without which nothing is fitted."""
NEWEST = 500
"""So many of the latest samples are looked at: markets change."""
LOW, HIGH = 0.5, 3.0
"""Coefficients stay within these multiples of the prior."""
HOLDOUT = 0.3
"""The latest part of the samples judges a fit of the earlier part."""
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
STEP_FILLS = 50
"""A live model may take its next step after so many fills more, before the week is over."""
_ROUNDS = 50
_SWEEPS = 200


class Verdict(msgspec.Struct, frozen=True):
    """The model to use from now on, and why it is a new one or the old one."""

    model: CostModel
    changed: bool
    reason: str


def rows_of(samples: Sequence[Sample]) -> tuple[Floats, Floats]:
    """(n, 3) what the coefficients are multiplied with and (n,) the slippage, both in bp."""
    return np.array([one.at.row for one in samples], float).reshape(-1, 3), np.array([one.slip_bp for one in samples], float)


def fit(x: Floats, y: Floats, pseudo: float = PSEUDO, low: float = 0.0, high: float = np.inf) -> Floats:
    """Coefficients (3,) of slippage `y` (n,) on `x` (n, 3), each within [low, high] x prior; ValueError for numbers that are not finite.

    Iteratively reweighted least squares with Huber's weights; the scale is the median absolute residual. The ridge of each
    coefficient is `pseudo` times the mean square of its column, so it weighs like `pseudo` fills under usual conditions.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a sample is not a finite number")
    prior = np.array(PRIOR)
    beta = prior.copy()
    ridge = pseudo * (x * x).mean(axis=0)
    for _ in range(_ROUNDS):
        residual = np.abs(y - x @ beta)
        scale = 1.4826 * float(np.median(residual))
        weight = np.ones(len(y)) if scale == 0.0 else np.minimum(1.0, HUBER * scale / np.maximum(residual, 1e-300))
        following = _bounded((x.T * weight) @ x, (x.T * weight) @ y, ridge, prior, low, high)
        done = bool(np.abs(following - beta).max() < 1e-9)
        beta = following
        if done:
            break
    return beta


def _bounded(gram: Floats, moment: Floats, ridge: Floats, prior: Floats, low: float, high: float) -> Floats:
    """Least squares with ridge within bounds, by cyclic descent: convex in three unknowns, so it ends at the one minimum."""
    beta = prior.copy()
    for _ in range(_SWEEPS):
        before = beta.copy()
        for j in range(len(beta)):
            steep = gram[j, j] + ridge[j]
            if steep > 0.0:
                others = float(gram[j] @ beta - gram[j, j] * beta[j])
                beta[j] = np.clip((moment[j] - others + ridge[j] * prior[j]) / steep, low * prior[j], high * prior[j])
        if np.abs(beta - before).max() < 1e-12:
            break
    return beta


def due(old: CostModel, source: Source, n_new: int, ts: int, alarm_ts: int = 0) -> bool:
    """Whether the next step may be taken at `ts`, with `n_new` samples since the last one.

    Once a week, or sooner with 50 live fills more; the first real fit, and the change to live fills, wait for nothing. After an alarm on
    what executions cost (`alarm_ts`, 0: none) at once, and once a day for a week, while samples from after it come in.
    """
    if old.source is not source:
        return old.source is Source.PRIOR or source is Source.LIVE
    if alarm_ts and (old.fitted_ts < alarm_ts or (ts - alarm_ts < WEEK_MS and ts - old.fitted_ts >= DAY_MS)):
        return True
    return ts - old.fitted_ts >= WEEK_MS or (source is Source.LIVE and n_new >= STEP_FILLS)


def calibrate(old: CostModel, samples: Sequence[Sample], source: Source, ts: int, alarm_ts: int = 0) -> Verdict:
    """The next version of `old` from `samples` of its pair, or `old` with the reason why it stays; `alarm_ts` as in `due`.

    Stays when it is too early, when there are fewer than 30 samples, and when on the latest 30 % of the samples either the fit of the
    earlier ones or the new model errs more (mean absolute error) than `old`. Fees are not touched.
    """
    ordered = sorted(samples, key=lambda one: one.ts)
    if not due(old, source, sum(one.ts > old.fitted_ts for one in ordered), ts, alarm_ts):
        return Verdict(old, changed=False, reason="too early")
    if len(ordered) < LEAST:
        return Verdict(old, changed=False, reason=f"{len(ordered)} of {LEAST} samples")
    x, y = rows_of(ordered[-NEWEST:])
    if source is Source.BOOK:
        x[:, 1] = 0.0  # an order that the touch covers shows no impact, which is no proof that there is none: Y keeps its prior
    try:
        beta = fit(x, y, low=LOW, high=HIGH)
        held = max(1, round(HOLDOUT * len(y)))
        tried = fit(x[:-held], y[:-held], low=LOW, high=HIGH)
    except ValueError as error:
        return Verdict(old, changed=False, reason=str(error))
    before = _mae(np.array(old.coefficients), x[-held:], y[-held:])
    after = max(_mae(tried, x[-held:], y[-held:]), _mae(beta, x[-held:], y[-held:]))
    if after > before:
        return Verdict(old, changed=False, reason=f"would err by {after:.3f} bp on the latest {held} samples, now {before:.3f} bp")
    a, impact, c = (float(value) for value in beta)
    usual = [one.at for one in ordered[-NEWEST:]]
    model = msgspec.structs.replace(
        old,
        version=old.version + 1,
        source=source,
        a=a,
        y=impact,
        c=c,
        n=len(y),
        fitted_ts=ts,
        usual=Conditions(**{name: float(np.median([getattr(one, name) for one in usual])) for name in Conditions.__struct_fields__}),
        p90_bp=float(np.quantile(y, 0.9)),
        holdout_mae_bp=after,
    )
    return Verdict(model, changed=True, reason=f"fitted on {len(y)} samples of {source}")


def _mae(beta: Floats, x: Floats, y: Floats) -> float:
    return float(np.abs(y - x @ beta).mean())
