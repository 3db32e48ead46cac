"""The reading half of a venue: an account that others move (the test trades on it), and that answers what it is asked, or fails to.

A trade changes wallet, positions and listing together, as on a venue. Nobody may trade through it: whoever only watches has no business to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn

from modules.exchange.reports import (
    ZERO,
    ExecutionKind,
    ExecutionReport,
    KeyRights,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from modules.ports import Barred, Ticket, World, free
from utils.errors import BotError
from utils.throttle import Urgency


class AccountVenue:
    """An account with `cash` of quote coin. `fault`: raised by every request while set; `before`: called before each, with its name."""

    def __init__(self, cash: str = "1000", now: Callable[[], int] = lambda: 0) -> None:
        self.cash = Decimal(cash)
        self.coins: dict[str, Decimal] = {}
        self.sizes: dict[str, Decimal] = {}
        self.hedged: set[str] = set()
        self.orders: list[OrderReport] = []
        self.fills: list[ExecutionReport] = []
        self.key = KeyRights(account_id="1", read_only=False, spot=True, derivatives=True, withdraw=False)
        self.offset_ms = 0
        self.fault: BotError | None = None
        self.before: Callable[[str], object] = lambda name: None
        self.asked: list[str] = []
        self._now = now

    def trade(
        self,
        key: str,
        side: int,
        qty: str,
        price: str,
        *,
        link_id: str = "",
        order: str = "o1",
        fee: str = "0",
        kind: ExecutionKind = ExecutionKind.TRADE,
        order_kind: OrderKind = OrderKind.PLAIN,
    ) -> ExecutionReport:
        """An execution happens on the account; returned for the stream to push, or not."""
        amount, at, paid = Decimal(qty), Decimal(price), Decimal(fee)
        report = ExecutionReport(
            key=key, exec_id=f"e{len(self.fills)}", kind=kind, order_kind=order_kind, venue_id=order, link_id=link_id, side=side,
            price=at, qty=amount, fee=paid, fee_coin="USDT", ts=self._now(),
        )  # fmt: skip
        self.fills.append(report)
        if key.startswith("CRYPTO:"):
            coin = key.removeprefix("CRYPTO:").removesuffix("USDT")
            self.coins[coin] = self.coins.get(coin, ZERO) + side * amount
            self.cash -= side * amount * at
        else:
            self.sizes[key] = self.sizes.get(key, ZERO) + side * amount
        self.cash -= paid
        return report

    async def _asked(self, name: str) -> None:
        self.asked.append(name)
        self.before(name)
        await asyncio.sleep(0)  # others run while an answer is out
        if self.fault is not None:
            raise self.fault

    async def open_orders(self) -> list[OrderReport]:
        await self._asked("open_orders")
        return [order for order in self.orders if not order.status.final]

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        await self._asked("order")
        return next((o for o in self.orders if o.key == key and (o.link_id == link_id or o.venue_id == venue_id)), None)

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        await self._asked("executions")
        return [fill for fill in self.fills if fill.ts >= since_ms]

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        await self._asked("executions_of")
        return [fill for fill in self.fills if fill.key == key and fill.venue_id == venue_id and fill.ts >= since_ms]

    async def positions(self) -> list[PositionReport]:
        await self._asked("positions")
        return [
            PositionReport(key=key, side=(size > 0) - (size < 0), size=abs(size), entry=ZERO, hedged=key in self.hedged)
            for key, size in self.sizes.items()
        ]

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        await self._asked("wallet")
        return WalletReport(cash=self.cash, free=self.cash, coins=dict(self.coins), ts=self._now())

    async def rights(self) -> KeyRights:
        await self._asked("rights")
        return self.key

    async def sync_clock(self) -> int:
        await self._asked("sync_clock")
        return self.offset_ms

    async def close(self) -> None:
        """Nothing to release."""

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        self._trades("create")

    async def amend(
        self,
        key: str,
        venue_id: str,
        *,
        stop: Decimal | None = None,
        target: Decimal | None = None,
        trigger: Decimal | None = None,
        qty: Decimal | None = None,
    ) -> None:
        self._trades("amend")

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        self._trades("cancel")

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        self._trades("set_stops")

    async def prepare(self, key: str) -> None:
        self._trades("prepare")

    def _trades(self, name: str) -> NoReturn:
        raise AssertionError(f"a watch must not {name}")


def open_order(
    key: str,
    link_id: str,
    *,
    side: int = 1,
    qty: str = "1",
    kind: OrderKind = OrderKind.PLAIN,
    status: OrderStatus = OrderStatus.OPEN,
    venue_id: str = "",
    filled: str = "0",
    price: str = "0",
    trigger: str = "0",
    stop: str = "0",
    target: str = "0",
) -> OrderReport:
    """An order as the venue lists it."""
    return OrderReport(
        key=key, venue_id=venue_id or f"v-{link_id}", link_id=link_id, side=side, kind=kind, status=status, qty=Decimal(qty),
        filled=Decimal(filled), price=Decimal(price), trigger=Decimal(trigger), stop=Decimal(stop), target=Decimal(target),
        created_ts=0, ts=0,
    )  # fmt: skip
