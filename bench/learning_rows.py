"""The figures of `bench.learning` and the words around them: one line a policy, with bounds, and a page to be kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid
from modules.learning.champion import block_bound
from modules.learning.experience import Experience
from modules.settings import BotConfig
from state.books import Rows
from state.decisions import DecisionRow
from strategy.actions import SKIP, arm_of
from telemetry.stats_ratios import max_drawdown, max_drawdown_r, sharpe, sharpe_se_iid

DAY_MS, YEAR_D = 86_400_000, 365.0
Z = 1.96
COMMAND = "BOT_MARKET_DATA=DIR make bench-learning"
METHOD = (
    "Walk-forward: at each cut-off both learners are trained from scratch on the last 180 days of candidates (less the longest holding "
    "time and a day of embargo), then they answer the next 30 days. The settings are those of the running bot. Costs: taker or maker "
    "fees, slippage, funding. The wallet begins with 100,000 and obeys all limits, so it trades fewer candidates than a policy wants; its "
    "daily return is what was closed that day. Bounds are 95 %: mean R by a bootstrap over whole days, Sharpe by the standard error of "
    "independent days. Skipped: the share of candidates that costs and stops allowed and the policy did not want."
)
ALONE = (
    "Each candidate for itself, whatever else is open: utility u (R, with a penalty on losses; 0 for a skip), and what is gained over "
    "`static` on the same candidates. Flat is 0 by definition."
)
LUCK = (
    "Several policies on several markets are looked at here at once and nothing is corrected for that: one bound in forty above 0 is luck."
)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy came to as a wallet. None: there is none, or too little to say."""

    name: str
    trades: int = 0
    mean_r: float | None = None
    mean_r_low: float | None = None
    mean_r_high: float | None = None
    """95 % bootstrap over whole days."""
    sharpe: float | None = None
    """Annual, of daily returns."""
    sharpe_low: float | None = None
    sharpe_high: float | None = None
    """95 %, by the standard error of Lo (2002) for independent days."""
    total: float = 0.0
    """Return over the test days, a fraction."""
    drawdown: float | None = 0.0
    """Largest fall of daily equity below its peak, a fraction."""
    drawdown_r: float | None = 0.0
    skip_rate: float | None = None
    """Share of the candidates that cost and stop cap allowed, and this policy did not want."""


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy came to where each candidate is traded for itself, whatever else is open; utility u as it is learned."""

    name: str
    candidates: int
    taken: int
    mean_r: float | None
    """Of those that were taken, at full size."""
    mean_u: float
    u_low: float | None
    u_high: float | None
    over_static: float
    over_low: float | None
    over_high: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of candles."""

    name: str
    symbols: tuple[str, ...]
    window: tuple[int, int]
    """Of the test days, ms UTC."""
    candidates: int
    folds: int
    lessons: list[int]
    refused: dict[str, int]
    notes: list[str]
    lines: list[Line]
    alone: list[Alone]
    cpu_s: float


def interval(ts: Ints, values: Floats) -> tuple[float | None, float | None]:
    """95 % of a mean by a bootstrap over whole days; None with fewer than two days."""
    low, high = block_bound(ts, values, 0.975), block_bound(ts, -values, 0.975)
    return low, None if high is None else 0.0 - high


