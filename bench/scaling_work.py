"""What is measured as it grows: a sweep over part of a market, an engine that holds so many positions, operators who are told so often."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bench.markets import CONFIRM_MS, START_MS
from config import CONFIG
from modules.engine.core import Engine
from modules.engine.decide import reserve
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.engine.grid import Grid
from modules.engine.replay import events_of
from modules.learning.research import sweep_trades
from modules.ui.watch import Watchers
from state.booking import fill_entry
from state.messages import BarsClosed
from strategy.registry import BY_ID

Work = Callable[[], object]

ALL = chosen_strategies(None)
HELD_BY = BY_ID["C1"].index
FAR = 1 << 27
"""A target that no bar reaches, ticks."""


def first_days(grid: Grid, days: int) -> Grid:
    """The first `days` of a grid, laid out anew: what a shorter market would be, not a view of a longer one."""
    columns = days * 86_400_000 // grid.confirm_ms
    return msgspec.structs.replace(
        grid,
        ts=grid.ts[:columns].copy(),
        **{name: getattr(grid, name)[:, :columns].copy() for name in ("open", "high", "low", "close", "volume")},
    )


def first_symbols(grid: Grid, count: int) -> Grid:
    """The first `count` instruments of a grid."""
    return msgspec.structs.replace(
        grid,
        instruments=grid.instruments[:count],
        **{name: getattr(grid, name)[:count].copy() for name in ("open", "high", "low", "close", "volume")},
    )


def sweep_of(grid: Grid) -> Work:
    """Both passes with every strategy."""
    return lambda: sweep_trades(grid, CONFIG, ALL)


def holding_engine(grid: Grid, held: int) -> Engine:
    """An engine that looks for no entries and holds a position in each of the first `held` instruments, which no bar of a walk closes."""
    fresh, _ = fresh_engine(CONFIG, grid.instruments, frozenset(), START_MS, quotes=False)
    state, mandate = fresh.state, fresh.mandate
    for i in range(held):
        price = int(grid.open[i, 0])
        reserve(state.pos, mandate.rules, i, HELD_BY, 0, 0, 1, 1, price, 0, START_MS, START_MS + CONFIRM_MS, 1, FAR, 1.0)
        fill_entry(state.pos, state.inst, state.acct, i, price, 1, 0, START_MS)
        state.pos[i]["trail_k"] = 0.0
    return Engine(state, mandate)


def bars_of(grid: Grid, count: int) -> list[BarsClosed]:
    """The first `count` closes of a grid, each with the candles of all its instruments."""
    cut = msgspec.structs.replace(
        grid, ts=grid.ts[:count], **{name: getattr(grid, name)[:, :count] for name in ("open", "high", "low", "close", "volume")}
    )
    return list(events_of(cut))


def engine_over(engine: Engine, bars: list[BarsClosed]) -> Work:
    """The engine takes the bars, one event after the other; to be done once: an engine does not go back."""

    def run() -> None:
        for event in bars:
            engine.process(event)

    return run


def running(grid: Grid, held: int, warm: int, piece: int) -> Callable[[], Work]:
    """An engine that took `warm` closes; each call gives the work of its next `piece` closes, IndexError when the grid is at its end.

    A fresh one spends most of its time on memory that it touches for the first time.
    """
    engine, bars, at = holding_engine(grid, held), bars_of(grid, len(grid.ts)), [warm]
    engine_over(engine, bars[:warm])()

    def following() -> Work:
        begin, at[0] = at[0], at[0] + piece
        if at[0] > len(bars):
            raise IndexError("the grid is too short for so many pieces")
        return engine_over(engine, bars[begin : at[0]])

    return following


def told(listeners: int, times: int) -> Work:
    """`times` notices to so many listeners, who take each before the next one comes."""
    everybody: Watchers[int] = Watchers(lambda _notice: False)
    watches = [everybody.join() for _ in range(listeners)]

    def run() -> None:
        for notice in range(times):
            everybody.tell(notice)
            for watch in watches:
                # A coroutine that need not wait ends at its first step: no loop is measured here.
                try:
                    watch.take().send(None)
                except StopIteration:
                    continue

    return run
