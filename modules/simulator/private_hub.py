"""Private connections: frames with a due time, faults on their way, who listens to what, and an end for whoever does not read.

A frame may be held for a moment (some clients register their callbacks only after sending); what is queued behind it keeps its order,
so nothing waits longer than one hold. Every frame passes the filter of its hub, in both directions: that is where faults act.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal

import msgspec

from modules.simulator.credentials import Key
from modules.simulator.frames import text_frame
from modules.simulator.order_types import PrivateEvent

FrameKind = Literal["request", "ack", "pong", "data", "trade"]
"""What a frame is: one from the client; the answer to auth or (un)subscribe; to a ping of either kind; events; an order's answer."""
FrameFilter = Callable[[FrameKind, str, bytes, str], Sequence[tuple[float, bytes]]]
"""(kind, topic, payload, account) -> what really travels, each after so many seconds.

[] drops it, twice duplicates it, `CUT` ends the connection.

Topic: for data the subscribed name, for the others the `op`; for requests the path of the stream ("/v5/private").
"""
EventFilter = Callable[[str, PrivateEvent], bool]
"""(uid, event) -> whether anybody is told of it."""
CUT = b""
PILE_LIMIT = 4 * 1024 * 1024
"""Bytes waiting for one client; more means that it does not read."""
REMEMBERED = 100_000
"""`reqId`s that a connection may not use again."""
EARLY_S = 0.0005
"""A timer may fire this much before its time."""
PONG_FRAME = 0x8A
CLOSE_FRAME = 0x88
FAST_KEYS = ("category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "orderLinkId", "side", "execTime", "seq")

_ids = itertools.count(1)


def pass_on(_kind: FrameKind, _topic: str, payload: bytes, _account: str) -> Sequence[tuple[float, bytes]]:
    """The filter of a healthy venue."""
    return ((0.0, payload),)


def tell(_uid: str, _event: PrivateEvent) -> bool:
    """The event filter of a healthy venue."""
    return True


class Line:
    """One connection. `now_s` and `later` are the event loop's clock and `call_later`."""

    def __init__(
        self,
        path: str,
        transport: asyncio.WriteTransport,
        hub: PrivateHub,
        now_s: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
        peer: str = "",
    ) -> None:
        self.path = path
        self.id = f"simp-{next(_ids):06d}"
        self.peer = peer
        self.key: Key | None = None
        """Whose it is; None before that is proved."""
        self.topics: dict[str, None] = {}
        """Names subscribed, in this order."""
        self.used: dict[str, None] = {}
        """`reqId`s of its orders, oldest first."""
        self.silent = False
        """Half-open: it takes everything and never says anything again."""
        self.cut_off = False
        self.idle_s = 600.0
        self.active_s = now_s()
        """When something last travelled, either way."""
        self._transport, self._hub, self.now_s, self._later = transport, hub, now_s, later
        self._outbox: deque[tuple[float, bytes]] = deque()
        self._piled = 0
        self._last_due = 0.0
        self._armed = False

    @property
    def uid(self) -> str:
        """The account it speaks for, "" before auth."""
        return "" if self.key is None else self.key.uid

    @property
    def held(self) -> int:
        """Frames that are still to leave."""
        return len(self._outbox)

    def first_use(self, req_id: str) -> bool:
        """Whether an id is new on this connection, as far back as is remembered."""
        if req_id in self.used:
            return False
        self.used[req_id] = None
        if len(self.used) > REMEMBERED:
            del self.used[next(iter(self.used))]
        return True

    def send(self, kind: FrameKind, topic: str, payload: bytes, hold_s: float = 0.0) -> None:
        """Queue a text message; it leaves with the first flush after `hold_s` seconds."""
        self._filtered(kind, topic, payload, lambda data: self._queue(text_frame(data), hold_s))

    def pong(self, payload: bytes) -> None:
        """Answer a protocol-level ping (at most 125 bytes, RFC 6455 §5.5); an empty one is still an answer, not a cut."""
        frame = bytes((PONG_FRAME, len(payload))) + payload
        self._filtered("pong", "", frame, lambda data: self._queue(data, 0.0))

    def arrived(self, payload: bytes, handle: Callable[[Line, bytes], None]) -> None:
        """A message from the client: hand it on as the filter lets it through."""
        self.active_s = self.now_s()
        self._filtered("request", self.path, payload or b" ", lambda data: handle(self, data))

    def _filtered(self, kind: FrameKind, topic: str, payload: bytes, act: Callable[[bytes], None]) -> None:
        for delay_s, data in self._hub.frames_filter(kind, topic, payload, self.uid):
            if delay_s > 0:
                self._later(delay_s, partial(self._deliver, act, data))
            else:
                self._deliver(act, data, flush=False)

    def _deliver(self, act: Callable[[bytes], None], data: bytes, flush: bool = True) -> None:
        if self.cut_off or self._transport.is_closing():
            return
        if data == CUT:
            self.abort()
            return
        act(data)
        if flush:
            self.flush()

    def _queue(self, frame: bytes, hold_s: float) -> None:
        if self.cut_off or self.silent:
            return
        self._last_due = max(self._last_due, self.now_s() + hold_s)
        self._outbox.append((self._last_due, frame))
        self._piled += len(frame)

    def flush(self) -> None:
        """Write what is due; cut off a client that does not read."""
        if self.silent:
            self._forget()
        if not self._outbox or self.cut_off:
            return
        if self._piled + self._transport.get_write_buffer_size() > self._hub.pile_limit:
            self.abort()
            return
        if self._transport.is_closing():
            self._forget()
            return
        now = self.now_s()
        due: list[bytes] = []
        while self._outbox and self._outbox[0][0] <= now + EARLY_S:
            due.append(self._outbox.popleft()[1])
        if due:
            piece = b"".join(due)
            self._piled -= len(piece)
            self._hub.frames += len(due)
            self.active_s = now
            self._transport.write(piece)
        if self._outbox and not self._armed:
            self._armed = True
            self._later(self._outbox[0][0] - now, self._release)

    def _release(self) -> None:
        self._armed = False
        self.flush()

    def _forget(self) -> None:
        self._outbox.clear()
        self._piled = 0

    def abort(self) -> None:
        """End it at once, without a word."""
        self.cut_off = True
        self._forget()
        self._transport.abort()

    def close(self, code: int, reason: bytes) -> None:
        """End it with a close frame; what was held is lost."""
        if not self.cut_off and not self._transport.is_closing():
            self.cut_off = True
            self._forget()
            body = code.to_bytes(2, "big") + reason
            self._transport.write(bytes((CLOSE_FRAME, len(body))) + body)
            self._transport.close()


class PrivateHub:
    """All private and order-entry connections. Faults set the filters; the default lets everything pass."""

    def __init__(self, *, pile_limit: int = PILE_LIMIT) -> None:
        self.lines: set[Line] = set()
        self.pile_limit = pile_limit
        self.frames_filter: FrameFilter = pass_on
        self.events_filter: EventFilter = tell
        self.frames = 0
        self._messages = itertools.count(1)

    @property
    def held(self) -> int:
        """Frames that are still to leave, of all connections."""
        return sum(line.held for line in self.lines)

    def publish(self, uid: str, events: Iterable[PrivateEvent]) -> None:
        """Tell all connections of an account; fills that follow each other travel in one message."""
        listening = sorted((line for line in self.lines if line.uid == uid and line.topics), key=lambda line: line.id)
        if not listening:
            return
        told = [event for event in events if self.events_filter(uid, event)]
        names = dict.fromkeys(name for line in listening for name in line.topics)
        runs: list[list[PrivateEvent]] = []
        for event in told:
            if event.topic == "execution" and runs and runs[-1][0].topic == "execution":
                runs[-1].append(event)
            else:
                runs.append([event])
        for same in runs:
            for name in names:
                if (payload := self._message(name, same)) is None:
                    continue
                for line in listening:  # one payload for all: a fault strikes a publication, not a listener
                    if name in line.topics:
                        line.send("data", name, payload)
        for line in listening:
            line.flush()

    def _message(self, name: str, events: Sequence[PrivateEvent]) -> bytes | None:
        """The message of a subscription about events of one topic; None when they do not concern it."""
        base, category = split_topic(name)
        fast = base == "execution.fast"
        if events[0].topic != ("execution" if fast else base):
            return None
        mine = [event for event in events if not category or event.category == category]
        if not fast:
            rows = [event.row for event in mine]
        else:
            rows = [{key: event.row[key] for key in FAST_KEYS} for event in mine if event.row["execType"] == "Trade"]
        if not rows:
            return None
        message: dict[str, Any] = {} if fast else {"id": f"{mine[-1].ts:x}-{next(self._messages):08x}"}
        message |= {"topic": name, "creationTime": mine[-1].ts, "data": rows}
        return msgspec.json.encode(message)


def split_topic(name: str) -> tuple[str, str]:
    """Base and category ("" = all) of a private topic: `execution.fast.linear` is execution.fast of linear."""
    for base in ("execution.fast", "order", "execution", "position", "wallet"):
        if name == base:
            return base, ""
        if name.startswith(base + "."):
            return base, name.removeprefix(base + ".")
    return name, ""
