"""One reading of an account serves everybody who waits for one: its orders and positions, or its recent executions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from modules.exchange.reports import OrderReport, PositionReport
from modules.ports import Venue
from utils.clock import Clock


class View(msgspec.Struct, frozen=True):
    """What the venue showed. `began_ns`: transport time at which the reading began."""

    began_ns: int
    orders: list[OrderReport]
    positions: list[PositionReport]


class Views:
    """Reads on demand; `seen` is called with each reading."""

    def __init__(self, venue: Venue, clock: Clock, seen: Callable[[View], None]) -> None:
        self._venue, self._clock, self._seen = venue, clock, seen
        self._turn = asyncio.Lock()
        self._began_ns = -1

    async def refresh(self, need_ns: int) -> None:
        """Return once a reading that began at or after `need_ns` was passed on. Raises what reading raises; nothing is passed on then."""
        async with self._turn:
            if self._began_ns >= need_ns:
                return
            began_ns = self._clock.monotonic_ns()
            self.take(View(began_ns, await self._venue.open_orders(), await self._venue.positions()))

    def take(self, view: View) -> None:
        """Pass on a reading, whoever made it; one that began before the last one passed on is old news."""
        if view.began_ns > self._began_ns:
            self._began_ns = view.began_ns
            self._seen(view)


class Recent:
    """Lists recent executions on demand, by `hear`, which passes them on."""

    def __init__(self, clock: Clock, hear: Callable[[], Awaitable[None]]) -> None:
        self._clock, self._hear = clock, hear
        self._turn = asyncio.Lock()
        self._began_ns = -1

    async def refresh(self, need_ns: int) -> None:
        """Return once a listing that began at or after `need_ns` was passed on. Raises what listing raises."""
        async with self._turn:
            if self._began_ns < need_ns:
                began_ns = self._clock.monotonic_ns()
                await self._hear()
                self._began_ns = began_ns
