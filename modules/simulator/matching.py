"""How an order meets the market: taking from the ladder and from rested orders, and when a rested order is filled.

The market is a path of points: a print, the touch, and a ladder behind it. Rules, chosen to be neither kind nor cruel:
- A taker walks prices from the best outwards. At one price the market's displayed size goes first (it was there earlier), then rested
  orders of our accounts by age. What was taken stays gone until the next point.
- A rested order starts behind the size displayed at its price. Prints of the other side at that price eat the queue first, then fill it;
  the queue is never longer than what is displayed when the price is the touch, and is gone when the market's touch is behind the price.
- A print beyond its price, or an opposite touch beyond it, fills it whole at its own price as maker (the market traded through). An
  opposite touch equal to its price fills it up to the size displayed there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from modules.simulator.order_types import ZERO, Order, Side

Level = tuple[Decimal, Decimal]
"""(price, size in base), best first in a ladder."""
Ladder = tuple[Sequence[Level], Sequence[Level]]
"""Bids and asks at one instant, touch included."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The market of one listing at one instant."""

    ts: int
    price: Decimal
    """Of the last print."""
    size: Decimal
    """Of that print, base."""
    taker: Side
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    mark: Decimal
    index: Decimal

    def source(self, trigger_by: str) -> Decimal:
        """The price that a trigger looks at."""
        return self.mark if trigger_by == "MarkPrice" else self.index if trigger_by == "IndexPrice" else self.price


class Fill(msgspec.Struct, frozen=True):
    """A piece of a trade; `maker` is the rested order of ours on the other side, None = the market."""

    price: Decimal
    qty: Decimal
    maker: Order | None = None


