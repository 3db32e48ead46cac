"""The order book around a path point: levels that stand on a price grid, thicker further away, thinner under stress.

The sizes are a pure function of listing, price and minute: stream and REST show the same book, and a moving touch changes few levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from modules.simulator.market import Series
from modules.simulator.path import mix, salt_of
from utils.kernel import kernel

GRID_FRACTION = 0.0001
"""Distance between levels behind the touch, as a fraction of price (at least a tick)."""


class Book(msgspec.Struct, frozen=True):
    """Price in ticks to size in steps, best first on both sides."""

    ts: int
    bids: dict[int, int]
    asks: dict[int, int]


@kernel
def fill_side(touch: int, touch_size: int, direction: int, grid: int, base: float, salt: int, prices: Any, sizes: Any) -> int:
    """Fill prices and sizes of one side (direction -1 bids, +1 asks) from the touch outwards; returns how many levels are above zero."""
    prices[0] = touch
    sizes[0] = touch_size
    price = touch // grid * grid
    if direction > 0 and price < touch:
        price += grid
    if price == touch:
        price += direction * grid
    count = 1
    while count < len(prices) and price > 0:
        noise = mix((price & 0x7FFFFFFF) ^ salt)
        prices[count] = price
        sizes[count] = max(1, int(base * (0.4 + 0.08 * count) * (0.3 + (noise % 1024) / 730.0)))
        price += direction * grid
        count += 1
    return count


def book_at(series: Series, point: Any, depth: int) -> Book:
    """The book of `depth` levels a side at a path point."""
    ts, price = int(point["ts"]), int(point["price"])
    grid = max(1, round(price * GRID_FRACTION))
    rest = (int(point["bid_size"]) + int(point["ask_size"])) / 2
    salt = mix((ts // 60_000) & 0x7FFFFFFF) ^ salt_of(series.listing.key)
    sides = []
    for touch, size, direction in ((point["bid"], point["bid_size"], -1), (point["ask"], point["ask_size"], 1)):
        prices, sizes = np.empty(depth, dtype=np.int64), np.empty(depth, dtype=np.int64)
        count = fill_side(int(touch), int(size), direction, grid, rest, salt, prices, sizes)
        sides.append(dict(zip(prices[:count].tolist(), sizes[:count].tolist(), strict=True)))
    return Book(ts, sides[0], sides[1])


def changes(before: Mapping[int, int], after: Mapping[int, int]) -> dict[int, int]:
    """What turns one side into the other: new and changed levels, and 0 for those that are gone."""
    found = {price: size for price, size in after.items() if before.get(price) != size}
    found.update((price, 0) for price in before if price not in after)
    return found
