"""Who listens to what: clients with their outboxes, topics with their subscribers. A frame is encoded once and shared.

Frames are collected and written to the socket in one piece. A client that does not read is disconnected when too much has piled
up; it never slows the others. Output can be held for a moment: some clients register their callbacks after sending a subscription and
break when the answer is faster than that.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable

from modules.simulator.frames import text_frame
from modules.simulator.private_hub import CUT, FrameFilter

HOLD_S = 0.030
PILE_LIMIT = 16 * 1024 * 1024
"""Bytes waiting for one client; more means that it does not read."""

TOPIC_AT = len('{"topic":"')
"""Where the topic begins in every message of ours."""

_ids = itertools.count(1)


class Client:
    """One connected stream; `later` calls a function after some seconds. Closing the transport ends its reader, who removes it."""

    uid = ""
    """The public streams ask nobody who they are."""

    def __init__(self, category: str, transport: asyncio.WriteTransport, later: Callable[[float, Callable[[], None]], object]) -> None:
        self.category = category
        self.path = f"/v5/public/{category}"
        self.silent = False
        """Half-open: it takes everything and never says anything again."""
        self.id = f"sim-{next(_ids):06d}"
        self.topics: set[str] = set()
        self.cut_off = False
        self._transport = transport
        self._later = later
        self._outbox: list[bytes] = []
        self._piled = 0
        self._holds = 0
        self.frames = 0

    def send(self, frame: bytes) -> None:
        """Queue a complete WebSocket frame; it leaves with the next flush."""
        if self.silent:
            return
        self._outbox.append(frame)
        self._piled += len(frame)

    def hold(self) -> None:
        """Let nothing out for the next 30 ms; what is queued keeps its order."""
        self._holds += 1
        self._later(HOLD_S, self._release)

    def _release(self) -> None:
        self._holds -= 1
        self.flush()

    def flush(self) -> None:
        """Write what is queued, unless held; cut off a client that does not read."""
        if not self._outbox or self.cut_off:
            return
        if self._piled + self._transport.get_write_buffer_size() > PILE_LIMIT:
            self.cut()
            return
        if self._holds or self._transport.is_closing():
            return
        self._transport.write(b"".join(self._outbox))
        self.frames += len(self._outbox)
        self._outbox.clear()
        self._piled = 0

    def cut(self) -> None:
        """End the connection at once, without a word."""
        self.cut_off = True
        self._outbox.clear()
        self._transport.abort()


class Hub:
    """All clients and, per category and topic, the set of those that subscribed to it."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self._topics: dict[tuple[str, str], set[Client]] = {}
        self.frames = 0
        self.faults: FrameFilter | None = None
        """What happens to messages on their way; None while nothing can."""

    def subscribers(self, category: str, topic: str) -> set[Client]:
        """The (living) set of subscribers; keep it, it is the same object for ever."""
        return self._topics.setdefault((category, topic), set())

    def publish(self, subscribers: Iterable[Client], payload: bytes) -> None:
        """Queue one message for all of them."""
        if self.faults is not None:
            self._through(self.faults, tuple(subscribers), payload)
            return
        frame = text_frame(payload)
        for client in subscribers:
            client.send(frame)
            self.frames += 1

    def _through(self, faults: FrameFilter, subscribers: tuple[Client, ...], payload: bytes) -> None:
        topic = payload[TOPIC_AT : payload.index(b'"', TOPIC_AT)].decode()
        for delay_s, data in faults("data", topic, payload, ""):
            if delay_s > 0:
                asyncio.get_running_loop().call_later(delay_s, self._deliver, subscribers, data)
            else:
                self._deliver(subscribers, data)

    def _deliver(self, subscribers: tuple[Client, ...], data: bytes) -> None:
        for client in subscribers:
            if client not in self.clients:  # it has gone meanwhile
                continue
            if data == CUT:
                client.cut()
            else:
                client.send(text_frame(data))
                self.frames += 1

    def remove(self, client: Client) -> None:
        """Forget a client that is gone."""
        self.clients.discard(client)
        for topic in client.topics:
            self.subscribers(client.category, topic).discard(client)

    def flush(self) -> None:
        """Write what is queued, client by client."""
        for client in self.clients:
            client.flush()
