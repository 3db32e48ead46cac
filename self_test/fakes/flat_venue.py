"""A venue in memory, enough of one to be flattened: orders, positions, coins, executions, and requests that go wrong on demand."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

import msgspec

from modules.exchange.reports import (
    ExecutionKind,
    ExecutionReport,
    KeyRights,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from modules.ports import DUPLICATE_ID, NO_FUNDS, NO_SUCH_ORDER, NOTHING_TO_REDUCE, Barred, Ticket, World, free
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Urgency

PRICE = Decimal(100)
NOW = 1_741_075_200_000


class FlatVenue:
    """`share` of all requests fail: reads Transient, writes Transient before or Unknown after their effect. `down`: everything fails."""

    def __init__(self, *, share: float = 0.0, seed: int = 1, partial: bool = False) -> None:
        self.orders: dict[str, OrderReport] = {}
        self.sizes: dict[str, Decimal] = {}
        self.coins: dict[str, Decimal] = {}
        self.fills: list[ExecutionReport] = []
        self.asked: list[str] = []
        self.down = False
        self.refuse: Callable[[Ticket], str] = lambda _: ""
        self._share, self._rng, self._partial = share, random.Random(seed), partial

    # --- what a test prepares -----------------------------------------------------------------------------------------------------

    def rest(self, key: str, link: str, side: int, qty: str, kind: OrderKind = OrderKind.PLAIN) -> OrderReport:
        """An open order."""
        waits = OrderStatus.OPEN if kind is OrderKind.PLAIN else OrderStatus.WAITING
        order = OrderReport(
            key=key, venue_id=f"v{len(self.orders) + 1}", link_id=link, side=side, kind=kind, status=waits, qty=Decimal(qty),
            filled=Decimal(0), created_ts=NOW, ts=NOW,
        )  # fmt: skip
        self.orders[order.venue_id] = order
        return order

    def execute(self, order: OrderReport, qty: Decimal, fee_coin: str = "USDT") -> None:
        """A fill of an order, with what it does to positions and coins."""
        domain, _, symbol = order.key.partition(":")
        if domain == "PERPS":
            self.sizes[order.key] = self.sizes.get(order.key, Decimal(0)) + order.side * qty
        else:
            coin = symbol.removesuffix("USDT")
            self.coins[coin] = self.coins.get(coin, Decimal(0)) + order.side * qty
        filled = order.filled + qty
        self.fills.append(
            ExecutionReport(
                key=order.key,
                exec_id=f"x{len(self.fills) + 1}",
                kind=ExecutionKind.TRADE,
                order_kind=order.kind,
                venue_id=order.venue_id,
                link_id=order.link_id,
                side=order.side,
                price=PRICE,
                qty=qty,
                fee=Decimal(0),
                fee_coin=fee_coin,
                ts=NOW,
            )
        )
        status = OrderStatus.FILLED if filled == order.qty else OrderStatus.CANCELLED
        self.orders[order.venue_id] = msgspec.structs.replace(order, filled=filled, status=status)

    # --- the port -----------------------------------------------------------------------------------------------------------------

    def _hiccup(self, what: str) -> None:
        self.asked.append(what)
        if self.down or self._rng.random() < self._share:
            raise Transient(f"{what}: nobody there")

    def _lost(self, what: str) -> None:
        if self._rng.random() < self._share:
            raise Unknown(f"{what}: no answer")

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        self._hiccup("create")
        if any(one.link_id == ticket.link_id for one in self.orders.values()):
            raise Rejected("seen", DUPLICATE_ID)
        if code := self.refuse(ticket):
            raise Rejected(code, code)
        domain, _, symbol = ticket.key.partition(":")
        if domain == "CRYPTO":
            coin = symbol.removesuffix("USDT")
            locked = sum(
                (one.qty for one in self.orders.values() if one.key == ticket.key and one.side < 0 and not one.status.final), Decimal(0)
            )
            if ticket.side < 0 and self.coins.get(coin, Decimal(0)) - locked < ticket.qty:
                raise Rejected("no coins", NO_FUNDS)
        elif ticket.reduce_only and self.sizes.get(ticket.key, Decimal(0)) * ticket.side >= 0:
            raise Rejected("flat", NOTHING_TO_REDUCE)
        order = self.rest(ticket.key, ticket.link_id, ticket.side, str(ticket.qty))
        size = abs(self.sizes.get(ticket.key, ticket.qty)) if ticket.reduce_only else ticket.qty
        half = (ticket.qty / 2).quantize(Decimal(1))
        self.execute(order, half if self._partial and half else min(size, ticket.qty))
        if domain == "PERPS" and not self.sizes[ticket.key]:  # protection ends with the position
            for one in list(self.orders.values()):
                if one.key == ticket.key and one.kind is not OrderKind.PLAIN:
                    self.orders[one.venue_id] = msgspec.structs.replace(one, status=OrderStatus.CANCELLED)
        self._lost("create")
        return order.venue_id

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        self._hiccup("cancel")
        order = self.orders[venue_id]
        if order.status.final:
            raise Rejected("gone", NO_SUCH_ORDER)
        protective = order.kind in {OrderKind.SPOT_EXIT, OrderKind.SPOT_BRACKET}
        expected = World.PLAIN if order.kind is OrderKind.PLAIN else World.PROTECTIVE if protective else World.CONDITIONAL
        assert world is expected, "the world must be named"
        self.orders[venue_id] = msgspec.structs.replace(order, status=OrderStatus.CANCELLED)
        self._lost("cancel")

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        self._hiccup("order")
        return next((one for one in self.orders.values() if one.link_id == link_id), None)

    async def open_orders(self) -> list[OrderReport]:
        self._hiccup("open_orders")
        return [one for one in self.orders.values() if not one.status.final]

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        self._hiccup("executions")
        return [one for one in self.fills if one.ts >= since_ms]

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        return [one for one in self.fills if one.venue_id == venue_id and one.ts >= since_ms]

    async def positions(self) -> list[PositionReport]:
        self._hiccup("positions")
        return [
            PositionReport(key=key, side=1 if size > 0 else -1, size=abs(size), entry=PRICE) for key, size in self.sizes.items() if size
        ]

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        self._hiccup("wallet")
        return WalletReport(cash=Decimal(1000), free=Decimal(1000), coins=dict(self.coins))

    async def amend(
        self, key: str, venue_id: str, *, stop: Decimal | None = None, target: Decimal | None = None, trigger: Decimal | None = None,
        qty: Decimal | None = None,
    ) -> None:  # fmt: skip
        raise AssertionError("a flatten amends nothing")

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        raise AssertionError("a flatten sets no stops")

    async def rights(self) -> KeyRights:
        return KeyRights(account_id="1", read_only=False, spot=True, derivatives=True, withdraw=False)

    async def prepare(self, key: str) -> None:
        return

    async def sync_clock(self) -> int:
        return 0

    async def close(self) -> None:
        return
