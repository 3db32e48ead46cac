"""The gate: whether a sample shows enough to offer the next stage. Pure and deterministic: the same ledger gives the same verdict.

Three questions in this order: may anything be said yet (else INSUFFICIENT), are the targets met, and could luck show the same. It is
asked at checkpoints only, every 30 days from the start of the sample, because a gate that is asked daily is passed by luck in the end; two
passes in a row are a PASS, and a failed second one clears the first.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from telemetry import stats
from telemetry.gate_checks import Check, Kind, breakeven, elapsed_days, judge
from telemetry.gate_config import GateConfig
from telemetry.ledger_rows import DAY_MS
from telemetry.sample import Sample, Subject, daily_returns, day_text


class State(StrEnum):
    """What a verdict says."""

    INSUFFICIENT = "INSUFFICIENT"
    FAIL = "FAIL"
    PASS_1 = "PASS_1"  # noqa: S105  no secret  # nosec B105
    """The newest checkpoint passed, the one before did not: once more."""
    PASS = "PASS"  # noqa: S105  no secret  # nosec B105


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on one of the days that count."""

    ts: int
    state: State
    """INSUFFICIENT, FAIL or PASS, of that day alone."""
    unmet: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says about one style on one account. Persisted, hashed and shown."""

    state: State
    ts: int
    subject: Subject
    start_ts: int | None
    trades: int
    days: int
    checks: tuple[Check, ...]
    """Figures as of `ts`; `state` rests on the checkpoints alone."""
    checkpoints: tuple[Checkpoint, ...]
    """The newest two, oldest first."""
    next_ts: int | None
    """The next checkpoint."""
    earliest_ts: int | None
    """The earliest day of a PASS at the rate of trades so far; None when it has passed or no sample has begun."""
    luck: float | None
    """How likely a style without any edge shows this Sharpe ratio or a better one: 1 - PSR(0)."""
    luck_wins: float | None
    """How likely it shows as many wins or more, at the win rate that breaks even with this payoff."""
    breakeven: float | None
    """The win rate that breaks even with the measured payoff."""
    out_of_reach: bool
    """The win rate target lies above what this style's win rate can plausibly be."""
    wrong: tuple[str, ...]
    procedure_hash: str
    ledger_hash: str


def evaluate(ledger: Sample, cfg: GateConfig, now: int) -> Verdict:
    """Judge `ledger`, the sample of one style on one account, at `now` (ms UTC). KeyError for a style without targets."""
    targets = cfg.targets(ledger.subject.style)
    past = ledger.until(now)
    found = judge(past, cfg, now)
    points: list[Checkpoint] = []
    last = 0
    if ledger.start_ts is not None and now >= ledger.start_ts:
        step = cfg.checkpoint_days * DAY_MS
        last = (now - ledger.start_ts) // step
        points = [_checkpoint(ledger, cfg, ledger.start_ts + k * step) for k in range(max(1, last - 1), last + 1)]
    state = _state(points, past.wrong)
    wins = int((past.pnl > 0.0).sum())
    upper = stats.wilson_interval(wins=wins, n=len(past.pnl), confidence=0.95, sides=1)
    returns, even = daily_returns(past), breakeven(past)
    psr = stats.psr_from_returns(returns=returns, sr_benchmark=0.0) if not past.wrong else None
    return Verdict(
        state=state,
        ts=now,
        subject=ledger.subject,
        start_ts=ledger.start_ts,
        trades=len(past.pnl),
        days=elapsed_days(past, now),
        checks=found,
        checkpoints=tuple(points),
        next_ts=None if ledger.start_ts is None else ledger.start_ts + (last + 1) * cfg.checkpoint_days * DAY_MS,
        earliest_ts=None if ledger.start_ts is None else _earliest(past, cfg, now, last, state),
        luck=None if psr is None else 1.0 - psr,
        luck_wins=None if even is None or past.wrong else stats.luck_p_value(wins=wins, n=len(past.pnl), p0=even),
        breakeven=even,
        out_of_reach=bool(upper and len(past.pnl) >= 30 and upper[1] < targets.win_rate),
        wrong=past.wrong,
        procedure_hash=ledger.subject.procedure,
        ledger_hash=past.digest(),
    )


def outcome(checks: tuple[Check, ...], wrong: tuple[str, ...]) -> State:
    """INSUFFICIENT, FAIL or PASS by the checks alone, as if this were a checkpoint."""
    gating = [check for check in checks if check.gates]
    if wrong or any(check.ok is None or (check.kind is Kind.ELIGIBLE and not check.ok) for check in gating):
        return State.INSUFFICIENT
    return State.PASS if all(check.ok for check in gating) else State.FAIL


def opens(verdict: Verdict, env: str) -> str | None:
    """Why this verdict does not open a live account of `env`; None when it does."""
    if verdict.state is not State.PASS:
        return f"the verdict is {verdict.state}"
    if verdict.subject.env != env:
        return f"evidence of {verdict.subject.env} counts in {verdict.subject.env} only"
    if verdict.subject.domain == "OPTIONS":
        return "paper evidence is model-priced and cannot open live"
    return None


def _checkpoint(ledger: Sample, cfg: GateConfig, ts: int) -> Checkpoint:
    then = ledger.until(ts)
    checks = judge(then, cfg, ts)
    unmet = tuple(check.name for check in checks if check.gates and not check.ok)
    return Checkpoint(ts=ts, state=outcome(checks, then.wrong), unmet=unmet)


def _state(points: list[Checkpoint], wrong: tuple[str, ...]) -> State:
    if wrong or not points:
        return State.INSUFFICIENT
    if points[-1].state is not State.PASS:
        return points[-1].state
    return State.PASS if len(points) > 1 and points[0].state is State.PASS else State.PASS_1


def _earliest(sample: Sample, cfg: GateConfig, now: int, last: int, state: State) -> int | None:
    """Two passes are needed, both on checkpoints to come unless the newest one passed; trades are expected at the rate so far."""
    if state is State.PASS or sample.start_ts is None:
        return None
    targets, step = cfg.targets(sample.subject.style), cfg.checkpoint_days
    first = last
    if state is not State.PASS_1:
        need = float(targets.min_days)
        wanted, n = targets.min_trades * sample.subject.factor, len(sample.pnl)
        elapsed = (now - sample.start_ts) / DAY_MS
        if 0 < n < wanted:
            need = max(need, elapsed * wanted / n)
        first = max(last + 1, math.ceil(need / step))
    return sample.start_ts + (first + 1) * step * DAY_MS


def point_text(point: Checkpoint) -> str:
    """A checkpoint in words."""
    return f"{day_text(point.ts // DAY_MS)} {point.state}" + (f" ({', '.join(point.unmet)})" if point.unmet else "")
