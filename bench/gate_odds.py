"""How often the gate is passed by trade streams whose truth is known: the odds of luck, of a loser, and of a real edge.

python -m bench.gate_odds [--paths N] [--days N] [--streams WORD] [--seed N] [--json FILE]

A stream trades at Poisson times, wins `payoff` R or loses 1 R, pays a cost on each trade, and risks 0.5 % of equity per R. Each path
runs for 180 days; counted is the share of paths that pass at least once, by four readings: the targets as point estimates from 50
trades on, looked at daily; the same looked at once; and the real gate, `telemetry.gates.evaluate`, at its own checkpoints, with the
default profile and with `evidence`. All evaluations that cannot pass are skipped by `could_pass`, which asks for less than the gate.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry import stats
from telemetry.gate_config import GateConfig, Profile
from telemetry.gates import State, evaluate
from telemetry.ledger_rows import DAY_MS, HEALTH
from telemetry.sample import Sample, Subject

Floats = npt.NDArray[np.float64]

START_TS = 20_454 * DAY_MS
"""2026-01-01: any UTC midnight would do."""
EQUITY = 1_000.0
"""At the start of each day. It is left where it is: the gate looks at returns."""
RISK = 0.005
"""Share of equity that one R is."""
NAIVE_TRADES = 50
MARGIN = 1 - 1e-6
"""`could_pass` sums in another order than the gate; it must not lose a pass to rounding."""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Trades of one kind."""

    name: str
    style: str
    payoff: float
    """Gross win in R."""
    win_prob: float
    gap_prob: float = 0.0
    """Share of trades that lose 3 to 7 R, evenly spread: the price jumped over the stop."""

    @property
    def cost(self) -> float:
        """In R, on each trade."""
        return 0.10 if self.style == "scalp" else 0.03

    @property
    def per_day(self) -> float:
        """Expected trades a day."""
        return 6.0 if self.style == "scalp" else 0.7

    @property
    def mean_r(self) -> float:
        """True expectancy of a trade, net, in R."""
        return self.win_prob * self.payoff - (1 - self.win_prob - self.gap_prob) - 5.0 * self.gap_prob - self.cost

    @property
    def annual_sharpe(self) -> float:
        """True annual Sharpe ratio of daily returns."""
        losses = (1 - self.win_prob - self.gap_prob) * (1 + self.cost) ** 2
        gaps = self.gap_prob * ((5.0 + self.cost) ** 2 + 4.0**2 / 12)
        square = self.win_prob * (self.payoff - self.cost) ** 2 + losses + gaps
        return float(self.mean_r * np.sqrt(self.per_day * 365 / square))


def fair(style: str, payoff: float, gap_prob: float = 0.0) -> float:
    """The win probability at which a stream is worth exactly nothing."""
    cost = Stream(name="", style=style, payoff=payoff, win_prob=0.0).cost
    return (1 + cost + 4.0 * gap_prob) / (1 + payoff)