class Book:
    """The market of one listing at this instant and the rested orders of all accounts in it."""

    def __init__(self, ladder: Callable[[Point], Ladder]) -> None:
        self.point: Point | None = None
        self.resting: dict[str, Order] = {}
        self.conditional: dict[str, Order] = {}
        self._ladder_of = ladder
        self._ladder: Ladder | None = None
        self._taken: dict[tuple[Side, Decimal], Decimal] = {}

    def move(self, point: Point) -> None:
        """The market is somewhere else; what was taken before stands again."""
        self.point = point
        self._ladder = None
        self._taken.clear()

    def ladder(self) -> Ladder:
        """Bids and asks of the current point, asked for once and only when needed."""
        if self._ladder is None:
            self._ladder = ((), ()) if self.point is None else self._ladder_of(self.point)
        return self._ladder

    def displayed(self, side: Side, price: Decimal) -> Decimal:
        """What others show at a price on the side where a `side` order would rest."""
        for level, size in self.ladder()[0 if side == "Buy" else 1]:
            if level == price:
                return max(ZERO, size - self._taken.get((other(side), price), ZERO))
        return ZERO

    def own(self, side: Side) -> list[Order]:
        """Rested orders of a side, best price first, then oldest."""
        sign = -1 if side == "Buy" else 1
        return sorted((one for one in self.resting.values() if one.side == side), key=lambda one: (sign * one.price, one.seq))

    def crosses(self, side: Side, price: Decimal) -> bool:
        """Whether a limit of this side and price would trade at once."""
        levels = self.ladder()[1 if side == "Buy" else 0]
        best = [level for level, _ in levels[:1]] + [one.price for one in self.own(other(side))[:1]]
        return any(within(side, price, one) for one in best)

    def quote(
        self,
        side: Side,
        limit: Decimal | None,
        *,
        qty: Decimal | None = None,
        amount: Decimal | None = None,
        step: Decimal,
        skip: Callable[[Order], bool] | None = None,
    ) -> list[Fill]:
        """What a taker of `side` would get now: up to `qty` base or `amount` quote, not beyond `limit`. Nothing is changed."""
        fills: list[Fill] = []
        for price, size, maker in self._offers(side):
            if limit is not None and not within(side, limit, price):
                break
            if maker is not None and skip is not None and skip(maker):
                continue
            got = size
            if qty is not None:
                got = min(got, qty - sum((one.qty for one in fills), ZERO))
            if amount is not None:
                left = amount - sum((one.qty * one.price for one in fills), ZERO)
                got = min(got, down(left / price, step))
            if got <= 0:
                break
            fills.append(Fill(price, got, maker))
        return fills

    def take(self, side: Side, fill: Fill) -> None:
        """Remember that this piece of the market is gone until the next point."""
        if fill.maker is None:
            key = (side, fill.price)
            self._taken[key] = self._taken.get(key, ZERO) + fill.qty

    def rested_fills(self) -> list[tuple[Order, Decimal]]:
        """Which rested orders the current point fills, in price-time order, and how much; queues move on."""
        point = self.point
        if point is None or not self.resting:
            return []
        found: list[tuple[Order, Decimal]] = []
        for side in ("Buy", "Sell"):
            printed = point.size if point.taker != side else ZERO
            touch, touch_size = (point.ask, point.ask_size) if side == "Buy" else (point.bid, point.bid_size)
            for order in self.own(side):
                qty, from_print, from_touch = self._filled(order, point, printed, touch, touch_size)
                printed -= from_print
                touch_size -= from_touch
                if qty > 0:
                    found.append((order, qty))
        return found

    def _filled(
        self, order: Order, point: Point, printed: Decimal, touch: Decimal, touch_size: Decimal
    ) -> tuple[Decimal, Decimal, Decimal]:
        """(filled, of the print, of the opposite touch) for one rested order at this point."""
        buy = order.side == "Buy"
        through = (point.price < order.price or touch < order.price) if buy else (point.price > order.price or touch > order.price)
        if through:
            return order.leaves, min(printed, order.leaves), ZERO
        if touch == order.price:
            order.queue = ZERO
            qty = min(order.leaves, max(ZERO, touch_size))
            return qty, ZERO, qty
        qty = ZERO
        if point.price == order.price and printed > 0:
            qty = min(order.leaves, max(ZERO, printed - order.queue))
            order.queue = max(ZERO, order.queue - printed)
        near, near_size = (point.bid, point.bid_size) if buy else (point.ask, point.ask_size)
        if near == order.price:
            order.queue = min(order.queue, near_size)
        elif within(order.side, order.price, near) and near != order.price:
            order.queue = ZERO
        return qty, qty, ZERO

    def _offers(self, side: Side) -> list[tuple[Decimal, Decimal, Order | None]]:
        """What a taker of `side` finds, in the order in which it is taken."""
        sign = 1 if side == "Buy" else -1
        market: list[tuple[Decimal, int, int, Decimal, Order | None]] = []
        for price, size in self.ladder()[1 if side == "Buy" else 0]:
            left = size - self._taken.get((side, price), ZERO)
            if left > 0:
                market.append((sign * price, 0, 0, left, None))
        market += [(sign * one.price, 1, one.seq, one.leaves, one) for one in self.own(other(side))]
        market.sort(key=lambda row: row[:3])
        return [(sign * row[0], row[3], row[4]) for row in market]


def other(side: Side) -> Side:
    """The opposite side."""
    return "Sell" if side == "Buy" else "Buy"


def within(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Whether a limit order of this side accepts a price."""
    return price <= limit if side == "Buy" else price >= limit


def down(value: Decimal, grid: Decimal) -> Decimal:
    """The grid point at or below (for positive values)."""
    return (value / grid).to_integral_value(ROUND_FLOOR) * grid


def up(value: Decimal, grid: Decimal) -> Decimal:
    """The grid point at or above."""
    return (value / grid).to_integral_value(ROUND_CEILING) * grid


def touch_ladder(point: Point) -> Ladder:
    """A ladder of nothing but the touch: for venues without depth, and tests."""
    return ((point.bid, point.bid_size),), ((point.ask, point.ask_size),)
