"""What a set of parameters is worth: one sweep over the whole span, its trades cut into folds.

A fold's score is mean R less one standard error less the toll for trading often, of the trades of its training window; a trial's
objective is the median over the folds. The drawdown steps are off, because a fold must not depend on what an account went
through before it; day stop, streak pause and all caps act as in the engine.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections import OrderedDict
from statistics import median
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from forex.sessions import open_ms
from modules.engine.desk import fresh_engine, market_rows
from modules.engine.grid import Grid
from modules.learning.passes import MarketPass, run_market, run_portfolio
from modules.learning.spaces import Values, with_values
from modules.learning.walkforward import DAY_MS, Fold
from modules.parameters import Parameters, param_rows
from modules.settings import BotConfig, rule_rows
from risk.cost_model import CostModel
from state.accounts import Domain
from state.books import Rows
from strategy.registry import BY_ID, STRATEGIES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
KEPT_MARKETS = 128
NEVER = 2.0
"""A drawdown that cannot be reached."""


class Tail(msgspec.Struct, frozen=True):
    """The trades of one test window: R of each, and the UTC day on which it ended."""

    r: list[float]
    day: list[int]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial found."""

    train: list[float | None]
    """A score per fold; None where there were too few trades."""
    counts: list[int]
    """Training trades per fold."""
    tests: list[Tail]
    """Per fold; empty where the score is kept in a study."""
    daily: str
    """R by day of exit over the span, packed (`unpack`)."""
    trades: int
    mean_r: float

    @property
    def objective(self) -> float | None:
        """Median over the folds; None when one of them had too few trades."""
        known = [one for one in self.train if one is not None]
        return median(known) if known and len(known) == len(self.train) else None


def pack(daily: Floats) -> str:
    """Daily sums as text: float32, deflated, base64."""
    return base64.b64encode(zlib.compress(daily.astype("<f4").tobytes(), 6)).decode()


