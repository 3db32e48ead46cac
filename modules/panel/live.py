"""Live values for browsers: composed at most twice a second, written as text once for everybody, sent to each as far as it changed.

A page names a topic and gets its parts as server-sent events. Nothing is composed while nobody looks. A client that reads slowly skips
what it missed and gets the newest; one that does not read at all is let go. Nobody else waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from utils.clock import Clock

EVERY_S = 0.5
ALIVE_S = 15.0
"""A line is sent at least so often, so that a browser that went away is noticed."""
WRITE_S = 10.0
MOST_CLIENTS = 24
MOST_TOPICS = 12
RETRY_MS = 2_000

Compose = Callable[[str], Mapping[str, Any] | None]
"""Topic -> its parts, name to JSON value; None for a topic that does not exist."""


class _Topic:
    """The parts of one topic as they were last sent: name -> (version, text of the event)."""

    def __init__(self) -> None:
        self.clients = 0
        self.version = 0
        self.parts: dict[str, tuple[int, bytes]] = {}

    def take(self, composed: Mapping[str, Any]) -> bool:
        """Whether anything changed."""
        changed = False
        for name, value in composed.items():
            text = b"event: part\ndata: " + msgspec.json.encode({"name": name, "value": value}) + b"\n\n"
            if name not in self.parts or self.parts[name][1] != text:
                self.parts[name] = (self.version + 1, text)
                changed = True
        self.version += int(changed)
        return changed

    def since(self, version: int) -> bytes:
        """Every part that changed after `version`."""
        return b"".join(text for changed, text in self.parts.values() if changed > version)


class Hub:
    """Who looks at what. `run` composes; `serve` is one client's connection."""

    def __init__(self, compose: Compose, clock: Clock) -> None:
        self._compose, self._clock = compose, clock
        self._topics: dict[str, _Topic] = {}
        self._news = asyncio.Condition()
        self._wanted = asyncio.Event()
        self._closed = False
        self.rounds = 0
        """How often something was composed."""

    @property
    def clients(self) -> int:
        """Connections that stand."""
        return sum(topic.clients for topic in self._topics.values())

    async def run(self) -> None:
        """Compose while anybody looks, until cancelled."""
        while True:
            await self._wanted.wait()
            await self.turn()
            await self._clock.sleep(EVERY_S)

    async def turn(self) -> None:
        """Compose every topic that is looked at, once, and wake those whose topic changed."""
        self.rounds += 1
        changed = False
        for name, topic in list(self._topics.items()):
            changed |= topic.take(self._compose(name) or {})
            await asyncio.sleep(0)  # a topic is a millisecond or two: what trades comes between
        if changed:
            async with self._news:
                self._news.notify_all()

    async def close(self) -> None:
        """End every connection; the server closes."""
        self._closed = True
        async with self._news:
            self._news.notify_all()

    async def serve(self, request: web.Request, name: str, allowed: Callable[[], bool]) -> web.StreamResponse:
        """Send topic `name` until the browser leaves or is no longer `allowed`; 404 and 503 where there is none or no room."""
        topic = self._topics.get(name)
        if self.clients >= MOST_CLIENTS or self._closed or (topic is None and len(self._topics) >= MOST_TOPICS):
            return web.Response(status=503, text="too many are looking already\n", headers={"Retry-After": "5"})
        if topic is None:
            if self._compose(name) is None:
                return web.Response(status=404, text="there is nothing of that name\n")
            topic = self._topics[name] = _Topic()
        topic.clients += 1
        self._wanted.set()
        try:
            return await self._stream(request, topic, allowed)
        finally:
            topic.clients -= 1
            if topic.clients == 0:
                self._topics.pop(name, None)
            if not self._topics:
                self._wanted.clear()

    async def _stream(self, request: web.Request, topic: _Topic, allowed: Callable[[], bool]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        seen = 0
        text = b"retry: %d\n\n" % RETRY_MS
        while not self._closed and allowed():
            try:
                async with asyncio.timeout(WRITE_S):
                    await response.write(text)
            except (TimeoutError, ConnectionError):
                break
            text, seen = await self._next(topic, seen)
        return response

    async def _next(self, topic: _Topic, seen: int) -> tuple[bytes, int]:
        """What is new after version `seen`, waiting for it; a comment when nothing comes."""
        try:
            async with asyncio.timeout(ALIVE_S), self._news:
                await self._news.wait_for(lambda: topic.version > seen or self._closed)
        except TimeoutError:
            return b": still here\n\n", seen
        return topic.since(seen), topic.version