def sharpe_with_bounds(returns: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Annual Sharpe of daily returns and its 95 % bounds; None without variance."""
    found, daily = sharpe(returns, YEAR_D), sharpe(returns, 1.0)
    error = None if daily is None else sharpe_se_iid(daily, len(returns))
    if found is None or error is None:
        return None, None, None
    wide = Z * error * math.sqrt(YEAR_D)
    return found, found - wide, found + wide


def traded_line(name: str, trades: Rows, balance: int, window: tuple[int, int], rows: Sequence[DecisionRow], actions: Ints) -> Line:
    """A wallet's line from its closed trades; a day's return is what was closed on it. `actions`: -1 where the candidate is not judged."""
    first, days = window[0] // DAY_MS, -(-(window[1] - window[0]) // DAY_MS)
    last = max(days, int((trades["exit_ts"].max(initial=0) - 1) // DAY_MS - first) + 1)
    earned = (
        np.bincount((trades["exit_ts"] - 1) // DAY_MS - first, trades["net"].astype(np.float64), last) if len(trades) else np.zeros(last)
    )
    equity = balance + np.concatenate([[0.0], np.cumsum(earned)])
    returns = (earned / equity[:-1]).tolist()
    r = trades["net"] / trades["at_risk"].astype(np.float64)
    ratio, below, above = sharpe_with_bounds(returns)
    low, high = interval(trades["entry_ts"], r) if len(r) else (None, None)
    judged = np.array([action >= 0 and row.mask != 0 for action, row in zip(actions.tolist(), rows, strict=True)], np.bool_)
    return Line(
        name=name,
        trades=len(trades),
        mean_r=float(r.mean()) if len(r) else None,
        mean_r_low=low,
        mean_r_high=high,
        sharpe=ratio,
        sharpe_low=below,
        sharpe_high=above,
        total=float(equity[-1] / balance - 1.0),
        drawdown=max_drawdown(returns),
        drawdown_r=max_drawdown_r(r.tolist()) if len(r) else 0.0,
        skip_rate=float(np.mean(actions[judged] == SKIP)) if judged.any() else None,
    )


def held_line(grid: Grid, config: BotConfig, window: tuple[int, int]) -> Line:
    """All symbols bought in equal parts at the first bar of the window and sold at its end: fees, slippage and funding included."""
    engine, _ = fresh_engine(config, grid.instruments, frozenset(), int(grid.ts[0]), quotes=False)
    inst = engine.state.inst
    columns = np.flatnonzero((grid.ts >= window[0]) & (grid.ts < window[1]))
    equity = np.zeros(-(-len(columns) * grid.confirm_ms // DAY_MS) + 1)
    per_day = DAY_MS // grid.confirm_ms
    for i, one in enumerate(grid.instruments):
        close = grid.close[i, columns].astype(np.float64)
        entry = float(grid.open[i, columns[0]])
        close[close == 0] = np.nan
        paid = np.zeros(len(columns))
        times, rates = grid.funding.get(one.key, (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        for ts, rate in zip(times.tolist(), rates.tolist(), strict=True):
            if window[0] < ts < window[1]:
                at = int((ts - window[0]) // grid.confirm_ms)
                paid[at] += rate / 1e8 * grid.open[i, columns[at]] / entry
        worth = close / entry - np.cumsum(paid)
        toll = (int(inst[i]["taker_ppm"]) + int(inst[i]["slip_ppm"])) / 1e6
        ends = np.minimum(np.arange(1, len(equity)) * per_day, len(columns)) - 1
        known = np.array([worth[: end + 1][np.isfinite(worth[: end + 1])][-1] for end in ends.tolist()]) - toll
        known[-1] -= toll * close[np.isfinite(close)][-1] / entry
        equity += np.concatenate([[1.0], known]) / len(grid.instruments)
    returns = (np.diff(equity) / equity[:-1]).tolist()
    ratio, below, above = sharpe_with_bounds(returns)
    return Line(
        name="buy and hold",
        trades=len(grid.instruments),
        sharpe=ratio,
        sharpe_low=below,
        sharpe_high=above,
        total=float(equity[-1] - 1.0),
        drawdown=max_drawdown(returns),
        drawdown_r=None,
    )


def alone_line(name: str, experience: Experience, actions: Ints, static: Ints) -> Alone:
    """Each candidate for itself: those with a label in the test days."""
    chosen = np.flatnonzero((actions >= 0) & experience.labels.good)
    mine, other, ts = actions[chosen], static[chosen], experience.ts[chosen]
    u = experience.labels.u[chosen, mine].astype(np.float64)
    gained = u - experience.labels.u[chosen, other]
    taken = mine != SKIP
    arms = np.array([arm_of(action) for action in mine[taken].tolist()], np.int64)
    r = experience.labels.r[chosen[taken], arms]
    low, high = interval(ts, u) if len(chosen) else (None, None)
    over_low, over_high = interval(ts, gained) if len(chosen) else (None, None)
    return Alone(
        name=name,
        candidates=len(chosen),
        taken=int(taken.sum()),
        mean_r=float(r.mean()) if taken.any() else None,
        mean_u=float(u.mean()) if len(chosen) else 0.0,
        u_low=low,
        u_high=high,
        over_static=float(gained.mean()) if len(chosen) else 0.0,
        over_low=over_low,
        over_high=over_high,
    )


def document(found: Sequence[Result]) -> str:
    """The page."""
    parts = [
        "# Learning: measured",
        f"Made by `{COMMAND}`; the figures are what came out, nothing was chosen afterwards. [Learning](learning.md) says how it works.",
        METHOD,
    ]
    for one in found:
        parts += _section(one)
    parts += ["## What this says", *verdict(found)]
    return "\n\n".join(parts) + "\n"


def _section(one: Result) -> list[str]:
    first, last = (str(np.datetime64(ts, "ms"))[:10] for ts in one.window)
    head = ["policy", "trades", "mean R (95 %)", "Sharpe (95 %)", "return", "max drawdown", "drawdown, R", "skipped"]
    rows = [
        [
            line.name,
            str(line.trades),
            _bounds(line.mean_r, line.mean_r_low, line.mean_r_high, "+.3f"),
            _bounds(line.sharpe, line.sharpe_low, line.sharpe_high, "+.2f"),
            f"{line.total:+.2%}",
            _text(line.drawdown, ".2%"),
            _text(line.drawdown_r, ".1f"),
            _text(line.skip_rate, ".0%"),
        ]
        for line in one.lines
    ]
    alone = [
        [
            line.name,
            f"{line.taken} of {line.candidates}",
            _text(line.mean_r, "+.3f"),
            _bounds(line.mean_u, line.u_low, line.u_high, "+.4f"),
            _bounds(line.over_static, line.over_low, line.over_high, "+.4f"),
        ]
        for line in one.alone
    ]
    words = f"{', '.join(one.symbols)}; test days {first} to {last}; {one.candidates} candidates, {one.folds} trainings, on "
    words += f"{min(one.lessons)} to {max(one.lessons)} decisions; {one.cpu_s:.0f} s of computing."
    refusals = [f"- {note}" for note in one.notes]
    return [
        f"## {one.name}, {first} to {last}",
        words,
        _table(head, rows),
        ALONE,
        _table(["policy", "taken", "mean R of those", "mean u (95 %)", "u over static (95 %)"], alone),
        *(["\n".join(refusals)] if refusals else []),
    ]


def verdict(found: Sequence[Result]) -> list[str]:
    """Plain words that follow from the bounds alone."""
    said = []
    for one in found:
        first = str(np.datetime64(one.window[0], "ms"))[:7]
        edges = [line.name for line in one.alone if line.taken and line.u_low is not None and line.u_low > 0.0]
        losers = [line.name for line in one.alone if line.taken and line.u_high is not None and line.u_high < 0.0]
        better = [line.name for line in one.alone if line.over_low is not None and line.over_low > 0.0]
        words = [f"{', '.join(edges)}: better than doing nothing beyond chance" if edges else "no evidence of edge for any policy"]
        if losers:
            words.append(f"{', '.join(losers)} would have lost beyond chance")
        if better:
            how = "" if set(better) & set(edges) else ", by abstaining: not better than doing nothing"
            words.append(f"{', '.join(better)} did better than static beyond chance{how}")
        said.append(f"- {one.name} from {first}: {'; '.join(words)}.")
    return [
        "\n".join(said),
        LUCK,
    ]


def _bounds(value: float | None, low: float | None, high: float | None, form: str) -> str:
    if value is None:
        return "-"
    return _text(value, form) + (f" ({_text(low, form)} to {_text(high, form)})" if low is not None and high is not None else "")


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
