"""A private stream that says what the test says, in order, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from modules.exchange.reports import AccountItem, Link


class FakeStream:
    """Items are put by the test; an item put while nobody reads waits, as in a socket's buffer."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[AccountItem] = asyncio.Queue()

    def say(self, *items: AccountItem) -> None:
        """Let the venue push these."""
        for item in items:
            self._items.put_nowait(item)

    def up(self) -> None:
        self.say(Link(True, 0))

    def lost(self, reason: str = "connection reset") -> None:
        self.say(Link(False, 0, reason))

    async def items(self) -> AsyncGenerator[AccountItem, None]:
        """Everything said, for ever."""
        while True:
            yield await self._items.get()
