"""Which positions stand without a valid stop on the venue, and from when to when: the simulator's verdict on a bot's order safety.

Linear: protected by a position stop (Full, Partial or trailing) or reduce-only conditional orders on the losing side that cover the size.
Spot: what was bought through orders is protected as far as untriggered sell orders with a trigger below the market cover it; a rest that
is too small to be sold is no position.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from modules.simulator.account import Account, Position
from modules.simulator.filters import Listing
from modules.simulator.matching import Book, down
from modules.simulator.order_types import ZERO, Now, Order

KEEP = 10_000


class Interval(msgspec.Struct, kw_only=True):
    """A time without a stop; `qty` = the most that was uncovered. `to_ts` None = it goes on."""

    uid: str
    category: str
    symbol: str
    idx: int
    from_ts: int
    from_wall: int
    qty: Decimal
    to_ts: int | None = None
    to_wall: int | None = None


class Protection:
    """Open and closed intervals over all accounts."""

    def __init__(self) -> None:
        self.running: dict[str, Interval] = {}
        self.past: list[Interval] = []

    def look(self, account: Account, books: Mapping[str, Book], listings: Mapping[str, Listing], now: Now) -> None:
        """Compare what is held with what covers it, now."""
        orders = list(account.open_orders())
        for position in list(account.positions.values()):
            self._note(account.uid, "linear", position.symbol, position.idx, linear_gap(position, orders), now)
        for symbol, bought in list(account.bought.items()):
            point = books[f"spot:{symbol}"].point
            if point is not None:
                gap = spot_gap(bought, symbol, orders, listings[f"spot:{symbol}"], point.price)
                self._note(account.uid, "spot", symbol, 0, gap, now)

    def forgive(self, wall_ms: int) -> None:
        """The venue was away for so long: what goes on is not longer for it."""
        for one in self.running.values():
            one.from_wall += wall_ms

    def _note(self, uid: str, category: str, symbol: str, idx: int, gap: Decimal, now: Now) -> None:
        key = f"{uid}:{category}:{symbol}:{idx}"
        running = self.running.get(key)
        if gap > 0:
            if running is None:
                self.running[key] = Interval(
                    uid=uid, category=category, symbol=symbol, idx=idx, from_ts=now.ts, from_wall=now.wall, qty=gap
                )  # fmt: skip
            else:
                running.qty = max(running.qty, gap)
        elif running is not None:
            running.to_ts, running.to_wall = now.ts, now.wall
            self.past.append(self.running.pop(key))
            if len(self.past) > 2 * KEEP:
                del self.past[:KEEP]


def linear_gap(position: Position, orders: list[Order]) -> Decimal:
    """How much of a position no stop covers."""
    if not position.size:
        return ZERO
    losing = 2 if position.side == "Buy" else 1
    covered = ZERO
    for order in orders:
        if order.category != "linear" or (order.symbol, order.position_idx) != (position.symbol, position.idx):
            continue
        if order.status != "Untriggered" or order.side == position.side or not order.reduce_only or order.trigger_price is None:
            continue
        if order.trigger_direction == losing and order.stop_order_type not in {"TakeProfit", "PartialTakeProfit"}:
            covered += position.size if order.close_on_trigger and not order.qty else order.qty
    return max(ZERO, position.size - covered)


def spot_gap(bought: Decimal, symbol: str, orders: list[Order], listing: Listing, price: Decimal) -> Decimal:
    """How much of what was bought no stop covers, as far as it could be sold."""
    one = listing.instrument
    covered = sum((order.leaves for order in orders if order.category == "spot" and order.symbol == symbol and _stops(order)), ZERO)
    gap = down(max(ZERO, bought - covered), one.step)
    return gap if gap >= one.min_qty and gap * price >= one.min_notional else ZERO


def _stops(order: Order) -> bool:
    if order.side != "Sell" or order.status != "Untriggered":
        return False
    return order.stop_loss is not None if order.stop_order_type == "BidirectionalTpslOrder" else order.trigger_direction == 2
