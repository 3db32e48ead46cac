"""Who decides and who may take over: promotion on paired evidence, probation, roll-back. Pure rules with their numbers.

Both policies answered the same candidates, and the same simulator says what each answer was worth; what is judged are the differences. A
promotion needs all of its conditions, a roll-back any one of its causes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from strategy.drift import psi
from telemetry.stats_evidence import rolling_mean_r_ucb
from telemetry.stats_ratios import max_drawdown_r

Floats = npt.NDArray[np.float64]
DAY_MS = 86_400_000
RESAMPLES = 2_000
ROLLING = 100
"""Real trades that the upper bound of a champion's mean R is taken over."""
MIX_WINDOW = 100
"""Decisions whose mix of actions is compared with the mix that the policy had in shadow."""
MIX_QUANTILE = 0.995


class PromotionConfig(BaseModel):
    """What a challenger must have shown, and when a champion goes. `learning.promotion` of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["auto", "confirm"] = "auto"
    """`confirm`: a promotion is offered and a person says `promote`; a roll-back never asks."""
    days: Annotated[int, Field(ge=1)] = 14
    """Shortest time in shadow."""
    decisions: Annotated[int, Field(ge=1)] = 100
    disagreements: Annotated[int, Field(ge=1)] = 30
    """Decisions on which the two answered differently."""
    drawdown_ratio: Annotated[float, Field(ge=1.0)] = 1.25
    """Largest drawdown in R, against the champion's over the same decisions."""
    turnover_ratio: Annotated[float, Field(ge=1.0)] = 1.5
    """Most traded size, against the champion's."""
    apart_days: Annotated[int, Field(ge=1)] = 7
    """At most one promotion in so many days."""
    probation_trades: Annotated[int, Field(ge=1)] = 20
    probation_days: Annotated[int, Field(ge=1)] = 3
    """Half size until both are over."""
    faults_per_day: Annotated[int, Field(ge=1)] = 3
    gap_r: Annotated[float, Field(gt=0.0)] = 0.1
    """Largest mean difference between fills and simulator, in R."""
    gap_fills: Annotated[int, Field(ge=2)] = 30
    drawdown_r: Annotated[float, Field(gt=0.0)] = 20.0
    """Largest drawdown in R since the promotion."""


