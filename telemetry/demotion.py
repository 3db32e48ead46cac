"""Falling back: when a live style loses its standing, in words, and when probation is over. Pure arithmetic on what the ledger holds.

A demotion lowers a standing, never the stage. What cannot be computed demotes nobody: the breakers of `risk/` act on equity by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from state.standing import Level as Standing
from telemetry import stats
from telemetry.ledger_rows import DAY_MS
from telemetry.sample import Sample

Fraction = Annotated[float, Field(gt=0.0, le=0.5)]
Days = Annotated[int, Field(ge=1, le=3_650)]
InR = Annotated[float, Field(gt=0.0, le=1_000.0)]


class Until(StrEnum):
    """When probation is over: after its trades and its days, or after the first of them."""

    BOTH = "both"
    EITHER = "either"


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class CanaryConfig(_Group):
    """Probation of a style that goes live."""

    until: Until = Until.BOTH
    trades: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Closed trades."""
    days: Days = 7
    loss: Annotated[float, Field(gt=0.0, le=0.1)] = 0.0075
    """Net realised loss, fees included, that may not be passed: a share of equity at its start."""


class DemotionConfig(_Group):
    """Where standings fall."""

    canary_r: InR = 20.0
    """Drawdown in R beyond which live falls to canary."""
    paper_r: InR = 25.0
    """Drawdown in R beyond which it falls to paper."""
    canary_drawdown: Fraction = 0.08
    """Drawdown of the account's equity from which live falls to canary."""
    paper_drawdown: Fraction = 0.12
    """Drawdown of the account's equity from which it falls to paper."""
    window: Annotated[int, Field(ge=10, le=10_000)] = 100
    """Trades whose mean R is judged."""
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    repeats: Annotated[int, Field(ge=1, le=100)] = 2
    """Demotions to canary within `repeat_days` that make it paper."""
    repeat_days: Days = 90
    cooldown_days: Days = 14
    """After a demotion nothing is promoted for so long."""
    again: Annotated[int, Field(ge=1, le=10)] = 2
    """How often the minimum number of trades is asked for after a demotion."""


class Demotion(msgspec.Struct, frozen=True, kw_only=True):
    """A standing that fell, or has to."""

    ts: int
    account: str
    style: str
    to: Standing
    reason: str


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """How probation has gone: closed trades, beginning, net realised result and equity at its beginning (one unit for both)."""

    trades: int
    since_ts: int
    realised: float
    equity: float


def demotion(
    sample: Sample,
    standing: Standing,
    equity_drawdown: float | None,
    canary: Canary | None,
    past: Sequence[Demotion],
    cfg: DemotionConfig,
    probation: CanaryConfig,
    now: int,
) -> Demotion | None:
    """Whether the live style of `sample` loses its standing at `now`, and why; None when it keeps it.

    `equity_drawdown` is the account's, 0..1; `past` are earlier demotions, of any style and account.
    """
    if standing is Standing.PAPER:
        return None
    subject = sample.subject
    lost = _to_paper(sample, standing, equity_drawdown, canary, cfg, probation)
    if lost is not None:
        return Demotion(ts=now, account=subject.account, style=subject.style, to=Standing.PAPER, reason=lost)
    lost = _to_canary(sample, equity_drawdown, cfg) if standing is Standing.LIVE else None
    return None if lost is None else fallen(past, subject.account, subject.style, lost, cfg, now)


def fallen(past: Sequence[Demotion], account: str, style: str, reason: str, cfg: DemotionConfig, now: int) -> Demotion:
    """A live style's fall to canary at `now` for `reason`; to paper when it is one too many within `repeat_days`."""
    recent = [one for one in _of(past, account, style) if one.to is Standing.CANARY and _recent(one, now, cfg.repeat_days)]
    if len(recent) + 1 < cfg.repeats:
        return Demotion(ts=now, account=account, style=style, to=Standing.CANARY, reason=reason)
    reason = f"{reason}; demotion {len(recent) + 1} to canary in {cfg.repeat_days} days"
    return Demotion(ts=now, account=account, style=style, to=Standing.PAPER, reason=reason)


