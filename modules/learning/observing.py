"""What policies saw in stored candles: the observation of every signal of a market pass, and what a policy makes of each.

The market pass is run once more with the rings beside it, signal by signal with the engine's own `observe`. So the features are those that
a running engine would have had, to the last bit, and the portfolio pass can be given a learned policy's values.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from forex.sessions import table
from modules.engine.grid import Grid, feed_native
from modules.learning.passes import MarketPass, flat
from modules.learning.sweep import Floats, Ints
from risk.costs import round_trip
from state.books import Rows
from state.observed import new_observed
from state.rows import STRATEGIES as CONFIRMED
from strategy.actions import ACTIONS, SKIP, Values
from strategy.features import SEEN, SIZE, observe
from strategy.policy import Policy
from strategy.registry import STRATEGIES
from strategy.ring import watch_bar, watch_rate
from utils.kernel import kernel

NOT_ASKED = -1
"""No such signal: the strategy is silent there, or it is a short on spot."""


class Observed(msgspec.Struct, frozen=True, eq=False):
    """Every signal of a market pass as its policies see it."""

    signals: Rows
    obs: Values
    """(signals, 4, 34) float32; only where `code` is SEEN."""
    code: Ints
    """(signals, 4): SEEN, why there is no observation (`strategy.features.REASONS`), or NOT_ASKED."""


@kernel
def observe_pass(
    market: Rows,
    observed: Rows,
    params: Rows,
    inst: Rows,
    rules: Rows,
    i: int,
    ts: Ints,
    o: Ints,
    h: Ints,
    low: Ints,
    c: Ints,
    v: Floats,
    first: int,
    step_ms: int,
    funding_ts: Ints,
    funding_rate: Ints,
    ends: Ints,
    obs: Values,
    code: Ints,
) -> int:
    """`sweep.market_pass` of symbol `i` with its ring; observations into `obs` and `code` instead of signals. Returns how many signals."""
    n, told = 0, 0
    for k in range(len(ts)):
        if o[k] == 0:
            continue
        while told < len(funding_ts) and funding_ts[told] <= ts[k] and not inst[i]["on_margin"]:
            watch_rate(observed, i, funding_ts[told], funding_rate[told])
            inst[i]["funding_e8"] = funding_rate[told]
            told += 1
        found = watch_bar(market, observed, params, i, ts[k], o[k], h[k], low[k], c[k], v[k])
        if found == 0 or k < first:
            continue
        if len(ends) and inst[i]["session"]:
            inst[i]["close_ts"] = ends[k]
        closed = ts[k] + step_ms
        for s in range(code.shape[1]):
            bits = (found >> (2 * s)) & 3
            side = 3 - 2 * bits
            if bits == 0 or (inst[i]["spot"] and side < 0):
                code[n, s] = NOT_ASKED
                continue
            cost = round_trip(inst, i, rules[s]["order_type"], side, 0.0, float(rules[s]["prior_hold_ms"]))
            spread = inst[i]["spread_ppm"] / 1e6
            code[n, s] = observe(market, observed, i, inst, i, rules, s, side, closed, cost, spread, 0.0, 0.0, obs[n, s])
        n += 1
    return n


def run_observed(grid: Grid, passed: MarketPass, market: Rows, params: Rows, inst: Rows, rules: Rows) -> Observed:
    """Observations of the signals of `passed`, the market pass of the same grid. `market` fresh rows (consumed), `inst` a seat a symbol."""
    observed, seats = new_observed(len(market)), inst.copy()
    feed_native(grid, market, params, observed)
    nothing = np.zeros(0, np.int64)
    rates = [grid.funding.get(one.key, (nothing, nothing)) for one in grid.instruments]
    (times, values), at = flat(rates, 2)
    ends = table(grid.ts + grid.confirm_ms)[:, 1].copy() if seats["session"].any() else nothing
    counts = np.bincount(passed.signals["i"], minlength=len(grid.instruments))
    obs = np.full((len(passed.signals), CONFIRMED, SIZE), np.nan, np.float32)
    code = np.full((len(passed.signals), CONFIRMED), NOT_ASKED, np.int64)
    for i in range(len(grid.instruments)):
        part, codes = np.full((counts[i], CONFIRMED, SIZE), np.nan, np.float32), np.zeros((counts[i], CONFIRMED), np.int64)
        rated = slice(int(at[i]), int(at[i + 1]))
        bars = (grid.ts, grid.open[i], grid.high[i], grid.low[i], grid.close[i], grid.volume[i])
        observe_pass(
            market, observed, params, seats, rules, i, *bars, grid.start, grid.confirm_ms, times[rated], values[rated], ends, part, codes
        )
        here = passed.signals["i"] == i
        obs[here], code[here] = part, codes
    return Observed(passed.signals, obs, code)


def values_of(policy: Policy, seen: Observed) -> npt.NDArray[np.float32]:
    """(signals, strategies, 7): what `policy` makes of each signal, for `passes.run_portfolio`; NaN where nothing is asked."""
    found = np.full((len(seen.signals), len(STRATEGIES), ACTIONS), np.nan, np.float32)
    found[:, :, SKIP] = 0.0
    for n, s in np.argwhere(seen.code != NOT_ASKED).tolist():
        side = 3 - 2 * (int(seen.signals[n]["code"]) >> (2 * s) & 3)
        features = seen.obs[n, s] if seen.code[n, s] == SEEN else None
        found[n, s] = policy.values(features, s, side, int(seen.signals[n]["regime"]))
    return found
