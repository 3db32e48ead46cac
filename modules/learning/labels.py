"""What every exit profile of a decision would have come to: R and u of each action, by the sweep's own portfolio pass on an empty account.

Each candidate is walked three times through `portfolio_pass`, alone, in a wallet that no limit binds, with all rows of the rules
table set to one profile; so entry, stops, trailing, gaps, funding and time exits are the very arithmetic of replay and sweep. Without
candles for the whole way there is no label, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import msgspec
import numpy as np
import numpy.typing as npt

from forex.sessions import table
from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid, marked
from modules.engine.mark_prices import bars_side_by_side, side_by_side
from modules.learning.option_pass import Options, no_options
from modules.learning.passes import STATIC_VALUES
from modules.learning.sweep import SIGNAL, TRADE, portfolio_pass
from modules.settings import BotConfig
from risk.cost_model import CostModel
from state.books import ARMS, FLAT, PAR_E9, POS, Rows
from strategy.actions import ACTIONS, Values, arm_of, size_of
from utils.fixed import MONEY_SCALE
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BALANCE = 1_000_000 * MONEY_SCALE // 10
"""The wallet a label is computed in, money units (100,000 quote): far from every minimum and from the range of int64."""
RISK_AVERSION = 0.1
U_LIMIT = 3.0
MOST_MISSING = 3
"""Bars in a row that may be missing on the way; a longer hole may hide a stop."""
NO_LIMIT = 1e18

ASKED = np.dtype([("ts", "i8"), ("i", "i8"), ("strategy", "i8"), ("side", "i8"), ("regime", "i8"), ("reference", "i8"), ("atr", "f8")])
"""A decision: close of its confirming bar (ms UTC), row of the grid, strategy, side, regime, reference and ATR in ticks."""


class Why(IntEnum):
    """Why a decision has no label; LABELLED where it has one."""

    LABELLED = 0
    NO_CANDLE = 1
    """Its own bar is not stored."""
    OTHER_PRICE = 2
    """The stored bar closed elsewhere: other data than what was decided on."""
    STILL_OPEN = 3
    """The candles end before the outcome."""
    GAP = 4
    """Candles are missing between entry and exit."""
    NOT_ENTERED = 5
    """No entry was possible at all: a spot short, a weekend near, no sensible stop."""


class Labels(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The outcomes of n decisions."""

    why: Ints
    """(n,) codes of `Why`."""
    r: Floats
    """(n, 3): R of each exit profile after all costs; 0 where its entry would not have filled; NaN without a label."""
    u: npt.NDArray[np.float32]
    """(n, 7): what each action was worth; SKIP 0; NaN without a label."""
    outcome_ts: Ints
    """(n,): when the last of them was known, ms UTC; 0 without a label."""
    trades: Rows
    """(n, 3) TRADE rows; all zero where the entry would not have filled."""

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """(n,): which have a label."""
        found: npt.NDArray[np.bool_] = self.why == Why.LABELLED
        return found


def utility(r: Floats | float, size: float) -> Floats:
    """The value of a result: u = s R - 0.1 s^2 min(R, 0)^2, clipped to [-3, 3] (learning, 1.4)."""
    result = np.asarray(r, np.float64)
    return np.clip(size * result - RISK_AVERSION * size**2 * np.minimum(result, 0.0) ** 2, -U_LIMIT, U_LIMIT)


def utilities(r: Floats) -> npt.NDArray[np.float32]:
    """(n, 7) from R of the three profiles (n, 3)."""
    found = np.zeros((len(r), ACTIONS), np.float32)
    for action in range(1, ACTIONS):
        found[:, action] = utility(r[:, arm_of(action)], size_of(action))
    found[np.isnan(r).any(axis=1)] = np.nan
    return found


def usable(ts: Ints, hold_ms: Ints, good: npt.NDArray[np.bool_], cut_off: int, embargo_ms: int = 0) -> npt.NDArray[np.bool_]:
    """Which labels may be trained on at `cut_off` (ms UTC): those whose longest possible outcome lies before it, less the embargo.

    Not those whose own outcome does: quick outcomes would come in earlier than slow ones and be too many among the latest.
    """
    return good & (ts + hold_ms <= cut_off - embargo_ms)


