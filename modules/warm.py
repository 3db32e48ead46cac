"""Compile before trading: run every kernel that the engine calls once, on a made-up market, then forbid compiling in the loop.

A kernel that meets new argument types compiles for half a second on the spot; a feed does not wait for that. The machine code is kept in
the cache folder, so this takes seconds once and a fraction of one afterwards.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from modules.engine import candidates
from modules.engine.core import Engine
from modules.engine.desk import fresh_engine
from modules.engine.explore import drawn
from modules.engine.weigh import weigh
from modules.exchange.paper import PaperVenue
from modules.exchange.paper_bars import BarVenue
from modules.settings import BotConfig
from modules.ui.option_view import greeks
from risk.breakers import probation
from risk.holding import bar_closed
from state.accounts import Domain, Mode
from state.booking import book_exit, gain_of
from state.conversion import turn_rates
from state.instruments import Instrument, option_slot
from state.intents import ExitReason, Side, Signal
from state.market import Candle, Quote
from state.messages import (
    BarsClosed,
    Command,
    Control,
    Event,
    FundingPaid,
    OrderFilled,
    Place,
    Record,
    Report,
    StopFilled,
    SurfaceSeen,
    Tick,
)
from state.options import OptionContract, Surface
from state.orders import Fill
from strategy.actions import ACTIONS
from strategy.base import C1, DEMO, LONG, O1
from strategy.features import SIZE
from strategy.network import Ensemble
from strategy.policy import ALL_ARMS, greedy_action
from strategy.regime import TREND
from strategy.ring import watch_bar, watch_primary_bar, watch_rate
from utils.kernel import forbid_compiling

START_MS = 1_735_689_600_000
OPTIONS_MS = 1_740_398_400_000
"""A Monday at noon: currencies are open."""
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
        state, before = engine.state, START_MS - 15 * MINUTE_MS
        watch_primary_bar(state.market, state.observed, engine.mandate.params, 0, before, PRICE, PRICE, PRICE, PRICE)
        watch_bar(state.market, state.observed, engine.mandate.params, 0, before, PRICE, PRICE, PRICE, PRICE, 1.0)
        _trade(engine, instrument.key, quotes=quotes)
        _think(engine, instrument.key)
    _show_options()
    if Domain.OPTIONS in config.domains:
        _trade_options(config)
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


def _flat_surface(pair: str, spot: float) -> Surface:
    smile = (0.1, 0.1, 0.1, 0.1, 0.1)
    return Surface(
        pair=pair, ts=OPTIONS_MS, spot=spot, days=(7.0, 90.0), vols=(smile, smile), r_domestic=(0.04, 0.04), r_foreign=(0.02, 0.02),
        source="generated",
    )  # fmt: skip


def _trade_options(config: BotConfig) -> None:
    """A slot of options: contracts offered, one taken, filled, marked by a bar, settled."""
    tick = Decimal("0.00001")
    pair = Instrument(
        domain=Domain.FOREX, symbol="EURUSD", base="EUR", quote="USD", tick=tick, step=Decimal(1), min_qty=Decimal(1),
        min_notional=Decimal(0), max_qty=Decimal(10**8),
    )  # fmt: skip
    slot = option_slot(pair)
    engine, _ = fresh_engine(config, (slot,), frozenset({DEMO, O1}), OPTIONS_MS, quotes=True)
    state, key, ts = engine.state, slot.key, OPTIONS_MS + 15 * MINUTE_MS
    candle, quote = Candle(key, OPTIONS_MS, PRICE, PRICE, PRICE, PRICE, 1.0), Quote(key, ts, PRICE - 5, PRICE + 5, 1, 1)
    engine.process(SurfaceSeen(OPTIONS_MS, _flat_surface(slot.symbol, 1.0)))
    engine.process(BarsClosed(ts, (candle,), (quote,)))
    out: list[Command] = []
    candidates.confirmed(state, engine.mandate, 0, LONG << (2 * O1), candle, ts, quote, out)
    for command in out:
        if isinstance(command, Place):
            intent = command.order.intent
            account, steps = state.accounts[0], intent.steps
            bought = Fill(
                ts=ts, account=account, key=key, order_id=command.order.order_id, exec_id="warm", side=1, price=intent.reference,
                steps=steps, fee=0,
            )  # fmt: skip
            engine.process(OrderFilled(ts, bought))
            hour = OPTIONS_MS + 60 * MINUTE_MS
            engine.process(BarsClosed(hour, (Candle(key, hour - 15 * MINUTE_MS, PRICE, PRICE, PRICE, PRICE, 1.0),), (quote,)))
            paid = Fill(
                ts=hour, account=account, key=key, order_id="warm", exec_id="warm-1", side=-1, price=1, steps=steps, fee=0, fixing=PRICE
            )
            engine.process(StopFilled(hour, paid, ExitReason.EXERCISED))


def _show_options() -> None:
    """Greeks as people are shown them, of a pair of each kind of delta."""
    for symbol in ("EURUSD-20250321-C-1.05000", "USDJPY-20250321-P-150.000"):
        contract = OptionContract.parse(symbol)
        spot = contract.strike_price
        greeks(contract, _flat_surface(contract.pair, spot), spot, OPTIONS_MS)


def _think(engine: Engine, key: str) -> None:
    """A candidate on a flat seat: looked at, weighed, drawn for; and a network asked, as if one were in force."""
    state, mandate, ts = engine.state, engine.mandate, START_MS + 60 * MINUTE_MS
    state.pos[0] = np.zeros((), state.pos.dtype)
    state.acct[0]["halted"] = state.acct[0]["level"] = 0
    watch_rate(state.observed, 0, ts, 1)
    turn_rates(state.inst, state.market)
    book_exit(state.pos.copy(), state.inst, state.acct.copy(), 0, PRICE, 0, 0, 0)
    gain_of(state.pos, state.inst, 0, PRICE, 0)
    bar_closed(state.pos.copy(), state.inst, mandate.rules, mandate.limits, 0, ts, PRICE, PRICE, PRICE)
    signal = Signal(ts=ts, key=key, strategy=C1, side=Side.LONG, regime=TREND, atr=PRICE / 200, reference=PRICE)
    weighed = weigh(state, mandate, 0, C1, signal, None)
    drawn(state, mandate, 0, C1, signal, 1e9, weighed)
    greedy_action(weighed.values, 1, TREND, ALL_ARMS)
    weights = {"0.0.weight": np.zeros((ACTIONS, SIZE), np.float32), "0.0.bias": np.zeros(ACTIONS, np.float32)}
    Ensemble.from_tensors("warm", weights).values(np.zeros(SIZE, np.float32), C1, 1, TREND)
