"""A small honest venue on loopback: it acknowledges, refuses, pongs, publishes what it is told to, and can vanish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class LoopbackVenue:
    """One public channel. `known(topic)` says what may be subscribed to."""

    def __init__(self, known: Callable[[str], bool] = lambda _: True) -> None:
        self.url = ""
        self.known = known
        self.acknowledges = True
        self.data_before_ack: list[bytes] = []
        self.greets: dict[str, bytes] = {}
        """By topic the frame that a subscriber gets first."""
        self.requests: list[dict[str, object]] = []
        self.pings = 0
        self.accepted = 0
        self._open: dict[ServerConnection, set[str]] = {}
        self._changed = asyncio.Condition()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, bounded, until something that this venue sees is so."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    def subscribed(self) -> set[str]:
        """Topics with a subscriber right now."""
        return set().union(*self._open.values())

    async def publish(self, *frames: bytes) -> None:
        """Send frames to every connection, as text."""
        for connection in list(self._open):
            for frame in frames:
                await connection.send(frame.decode())

    async def cut(self) -> None:
        """Break all connections without a word."""
        for connection in list(self._open):
            connection.transport.abort()
        await self.until(lambda: not self._open)

    async def _serve(self, connection: ServerConnection) -> None:
        self._open[connection] = set()
        self.accepted += 1
        await self._notify()
        try:
            async for message in connection:
                await self._answer(connection, msgspec.json.decode(message))
                await self._notify()
        except ConnectionClosed:
            pass
        finally:
            del self._open[connection]
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _answer(self, connection: ServerConnection, request: dict[str, object]) -> None:
        reply: dict[str, object] = {"success": True, "ret_msg": "", "conn_id": "c1", "req_id": request.get("req_id"), "op": request["op"]}
        if request["op"] == "ping":
            self.pings += 1
            await connection.send(msgspec.json.encode(reply | {"ret_msg": "pong"}).decode())
            return
        self.requests.append(request)
        topics = [str(topic) for topic in request["args"]]  # type: ignore[attr-defined]
        if request["op"] == "unsubscribe":
            self._open[connection] -= set(topics)
        elif len(topics) > 10:
            reply |= {"success": False, "ret_msg": "args size >10"}
        elif unknown := [topic for topic in topics if not self.known(topic)]:
            reply |= {"success": False, "ret_msg": f"error:handler not found,topic:{unknown[0]}"}
        else:
            self._open[connection] |= set(topics)
        for frame in self.data_before_ack:
            await connection.send(frame.decode())
        if self.acknowledges:
            await connection.send(msgspec.json.encode(reply).decode())
        for topic in topics:
            if request["op"] == "subscribe" and topic in self.greets:
                await connection.send(self.greets[topic].decode())


@asynccontextmanager
async def loopback_venue(known: Callable[[str], bool] = lambda _: True) -> AsyncIterator[LoopbackVenue]:
    """A venue that lives as long as the block; its `url` is where it listens."""
    venue = LoopbackVenue(known)
    async with serve(venue._serve, "127.0.0.1", 0, compression=None, close_timeout=0.2) as server:
        venue.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v5/public/spot"
        yield venue
