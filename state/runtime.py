"""What the engine holds true at one moment: rows, orders, stage, switches. It is all that a restart needs.

Everything here changes only inside `Engine.process`; `freeze` and `thaw` carry it through a snapshot without loss.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from state.accounts import Account
from state.books import ACCT, INST, OPEN, POS, Rows
from state.instruments import Instrument
from state.intents import ExitReason, Side
from state.orders import Order
from state.stages import Toggles
from utils.errors import Invariant
from utils.fixed import money, plain

SPREADS = 288
"""Spreads remembered per instrument, one a confirm bar: a day at five minutes."""

REASONS: tuple[ExitReason, ...] = (
    ExitReason.STOP,
    ExitReason.TRAIL,
    ExitReason.TARGET,
    ExitReason.MAX_HOLD,
    ExitReason.HALT,
    ExitReason.OPERATOR,
    ExitReason.UNPROTECTED,
    ExitReason.LIQUIDATION,
    ExitReason.ADL,
    ExitReason.EXTERNAL,
    ExitReason.DUST,
)
"""Exit reasons by number: POS.closing holds index + 1."""


class RuntimeState:
    """The engine's memory. Row `i` of market, pos and inst is `instruments[i]`; row `a` of acct is `accounts[a]`."""

    def __init__(self, instruments: tuple[Instrument, ...], accounts: tuple[Account, ...], market: Rows) -> None:
        n = len(instruments)
        self.instruments = instruments
        self.accounts = accounts
        self.index = {instrument.key: i for i, instrument in enumerate(instruments)}
        self.market = market
        self.pos = np.zeros(n, POS)
        self.inst = np.zeros(n, INST)
        self.acct = np.zeros(len(accounts), ACCT)
        self.spreads = np.zeros((n, SPREADS), np.int64)
        self.spread_n = np.zeros(n, np.int64)
        self.demo_ts = np.zeros(n, np.int64)
        self.orders: dict[str, Order] = {}
        self.execs: dict[str, None] = {}
        self.feeds_down: dict[str, str] = {}
        self.halted: dict[str, str] = {}
        self.stage = 1
        self.toggles = Toggles()
        self.ts = 0
        self.closed_trades = [0] * len(accounts)
        self.realised = [0] * len(accounts)

    def account_of(self, i: int) -> Account:
        """The account that instrument `i` trades on."""
        return self.accounts[int(self.inst[i]["account"])]

    def row_of(self, key: str) -> int:
        """Row of an instrument; Invariant when the engine does not know it."""
        try:
            return self.index[key]
        except KeyError:
            raise Invariant(f"an event names {key}, which this engine does not hold") from None

    def spread_median(self, i: int) -> float:
        """Median spread of instrument `i` in ticks over the last day of bars; 0 before an hour was seen."""
        n = int(min(self.spread_n[i], SPREADS))
        return float(np.median(self.spreads[i, :n])) if n >= 12 else 0.0


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """An open position as people and JSON readers see it; every amount a decimal string."""

    symbol: str
    side: str
    qty: str
    entry: str
    stop: str
    target: str
    opened_ts: int


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """One account as `status --json` shows it."""

    equity: str
    balance: str
    closed_trades: int
    realised_pnl: str
    drawdown: float
    halted: str | None
    standing: str
    canary: None
    open_positions: list[Holding]


def holding(state: RuntimeState, i: int) -> Holding:
    """Row `i` of POS as a Holding."""
    pos, instrument = state.pos[i], state.instruments[i]
    steps = int(pos["steps"])
    qty = instrument.qty(steps)
    return Holding(
        symbol=instrument.symbol,
        side=Side(int(pos["side"])).word,
        qty=plain(qty),
        entry=plain((money(int(pos["value"])) / qty).normalize()),
        stop=plain(instrument.price(int(pos["stop"]))),
        target=plain(instrument.price(int(pos["target"]))),
        opened_ts=int(pos["opened_ts"]),
    )


def account_view(state: RuntimeState, a: int) -> AccountView:
    """Account `a` in words and decimal strings, at the last mark."""
    acct = state.acct[a]
    peak, equity = int(acct["peak"]), int(acct["equity"])
    return AccountView(
        equity=plain(money(equity)),
        balance=plain(money(int(acct["cash"]))),
        closed_trades=state.closed_trades[a],
        realised_pnl=plain(money(state.realised[a])),
        drawdown=round(max(0.0, 1.0 - equity / peak), 6) if peak > 0 else 0.0,
        halted=state.halted.get(str(state.accounts[a])),
        standing=str(state.accounts[a].mode).lower(),
        canary=None,
        open_positions=[
            holding(state, i) for i in range(len(state.pos)) if state.pos[i]["status"] == OPEN and state.inst[i]["account"] == a
        ],
    )


class Readable(msgspec.Struct, kw_only=True):
    """The part of a snapshot that people read and that is not rows."""

    stage: int
    toggles: Toggles
    ts: int
    instruments: list[Instrument]
    accounts: dict[str, AccountView]
    orders: list[Order]
    execs: list[str]
    feeds_down: dict[str, str]
    halted: dict[str, str]
    closed_trades: list[int]
    realised: list[int]


BLOBS = ("market", "pos", "inst", "acct", "spreads", "spread_n", "demo_ts")


def freeze(state: RuntimeState) -> tuple[bytes, dict[str, Any]]:
    """The state as readable JSON and the row arrays by name."""
    readable = Readable(
        stage=state.stage,
        toggles=state.toggles,
        ts=state.ts,
        instruments=list(state.instruments),
        accounts={str(account): account_view(state, a) for a, account in enumerate(state.accounts)},
        orders=list(state.orders.values()),
        execs=list(state.execs),
        feeds_down=state.feeds_down,
        halted=state.halted,
        closed_trades=state.closed_trades,
        realised=state.realised,
    )
    return msgspec.json.encode(readable), {name: getattr(state, name) for name in BLOBS}


def thaw(readable_json: bytes, blobs: dict[str, Any]) -> RuntimeState:
    """The state that `freeze` wrote, exactly: the boot event, not this, turns off what is off at every boot."""
    readable = msgspec.json.decode(readable_json, type=Readable)
    accounts = tuple(Account.parse(text) for text in readable.accounts)
    state = RuntimeState(tuple(readable.instruments), accounts, blobs["market"])
    for name in BLOBS:
        setattr(state, name, blobs[name])
    state.stage, state.ts = readable.stage, readable.ts
    state.toggles = readable.toggles
    state.orders = {order.order_id: order for order in readable.orders}
    state.execs = dict.fromkeys(readable.execs)
    state.feeds_down, state.halted = readable.feeds_down, readable.halted
    state.closed_trades, state.realised = readable.closed_trades, readable.realised
    return state