def unpack(text: str) -> Floats:
    """The inverse of `pack`, to the precision of float32; ValueError (or zlib.error) for anything else."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f4").astype(np.float64)


def fold_score(r: Floats, days: float, min_trades: int, toll: float) -> float | None:
    """Mean R - standard error - toll × trades a day; None for fewer than `min_trades`."""
    n = len(r)
    if n < max(min_trades, 2):
        return None
    return float(r.mean() - r.std(ddof=1) / math.sqrt(n) - toll * n / days)


class Arena(msgspec.Struct):
    """One grid and one strategy, ready for any number of trials; keeps market passes and results."""

    grid: Grid
    config: BotConfig
    strategy: str
    folds: tuple[Fold, ...]
    costs: tuple[CostModel, ...] = ()
    _books: tuple[Rows, Rows, Rows] | None = None
    _limits: Any = None
    _markets: OrderedDict[bytes, MarketPass] = msgspec.field(default_factory=OrderedDict)
    _scores: dict[tuple[tuple[str, float], ...], Score] = msgspec.field(default_factory=dict)

    def score(self, values: Values) -> Score:
        """Sweep with these values (once: the same values give the same score)."""
        key = tuple(sorted(values.items()))
        if key not in self._scores:
            r, entry, leave = self.trades(values)
            self._scores[key] = self._judge(r, entry, leave)
        return self._scores[key]

    def forget(self) -> None:
        """Sweep again what was swept before; market passes are kept."""
        self._scores.clear()

    def trades(self, values: Values) -> tuple[Floats, Ints, Ints]:
        """R, entry and exit time (ms UTC) of every closed trade."""
        parameters = with_values(self.config.parameters, self.strategy, values)
        if self._books is None:
            chosen = frozenset({BY_ID[self.strategy].index})
            start = int(self.grid.ts[min(self.grid.start, len(self.grid.ts) - 1)])
            engine, _ = fresh_engine(self.config, self.grid.instruments, chosen, start, quotes=False, costs=self.costs)
            self._books = (engine.state.pos, engine.state.inst, engine.state.acct)
            self._limits = engine.mandate.limits.copy()
            for name in ("half_at", "stop_at", "halt_at"):
                self._limits[name] = NEVER
        pos, inst, acct = (rows.copy() for rows in self._books)
        domain = self.config.domains[self.grid.instruments[0].domain]
        rules = rule_rows(domain.primary_ms, parameters)
        allowed = np.zeros(len(STRATEGIES), np.int64)
        allowed[BY_ID[self.strategy].index] = 1
        found = run_portfolio(self.grid, self._market(parameters), (pos, inst, acct), rules, self._limits, allowed)
        at_risk = found["at_risk"]
        r = np.divide(found["net"], at_risk, out=np.zeros(len(found)), where=at_risk != 0)
        return r, found["entry_ts"].copy(), found["exit_ts"].copy()

    def _market(self, parameters: Parameters) -> MarketPass:
        """The strategy's signals under these parameters; trials that differ in exits alone share them."""
        params = param_rows(parameters)
        key = params.tobytes()
        if key in self._markets:
            self._markets.move_to_end(key)
            return self._markets[key]
        market = market_rows(self.config, self.grid.instruments)
        signals = run_market(self.grid, market, params).signals
        bits = np.int64(3 << (2 * BY_ID[self.strategy].index))
        own = signals[(signals["code"] & bits) != 0]
        own["code"] &= bits
        self._markets[key] = MarketPass(own)
        if len(self._markets) > KEPT_MARKETS:
            self._markets.popitem(last=False)
        return self._markets[key]

    def _judge(self, r: Floats, entry: Ints, leave: Ints) -> Score:
        plan = self.config.optimize
        train: list[float | None] = []
        counts, tests = [], []
        for fold in self.folds:
            inside = (entry >= fold.train_from) & (entry < fold.train_to)
            days = (fold.train_to - fold.train_from) / DAY_MS
            train.append(fold_score(r[inside], days, plan.min_trades, plan.trade_toll))
            counts.append(int(inside.sum()))
            after = (entry >= fold.test_from) & (entry < fold.test_to)
            tests.append(Tail(r[after].tolist(), (leave[after] // DAY_MS).tolist()))
        first, last = self.folds[0].train_from, self.folds[-1].test_to
        known = (leave >= first) & (leave < last)
        daily = np.bincount((leave[known] - first) // DAY_MS, weights=r[known], minlength=-(-(last - first) // DAY_MS))
        return Score(
            train=train,
            counts=counts,
            tests=tests,
            daily=pack(daily.astype(np.float64)),
            trades=len(r),
            mean_r=float(r.mean()) if len(r) else 0.0,
        )


def check(grid: Grid, max_missing: float) -> list[str]:
    """Refuse what cannot be searched on, by one sentence each in a list (empty: fine): no movement, broken prices, too many holes."""
    wrong = []
    traded = max(1, open_ms(int(grid.ts[0]), int(grid.ts[-1]) + grid.confirm_ms) // grid.confirm_ms)
    for i, instrument in enumerate(grid.instruments):
        there = grid.open[i] != 0
        expected = traded if instrument.domain is Domain.FOREX else len(grid.ts)
        prices = [column[i][there] for column in (grid.open, grid.high, grid.low, grid.close)]
        if not there.any():
            wrong.append(f"{instrument.symbol} has no bars")
        elif min(int(column.min()) for column in prices) <= 0 or not np.isfinite(grid.volume[i][there]).all():
            wrong.append(f"{instrument.symbol} has prices or volumes that are not numbers above 0")
        elif (prices[1] == prices[2]).all() and (prices[3] == prices[3][0]).all():
            wrong.append(f"{instrument.symbol}: the price never moves")
        elif 1 - there.sum() / expected > max_missing:
            wrong.append(f"{instrument.symbol}: {1 - there.sum() / expected:.0%} of its bars are missing, at most {max_missing:.0%} may be")
    return wrong


def first_trade_ts(grid: Grid, warmup_days: int) -> int:
    """From when on the windows are full: the warm-up after the first bar, less what native primary bars from before it bring."""
    warm = grid.start * grid.confirm_ms
    lead = min((len(grid.before[one.key].ts) if one.key in grid.before else 0) for one in grid.instruments)
    native = lead * _primary_step(grid) if lead > 1 else 0
    missing = max(0, warmup_days * DAY_MS - warm - native)
    return int(grid.ts[min(grid.start, len(grid.ts) - 1)]) + missing


def _primary_step(grid: Grid) -> int:
    first = next(iter(grid.before.values()))
    return int(np.median(np.diff(first.ts))) if len(first.ts) > 1 else 0
