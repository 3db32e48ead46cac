"""An order book kept from snapshots and deltas, which says when it can no longer be trusted. Pure.

Rules of the venue: a snapshot replaces the book at any time (`u` may restart at 1; level 1 repeats the same `u`); in a delta size 0
deletes, else inserts or overwrites, and `u` grows by one. Whatever breaks them means that something was lost: the book says so, shows
no quote, and waits for the snapshot that a new subscription brings.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import StrEnum

from marketdata.items import BookUpdate
from state.market import Quote


class BookFault(StrEnum):
    """Why a book must be subscribed to again."""

    NO_SNAPSHOT = "a delta before any snapshot"
    GAP = "an update is missing"
    BACKWARDS = "an update number went back"
    CROSSED = "best bid is not below best ask"
    EMPTY = "a side is empty"


class _Side:
    """Levels of one side by price rank; a rank is the price for asks and minus the price for bids, so that the best is always first."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self.ranks: list[int] = []
        self.sizes: dict[int, int] = {}

    def replace(self, levels: list[tuple[int, int]]) -> None:
        self.sizes = {self._sign * price: steps for price, steps in levels if steps > 0}
        self.ranks = sorted(self.sizes)

    def change(self, levels: list[tuple[int, int]]) -> None:
        for price, steps in levels:
            rank = self._sign * price
            known = rank in self.sizes
            if steps > 0:
                self.sizes[rank] = steps
                if not known:
                    insort(self.ranks, rank)
            elif known:
                del self.sizes[rank]
                del self.ranks[bisect_left(self.ranks, rank)]

    def cut(self, depth: int) -> None:
        for rank in self.ranks[depth:]:
            del self.sizes[rank]
        del self.ranks[depth:]

    def levels(self, depth: int) -> list[tuple[int, int]]:
        return [(self._sign * rank, self.sizes[rank]) for rank in self.ranks[:depth]]


class OrderBook:
    """The book of one instrument at the depth that was subscribed to; prices in ticks, sizes in steps."""

    def __init__(self, key: str, depth: int) -> None:
        self.key = key
        self.depth = depth
        self.ts = 0
        self.fault: BookFault | None = BookFault.NO_SNAPSHOT
        self._bids, self._asks = _Side(-1), _Side(1)
        self._u = self._seq = 0

    def apply(self, update: BookUpdate) -> BookFault | None:
        """Take an update in. A fault: subscribe again; until the next snapshot the book stays faulty and shows nothing."""
        if update.snapshot:
            self._bids.replace(update.bids)
            self._asks.replace(update.asks)
            self.fault = None
        elif self.fault is None:
            if update.u <= self._u or update.seq < self._seq:
                self.fault = BookFault.BACKWARDS
            elif update.u > self._u + 1:
                self.fault = BookFault.GAP
            else:
                self._bids.change(update.bids)
                self._asks.change(update.asks)
        if self.fault is None:
            self._bids.cut(self.depth)
            self._asks.cut(self.depth)
            self._u, self._seq, self.ts = update.u, update.seq, update.ts
            if not self._bids.ranks or not self._asks.ranks:
                self.fault = BookFault.EMPTY
            elif -self._bids.ranks[0] >= self._asks.ranks[0]:
                self.fault = BookFault.CROSSED
        return self.fault

    def reset(self) -> None:
        """The subscription ended: nothing is known until the next snapshot."""
        self.fault = BookFault.NO_SNAPSHOT

    def quote(self) -> Quote | None:
        """Best bid and ask, None while the book cannot be trusted."""
        if self.fault is not None:
            return None
        bid, ask = self._bids.ranks[0], self._asks.ranks[0]
        return Quote(self.key, self.ts, -bid, ask, self._bids.sizes[bid], self._asks.sizes[ask])

    def bids(self, depth: int) -> list[tuple[int, int]]:
        """The best `depth` bids as (ticks, steps), best first; empty while the book cannot be trusted."""
        return [] if self.fault else self._bids.levels(depth)

    def asks(self, depth: int) -> list[tuple[int, int]]:
        """The best `depth` asks as (ticks, steps), best first; empty while the book cannot be trusted."""
        return [] if self.fault else self._asks.levels(depth)
