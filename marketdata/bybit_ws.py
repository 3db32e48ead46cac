"""One public socket of Bybit v5 as an endless stream of typed items, in which losing the venue and getting it back are items too.

Up comes when every topic is acknowledged, Down when the socket is lost, silent, or one topic is (watchdog); they alternate. Between
them the client reconnects with growing jittered pauses and subscribes again, in batches the venue accepts. A consumer never sees an
exception for a fault of the network; `Rejected` means that the venue refuses a topic, which no repeating cures. Everything here runs
on transport time. The watchdog's time stands still while the consumer is busy, so that a slow consumer does not look like a dead venue.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from marketdata.bybit_parse import StreamParser, parse_ack, topic_of
from marketdata.items import Item
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Rejected
from utils.frames import Down, FrameError, Malformed, Up
from utils.reconnect import Lost, Reconnecting

BAN_S = 600.0
"""The venue's ban of an address (HTTP 403) lasts at least this long."""

_encode = msgspec.json.encode
_PING = _encode({"op": "ping"}).decode()


StreamItem = Item | Up | Down | Malformed


class StreamLimits(msgspec.Struct, frozen=True):
    """Patience, in seconds of transport time."""

    open_s: float = 10.0
    close_s: float = 2.0
    ack_s: float = 10.0
    ping_s: float = 20.0
    """The venue wants a ping this often."""
    silent_s: float = 45.0
    """Without any frame, not even a pong, for this long the socket is dead."""
    stale_s: dict[str, float] = msgspec.field(default_factory=lambda: {"kline": 90.0, "orderbook": 15.0, "tickers": 120.0})
    """By kind of topic; a kind not named here may be silent for ever (no trades is no fault)."""
    check_s: float = 0.5
    stable_s: float = 30.0
    """A connection that held this long ends a row of failures."""
    batch: int = 10
    """Topics a request; spot refuses more."""
    backoff: Backoff = Backoff()


class BybitStream:
    """One channel (url) with its topics. Read `items()` in one place; close it with `contextlib.aclosing`."""

    def __init__(
        self,
        url: str,
        topics: Sequence[str],
        parser: StreamParser,
        clock: Clock,
        rng: random.Random,
        limits: StreamLimits | None = None,
    ) -> None:
        self._url = url
        self._topics = tuple(dict.fromkeys(topics))
        self._parser = parser
        self._clock = clock
        self._limits = limits or StreamLimits()
        self._again: list[str] = []
        self._request = itertools.count(1)
        self._line = Reconnecting(clock, rng, self._limits.backoff, self._limits.stable_s, LOSSES, partial(why_lost, limits=self._limits))

    def resubscribe(self, topic: str) -> None:
        """Ask for a fresh snapshot of one topic, without touching the others (a broken book). Done as the stream is read on."""
        if topic not in self._again:
            self._again.append(topic)

    def items(self) -> AsyncGenerator[StreamItem, None]:
        """Everything the channel says, for ever. Rejected when the venue refuses a topic, naming it."""
        return self._line.items(self._connection, Up, Down)

    async def _connection(self) -> AsyncGenerator[StreamItem, None]:
        """The life of one socket; ends only by an exception."""
        limits = self._limits
        async with connect(
            self._url,
            open_timeout=limits.open_s,
            close_timeout=limits.close_s,
            compression=None,  # saves a millisecond where it counts; the venue's frames are small
            proxy=None,
            max_size=2**23,
        ) as socket:
            watch = _Watch(self._topics, limits, self._line.now_s())
            self._again.clear()
            await self._subscribe(socket, watch, self._topics)
            up = False
            held: list[StreamItem] = []  # data may overtake the acknowledgement; they are told after Up
            next_check = self._line.now_s() + limits.check_s
            while True:
                raw = await receive(socket, next_check - self._line.now_s())
                now = self._line.now_s()
                if raw is not None:
                    for item in self._read(raw, watch, now):
                        if up:
                            yield item
                        else:
                            held.append(item)
                if not up and not watch.pending:
                    up = True
                    yield Up(self._clock.now_ms())
                    for item in held:
                        yield item
                    held.clear()
                if self._again:
                    topics, self._again = self._again, []
                    await socket.send(_encode({"op": "unsubscribe", "req_id": f"u{next(self._request)}", "args": topics}).decode())
                    await self._subscribe(socket, watch, topics)
                if now >= next_check:
                    watch.check(now)
                    if watch.ping_due(now):
                        await socket.send(_PING)
                    next_check = now + limits.check_s

    def _read(self, raw: bytes, watch: _Watch, now: float) -> Iterator[StreamItem]:
        watch.heard = now
        try:
            topic = topic_of(raw)
            if topic:
                watch.seen[topic] = now
                yield from self._parser.parse(topic, raw)
                return
            ack = parse_ack(raw)
        except FrameError as error:
            yield Malformed(self._clock.now_ms(), error.topic, str(error))
            return
        if ack.op == "subscribe":
            topics = watch.pending.pop(ack.req_id, (now, ()))[1]
            if not ack.ok:
                raise Rejected(f"{self._url} refuses {', '.join(topics) or 'a topic'}: {ack.reason}", code="subscribe")

    async def _subscribe(self, socket: ClientConnection, watch: _Watch, topics: Sequence[str]) -> None:
        for start in range(0, len(topics), self._limits.batch):
            batch = topics[start : start + self._limits.batch]
            req_id = f"s{next(self._request)}"
            watch.pending[req_id] = (self._line.now_s(), tuple(batch))
            await socket.send(_encode({"op": "subscribe", "req_id": req_id, "args": batch}).decode())


