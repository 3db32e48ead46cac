"""The single comparisons of the gate: may anything be said yet, are the targets met, could luck show the same. Pure.

What cannot be computed is never taken as met: such a check is neither ok nor not ok, and says why.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec
import numpy as np

from telemetry import stats
from telemetry.gate_config import GateConfig, Profile, WinRateMode
from telemetry.ledger_rows import DAY_MS
from telemetry.sample import LEAST_TRIAL_DAYS, TRIAL_DAYS, Floats, Sample, Trial, daily_returns, day_sharpe


class Kind(StrEnum):
    """What a check is about."""

    ELIGIBLE = "eligible"
    TARGET = "target"
    EVIDENCE = "evidence"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison."""

    name: str
    kind: Kind
    value: float | None
    """None where undefined; then `reason` says why."""
    target: float | None
    """None where it follows from the sample and cannot be computed."""
    lower: float | None = None
    """Lower confidence bound of the value, where it has one (for drawdowns: the upper one)."""
    n: int = 0
    """Trades or days it rests on."""
    ok: bool | None = None
    """None: it cannot be said."""
    gates: bool = True
    """False: shown, never in the way."""
    reason: str = ""


def judge(sample: Sample, cfg: GateConfig, now: int) -> tuple[Check, ...]:
    """Every check on what `sample` holds, as of `now`."""
    return (*_eligible(sample, cfg, now), *_targets(sample, cfg), *_evidence(sample, cfg, now))


def breakeven(sample: Sample) -> float | None:
    """The win rate at which this payoff breaks even; 1 without any win, None without any loss: the payoff is unknown then."""
    if len(sample.r) and not (sample.r > 0.0).any() and (sample.r < 0.0).any():
        return 1.0
    means = stats.win_loss_means(results=sample.r)
    return None if means is None else stats.breakeven_win_rate(mean_win=means[0], mean_loss=means[1])


def elapsed_days(sample: Sample, now: int) -> int:
    """Whole days since the sample began."""
    return 0 if sample.start_ts is None else max(0, now - sample.start_ts) // DAY_MS