STREAMS = (
    Stream(name="scalp 0.5:1, a loser", style="scalp", payoff=0.5, win_prob=2 / 3),
    Stream(name="scalp 0.5:1, no edge", style="scalp", payoff=0.5, win_prob=fair("scalp", 0.5)),
    Stream(name="scalp 0.5:1, no edge, gaps", style="scalp", payoff=0.5, win_prob=fair("scalp", 0.5, 0.02), gap_prob=0.02),
    Stream(name="scalp 0.5:1, an edge", style="scalp", payoff=0.5, win_prob=23 / 30),
    Stream(name="scalp 1:1, an edge", style="scalp", payoff=1.0, win_prob=0.62),
    Stream(name="scalp 2:1, an edge", style="scalp", payoff=2.0, win_prob=0.40),
    Stream(name="swing 0.4:1, no edge", style="swing", payoff=0.4, win_prob=fair("swing", 0.4)),
    Stream(name="swing 0.4:1, no edge, gaps", style="swing", payoff=0.4, win_prob=fair("swing", 0.4, 0.02), gap_prob=0.02),
    Stream(name="swing 1:1, the mission's ideal", style="swing", payoff=1.0, win_prob=0.72),
    Stream(name="swing 2.5:1, an edge", style="swing", payoff=2.5, win_prob=0.38),
)


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of paths that pass, 0..1."""

    stream: str
    mean_r: float
    sharpe: float
    paths: int
    naive_daily: float
    naive_once: float
    default: float
    default_upper: float
    """Upper bound of `default`, one-sided 95 % (exact): what the number of paths leaves open."""
    evidence: float
    median_day: float | None
    """Of the first pass with the `evidence` profile; None where nothing passed."""


def sample_path(stream: Stream, days: int, random: np.random.Generator) -> Sample:
    """One record of `days` days, as the gate takes it."""
    counts = random.poisson(stream.per_day, days)
    day = np.repeat(np.arange(days), counts)
    n = len(day)
    dice = random.random(n)
    lost = np.where(dice < stream.win_prob + stream.gap_prob, -random.uniform(3.0, 7.0, n), -1.0)
    r = np.where(dice < stream.win_prob, stream.payoff, lost) - stream.cost
    first = START_TS // DAY_MS
    health = np.tile(np.array([_HEALTHY.get(name, 0) for name in HEALTH], dtype=np.int64), (days, 1))
    return Sample(
        subject=Subject(account="PERPS/PAPER", style=stream.style, env="live", procedure="odds"),
        start_ts=START_TS,
        exit_ts=np.sort((first + day) * DAY_MS + random.integers(1, DAY_MS, n)).astype(np.int64),
        pnl=r * RISK * EQUITY,
        r=r,
        cost_r=np.full(n, stream.cost),
        notional=np.full(n, 0.05 * EQUITY),
        day=(first + np.arange(days)).astype(np.int64),
        day_pnl=np.asarray(np.bincount(day, weights=r, minlength=days) * RISK * EQUITY, dtype=np.float64),
        day_base=np.full(days, EQUITY),
        health=health,
    )


_HEALTHY = {"bars": 288, "orders": 12, "feeds": 288, "decisions": 288}
"""A day on which everything worked; all that went wrong is 0."""


def naive_days(sample: Sample, cfg: GateConfig) -> npt.NDArray[np.bool_]:
    """For each day's end, whether the bare targets are met by point estimates, whatever the number of trades."""
    targets, days = cfg.targets(sample.subject.style), len(sample.day)
    ended = np.searchsorted(sample.exit_ts, (sample.day + 1) * DAY_MS, side="left")
    wins = np.concatenate(([0], np.cumsum(sample.pnl > 0.0)))[ended]
    returns, n = sample.day_pnl / sample.day_base, np.arange(1, days + 1)
    mean = np.cumsum(returns) / n
    variance = (np.cumsum(returns**2) - n * mean**2) / np.maximum(n - 1, 1)
    equity = np.cumprod(1.0 + returns)
    drawdown = np.maximum.accumulate(1.0 - equity / np.maximum(np.maximum.accumulate(equity), 1.0))
    sharpe_met = (mean > 0.0) & (mean**2 * sample.subject.periods >= targets.sharpe**2 * variance) & (n > 1)
    met: npt.NDArray[np.bool_] = (wins >= targets.win_rate * ended) & (ended > 0) & sharpe_met & (drawdown <= cfg.drawdown)
    return met


def naive(sample: Sample, cfg: GateConfig) -> tuple[bool, bool]:
    """Whether the bare targets are met (on any day, on the first day) with at least 50 trades."""
    met = naive_days(sample, cfg)
    ended = np.searchsorted(sample.exit_ts, (sample.day + 1) * DAY_MS, side="left")
    enough = ended >= NAIVE_TRADES
    return bool((met & enough).any()), bool(enough.any() and met[int(np.argmax(enough))])