class Pairs(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One row a decision that both answered, oldest first: u and R of each answer by the simulator, with the size that was answered."""

    ts: npt.NDArray[np.int64]
    champion_action: npt.NDArray[np.int64]
    challenger_action: npt.NDArray[np.int64]
    champion_u: Floats
    challenger_u: Floats
    champion_r: Floats
    """R x size; 0 where skipped."""
    challenger_r: Floats
    champion_size: Floats
    challenger_size: Floats


class Check(msgspec.Struct, frozen=True):
    """One condition: what was found, against what, whether it holds."""

    name: str
    value: float
    limit: float
    ok: bool

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4g} ({'ok' if self.ok else 'needs'} {self.limit:.4g})"


class Verdict(msgspec.Struct, frozen=True):
    """Whether the challenger may take over, and every condition it was judged by."""

    promote: bool
    checks: tuple[Check, ...]

    @property
    def reason(self) -> str:
        """In words: what held, or what is missing."""
        return "; ".join(str(one) for one in self.checks if self.promote or not one.ok)


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """How a champion has done since it took over."""

    non_finite: int = 0
    """Answers that were no numbers."""
    faults_today: int = 0
    gaps: tuple[float, ...] = ()
    """R of a fill less R by the simulator, oldest first."""
    trades_r: tuple[float, ...] = ()
    """R of its closed trades, oldest first."""
    better_before: float | None = None
    """Lower 95 % bound of u(old champion in shadow) - u(this one); None without enough of both."""
    mix: float | None = None
    """PSI of its actions against those it took in shadow."""
    mix_limit: float | None = None
    """What that reaches by chance in one window of 200 (`mix_limit`)."""


def block_bound(ts: npt.NDArray[np.int64], values: Floats, confidence: float) -> float | None:
    """One-sided lower bound of the mean by a bootstrap over whole UTC days; None with fewer than two days. Same values, same bound."""
    days, index = np.unique(ts // DAY_MS, return_inverse=True)
    if len(days) < 2 or not np.all(np.isfinite(values)):
        return None
    sums = np.bincount(index, values, len(days))
    counts = np.bincount(index, minlength=len(days)).astype(np.float64)
    drawn = _generator(ts, values).integers(0, len(days), (RESAMPLES, len(days)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return float(np.quantile(means, 1.0 - confidence))


def judge(pairs: Pairs, config: PromotionConfig, now: int, last_promotion_ts: int) -> Verdict:
    """Whether the challenger may take over at `now` (ms UTC); `last_promotion_ts` 0: there was none."""
    n = len(pairs.ts)
    took, held = pairs.challenger_size > 0.0, pairs.champion_size > 0.0
    gained = block_bound(pairs.ts, pairs.challenger_u - pairs.champion_u, 0.95)
    # R of one trade at full size: what the challenger's own entries are worth, however large it made them.
    own = block_bound(pairs.ts[took], pairs.challenger_r[took] / pairs.challenger_size[took], 0.80)
    days = (now - int(pairs.ts[0])) / DAY_MS if n else 0.0
    apart = (now - last_promotion_ts) / DAY_MS if last_promotion_ts else float(config.apart_days)
    checks = [
        _least("days in shadow", days, config.days),
        _least("decisions", n, config.decisions),
        _least("disagreements", int(np.count_nonzero(pairs.champion_action != pairs.challenger_action)), config.disagreements),
        _above("LB95 of u(challenger) - u(champion)", gained, 0.0),
        _above("LB80 of the challenger's mean R", own, 0.0),
        _least("days since the last promotion", apart, config.apart_days),
    ]
    if held.any():
        # A champion that abstains has neither drawdown nor turnover to be compared with: the other conditions decide.
        worst = max_drawdown_r(pairs.champion_r.tolist()) or 0.0
        ours = max_drawdown_r(pairs.challenger_r.tolist()) or 0.0
        checks.append(_most("drawdown in R", ours, config.drawdown_ratio * worst))
        turnover = float(pairs.challenger_size.sum())
        checks.append(_most("traded size", turnover, config.turnover_ratio * float(pairs.champion_size.sum())))
    return Verdict(all(one.ok for one in checks), tuple(checks))


def objection(conduct: Conduct, config: PromotionConfig) -> str:
    """The first cause for which a champion goes back at once, in words; empty: none."""
    if conduct.non_finite:
        return f"{conduct.non_finite} of its answers were no finite numbers"
    if conduct.faults_today >= config.faults_per_day:
        return f"{conduct.faults_today} faults in a day (limit {config.faults_per_day})"
    gaps = conduct.gaps[-config.gap_fills :]
    if len(gaps) >= config.gap_fills and abs(gap := float(np.mean(gaps))) > config.gap_r:
        return f"fills differ from the simulator by {gap:+.3f} R over {len(gaps)} trades (limit {config.gap_r:g})"
    fallen = max_drawdown_r(conduct.trades_r) or 0.0
    if fallen > config.drawdown_r:
        return f"drawdown of {fallen:.1f} R since its promotion (limit {config.drawdown_r:g})"
    if conduct.better_before is not None and conduct.better_before > 0.0:
        return f"the champion before it would have done better by {conduct.better_before:.3f} a decision or more (LB95)"
    upper = rolling_mean_r_ucb(conduct.trades_r, ROLLING, 0.95)
    if upper is not None and upper < 0.0:
        return f"mean R of its last {ROLLING} trades is below {upper:.3f} (UCB95)"
    if conduct.mix is not None and conduct.mix_limit is not None and conduct.mix > conduct.mix_limit:
        return f"its answers have changed: PSI {conduct.mix:.3f} against those in shadow (limit {conduct.mix_limit:.3f})"
    return ""


def refuted(pairs: Pairs, config: PromotionConfig, now: int) -> bool:
    """Whether a challenger has had its time and is worse: an upper 95 % bound of its gain below 0 after twice the shadow time."""
    if not len(pairs.ts) or now - int(pairs.ts[0]) < 2 * config.days * DAY_MS or len(pairs.ts) < config.decisions:
        return False
    worse = block_bound(pairs.ts, pairs.champion_u - pairs.challenger_u, 0.95)
    return worse is not None and worse > 0.0


def probation_over(since_ts: int, now: int, trades: int, config: PromotionConfig) -> bool:
    """Whether a new champion has traded half size for long enough."""
    return trades >= config.probation_trades and now - since_ts >= config.probation_days * DAY_MS


def mix_of(actions: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> float | None:
    """PSI of the last `MIX_WINDOW` actions against those in shadow; None with too few of either."""
    if len(actions) < MIX_WINDOW or len(reference) < MIX_WINDOW:
        return None
    return _psi(actions[-MIX_WINDOW:], reference)


def mix_limit(ts: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> float | None:
    """What PSI a window of the policy's own shadow actions, drawn by whole days, exceeds once in 200; None with too few."""
    days = np.unique(ts // DAY_MS)
    if len(reference) < MIX_WINDOW or len(days) < 5:
        return None
    generator, groups = _generator(ts, reference), [reference[ts // DAY_MS == day] for day in days]
    found = np.zeros(500)
    for n in range(len(found)):
        drawn = np.concatenate([groups[k] for k in generator.integers(0, len(groups), 2 * len(groups))])
        found[n] = _psi(drawn[:MIX_WINDOW], reference)
    return float(np.quantile(found, MIX_QUANTILE))


def _psi(actions: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> float:
    """Over actions that occur in either, each counted half once more, so that one that is new is no infinity."""
    kinds = np.unique(np.concatenate([actions, reference]))
    now = np.array([np.count_nonzero(actions == kind) for kind in kinds]) + 0.5
    then = np.array([np.count_nonzero(reference == kind) for kind in kinds]) + 0.5
    return psi(then.tolist(), now.tolist()) or 0.0


def _generator(*arrays: Sequence[float] | npt.NDArray[np.generic]) -> np.random.Generator:
    """Seeded by what it is drawn for: the same evidence gives the same verdict."""
    digest = hashlib.blake2b(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _least(name: str, value: float, limit: float) -> Check:
    return Check(name, float(value), float(limit), value >= limit)


def _most(name: str, value: float, limit: float) -> Check:
    return Check(name, float(value), float(limit), value <= limit)


def _above(name: str, value: float | None, limit: float) -> Check:
    return Check(name, float("nan") if value is None else value, limit, value is not None and value > limit)
