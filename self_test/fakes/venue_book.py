"""The book of a small honest venue in memory: one account's orders, fills, exit orders and positions, moved by prices and takers.

Spot: an entry's stop and target become one exit order when the entry is done, sized after the fee in the coin, and it binds the coin.
Perpetuals: they become the position's, and go with it. Everything is told to `sink` as a private stream would.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from modules.exchange.reports import (
    ZERO,
    AccountItem,
    ExecutionKind,
    ExecutionReport,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
)
from state.accounts import Domain
from state.instruments import Instrument
from utils.clock import Clock

GOOD = frozenset({OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.WAITING})


class VenueBook:
    """One account. `base_fee` is the share of a spot buy taken in the coin, `quote_fee` of everything else."""

    def __init__(self, instruments: dict[str, Instrument], clock: Clock, *, cash: str = "100000", base_fee: str = "0.001") -> None:
        self._instruments, self._clock = instruments, clock
        self.cash = Decimal(cash)
        self.base_fee, self.quote_fee = Decimal(base_fee), Decimal("0.001")
        self.coins: dict[str, Decimal] = defaultdict(Decimal)
        self.price: dict[str, Decimal] = {key: Decimal(100) for key in instruments}
        self.depth: dict[str, deque[Decimal]] = defaultdict(deque)
        """Sizes that the next takers find; empty = whatever they want."""
        self.orders: dict[str, OrderReport] = {}
        self.attached: dict[str, tuple[Decimal, Decimal]] = {}
        self.execs: list[ExecutionReport] = []
        self.rows: dict[str, PositionReport] = {}
        self.no_exit_orders = False
        """Spot entries do not bring their exit order."""
        self.sink: Callable[[list[AccountItem]], None] = lambda items: None
        self.mute = False
        """The stream says nothing."""
        self.lose: Callable[[AccountItem], bool] = lambda item: False
        """Which items the stream loses."""
        self._ids = itertools.count(1)

    @property
    def now(self) -> int:
        return self._clock.now_ms()

    def open(self, key: str) -> list[OrderReport]:
        return [one for one in self.orders.values() if one.key == key and one.status in GOOD]

    def held(self, key: str) -> Decimal:
        """Coins on spot, signed size on perpetuals."""
        if self._spot(key):
            return self.coins[self._instruments[key].base]
        row = self.rows.get(key)
        return row.side * row.size if row is not None else ZERO

    def covered(self, key: str) -> Decimal:
        """How much of it a stop stands for."""
        if self._spot(key):
            return sum((one.qty for one in self.open(key) if one.status is OrderStatus.WAITING and (one.stop or one.trigger)), ZERO)
        row = self.rows.get(key)
        return row.size if row is not None and row.stop else ZERO

    def naked(self, key: str) -> bool:
        """Whether something that could be sold stands without a stop."""
        one = self._instruments[key]
        gap = one.qty(one.steps(abs(self.held(key)) - self.covered(key)))
        return gap >= one.min_qty and gap * self.price[key] >= one.min_notional

    def move(self, key: str, price: str) -> None:
        """The market trades at `price`: stops and targets fire."""
        self.price[key] = last = Decimal(price)
        for one in self.open(key):
            if one.status is not OrderStatus.WAITING:
                continue
            stop, target = (one.stop, one.target) if one.kind is OrderKind.SPOT_BRACKET else (one.trigger, ZERO)
            if (stop and last <= stop) or (target and last >= target):
                self.coins[self._instruments[key].base] -= one.qty
                self._done(one, one.qty, last, OrderStatus.FILLED)
        row = self.rows.get(key)
        if row is not None and row.side:
            for level, kind in ((row.stop, OrderKind.STOP_LOSS), (row.target, OrderKind.TAKE_PROFIT)):
                fires = level and (row.side * (last - level) <= 0 if kind is OrderKind.STOP_LOSS else row.side * (last - level) >= 0)
                if fires and self.held(key):
                    self.seize(key, ExecutionKind.TRADE, kind)

    def seize(self, key: str, kind: ExecutionKind, order_kind: OrderKind = OrderKind.PLAIN, share: str = "1") -> None:
        """The venue closes (part of) a perpetual position by itself."""
        row = self.rows[key]
        qty = row.size * Decimal(share)
        self._execute(key, f"v{next(self._ids)}", "", -row.side, self.price[key], qty, order_kind, kind)
        self._change(key, -row.side * qty)

    def _spot(self, key: str) -> bool:
        return self._instruments[key].domain is Domain.CRYPTO

    def tell(self, *items: AccountItem) -> None:
        if not self.mute:
            self.sink([item for item in items if not self.lose(item)])

    def _execute(
        self, key: str, venue_id: str, link_id: str, side: int, price: Decimal, qty: Decimal, order_kind: OrderKind, kind: ExecutionKind
    ) -> ExecutionReport:
        one = self._instruments[key]
        buys = self._spot(key) and side > 0
        fee = qty * self.base_fee if buys else qty * price * self.quote_fee
        report = ExecutionReport(
            key=key, exec_id=f"x{next(self._ids)}", kind=kind, order_kind=order_kind, venue_id=venue_id, link_id=link_id, side=side,
            price=price, qty=qty, fee=fee, fee_coin=one.base if buys else one.quote, ts=self.now,
        )  # fmt: skip
        self.execs.append(report)
        if self._spot(key):
            self.cash += -side * qty * price - (ZERO if buys else fee)
        self.tell(report)
        return report

    def _put(self, order: OrderReport) -> OrderReport:
        self.orders[order.venue_id] = order
        self.tell(order)
        return order

    def _done(self, order: OrderReport, qty: Decimal, price: Decimal, status: OrderStatus) -> None:
        if qty:
            self._execute(order.key, order.venue_id, order.link_id, order.side, price, qty, order.kind, ExecutionKind.TRADE)
        self._put(msgspec.structs.replace(order, status=status, filled=order.filled + qty, ts=self.now))

    def _change(self, key: str, signed: Decimal) -> None:
        row = self.rows.get(key) or PositionReport(key=key, side=0, size=ZERO, entry=self.price[key])
        size = row.side * row.size + signed
        side = (size > 0) - (size < 0)
        keep = side == row.side
        self.rows[key] = PositionReport(
            key=key, side=side, size=abs(size), entry=self.price[key], stop=row.stop if keep else ZERO,
            target=row.target if keep else ZERO, ts=self.now,
        )  # fmt: skip
        self.tell(self.rows[key])

    def fill_resting(self, link_id: str, qty: str) -> None:
        """A resting order trades."""
        order = next(one for one in self.orders.values() if one.link_id == link_id)
        self._take(order, Decimal(qty), order.price)

    def _take(self, order: OrderReport, qty: Decimal, price: Decimal) -> None:
        """Execute `qty` of an order and end it when it is full."""
        if not qty:
            return
        self._execute(order.key, order.venue_id, order.link_id, order.side, price, qty, order.kind, ExecutionKind.TRADE)
        full = order.filled + qty == order.qty
        status = OrderStatus.FILLED if full else OrderStatus.PARTIAL
        if self._spot(order.key):
            fee = qty * self.base_fee if order.side > 0 else ZERO
            self.coins[self._instruments[order.key].base] += order.side * qty - fee
        else:
            self._change(order.key, order.side * qty)
            stop, target = self.attached.get(order.venue_id, (ZERO, ZERO))
            if stop and self.rows[order.key].side == order.side:
                self.rows[order.key] = msgspec.structs.replace(self.rows[order.key], stop=stop, target=target)
                self.tell(self.rows[order.key])
        self._put(msgspec.structs.replace(order, status=status, filled=order.filled + qty, ts=self.now))
        if full:
            self._exit_order(order.venue_id)

    def _end(self, venue_id: str, reason: str) -> None:
        order = self.orders[venue_id]
        self._put(msgspec.structs.replace(order, status=OrderStatus.CANCELLED, reason=reason, ts=self.now))
        self._exit_order(venue_id)

    def _exit_order(self, venue_id: str) -> None:
        order = self.orders[venue_id]
        stop, target = self.attached.get(venue_id, (ZERO, ZERO))
        one = self._instruments[order.key]
        if not self._spot(order.key) or not stop or self.no_exit_orders:
            return
        qty = one.qty(one.steps(order.filled * (1 - self.base_fee)))
        if qty:
            number = f"v{next(self._ids)}"
            self._put(
                OrderReport(
                    key=order.key,
                    venue_id=number,
                    link_id=f"9{number}",
                    side=-order.side,
                    kind=OrderKind.SPOT_BRACKET,
                    status=OrderStatus.WAITING,
                    qty=qty,
                    filled=ZERO,
                    stop=stop,
                    target=target,
                    created_ts=self.now,
                    ts=self.now,
                )
            )
