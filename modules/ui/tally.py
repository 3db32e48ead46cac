"""What a run did, counted from the engine's own records while it happens: the figures of the closing summary."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from state.books import OPEN
from state.conversion import home_currency
from state.ledger import fees_of
from state.messages import Command, Event, Record, Report
from state.runtime import RuntimeState
from utils.fixed import money


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
    """One account over the run; `start` and `equity` in money units, 0 before the wallet was opened."""

    quote: str
    start: int
    equity: int
    drawdown: float = 0.0
    """Deepest fall during this run below the account's peak, 0 to 1."""
    fees: Decimal = Decimal(0)
    closed: Group = msgspec.field(default_factory=Group)
    best: tuple[Decimal, str] | None = None
    worst: tuple[Decimal, str] | None = None

    def mark(self, equity: int, peak: int) -> None:
        """The account is worth this now.

        `peak` is the engine's, of the same moment: it follows money that came or left, and the state may be ahead of the event that is
        told, so a peak of our own would not fit it.
        """
        self.equity = equity
        self.start = self.start or equity
        if peak > 0:
            self.drawdown = max(self.drawdown, 1.0 - equity / peak)

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
            quote = next((home_currency(state.instruments[m]) for b, m in state.seats if b == a), "")
            equity = int(state.acct[a]["equity"])
            self.wallets[str(account)] = Wallet(quote, equity, equity)
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
            wallet.mark(int(row["equity"]), int(row["peak"]))

    def _record(self, kind: str, row: dict[str, Any]) -> None:
        if kind == "fill":
            self.wallets[row["account"]].fees += fees_of(row)
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
