"""The real engine over stored candles: events one by one, answered by the bar venue, trades collected from its ledger records.

`replay --sweep` runs the compiled sweep over the same grid instead; both give the same list, trade for trade.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from forex.options_calendar import DAY_MS
from forex.options_surface import frozen
from modules.engine.core import Engine
from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid, feed_native, marked
from modules.exchange.paper_bars import BarVenue, MarkBars
from modules.settings import BotConfig
from risk.cost_model import CostModel
from state.accounts import Mode
from state.conversion import turn_rates
from state.instruments import Instrument
from state.intents import Side
from state.market import Candle, FundingRate, MarkPrice
from state.messages import BarsClosed, Command, Event, Record, Report, SurfaceSeen
from state.options import OptionContract, Right, tick_digits
from state.runtime import REASONS
from strategy.registry import STRATEGIES
from strategy.ring import watch_bar, watch_rate
from utils.fixed import money, plain

Sink = Callable[[Event, list[Command]], None]
"""Told of every event with its commands, in order: a journal, a console."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did: closed trades sorted by exit time then symbol, and the marked equity at the end (quote currency)."""

    trades: list[dict[str, Any]]
    final_equity: str
    bars: int
    refused: dict[str, int] = {}
    """How often each rule refused an entry (engine only; the sweep does not tell)."""


FIELDS = ("symbol", "strategy", "side", "qty", "entry_ts", "entry", "exit_ts", "exit", "reason", "fees")


def events_of(grid: Grid, marks: Mapping[str, MarkBars] = MappingProxyType({})) -> Iterator[BarsClosed]:
    """The grid's bars from its start column on, one event a close time; with the `marks` that positions are valued by."""
    keys = [instrument.key for instrument in grid.instruments]
    rates: dict[int, list[FundingRate]] = {}
    for key, (times, values) in grid.funding.items():
        for ts, rate in zip(times.tolist(), values.tolist(), strict=True):
            rates.setdefault(ts, []).append(FundingRate(key, ts, rate))
    fields = (grid.open, grid.high, grid.low, grid.close, grid.volume)
    columns = [list(zip(*(field[i].tolist() for field in fields), strict=True)) for i in range(len(keys))]
    due = sorted(ts for ts in rates if grid.start < len(grid.ts) and ts >= grid.ts[grid.start])
    told = 0
    valued = [(i, key, marks[key].close.tolist()) for i, key in enumerate(keys) if key in marks]
    for k in range(grid.start, len(grid.ts)):
        ts = int(grid.ts[k])
        candles = tuple(Candle(key, ts, *columns[i][k]) for i, key in enumerate(keys) if columns[i][k][0])
        if candles:
            # A rate that was set while no bar came is told with the next one.
            known = bisect_right(due, ts)
            now = ts + grid.confirm_ms
            at_close = tuple(MarkPrice(key, now, close[k]) for i, key, close in valued if columns[i][k][0])
            yield BarsClosed(now, candles, (), tuple(rate for at in due[told:known] for rate in rates[at]), marks=at_close)
            told = known


def surfaces_of(grid: Grid, bars: Iterable[BarsClosed]) -> Iterator[BarsClosed | SurfaceSeen]:
    """The bars, and before the first of each day (UTC) the grid's surfaces as if they were quoted anew: never stale, never other vols."""
    ticks = {one.key: (one.symbol, float(one.tick)) for one in grid.instruments}
    day = -1
    for event in bars:
        opened = event.ts - grid.confirm_ms
        if opened // DAY_MS != day:
            day = opened // DAY_MS
            for candle in event.candles:
                pair, tick = ticks[candle.key]
                if pair in grid.surfaces:
                    yield SurfaceSeen(opened, frozen(grid.surfaces[pair], opened, candle.open * tick))
        yield event


def warm(engine: Engine, grid: Grid) -> None:
    """Feed the columns before the start to the market rows alone: history, nothing is decided on it."""
    market, observed, params = engine.state.market, engine.state.observed, engine.mandate.params
    feed_native(grid, market, params, observed)
    for i in range(len(grid.instruments)):
        for k in range(grid.start):
            if grid.open[i, k]:
                watch_bar(
                    market,
                    observed,
                    params,
                    i,
                    int(grid.ts[k]),
                    int(grid.open[i, k]),
                    int(grid.high[i, k]),
                    int(grid.low[i, k]),
                    int(grid.close[i, k]),
                    float(grid.volume[i, k]),
                )
    turn_rates(engine.state.inst, market)
    first = int(grid.ts[grid.start]) if grid.start < len(grid.ts) else 0
    for key, (times, rates) in grid.funding.items():
        seats = engine.state.seats_of[engine.state.index[key]]
        if engine.state.inst[seats[0]]["on_margin"]:
            continue  # days of a calendar, no rate of a market
        known = int(np.searchsorted(times, first))
        for ts, rate in zip(times[:known].tolist(), rates[:known].tolist(), strict=True):
            watch_rate(observed, engine.state.index[key], ts, rate)
        if known:
            for i in seats:
                engine.state.inst[i]["funding_e8"] = rates[known - 1]