def _missing(sample: Sample, now: int) -> tuple[int, int]:
    """(days without a row, days that should have one): all that are over, weekends aside where markets close."""
    if sample.start_ts is None:
        return 0, 0
    days = np.arange(sample.start_ts // DAY_MS, now // DAY_MS)
    if sample.subject.week == 5:
        days = days[(days + 3) % 7 < 5]
    return int(np.isin(days, sample.day, invert=True).sum()), len(days)


def _eligible(sample: Sample, cfg: GateConfig, now: int) -> list[Check]:
    """Whether anything may be said."""
    targets = cfg.targets(sample.subject.style)
    wanted, n, days = targets.min_trades * sample.subject.factor, len(sample.pnl), elapsed_days(sample, now)
    missing, expected = _missing(sample, now)
    measured = bool(len(sample.day)) and bool((sample.health[:, 0] >= 0).all())
    bars, orders = sample.count("bars"), sample.count("orders")
    worst = max(missing / expected if expected else 0.0, sample.count("missing_bars") / bars if bars else 0.0)
    gaps = worst if measured and bars else None
    errors, rejects = sample.count("reconcile_errors"), sample.count("rejects") / orders if orders else 0.0
    none = "some days were not measured" if len(sample.day) else "no day is over yet"
    gone = f"{missing} of {expected} days missing" if missing else ""

    def check(name: str, value: float | None, target: float, ok: bool, reason: str, count: int) -> Check:
        known = value is not None
        return Check(
            name=name,
            kind=Kind.ELIGIBLE,
            value=value,
            target=target,
            n=count,
            ok=ok if known else None,
            reason=reason if known else none,
        )

    return [
        check("trades", float(n), float(wanted), n >= wanted, f"{n}/{wanted} trades", n),
        check("days", float(days), float(targets.min_days), days >= targets.min_days, f"{days}/{targets.min_days} days", days),
        check("data_gaps", gaps, cfg.max_gaps, worst < cfg.max_gaps, gone, len(sample.day)),
        check("reconcile_errors", float(errors) if measured else None, 0.0, errors == 0, "", len(sample.day)),
        check("order_rejects", rejects if measured else None, cfg.max_rejects, rejects < cfg.max_rejects, "", orders),
    ]


def _targets(sample: Sample, cfg: GateConfig) -> list[Check]:
    """The mission's targets."""
    targets, n, gates = cfg.targets(sample.subject.style), len(sample.pnl), cfg.profile is Profile.TARGETS_AND_EVIDENCE
    returns = daily_returns(sample)
    wins = int((sample.pnl > 0.0).sum())
    rate = wins / n if n else None
    interval = stats.wilson_interval(wins=wins, n=n, confidence=cfg.confidence, sides=1)
    lower = interval[0] if interval else None
    even = breakeven(sample)
    if cfg.win_rate.mode is WinRateMode.BREAKEVEN_LB:
        target, ok = even, None if lower is None or even is None else lower > even
    else:
        target, ok = targets.win_rate, None if rate is None else rate >= targets.win_rate
    sharpe = stats.sharpe(returns=returns, periods_per_year=sample.subject.periods)
    fall = stats.max_drawdown(returns=returns)
    won = sample.pnl > 0.0
    win = float((sample.pnl[won] / sample.notional[won]).mean()) if won.any() else None
    error = stats.sharpe_se_iid(sr=sharpe / math.sqrt(sample.subject.periods), n=len(returns)) if sharpe is not None else None
    return [
        Check(
            name="win_rate",
            kind=Kind.TARGET,
            value=rate,
            lower=lower,
            target=target,
            n=n,
            ok=ok,
            gates=gates and cfg.win_rate.mode is not WinRateMode.REPORT,
            reason=_why(rate, "no closed trade") or (_no_payoff(sample) if target is None else ""),
        ),
        Check(
            name="sharpe",
            kind=Kind.TARGET,
            value=sharpe,
            lower=None if sharpe is None or error is None else sharpe - 1.645 * error * math.sqrt(sample.subject.periods),
            target=targets.sharpe,
            n=len(returns),
            ok=None if sharpe is None else sharpe >= targets.sharpe,
            gates=gates,
            reason=_flat(sharpe, returns),
        ),
        Check(
            name="drawdown",
            kind=Kind.TARGET,
            value=fall,
            target=cfg.drawdown,
            n=len(returns),
            ok=None if fall is None else fall <= cfg.drawdown,
            gates=gates,
            reason=_why(fall, "no day is over yet"),
        ),
        Check(
            name="average_win",
            kind=Kind.TARGET,
            value=win,
            target=targets.win_low,
            n=int(won.sum()),
            ok=None if win is None else targets.win_low <= win <= targets.win_high,
            gates=False,
            reason=_why(win, "no winning trade") or f"hoped for is {targets.win_low:.1%} to {targets.win_high:.0%} of notional",
        ),
        *_latency(sample, cfg),
    ]


def _latency(sample: Sample, cfg: GateConfig) -> list[Check]:
    """Paper: feed and decision; live: decision to the venue's acknowledgement."""
    found = []
    for name, all_of in (("ack", "acks"),) if sample.subject.live else (("feed", "feeds"), ("decision", "decisions")):
        n, slow = sample.count(all_of), sample.count(f"slow_{all_of}")
        share = slow / n if n else None
        ok = None if share is None else share <= cfg.max_slow
        reason = f"{slow} of {n} took longer than their limit" if n else "not measured"
        found.append(Check(name=f"{name}_latency", kind=Kind.TARGET, value=share, target=cfg.max_slow, n=n, ok=ok, reason=reason))
    return found


def _evidence(sample: Sample, cfg: GateConfig, now: int) -> list[Check]:
    """Whether luck could show the same."""
    returns, r, n = daily_returns(sample), sample.r, len(sample.r)
    m = len(returns)
    psr = stats.psr_from_returns(returns=returns, sr_benchmark=0.0)
    bound = stats.loss_bound_of(r_multiples=r, floor=cfg.loss_floor)
    wealth = stats.mean_r_eprocess(r_multiples=r, loss_bound=bound) if bound else None
    interval = stats.wilson_interval(wins=int((sample.pnl > 0.0).sum()), n=n, confidence=cfg.confidence, sides=1)
    lower, even = interval[0] if interval else None, breakeven(sample)
    trials, variance = _deflation(sample.trials, returns, now)
    dsr = stats.dsr_from_returns(returns=returns, n_trials=trials, var_trials=variance) if m > 1 else None
    fall = stats.bootstrap_drawdown(
        daily_returns=returns, quantile=cfg.quantile, block_days=cfg.block_days, resamples=cfg.resamples
    )  # None for days that are all alike
    in_r = stats.max_drawdown_r(r_multiples=r)
    stressed = math.fsum(r - (cfg.cost_factor - 1.0) * sample.cost_r) / n if n else None

    def check(
        name: str,
        value: float | None,
        target: float | None,
        ok: bool,
        count: int,
        undefined: str,
        reason: str = "",
        low: float | None = None,
    ) -> Check:
        known = value is not None
        return Check(
            name=name,
            kind=Kind.EVIDENCE,
            value=value,
            lower=low,
            target=target,
            n=count,
            ok=ok if known else None,
            reason=reason if known else undefined,
        )

    no_trade = "no closed trade"
    slipped = f"slippage not measured in {sample.unknown_slippage} trades" if sample.unknown_slippage else ""
    flat = _flat(psr, returns)
    return [
        check("psr", psr, cfg.psr, psr is not None and psr >= cfg.psr, m, flat),
        check(
            "e_process",
            wealth,
            cfg.evidence,
            wealth is not None and wealth >= cfg.evidence,
            n,
            no_trade,
            f"losses bounded at {bound:g} R" if bound else "",
        ),
        check(
            "win_rate_bound",
            None if even is None else lower,
            even,
            lower is not None and even is not None and lower > even,
            n,
            _no_payoff(sample),
        ),
        check(
            "dsr",
            dsr,
            cfg.dsr,
            dsr is not None and dsr >= cfg.dsr,
            m,
            _flat(dsr, returns),
            f"{trials} {'sample' if trials == 1 else 'samples'} in a year",
        ),
        check("bootstrap_drawdown", fall, cfg.drawdown, fall is not None and fall <= cfg.drawdown, m, _flat(fall, returns)),
        check("drawdown_r", in_r, cfg.drawdown_r, in_r is not None and in_r <= cfg.drawdown_r, n, no_trade),
        check("stressed_expectancy", stressed, 0.0, stressed is not None and stressed > 0.0, n, no_trade, slipped),
    ]


def _deflation(trials: tuple[Trial, ...], returns: Floats, now: int) -> tuple[int, float]:
    """(samples begun in the last year, this one included; variance of their per-day Sharpe ratios, of those of 10 days or more)."""
    recent = [trial for trial in trials if trial.ts >= now - TRIAL_DAYS * DAY_MS]
    ratios = [trial.sharpe for trial in recent if trial.days >= LEAST_TRIAL_DAYS and trial.sharpe is not None]
    own = day_sharpe(returns) if len(returns) >= LEAST_TRIAL_DAYS else None
    ratios += [] if own is None else [own]
    return 1 + len(recent), float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0


def _why(value: float | None, reason: str) -> str:
    return reason if value is None else ""


def _flat(value: float | None, returns: Floats) -> str:
    """Why a figure of daily returns is undefined."""
    if value is not None:
        return ""
    return "undefined: fewer than two days are over" if len(returns) < 2 else "undefined: the daily returns do not vary"


def _no_payoff(sample: Sample) -> str:
    """Why there is no break-even win rate."""
    return "no losing trade yet: the payoff is unknown" if len(sample.r) else "no closed trade"
