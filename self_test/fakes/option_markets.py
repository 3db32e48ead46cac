"""Markets of slots of options: made-up pairs under held surfaces, still pairs that go where a test wants, and orders given by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from config import CONFIG
from dataio.bars import Bars
from forex.sessions import is_open
from modules.engine import candidates
from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid, build
from modules.engine.option_pick import offers_of
from modules.engine.replay import drive, events_of, in_order, surfaces_of, sweep_rows, warm
from modules.exchange.paper_bars import BarVenue
from modules.learning.passes import MarketPass, run_portfolio
from modules.learning.sweep import SIGNAL
from modules.settings import BotConfig
from self_test.fakes.fx_markets import M15, fx_market
from self_test.fakes.pairs import pair
from self_test.forex.smiles import EURUSD, USDJPY
from state.accounts import Mode
from state.books import Rows
from state.instruments import Instrument, option_slot
from state.messages import BarsClosed, Command, Event, Record, Report
from strategy.base import LONG, O1, SHORT
from strategy.registry import STRATEGIES

SURFACES = {"EURUSD": EURUSD, "USDJPY": USDJPY}
FREE = CONFIG.model_copy(update={"risk": CONFIG.risk.model_copy(update={"max_move": 0.0, "option_exit_days": 0.0})})
"""Without a limit on moves, and options are held to their settlement."""


def slot(symbol: str) -> Instrument:
    """The slot of a pair's options."""
    return option_slot(pair(symbol))


def ms(text: str) -> int:
    """`2025-04-17T14:00` (UTC) as ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def option_market(*symbols: str, **more: Any) -> Grid:
    """`fx_market` of these pairs, as slots under `SURFACES`."""
    grid = fx_market(*symbols, **more)
    return msgspec.structs.replace(grid, instruments=tuple(slot(name) for name in symbols), funding={}, fine={}, surfaces=SURFACES)


def still_market(symbol: str, begin: int, end: int, price_at: Callable[[int], int]) -> Grid:
    """15-minute bars of a slot in which nothing moves; each stands at `price_at` its open (ticks). No bar while the market is shut."""
    ts = np.array([at for at in range(begin, end, M15) if is_open(at)], np.int64)
    price = np.array([price_at(int(at)) for at in ts]) * float(pair(symbol).tick)
    bars = Bars(timeframe_ms=M15, ts=ts, open=price, high=price, low=price, close=price, volume=np.ones(len(ts)))
    return msgspec.structs.replace(build([(slot(symbol), bars)], None), surfaces=SURFACES)


def entry_for(symbol: str, expiry_ts: int, direction: int) -> tuple[int, int, int]:
    """(close of the bar, spot in ticks, strike) at which the best offer expires at `expiry_ts`."""
    start = {"EURUSD": 105_000, "USDJPY": 150_000}[symbol]
    for days in range(41, 14, -1):
        at = (expiry_ts - days * 86_400_000) // M15 * M15
        if not is_open(at - M15) or not is_open(at):
            continue
        for spot in range(start, start + 500, 20):
            best = offers_of(SURFACES[symbol], direction, at, spot, spot)[0]
            if best["expiry_ts"] == expiry_ts:
                return at, spot, int(best["strike"])
    raise AssertionError("no time and price at which this expiry is the best")


def far_exits(rules: Rows) -> None:
    """O1 is stopped at a tick and never takes a profit: positions live until something else ends them."""
    rules[O1]["stop_k"][:], rules[O1]["target_k"][:], rules[O1]["stop_cap"] = 0.9999, 100.0, 2.0


class Played(msgspec.Struct):
    """What came of orders given by hand."""

    trades: list[dict[str, Any]]
    equity: list[int]
    reports: list[Report]
    told: list[tuple[Event, list[Command]]]
    marks: dict[int, int]
    """Close of a bar -> the first seat's mark then, while something is held."""


def nothing(_: Rows) -> None:
    """The rules as they are."""


def by_engine(grid: Grid, orders: Mapping[int, int], config: BotConfig = FREE, edit: Callable[[Rows], None] = nothing) -> Played:
    """The engine over a grid; `orders`: close of a bar -> direction in which O1 then wants the first slot."""
    engine, _ = fresh_engine(config, grid.instruments, frozenset({O1}), int(grid.ts[grid.start]), quotes=False)
    edit(engine.mandate.rules)
    warm(engine, grid)
    state = engine.state
    venue = BarVenue(state.inst, state.seats_in(Mode.PAPER), grid.confirm_ms, surfaces=state.surfaces)
    played = Played([], [], [], [], {})

    def note(event: Event, commands: list[Command]) -> None:
        played.told.append((event, commands))
        played.trades.extend(one.row for one in commands if isinstance(one, Record) and one.kind == "trade")
        played.reports.extend(one for one in commands if isinstance(one, Report))

    for event in surfaces_of(grid, events_of(grid)):
        drive(engine, venue, [event], note)
        if not isinstance(event, BarsClosed):
            continue
        if event.ts in orders:
            out: list[Command] = []
            code = (LONG if orders[event.ts] > 0 else SHORT) << (2 * O1)
            candidates.confirmed(state, engine.mandate, 0, code, event.candles[0], event.ts, None, out)
            note(event, out)
            for command in out:
                if not isinstance(command, Record | Report):
                    venue.submit(command)
        if state.pos[0]["steps"]:
            played.marks[event.ts] = int(state.pos[0]["mark"])
    played.equity = [int(row["equity"]) for row in state.acct]
    return msgspec.structs.replace(played, trades=in_order(played.trades))


def by_sweep(
    grid: Grid, orders: Mapping[int, int], config: BotConfig = FREE, edit: Callable[[Rows], None] = nothing
) -> tuple[list[dict[str, Any]], list[int]]:
    """The sweep over the same; trades and the accounts' equity."""
    engine, _ = fresh_engine(config, grid.instruments, frozenset({O1}), int(grid.ts[grid.start]), quotes=False)
    state, mandate = engine.state, engine.mandate
    edit(mandate.rules)
    signals = np.zeros(len(orders), SIGNAL)
    for row, (ts, direction) in zip(signals, sorted(orders.items()), strict=True):
        row["k"] = np.searchsorted(grid.ts, ts - grid.confirm_ms)
        row["code"] = (LONG if direction > 0 else SHORT) << (2 * O1)
        row["regime"] = int(state.market[0]["regime"])
    allowed = np.zeros(len(STRATEGIES), np.int64)
    allowed[O1] = 1
    books = (state.pos, state.inst, state.acct)
    found = run_portfolio(grid, MarketPass(signals), books, mandate.rules, mandate.limits, allowed, frames=mandate.option_frames)
    return sweep_rows(grid, found), [int(row["equity"]) for row in state.acct]
