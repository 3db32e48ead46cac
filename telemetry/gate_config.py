"""What the gates ask for, targets and evidence, as settings with their bounds. Other values are the roof's to give."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Positive = Annotated[float, Field(gt=0.0, le=1_000.0)]


class WinRateMode(StrEnum):
    """How the win rate gates."""

    TARGET = "target"
    """At or above the target."""
    BREAKEVEN_LB = "breakeven_lb"
    """Its lower bound above the rate that breaks even with the measured payoff."""
    REPORT = "report"
    """Shown only."""


class Profile(StrEnum):
    """Which checks gate."""

    TARGETS_AND_EVIDENCE = "targets+evidence"
    EVIDENCE = "evidence"
    """The targets for win rate, Sharpe ratio and drawdown are shown and do not gate; the evidence always does."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class WinRate(_Group):
    """How the win rate is judged."""

    mode: WinRateMode = WinRateMode.TARGET


class StyleTargets(_Group):
    """What one style is asked for."""

    min_trades: Count
    """Closed policy trades before anything is said."""
    min_days: Count
    """Days of the sample before anything is said."""
    win_rate: Share
    sharpe: Positive
    """Annual, on daily returns."""
    win_low: Share
    """Mean net return on notional of winning trades: shown against this range, never gating."""
    win_high: Share


class GateConfig(_Group):
    """Everything `evaluate` compares with."""

    profile: Profile = Profile.TARGETS_AND_EVIDENCE
    win_rate: WinRate = WinRate()
    swing: StyleTargets = StyleTargets(min_trades=60, min_days=60, win_rate=0.70, sharpe=2.0, win_low=0.10, win_high=0.30)
    scalp: StyleTargets = StyleTargets(min_trades=200, min_days=30, win_rate=0.60, sharpe=1.5, win_low=0.003, win_high=0.02)
    drawdown: Share = 0.15
    """Largest fall of the style's policy equity; also the limit for the bootstrap's 95 % quantile."""
    drawdown_r: Positive = 20.0
    """Largest fall of the running sum of R."""
    psr: Share = 0.95
    """Least probability that the true Sharpe ratio is above 0."""
    dsr: Share = 0.90
    """The same after deflating by the number of samples tried in a year."""
    evidence: Positive = 20.0
    """Least value of the betting process on R: by luck alone it is reached in at most 1 sample of 20."""
    loss_floor: Positive = 4.0
    """Smallest loss bound of the betting process, in R."""
    confidence: Share = 0.90
    """Of the one-sided Wilson bound that has to be above the break-even win rate."""
    quantile: Share = 0.95
    block_days: Count = 5
    """Days in a row that the bootstrap keeps together."""
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    cost_factor: Annotated[float, Field(ge=1.0, le=10.0)] = 1.5
    """The expectancy must survive costs this many times as high."""
    checkpoint_days: Count = 30
    """Judged only so often, counted from the start of the sample."""
    max_gaps: Share = 0.01
    """Data missing, as a share of days and of bars."""
    max_rejects: Share = 0.01
    """Orders refused by the venue, as a share of all."""
    max_slow: Share = 0.01
    """Share of latencies above their limit: 0.01 is "p99 within the limit"."""

    def targets(self, style: str) -> StyleTargets:
        """The targets of `style`; KeyError for another one."""
        return {"swing": self.swing, "scalp": self.scalp}[style]
