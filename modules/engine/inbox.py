"""The one way into the engine: an inbox of two lanes in which account events overtake market events and nothing is ever dropped.

Closed candles and account events must not be lost, so a full market lane does not refuse: the bars that waited in it are handed out as
late and the ticks without quotes, so that stops follow but nothing is entered on what is long past. Quotes never come here by themselves;
they go to the paper venue and ride along in their bar.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

from state.messages import AccountEvent, BarsClosed, Event, FeedDown, FeedUp, Tick

MARKET_ROOM = 4_096
"""Market events waiting before the engine counts as behind."""

_MARKET = (BarsClosed, Tick, FeedDown, FeedUp)


class Inbox:
    """Two lanes, account and control first. Used by one event loop; `put` never waits."""

    def __init__(self, room: int = MARKET_ROOM) -> None:
        self._first: deque[Event] = deque()
        self._market: deque[Event] = deque()
        self._room = room
        self._wake = asyncio.Event()
        self.behind = False
        """The market lane ran full and has not been empty since."""

    def put(self, event: Event) -> None:
        """Leave an event."""
        if isinstance(event, _MARKET):
            self._market.append(event)
            if len(self._market) > self._room:
                self.behind = True
        else:
            self._first.append(event)
        self._wake.set()

    def put_account(self, events: list[AccountEvent]) -> None:
        """Leave answers of a venue, in order."""
        if events:
            self._first.extend(events)
            self._wake.set()

    @property
    def depth(self) -> int:
        """Events waiting."""
        return len(self._first) + len(self._market)

    async def take(self) -> list[Event]:
        """Everything that waits, account and control events before market events; waits for the first."""
        while not self._first and not self._market:
            self._wake.clear()
            await self._wake.wait()
        market = [_late(event) for event in self._market] if self.behind else self._market
        events = [*self._first, *market]
        self._first.clear()
        self._market.clear()
        self.behind = False
        return events


def _late(event: Event) -> Event:
    match event:
        case BarsClosed():
            return msgspec.structs.replace(event, late=True, quotes=())
        case Tick():
            return msgspec.structs.replace(event, quotes=())
        case _:
            return event
