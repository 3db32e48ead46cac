"""The common rule as a user of nautilus_trader writes it: a Strategy on bars, its Donchian channel, a bracket of market, stop and limit."""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from typing import Any

from bench.peers.tools.stopwatch import BEGAN, Rule, tell, timed

import pandas as pd  # isort: skip  the clock is read before the tool's imports
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig  # isort: skip
from nautilus_trader.config import LoggingConfig, StrategyConfig  # isort: skip
from nautilus_trader.indicators import DonchianChannel  # isort: skip
from nautilus_trader.model.currencies import BTC, USDT  # isort: skip
from nautilus_trader.model.data import Bar, BarType  # isort: skip
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderType  # isort: skip
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue  # isort: skip
from nautilus_trader.model.instruments import CurrencyPair  # isort: skip
from nautilus_trader.model.objects import Money, Price, Quantity  # isort: skip
from nautilus_trader.persistence.wranglers import BarDataWrangler  # isort: skip
from nautilus_trader.trading.strategy import Strategy  # isort: skip

LOADED = time.perf_counter()
rule = Rule(sys.argv[1:])
BAR_MS = 900_000
NAME = InstrumentId(Symbol("BTCUSDT"), Venue("PEER"))
KIND = BarType.from_str(f"{NAME}-15-MINUTE-LAST-EXTERNAL")
LISTED = CurrencyPair(
    instrument_id=NAME,
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    price_precision=2,
    size_precision=6,
    price_increment=Price(1e-2, precision=2),
    size_increment=Quantity(1e-6, precision=6),
    ts_event=0,
    ts_init=0,
    maker_fee=Decimal(str(rule.fee)),
    taker_fee=Decimal(str(rule.fee)),
)


class Breakout(Strategy):  # type: ignore[misc]  # no types
    """Long above the range; the market order fills at the close that was just seen."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.range = DonchianChannel(rule.width)
        self.level = 0.0

    def on_start(self) -> None:
        """The engine begins."""
        self.register_indicator_for_bars(KIND, self.range)
        self.subscribe_bars(KIND)

    def on_bar(self, bar: Any) -> None:
        """A bar closed; the channel has taken it already, so the level is that of the bar before."""
        close = bar.close.as_double()
        if self.level and close > self.level and self.portfolio.is_flat(NAME):
            self.submit_order_list(
                self.order_factory.bracket(
                    instrument_id=NAME,
                    order_side=OrderSide.BUY,
                    quantity=LISTED.make_qty(1),
                    entry_order_type=OrderType.MARKET,
                    sl_trigger_price=LISTED.make_price(close * (1 - rule.stop)),
                    tp_price=LISTED.make_price(close * (1 + rule.target)),
                    tp_post_only=False,
                )
            )
        self.level = self.range.upper if self.range.initialized else 0.0


frame = pd.read_parquet(rule.bars)
stamps = frame["ts"].to_numpy()
frame.index = pd.to_datetime(frame["ts"] + BAR_MS, unit="ms", utc=True)
candles: list[Bar] = BarDataWrangler(KIND, LISTED).process(frame[["open", "high", "low", "close", "volume"]])
kept: dict[str, Any] = {}


def prepare() -> None:
    """A fresh engine with the data in it."""
    if "engine" in kept:
        kept["engine"].dispose()
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    engine.add_venue(NAME.venue, OmsType.NETTING, AccountType.CASH, [Money(1e9, USDT), Money(0, BTC)], bar_execution=True)
    engine.add_instrument(LISTED)
    engine.add_data(candles)
    engine.add_strategy(Breakout())
    kept["engine"] = engine


def run() -> None:
    """The run proper."""
    kept["engine"].run()


ready = time.perf_counter()
_, seconds = timed(run, prepare, warm=False)
fills = [one for one in kept["engine"].cache.orders() if one.filled_qty > 0]
fills.sort(key=lambda one: one.ts_last)
number = {int(ts) + BAR_MS: k for k, ts in enumerate(stamps)}
places = [(number[one.ts_last // 1_000_000], float(one.avg_px)) for one in fills]
trades = [(a, b, p, q) for (a, p), (b, q) in zip(places[::2], places[1::2], strict=False)]
tell("nautilus_trader", len(frame), trades, {"import": LOADED - BEGAN, "load": ready - LOADED, **seconds})