@kernel
def _walk(
    pos: Rows,
    inst: Rows,
    acct: Rows,
    blank: Rows,
    rules: Rows,
    limits: Rows,
    allowed: Ints,
    one: Rows,
    values: Values,
    ks: Ints,
    asked: Rows,
    most: Ints,
    ts: Ints,
    o: Ints,
    h: Ints,
    low: Ints,
    c: Ints,
    mark_o: Ints,
    seen: tuple[Ints, Ints, Ints, Ints],
    step_ms: int,
    funding_ts: Ints,
    funding_rate: Ints,
    funding_at: Ints,
    fine_ts: Ints,
    fine_high: Ints,
    fine_low: Ints,
    fine_at: Ints,
    hours: Ints,
    options: Options,
    room: Rows,
    trades: Rows,
    state: Ints,
) -> None:
    """Each decision of one symbol with each profile alone: `trades` (n x 3) is filled in, `state` says 1 not entered, 2 open at the end."""
    free, cap = inst[0]["min_steps"], inst[0]["max_steps"]
    for n in range(len(ks)):
        one[0]["k"], one[0]["i"] = ks[n], 0
        one[0]["code"] = (1 if asked[n]["side"] > 0 else 2) << (2 * asked[n]["strategy"])
        one[0]["regime"], one[0]["atr"], one[0]["turnover"] = asked[n]["regime"], asked[n]["atr"], NO_LIMIT
        for arm in range(ARMS):
            acct[0] = blank[0]
            pos[0]["status"], pos[0]["closing"], pos[0]["close_after"], pos[0]["decided_ts"] = FLAT, 0, 0, 0
            inst[0]["max_steps"], inst[0]["min_steps"] = (most[n, arm], min(free, most[n, arm])) if most[n, arm] > 0 else (cap, free)
            done = portfolio_pass(
                pos,
                inst,
                acct,
                rules[arm],
                limits,
                allowed,
                one,
                values,
                0,
                ts,
                o,
                h,
                low,
                c,
                mark_o,
                seen,
                step_ms,
                ks[n],
                funding_ts,
                funding_rate,
                funding_at,
                fine_ts,
                fine_high,
                fine_low,
                fine_at,
                hours,
                options,
                room,
            )
            if done > 0:
                trades[n * ARMS + arm] = room[0]
            elif pos[0]["status"] != FLAT:
                state[n * ARMS + arm] = 2
            elif pos[0]["decided_ts"] != ts[ks[n]] + step_ms:
                state[n * ARMS + arm] = 1
    inst[0]["max_steps"], inst[0]["min_steps"] = cap, free


