"""What a run did, counted from the engine's own records while it happens: the figures of the closing summary."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from state.books import OPEN
from state.ledger import fees_of
from state.messages import Command, Event, Record, Report
from state.runtime import RuntimeState
from telemetry.ledger_rows import TRADING_CASH
from utils.fixed import money, money_units


class Group(msgspec.Struct):
    """Closed trades that have something in common."""

    trades: int = 0
    won: int = 0
    pnl: Decimal = Decimal(0)
    r: float = 0.0
    """Sum of the results in R."""

    def add(self, pnl: Decimal, r: float) -> None:
        """One more trade."""
        self.trades += 1
        self.won += pnl > 0
        self.pnl += pnl
        self.r += r


class Wallet(msgspec.Struct):
    """One account over the run; `start`, `peak` and `equity` in money units, 0 before the wallet was opened."""

    quote: str
    start: int
    peak: int
    equity: int
    drawdown: float = 0.0
    """Deepest fall below the highest equity of this run, 0 to 1."""
    fees: Decimal = Decimal(0)
    closed: Group = msgspec.field(default_factory=Group)
    best: tuple[Decimal, str] | None = None
    worst: tuple[Decimal, str] | None = None

    def mark(self, equity: int) -> None:
        """The account is worth this now."""
        if equity == self.equity:
            return
        self.equity = equity
        self.start = self.start or equity
        if equity > self.peak:
            self.peak = equity
        elif self.peak:
            self.drawdown = max(self.drawdown, 1.0 - equity / self.peak)

    def moved(self, amount: int) -> None:
        """So much of it came or left otherwise than by trading: no gain, and no fall."""
        if self.equity > 0 and self.equity + amount > 0:
            self.peak = self.peak * (self.equity + amount) // self.equity
            self.equity += amount

    def close(self, pnl: Decimal, r: float, symbol: str) -> None:
        """A trade of this account is over."""
        self.closed.add(pnl, r)
        if self.best is None or pnl > self.best[0]:
            self.best = (pnl, symbol)
        if self.worst is None or pnl < self.worst[0]:
            self.worst = (pnl, symbol)


class Tally:
    """Counts from the moment it is made; `state` is only read."""

    def __init__(self, state: RuntimeState) -> None:
        self.state = state
        self.first_ts = self.last_ts = state.ts
        self.wallets: dict[str, Wallet] = {}
        for a, account in enumerate(state.accounts):
            quote = next((state.instruments[m].quote for b, m in state.seats if b == a), "")
            equity = int(state.acct[a]["equity"])
            self.wallets[str(account)] = Wallet(quote, equity, equity, equity)
        self.by_strategy: dict[tuple[str, str], Group] = {}
        self.by_reason: dict[tuple[str, str], Group] = {}
        self.refused: Counter[str] = Counter()

    def __call__(self, event: Event, commands: list[Command]) -> None:
        """Take an event and what followed from it."""
        self.first_ts = self.first_ts or event.ts
        self.last_ts = max(self.last_ts, event.ts)
        for command in commands:
            if isinstance(command, Record):
                self._record(command.kind, command.row)
            elif isinstance(command, Report) and command.what == "refused":
                self.refused[command.rule] += 1
        for wallet, row in zip(self.wallets.values(), self.state.acct, strict=True):
            wallet.mark(int(row["equity"]))

    def _record(self, kind: str, row: dict[str, Any]) -> None:
        if kind == "fill":
            self.wallets[row["account"]].fees += fees_of(row)
        elif kind == "cash" and "coin" not in row and row["kind"] not in TRADING_CASH:
            self.wallets[row["account"]].moved(money_units(Decimal(row["amount"])))
        elif kind == "trade":
            account, pnl, r = row["account"], Decimal(row["pnl"]), float(row["r"])
            self.wallets[account].close(pnl, r, row["symbol"])
            self.by_strategy.setdefault((account, row["strategy"]), Group()).add(pnl, r)
            self.by_reason.setdefault((account, row["reason"]), Group()).add(pnl, r)

    @property
    def closed(self) -> int:
        """Trades closed in this run."""
        return sum(wallet.closed.trades for wallet in self.wallets.values())

    def open_now(self, account: str) -> int:
        """Positions that `account` holds."""
        a = [str(one) for one in self.state.accounts].index(account)
        return int(((self.state.pos["status"] == OPEN) & (self.state.inst["account"] == a)).sum())

    def before(self, account: str) -> tuple[int, Decimal]:
        """(closed trades, result) of the account's sample, earlier runs included."""
        a = [str(one) for one in self.state.accounts].index(account)
        return self.state.closed_trades[a], money(self.state.realised[a])