def _to_paper(
    sample: Sample, standing: Standing, equity_drawdown: float | None, canary: Canary | None, cfg: DemotionConfig, probation: CanaryConfig
) -> str | None:
    if standing is Standing.CANARY and canary is not None and canary.realised < -probation.loss * canary.equity:
        return (
            f"canary lost {-canary.realised / canary.equity:.2%} of its equity, more than {probation.loss:.2%}"
            if canary.equity > 0
            else None
        )
    fallen = stats.max_drawdown_r(r_multiples=sample.r)
    if fallen is not None and fallen > cfg.paper_r:
        return f"drawdown {fallen:.1f} R, more than {cfg.paper_r:g} R"
    if equity_drawdown is not None and equity_drawdown >= cfg.paper_drawdown:
        return f"equity {equity_drawdown:.1%} below its peak, {cfg.paper_drawdown:.0%} or more"
    return None


def _to_canary(sample: Sample, equity_drawdown: float | None, cfg: DemotionConfig) -> str | None:
    fallen = stats.max_drawdown_r(r_multiples=sample.r)
    if fallen is not None and fallen > cfg.canary_r:
        return f"drawdown {fallen:.1f} R, more than {cfg.canary_r:g} R"
    upper = stats.rolling_mean_r_ucb(r_multiples=sample.r.tolist(), window=cfg.window, confidence=cfg.confidence)
    if upper is not None and upper < 0.0:
        return f"the last {cfg.window} trades lose: mean R below 0 with {cfg.confidence:.0%} confidence (upper bound {upper:+.3f})"
    if equity_drawdown is not None and equity_drawdown >= cfg.canary_drawdown:
        return f"equity {equity_drawdown:.1%} below its peak, {cfg.canary_drawdown:.0%} or more"
    return None


def still_falls(sample: Sample, equity_drawdown: float | None, cfg: DemotionConfig) -> str | None:
    """What would take a live style back to canary at once, in words; None when nothing would.

    Probation does not end while there is such a thing: it would begin again the next day, as a fall of its own.
    """
    return _to_canary(sample, equity_drawdown, cfg)


def canary_finished(canary: Canary, cfg: CanaryConfig, now: int) -> bool:
    """Whether probation is over; that it ended without a demotion is for the caller to know."""
    done = (canary.trades >= cfg.trades, now - canary.since_ts >= cfg.days * DAY_MS)
    return all(done) if cfg.until is Until.BOTH else any(done)


def canary_words(canary: Canary, cfg: CanaryConfig, now: int) -> str:
    """How far probation has come: `canary: 12/50 trades and 3.0/7 days, -0.10 % of a budget of 0.75 %`."""
    days = max(0, now - canary.since_ts) / DAY_MS
    joined = "and" if cfg.until is Until.BOTH else "or"
    result = f", {canary.realised / canary.equity:+.2%} with a loss budget of {cfg.loss:.2%}" if canary.equity > 0 else ""
    return f"canary: {canary.trades}/{cfg.trades} trades {joined} {days:.1f}/{cfg.days} days{result}"


def cooldown_until(past: Sequence[Demotion], account: str, style: str, cfg: DemotionConfig) -> int | None:
    """Until when (ms UTC) nothing is promoted; None without a demotion. It may lie in the past."""
    found = [one.ts for one in _of(past, account, style)]
    return max(found) + cfg.cooldown_days * DAY_MS if found else None


def trades_factor(past: Sequence[Demotion], account: str, style: str, cfg: DemotionConfig) -> int:
    """How often the minimum number of trades is asked for: once, and `again` times after a demotion."""
    return cfg.again if _of(past, account, style) else 1


def _of(past: Sequence[Demotion], account: str, style: str) -> list[Demotion]:
    return [one for one in past if one.account == account and one.style == style]


def _recent(one: Demotion, now: int, days: int) -> bool:
    return now - days * DAY_MS <= one.ts <= now
