"""Being told of things as they happen: a bounded queue per subscriber; a slow one loses what is old and droppable, nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar

T = TypeVar("T")
ROOM = 256
"""Items that wait for a subscriber."""


class Watch(Generic[T]):
    """One subscription. `async for item in watch`, or `take`; ends when closed. Items that must not be lost may exceed the room."""

    def __init__(self, leave: Callable[[Watch[T]], None], never_drop: Callable[[T], bool], room: int) -> None:
        self._leave, self._never_drop, self._room = leave, never_drop, room
        self._items: deque[T] = deque()
        self._wake = asyncio.Event()
        self.closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        """Leave an item; above the room the oldest droppable one gives way, or, when there is none, a droppable newcomer."""
        if len(self._items) >= self._room:
            victim = next((k for k, one in enumerate(self._items) if not self._never_drop(one)), None)
            if victim is not None:
                del self._items[victim]
                self.dropped += 1
            elif not self._never_drop(item):
                self.dropped += 1
                return
        self._items.append(item)
        self._wake.set()

    async def take(self) -> T | None:
        """The next item, waiting for it; None once closed and empty."""
        while not self._items and not self.closed:
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft() if self._items else None

    @property
    def waiting(self) -> int:
        """Items that nobody has taken yet."""
        return len(self._items)

    def close(self) -> None:
        """No more items; whoever waits is woken."""
        self.closed = True
        self._leave(self)
        self._wake.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        item = await self.take()
        if item is None:
            raise StopAsyncIteration
        return item


class Watchers(Generic[T]):
    """Everybody who is told. `never_drop` tells which items a slow subscriber must still get."""

    def __init__(self, never_drop: Callable[[T], bool], room: int = ROOM) -> None:
        self._never_drop, self._room = never_drop, room
        self._all: list[Watch[T]] = []

    def join(self) -> Watch[T]:
        """A new subscription."""
        watch = Watch(self._gone, self._never_drop, self._room)
        self._all.append(watch)
        return watch

    def tell(self, item: T) -> None:
        """Leave `item` with everybody."""
        for watch in self._all:
            watch.put(item)

    def _gone(self, watch: Watch[T]) -> None:
        if watch in self._all:
            self._all.remove(watch)