def drive(engine: Engine, venue: BarVenue, events: Iterable[BarsClosed | SurfaceSeen], sink: Sink) -> None:
    """The loop: first what the venue does with the bars, then the bars themselves; commands go to the venue at once."""
    process = engine.process

    def apply(event: Event) -> None:
        commands = process(event)
        sink(event, commands)
        for command in commands:
            if not isinstance(command, Record | Report):
                for answer in venue.submit(command):
                    apply(answer)

    for bars in events:
        if isinstance(bars, BarsClosed) and not venue.idle:
            for event in venue.at_open(bars.candles):
                apply(event)
            for event in venue.inside(bars.candles):
                apply(event)
        apply(bars)


def run_engine(
    grid: Grid,
    config: BotConfig,
    chosen: frozenset[int],
    balance: int | None = None,
    sink: Sink | None = None,
    costs: Iterable[CostModel] = (),
) -> Outcome:
    """Replay the grid through the engine; `costs` over the configured ones."""
    start_ts = int(grid.ts[min(grid.start, len(grid.ts) - 1)])
    engine, _ = fresh_engine(config, grid.instruments, chosen, start_ts, quotes=False, balance=balance, costs=costs)
    warm(engine, grid)
    state = engine.state
    marks = marked(grid, engine.mandate.limits)
    venue = BarVenue(
        state.inst,
        state.seats_in(Mode.PAPER),
        grid.confirm_ms,
        grid.funding,
        grid.fine,
        grid.mark,
        by_mark=bool(marks),
        surfaces=state.surfaces,
    )
    trades: list[dict[str, Any]] = []
    refused: dict[str, int] = {}

    def collect(event: Event, commands: list[Command]) -> None:
        if sink is not None:
            sink(event, commands)
        for command in commands:
            if isinstance(command, Record) and command.kind == "trade":
                trades.append(command.row)
            elif isinstance(command, Report) and command.what == "refused":
                refused[command.rule] = refused.get(command.rule, 0) + 1

    bars = events_of(grid, marks)
    drive(engine, venue, surfaces_of(grid, bars) if grid.surfaces else bars, collect)
    equity = sum((money(int(acct["equity"])) for acct in state.acct), Decimal(0))
    return Outcome(trades=in_order(trades), final_equity=plain(equity), bars=grid.bars, refused=refused)


def in_order(trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sorted by exit time, then symbol, with the published fields first."""
    rows = [{**{name: trade[name] for name in FIELDS}, **trade} for trade in trades]
    return sorted(rows, key=lambda trade: (trade["exit_ts"], trade["symbol"]))


def contract_symbol(instrument: Instrument, trade: Any) -> str:
    """The symbol of the option that a trade of the sweep was in."""
    pair, digits = instrument.symbol, tick_digits(instrument.symbol)
    right, strike, expiry_ts = Right(int(trade["right"])), int(trade["strike"]), int(trade["expiry_ts"])
    return OptionContract(pair=pair, right=right, strike=strike, digits=digits, expiry_ts=expiry_ts).symbol


def sweep_rows(grid: Grid, trades: Any) -> list[dict[str, Any]]:
    """The sweep's integer trades in the words of the ledger."""
    found = []
    for trade in trades:
        instrument = grid.instruments[int(trade["i"])]
        entry = STRATEGIES[int(trade["strategy"])]
        qty = instrument.qty(int(trade["steps"]))
        at_risk = int(trade["at_risk"])
        found.append(
            {
                "symbol": contract_symbol(instrument, trade) if trade["right"] else instrument.symbol,
                "strategy": entry.id,
                "side": Side(int(trade["side"])).word,
                "qty": plain(qty),
                "entry_ts": int(trade["entry_ts"]),
                "entry": plain((money(int(trade["entry_value"])) / qty).normalize()),
                "exit_ts": int(trade["exit_ts"]),
                "exit": plain((money(int(trade["exit_value"])) / qty).normalize()),
                "reason": str(REASONS[int(trade["reason"]) - 1]),
                "fees": plain(money(int(trade["fees"]))),
                "funding": plain(money(int(trade["funding"]))),
                "pnl": plain(money(int(trade["net"]))),
                "r": round(int(trade["net"]) / at_risk, 4) if at_risk else 0.0,
            }
        )
    return in_order(found)
