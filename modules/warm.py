"""Compile before trading: run every kernel that the engine calls once, on a made-up market, then forbid compiling in the loop.

A kernel that meets new argument types compiles for half a second on the spot; a feed does not wait for that. The machine code is kept in
the cache folder, so this takes seconds once and a fraction of one afterwards.
"""

from __future__ import annotations

from decimal import Decimal

from modules.engine.core import Engine
from modules.engine.desk import fresh_engine
from modules.exchange.paper import PaperVenue
from modules.exchange.paper_bars import BarVenue
from modules.settings import BotConfig
from risk.breakers import probation
from state.accounts import Domain, Mode
from state.instruments import Instrument
from state.market import Candle, Quote
from state.messages import BarsClosed, Control, Event, FundingPaid, Record, Report, Tick
from strategy.base import DEMO
from strategy.market import on_primary_bar
from utils.kernel import forbid_compiling

START_MS = 1_735_689_600_000
MINUTE_MS = 60_000
PRICE = 100_000


def warm(config: BotConfig) -> int:
    """Exercise the engine with both venues; returns how many kernels are loaded. No state of a real engine is touched."""
    instrument = Instrument(
        domain=Domain.PERPS,
        symbol="WARMUP",
        base="WARM",
        quote="UP",
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        min_notional=Decimal(5),
        max_qty=Decimal(1_000),
        funding_interval_min=480,
    )
    for quotes in (True, False):
        engine, _ = fresh_engine(config, (instrument,), frozenset({DEMO}), START_MS, quotes=quotes)
        on_primary_bar(engine.state.market, engine.mandate.params, 0, START_MS - 15 * MINUTE_MS, PRICE, PRICE, PRICE, PRICE)
        _trade(engine, instrument.key, quotes=quotes)
    return forbid_compiling()


def _trade(engine: Engine, key: str, *, quotes: bool) -> None:
    """A few bars, an entry, funding, a close by time, a reset."""
    state = engine.state
    paper = PaperVenue(state.inst, state.seats_in(Mode.PAPER), 0, 5 * MINUTE_MS)
    bars = BarVenue(state.inst, state.seats_in(Mode.PAPER), 5 * MINUTE_MS)

    def apply(event: Event) -> None:
        for command in engine.process(event):
            if not isinstance(command, Record | Report):
                answers = paper.submit(command) if quotes else bars.submit(command) or []
                for answer in answers:
                    apply(answer)

    for k in range(12):
        ts = START_MS + k * 5 * MINUTE_MS
        quote = Quote(key, ts, PRICE - 1, PRICE + 1, 10**6, 10**6)
        candle = Candle(key, ts, PRICE, PRICE + 10 + k, PRICE - 10, PRICE, 1_000.0)
        apply(Tick(ts, (quote,)))
        if quotes:
            answers = paper.on_quote(quote)
        else:
            answers = bars.at_open((candle,)) + bars.inside((candle,))
        for answer in answers:
            apply(answer)
        if k == 1:
            apply(FundingPaid(ts, state.accounts[0], key, 1, "warm"))
        apply(BarsClosed(ts + 5 * MINUTE_MS, (candle,), (quote,) if quotes else ()))
    probation(state.acct, 0, 0, START_MS)
    apply(Control(START_MS + 3_600_000, "resume", {"account": str(state.accounts[0])}, "warm"))