class Labeller:
    """Labels over one grid, with the rules and costs of a configuration; `costs`: models in force over the configured ones."""

    def __init__(self, grid: Grid, config: BotConfig, costs: Iterable[CostModel] = ()) -> None:
        self.grid = grid
        start_ts = int(grid.ts[0])
        engine, _ = fresh_engine(config, grid.instruments, frozenset(), start_ts, quotes=False, costs=costs)
        self._inst = engine.state.inst
        self._acct = engine.state.acct[:1].copy()
        for field in ("cash", "equity", "peak", "day_start"):
            self._acct[0][field] = BALANCE
        mandate = engine.mandate
        self._limits = mandate.limits.copy()
        self._marks = marked(grid, self._limits)
        self.hold_ms: Ints = mandate.rules["max_hold_ms"].astype(np.int64)
        self._rules = np.stack([_only(mandate.rules, arm) for arm in range(ARMS)])
        sessions = bool(self._inst["session"].any())
        self._hours = table(grid.ts + grid.confirm_ms) if sessions else np.zeros((0, 4), np.int64)

    def label(self, asked: Rows, most: Ints | None = None) -> Labels:
        """Outcomes of `asked` (ASKED rows). `most` (n, 3): largest order in steps, 0 where the wallet decides (R does not depend on it)."""
        n = len(asked)
        why = np.zeros(n, np.int64)
        trades = np.zeros((n, ARMS), TRADE)
        found_state = np.zeros((n, ARMS), np.int64)
        columns = (asked["ts"] - self.grid.confirm_ms - self.grid.ts[0]) // self.grid.confirm_ms
        inside = (
            (columns >= 0) & (columns < len(self.grid.ts)) & (asked["ts"] % self.grid.confirm_ms == self.grid.ts[0] % self.grid.confirm_ms)
        )
        k = np.where(inside, columns, 0)
        here = inside & (self.grid.open[asked["i"], k] != 0) if n else inside
        why[~here] = Why.NO_CANDLE
        why[here & (self.grid.close[asked["i"], k] != asked["reference"])] = Why.OTHER_PRICE
        for i in np.unique(asked["i"][why == 0]).tolist():
            mine = np.flatnonzero((asked["i"] == i) & (why == 0))
            sizes = np.zeros((len(mine), ARMS), np.int64) if most is None else most[mine]
            self._symbol(i, asked[mine], k[mine], sizes, mine, trades, found_state)
        why[(why == 0) & (found_state == 1).any(axis=1)] = Why.NOT_ENTERED
        why[(why == 0) & (found_state == 2).any(axis=1)] = Why.STILL_OPEN
        for one in np.flatnonzero(why == 0).tolist():
            if self._hole(int(asked["i"][one]), int(k[one]), int(trades[one]["exit_ts"].max())):
                why[one] = Why.GAP
        return self._told(asked, why, trades)

    def _told(self, asked: Rows, why: Ints, trades: Rows) -> Labels:
        good = why == Why.LABELLED
        at_risk = trades["at_risk"].astype(np.float64)
        r = np.where(at_risk > 0, trades["net"] / np.where(at_risk > 0, at_risk, 1.0), 0.0)
        r[~good] = np.nan
        known = np.maximum(trades["exit_ts"].max(axis=1, initial=0), asked["ts"] + self.grid.confirm_ms)
        return Labels(why=why, r=r, u=utilities(r), outcome_ts=np.where(good, known, 0), trades=trades)

    def _symbol(self, i: int, asked: Rows, ks: Ints, most: Ints, mine: Ints, trades: Rows, found_state: Ints) -> None:
        grid, key = self.grid, self.grid.instruments[i].key
        nothing = np.zeros(0, np.int64)
        funding_ts, funding_rate = grid.funding.get(key, (nothing, nothing))
        fine = grid.fine.get(key)
        fine_ts, fine_high, fine_low = (fine.ts, fine.high, fine.low) if fine is not None else (nothing, nothing, nothing)
        inst = self._inst[i : i + 1].copy()
        inst["account"] = inst["market"] = 0
        inst["rate_e9"], inst["via"] = PAR_E9, -1  # R is the same in any currency: the wallet is one in the quote's
        inst["maintenance_ppm"] = 0  # no profile is left out: each is asked about
        out, state = np.zeros(len(ks) * ARMS, TRADE), np.zeros(len(ks) * ARMS, np.int64)
        _walk(
            np.zeros(1, POS),
            inst,
            self._acct.copy(),
            self._acct,
            self._rules,
            self._limits,
            np.ones(len(self.hold_ms), np.int64),
            np.zeros(1, SIGNAL),
            STATIC_VALUES,
            ks,
            asked,
            most,
            grid.ts,
            grid.open[i : i + 1],
            grid.high[i : i + 1],
            grid.low[i : i + 1],
            grid.close[i : i + 1],
            side_by_side([key], grid.mark, "open", grid.open[i : i + 1]),
            bars_side_by_side([key], self._marks, (grid.open[i : i + 1], grid.high[i : i + 1], grid.low[i : i + 1], grid.close[i : i + 1])),
            grid.confirm_ms,
            np.asarray(funding_ts, np.int64),
            np.asarray(funding_rate, np.int64),
            np.array([0, len(funding_ts)], np.int64),
            np.asarray(fine_ts, np.int64),
            np.asarray(fine_high, np.int64),
            np.asarray(fine_low, np.int64),
            np.array([0, len(fine_ts)], np.int64),
            self._hours if inst[0]["session"] else np.zeros((0, 4), np.int64),
            no_options(),
            np.zeros(4, TRADE),
            out,
            state,
        )
        trades[mine] = out.reshape(-1, ARMS)
        found_state[mine] = state.reshape(-1, ARMS)

    def _hole(self, i: int, k: int, exit_ts: int) -> bool:
        """Whether the entry's bar, or more than `MOST_MISSING` bars in a row before the exit, are not stored though the market was open."""
        last = max(k + 2, int(np.searchsorted(self.grid.ts, exit_ts)))
        missing = self.grid.open[i, k + 1 : last] == 0
        if self._inst[i]["session"]:
            hours = self._hours[k + 1 : last]
            missing &= (hours[:, 0] <= self.grid.ts[k + 1 : last]) & (self.grid.ts[k + 1 : last] < hours[:, 1])
        if len(missing) == 0 or missing[0]:
            return True
        if not missing.any():
            return False
        present = np.flatnonzero(np.concatenate([[True], ~missing, [True]]))
        return int(np.diff(present).max()) - 1 > MOST_MISSING


def _only(rules: Rows, arm: int) -> Rows:
    """The rules with every profile made `arm`, and none too wide or too dear: whichever is chosen, it is this one."""
    found = rules.copy()
    for name in ("stop_k", "trail_k", "target_k"):
        found[name] = rules[name][:, arm : arm + 1]
    found["stop_cap"] = found["cost_limit"] = NO_LIMIT
    return found
