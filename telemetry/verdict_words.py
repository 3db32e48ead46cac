"""A verdict as people read it: what is missing, what was found against what is asked, what luck would show, and when it can be over."""

from __future__ import annotations

from telemetry.gate_checks import Check, Kind
from telemetry.gate_config import GateConfig
from telemetry.gates import State, Verdict
from telemetry.sample import moment_text

_PERCENT = frozenset(
    {
        "data_gaps",
        "order_rejects",
        "win_rate",
        "win_rate_bound",
        "drawdown",
        "bootstrap_drawdown",
        "average_win",
        "ack_latency",
        "feed_latency",
        "decision_latency",
    }
)
_WHOLE = frozenset({"trades", "days", "reconcile_errors"})
_AT_MOST = frozenset(
    {
        "data_gaps",
        "reconcile_errors",
        "order_rejects",
        "drawdown",
        "bootstrap_drawdown",
        "drawdown_r",
        "ack_latency",
        "feed_latency",
        "decision_latency",
    }
)
NAMES = {
    "trades": "closed trades",
    "days": "days",
    "data_gaps": "data gaps",
    "reconcile_errors": "reconcile errors",
    "order_rejects": "orders refused",
    "win_rate": "win rate",
    "sharpe": "annual Sharpe ratio",
    "drawdown": "drawdown",
    "average_win": "mean win on notional",
    "ack_latency": "slow acknowledgements",
    "feed_latency": "slow feed",
    "decision_latency": "slow decisions",
    "psr": "chance of a true Sharpe ratio above 0",
    "e_process": "evidence on R (betting process)",
    "win_rate_bound": "lower bound of the win rate against break-even",
    "dsr": "that chance, deflated for the samples tried",
    "bootstrap_drawdown": "drawdown of reshuffled records, 95 % quantile",
    "drawdown_r": "drawdown in R",
    "stressed_expectancy": "mean R at stressed costs",
}
"""What people call a check."""


def number(name: str, value: float | None) -> str:
    """A value of check `name` in its unit; a dash where there is none."""
    if value is None:
        return "–"
    if name in _PERCENT:
        return f"{value:.1%}"
    if name in _WHOLE:
        return f"{value:.0f}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}"


def bound(name: str) -> str:
    """How check `name` is held against its target: `<=`, `>=` or `>`."""
    return "<=" if name in _AT_MOST else ">" if name in {"stressed_expectancy", "win_rate_bound"} else ">="


def figures(check: Check) -> str:
    """Value, lower bound and target: `61.0% [56.2%] vs >= 70.0%`."""
    lower = "" if check.lower is None else f" [{number(check.name, check.lower)}]"
    return f"{number(check.name, check.value)}{lower} vs {bound(check.name)} {number(check.name, check.target)}"


def finding(check: Check) -> str:
    """Whether it is met, and why not: `cannot be said, not gating: no winning trade`."""
    found = {True: "met", False: "not met", None: "cannot be said"}[check.ok] + ("" if check.gates else ", not gating")
    return found + (f": {check.reason}" if check.reason else "")


def line(check: Check) -> str:
    """One check: `win rate 61.0% [56.2%] vs >= 70.0% (n 120) not met`."""
    return f"{NAMES.get(check.name, check.name)} {figures(check)} (n {check.n}) {finding(check)}"


def chance(p: float) -> str:
    """A probability in words that do not round it away."""
    return "less than 1%" if p < 0.01 else f"{p:.0%}"


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    who = f"{verdict.subject.account} {verdict.subject.style}"
    if verdict.start_ts is None:
        return f"{who}: insufficient evidence: no sample has begun"
    if verdict.wrong:
        more = f" (and {len(verdict.wrong) - 1} more)" if len(verdict.wrong) > 1 else ""
        return f"{who}: insufficient evidence: {verdict.wrong[0]}{more}"
    if verdict.state is State.INSUFFICIENT:
        short = [check for check in verdict.checks if check.kind is Kind.ELIGIBLE and not check.ok]
        unknown = [check for check in verdict.checks if check.gates and check.ok is None and check.kind is not Kind.ELIGIBLE]
        why = ", ".join(check.reason or line(check) for check in short) or ", ".join(line(check) for check in unknown[:1])
        return f"{who}: insufficient evidence: {why or 'judged at the next checkpoint'}"
    if verdict.state is State.PASS:
        return f"{who}: PASS, twice running; the next step can be confirmed by a person"
    if verdict.state is State.PASS_1:
        return f"{who}: passed once; a second pass at the next checkpoint is needed"
    unmet = ", ".join(NAMES.get(name, name) for name in verdict.checkpoints[-1].unmet)
    return f"{who}: FAIL at the checkpoint of {moment_text(verdict.checkpoints[-1].ts)}: {unmet}"


def words(verdict: Verdict, cfg: GateConfig) -> list[str]:
    """The whole verdict, a line each."""
    found = [headline(verdict)]
    if verdict.start_ts is None:
        return found
    found += [f"  {line(check)}" for check in verdict.checks]
    if verdict.luck is not None:
        wins = "" if verdict.luck_wins is None else f", and as many wins at this payoff in {chance(verdict.luck_wins)}"
        found.append(
            f"  luck alone, without any edge, shows this Sharpe ratio or a better one in {chance(verdict.luck)} of samples this long{wins}"
        )
    target = cfg.targets(verdict.subject.style).win_rate
    if verdict.breakeven is not None:
        text = f"  with this payoff a win rate of {verdict.breakeven:.0%} breaks even"
        if verdict.out_of_reach:
            text += f"; the {target:.0%} target is out of reach for this strategy; `breakeven_lb` gates on evidence only"
        found.append(text)
    if verdict.subject.env != "live":
        found.append(f"  evidence of {verdict.subject.env} opens {verdict.subject.env} accounts only, never real money")
    if verdict.subject.domain == "OPTIONS":
        found.append("  paper evidence is model-priced and cannot open live")
    if verdict.earliest_ts is not None and verdict.next_ts is not None:
        when = moment_text(verdict.earliest_ts)
        found.append(
            f"  next checkpoint {moment_text(verdict.next_ts)}; a pass is possible on {when} at the earliest, at the rate of trades so far"
        )
    return found