class _Watch:
    """What one socket owes us: answers, any frame at all, a frame of each topic, our next ping."""

    def __init__(self, topics: Sequence[str], limits: StreamLimits, now: float) -> None:
        self.pending: dict[str, tuple[float, tuple[str, ...]]] = {}
        self.seen = {topic.encode(): now for topic in topics}
        self.heard = now
        self._limits = limits
        self._stale_s = {topic: limits.stale_s.get(topic.split(b".", 1)[0].decode()) for topic in self.seen}
        self._pinged = now

    def ping_due(self, now: float) -> bool:
        if now - self._pinged < self._limits.ping_s:
            return False
        self._pinged = now
        return True

    def check(self, now: float) -> None:
        for asked, topics in self.pending.values():
            if now - asked > self._limits.ack_s:
                raise Lost(f"no acknowledgement of {', '.join(topics)} within {self._limits.ack_s:g} s")
        if now - self.heard > self._limits.silent_s:
            raise Lost(f"silent for {self._limits.silent_s:g} s")
        for topic, limit in self._stale_s.items():
            if limit is not None and now - self.seen[topic] > limit:
                raise Lost(f"{topic.decode()} is stale: nothing for {limit:g} s")


LOSSES = (InvalidStatus, TimeoutError, OSError, InvalidHandshake, ConnectionClosed)
"""What a socket raises when the venue is lost."""


def why_lost(error: Exception, limits: StreamLimits) -> tuple[str, float]:
    """(reason in words, seconds to stay away) of one of `LOSSES`; HTTP 403 is a ban of the address."""
    if isinstance(error, InvalidStatus):
        return f"HTTP {error.response.status_code}", BAN_S if error.response.status_code == 403 else 0.0
    if isinstance(error, TimeoutError):
        return f"no connection within {limits.open_s:g} s", 0.0
    return f"{type(error).__name__}: {error}", 0.0


async def receive(socket: ClientConnection, wait_s: float) -> bytes | None:
    """The next frame, None when there is none within `wait_s`."""
    try:
        async with asyncio.timeout(max(0.0, wait_s)):
            return await socket.recv(decode=False)
    except TimeoutError:
        return None
