"""The common rule as a user of freqtrade writes it: an IStrategy in a file, candles in its feather layout, its Backtesting class.

It wants to ask its venue for the list of markets; here it gets a list of one, so that nothing leaves the machine.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

from bench.peers.tools.stopwatch import BEGAN, Rule, tell, timed

import pandas as pd  # isort: skip  the clock is read before the tool's imports
from freqtrade.data.history import get_datahandler  # isort: skip
from freqtrade.enums import CandleType, RunMode  # isort: skip
from freqtrade.optimize.backtesting import Backtesting  # isort: skip
from freqtrade.resolvers import ExchangeResolver  # isort: skip

LOADED = time.perf_counter()
rule = Rule(sys.argv[1:])
logging.disable(logging.WARNING)
PAIR = "BTC/USDT"
STRATEGY = """
from freqtrade.strategy import IStrategy

class Breakout(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "15m"
    can_short = False
    startup_candle_count = 0
    process_only_new_candles = True
    use_exit_signal = False
    stoploss = {stop}
    minimal_roi = {{"0": {roi}}}

    def populate_indicators(self, dataframe, metadata):
        dataframe["level"] = dataframe["high"].rolling({width}).max().shift(1)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["close"] > dataframe["level"], "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def settings(folder: Path) -> dict[str, Any]:
    """What its configuration file would say."""
    return {
        "runmode": RunMode.BACKTEST,
        "dry_run": True,
        "dry_run_wallet": 1e9,
        "stake_currency": "USDT",
        "stake_amount": 10_000.0,
        "tradable_balance_ratio": 0.99,
        "max_open_trades": 1,
        "fee": rule.fee,
        "timeframe": "15m",
        "trading_mode": "spot",
        "margin_mode": "",
        "strategy": "Breakout",
        "strategy_path": str(folder),
        "recursive_strategy_search": False,
        "user_data_dir": folder,
        "datadir": folder,
        "dataformat_ohlcv": "feather",
        "dataformat_trades": "feather",
        "entry_pricing": {"price_side": "same", "use_order_book": False},
        "exit_pricing": {"price_side": "same", "use_order_book": False},
        "order_types": {"entry": "limit", "exit": "limit", "stoploss": "market", "stoploss_on_exchange": False},
        "order_time_in_force": {"entry": "GTC", "exit": "GTC"},
        "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes", "exit_timeout_count": 0},
        "exchange": {"name": "binance", "pair_whitelist": [PAIR], "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "export": "none",
        "candle_type_def": CandleType.SPOT,
        "internals": {},
    }


def market() -> dict[str, Any]:
    """The one market, as ccxt would list it."""
    nothing = {"min": None, "max": None}
    limits = {"amount": {"min": 1e-5, "max": None}, "price": nothing, "cost": {"min": 5.0, "max": None}, "leverage": nothing}
    kind = {"spot": True, "margin": False, "swap": False, "future": False, "option": False, "contract": False, "type": "spot"}
    fees = {"taker": rule.fee, "maker": rule.fee, "precision": {"amount": 1e-5, "price": 0.01}}
    names = {"id": "BTCUSDT", "symbol": PAIR, "base": "BTC", "quote": "USDT", "active": True}
    return {**names, **kind, **fees, "limits": limits, "info": {}}


folder = rule.folder / "freqtrade"
folder.mkdir(parents=True, exist_ok=True)
# Its target is net of fees; this is the one that puts the price where the rule has it.
roi = (1 + rule.target) * (1 - rule.fee) / (1 + rule.fee) - 1
(folder / "breakout.py").write_text(STRATEGY.format(stop=-rule.stop, roi=roi, width=rule.width))
frame = pd.read_parquet(rule.bars)
frame["date"] = pd.to_datetime(frame.pop("ts"), unit="ms", utc=True)
columns = ["date", "open", "high", "low", "close", "volume"]
get_datahandler(folder, "feather").ohlcv_store(PAIR, "15m", frame[columns], CandleType.SPOT)
prepared = time.perf_counter()
config = settings(folder)
venue = ExchangeResolver.load_exchange(config, validate=False)
venue._markets = {PAIR: market()}  # noqa: SLF001  what it would have asked for
venue.reload_markets = lambda *_, **__: None
backtesting = Backtesting(config, venue)
data, span = backtesting.load_bt_data()
ready = time.perf_counter()


def run() -> Any:
    """Indicators, signals and the loop."""
    backtesting.backtest_one_strategy(backtesting.strategylist[0], {pair: one.copy() for pair, one in data.items()}, span)
    return backtesting.all_bt_content["Breakout"]["results"]


found, seconds = timed(run, warm=False)
number = {when: k for k, when in enumerate(frame["date"])}
ended = found[found["exit_reason"] != "force_exit"]
trades = [
    (number[a], number[b], float(p), float(q))
    for a, b, p, q in zip(ended["open_date"], ended["close_date"], ended["open_rate"], ended["close_rate"], strict=True)
]
tell("freqtrade", len(frame), trades, {"import": LOADED - BEGAN, "load": ready - prepared, **seconds})
