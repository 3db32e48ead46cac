"""A small state and the messages of one trade, for the observers' tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from state.accounts import Account, Domain, Mode
from state.books import INST, OPEN, rows
from state.instruments import Instrument
from state.intents import Approved, ExitPlan, Intent, OrderType, Side
from state.market import Candle
from state.messages import BarsClosed, Place, Record, Report
from state.runtime import RuntimeState
from utils.fixed import MONEY_SCALE

SPOT = Account(Domain.CRYPTO, Mode.PAPER)
PERPS = Account(Domain.PERPS, Mode.PAPER)
T0 = 1_741_184_700_000
"""2025-03-05 14:25 UTC."""
BTC, ETH = "CRYPTO:BTCUSDT", "PERPS:ETHUSDT"


def instrument(domain: Domain, symbol: str) -> Instrument:
    return Instrument(
        domain=domain,
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal("0.1"),
        step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        min_notional=Decimal(5),
        max_qty=Decimal(100),
    )


def small_state() -> RuntimeState:
    """1,000 USDT in spot, 10,000 in perpetuals, nothing held."""
    state = RuntimeState(
        (instrument(Domain.CRYPTO, "BTCUSDT"), instrument(Domain.PERPS, "ETHUSDT")), (SPOT, PERPS), np.zeros(2, [("regime", "i8")])
    )
    state.inst = rows(INST, 2)
    state.inst["account"] = [0, 1]
    state.inst["unit"] = [one.unit for one in state.instruments]
    for a, balance in enumerate((1_000, 10_000)):
        for field in ("cash", "equity", "peak"):
            state.acct[a][field] = balance * MONEY_SCALE
    state.ts = T0
    return state


def hold(state: RuntimeState, i: int, *, steps: int = 2, price: int = 500_000, stop: int = 480_000, target: int = 560_000) -> None:
    """Put a long position into row `i`."""
    row = state.pos[i]
    row["status"], row["side"], row["steps"], row["mark"] = OPEN, 1, steps, price
    row["value"] = steps * price * int(state.inst[i]["unit"])
    row["stop"], row["target"], row["regime"], row["opened_ts"] = stop, target, 1, T0


def bars(ts: int = T0, *, late: bool = False) -> BarsClosed:
    return BarsClosed(ts, (Candle(BTC, ts - 300_000, 1, 2, 1, 2, 3.0), Candle(ETH, ts - 300_000, 1, 2, 1, 2, 3.0)), late=late)


def place(account: Account = SPOT, key: str = BTC, side: Side = Side.LONG) -> Place:
    exits = ExitPlan(stop=480_000, target=560_000, atr=100.0, trail_atr=12.0, max_hold_ms=1)
    intent = Intent(
        ts=T0,
        account=account,
        key=key,
        strategy="C1",
        arm="base",
        side=side,
        steps=2,
        order_type=OrderType.MARKET,
        reference=500_000,
        limit=501_000,
        expires_ts=T0 + 300_000,
        exits=exits,
    )
    return Place(Approved(intent=intent, order_id="CP-BTCUSDT-1-e"))


def refused(rule: str = "cost_too_high", key: str = BTC, ts: int = T0) -> Report:
    symbol = key.partition(":")[2]
    text = f"C1 long {symbol} skipped: {rule}, fees, spread and slippage are too large (cost 0.24 R, limit 0.15 R)"
    return Report(ts=ts, what="refused", account=str(SPOT), key=key, rule=rule, text=text)


def trade(pnl: str = "1.2345", r: float = 1.52, reason: str = "target", strategy: str = "C1", **changes: Any) -> Record:
    row = {
        "account": str(SPOT),
        "symbol": "BTCUSDT",
        "strategy": strategy,
        "style": "swing",
        "arm": 1,
        "regime": 1,
        "side": "long",
        "qty": "0.002",
        "entry_ts": T0 - 11_520_000,
        "entry": "50000",
        "exit_ts": T0,
        "exit": "56000",
        "reason": reason,
        "fees": "0.212",
        "funding": "0",
        "pnl": pnl,
        "r": r,
        "stop": "48000",
        "target": "56000",
    }
    return Record("trade", {**row, **changes})


def fill(fee: str, base_fee: str = "", price: str = "100") -> Record:
    in_coin = {"base_fee": base_fee} if base_fee else {}
    return Record("fill", {"account": str(SPOT), "symbol": "BTCUSDT", "fee": fee, "price": price, **in_coin})
