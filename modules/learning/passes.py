"""The sweep's passes over a grid: arrays laid out side by side, fresh rows handed in, the compiled loops called.

The market pass is kept for any number of portfolio passes.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from forex.sessions import table
from modules.engine.grid import Grid, feed_native, marked
from modules.engine.mark_prices import bars_side_by_side, side_by_side
from modules.learning.option_pass import options_of
from modules.learning.sweep import SIGNAL, TRADE, Ints, market_pass, portfolio_pass
from modules.timeframes import BY_DAYS, TimeframeMap, map_of
from state.books import Rows
from strategy.actions import ACTIONS, Values
from strategy.registry import STRATEGIES

DEFAULT_FRAMES = map_of(BY_DAYS)

STATIC_VALUES: Values = np.zeros((1, len(STRATEGIES), ACTIONS), np.float32)
"""What the portfolio pass is given where the regime decides; not looked at."""


class MarketPass(msgspec.Struct, frozen=True, eq=False):
    """What the market pass leaves for any number of portfolio passes."""

    signals: Rows


def run_market(grid: Grid, market: Rows, params: Rows) -> MarketPass:
    """The market pass over every symbol of the grid (`market`: fresh rows, consumed)."""
    feed_native(grid, market, params)
    parts = []
    room = np.zeros(len(grid.ts), SIGNAL)
    for i in range(len(grid.instruments)):
        n = market_pass(
            market, params, i, grid.ts, grid.open[i], grid.high[i], grid.low[i], grid.close[i], grid.volume[i], grid.start, room
        )
        parts.append(room[:n].copy())
    signals = np.concatenate(parts)
    return MarketPass(signals[np.lexsort((signals["i"], signals["k"]))])


def flat(series: list[tuple[Any, ...]], width: int) -> tuple[list[Ints], Ints]:
    """Arrays of all symbols end to end, and where each symbol's part begins."""
    at = np.zeros(len(series) + 1, np.int64)
    at[1:] = np.cumsum([len(columns[0]) for columns in series])
    return [np.concatenate([np.asarray(columns[w], np.int64) for columns in series]) for w in range(width)], at


def run_portfolio(
    grid: Grid,
    market: MarketPass,
    books: tuple[Rows, Rows, Rows],
    rules: Rows,
    limits: Rows,
    allowed: Ints,
    values: Values | None = None,
    frames: TimeframeMap = DEFAULT_FRAMES,
) -> Rows:
    """The portfolio pass; `books` = (pos, inst, acct), changed in place. Returns the closed trades (TRADE) in order of closing.

    `values` (signals, strategies, 7) float32: what a learned policy makes of each signal, NaN where there is none; None: the static one.
    `frames`: which timeframes govern options that are held.
    """
    pos, inst, acct = books
    nothing = np.zeros(0, np.int64)
    keys = [instrument.key for instrument in grid.instruments]
    (funding_ts, funding_rate), funding_at = flat([grid.funding.get(key, (nothing, nothing)) for key in keys], 2)
    fine = [grid.fine.get(key) for key in keys]
    (fine_ts, fine_high, fine_low), fine_at = flat(
        [(one.ts, one.high, one.low) if one is not None else (nothing, nothing, nothing) for one in fine], 3
    )
    hours = table(grid.ts + grid.confirm_ms) if inst["session"].any() else np.zeros((0, 4), np.int64)
    trades = np.zeros(len(market.signals) * 4 + 16, TRADE)
    n = portfolio_pass(
        pos,
        inst,
        acct,
        rules,
        limits,
        allowed,
        market.signals,
        STATIC_VALUES if values is None else values,
        int(values is not None),
        grid.ts,
        grid.open,
        grid.high,
        grid.low,
        grid.close,
        side_by_side(keys, grid.mark, "open", grid.open),
        bars_side_by_side(keys, marked(grid, limits), (grid.open, grid.high, grid.low, grid.close)),
        grid.confirm_ms,
        grid.start,
        funding_ts,
        funding_rate,
        funding_at,
        fine_ts,
        fine_high,
        fine_low,
        fine_at,
        hours,
        options_of(grid, inst, market.signals, frames),
        trades,
    )
    return trades[:n].copy()