def could_pass(sample: Sample, cfg: GateConfig, days: int) -> bool:
    """Whether the checkpoint after `days` days may pass: trades, days, and the two hardest checks. Never stricter than the gate."""
    targets = cfg.targets(sample.subject.style)
    then = sample.until(START_TS + days * DAY_MS)
    if len(then.r) < targets.min_trades or days < targets.min_days:
        return False
    bound = stats.loss_bound_of(then.r, floor=cfg.loss_floor) or cfg.loss_floor
    logs = np.log1p(np.multiply.outer(np.array(stats.FRACTIONS) / bound, np.maximum(then.r, -bound))).sum(axis=1)
    if np.logaddexp.reduce(logs) - np.log(len(logs)) < np.log(cfg.evidence * MARGIN):
        return False
    return (stats.psr_from_returns(then.day_pnl / then.day_base) or 0.0) >= cfg.psr * MARGIN


def candidate_days(sample: Sample, cfg: GateConfig, days: int) -> Iterator[int]:
    """Checkpoints (in days) at which a PASS is possible: this one and the one before may pass."""
    before = False
    for day in range(cfg.checkpoint_days, days + 1, cfg.checkpoint_days):
        now = could_pass(sample, cfg, day)
        if before and now:
            yield day
        before = now


def first_pass(sample: Sample, cfg: GateConfig, candidates: Sequence[int]) -> int | None:
    """The first of these days on which the gate says PASS."""
    return next((day for day in candidates if evaluate(sample, cfg, START_TS + day * DAY_MS).state is State.PASS), None)


def odds_of(stream: Stream, paths: int, days: int, seed: int) -> Odds:
    """Run one stream. The same seed gives the same paths whatever other streams run."""
    both, evidence = GateConfig(), GateConfig(profile=Profile.EVIDENCE)
    random = np.random.default_rng([seed, *stream.name.encode()])
    daily = once = passed = 0
    found: list[int] = []
    for _ in range(paths):
        sample = sample_path(stream, days, random)
        any_day, first_day = naive(sample, both)
        daily, once = daily + any_day, once + first_day
        candidates = list(candidate_days(sample, evidence, days))
        day = first_pass(sample, evidence, candidates)
        if day is not None:  # the default profile asks for all that `evidence` asks for, and more
            found.append(day)
            passed += first_pass(sample, both, [c for c in candidates if c >= day]) is not None
    upper = stats.clopper_pearson_interval(passed, paths, 0.95, 1)
    return Odds(
        stream=stream.name,
        mean_r=round(stream.mean_r, 6),
        sharpe=round(stream.annual_sharpe, 3),
        paths=paths,
        naive_daily=daily / paths,
        naive_once=once / paths,
        default=passed / paths,
        default_upper=upper[1] if upper else 1.0,
        evidence=len(found) / paths,
        median_day=float(np.median(found)) if found else None,
    )


def table(rows: Sequence[Odds]) -> str:
    """The odds for people: percent of paths, as a Markdown table."""
    lines = [
        "| trade stream | true net R | true Sharpe | targets, daily | once at 50 trades | default gate | at most | `evidence` | in days |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        day = "–" if row.median_day is None else f"{row.median_day:.0f}"
        shares = (row.naive_daily, row.naive_once, row.default, row.default_upper, row.evidence)
        cells = (row.stream, f"{row.mean_r + 0.0:+.2f}", f"{row.sharpe + 0.0:.1f}", *(f"{100 * share:.1f}" for share in shares), day)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def run(streams: Sequence[Stream], paths: int, days: int, seed: int, say: Callable[[str], object]) -> list[Odds]:
    """Every stream in turn."""
    rows = []
    for stream in streams:
        begin = time.perf_counter()
        rows.append(odds_of(stream, paths, days, seed))
        say(f"{stream.name}: {time.perf_counter() - begin:.0f} s\n")
    return rows


def main(arguments: Sequence[str]) -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate_odds", description="How often the gate is passed, by streams of known truth."
    )
    parser.add_argument("--paths", type=int, default=300, metavar="N", help="of each stream (default 300)")
    parser.add_argument("--days", type=int, default=180, metavar="N", help="of each path (default 180)")
    parser.add_argument("--streams", default="", metavar="WORD", help='only those with the word in their name, e.g. "no edge"')
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(arguments)
    rows = run([stream for stream in STREAMS if args.streams in stream.name], args.paths, args.days, args.seed, sys.stderr.write)
    print(table(rows), end="")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"days": args.days, "seed": args.seed, "rows": msgspec.to_builtins(rows)}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
