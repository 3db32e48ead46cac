"""The two line streams of the simulated OANDA, prices and transactions: who listens, what goes out, and an end for whoever does not read.

One JSON object a line. Heartbeats come every five seconds of wall time and at every five-minute close of venue time, so that a
client knows, at any speed, that a bar is over. Every line passes `filter`: that is where faults act.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from modules.simulator import oanda_rows as rows
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_types import Row, stamp
from modules.simulator.private_hub import CUT

PRICING, TRANSACTIONS = "pricing", "transactions"
HEARTBEAT_S = 5.0
PILE_LIMIT = 4 * 1024 * 1024
"""Bytes waiting for one client; more means that it does not read."""
MOST_STREAMS = 20
Filter = Callable[[str, str, bytes, str], Sequence[tuple[float, bytes]]]
_ids = itertools.count(1)


def pass_on(_kind: str, _topic: str, payload: bytes, _account: str) -> Sequence[tuple[float, bytes]]:
    """The filter of a healthy venue."""
    return ((0.0, payload),)


class Line:
    """One connection; `names`: pairs that it listens to (pricing only). `later` is the event loop's `call_later`."""

    def __init__(self, kind: str, path: str, account: str, names: Iterable[str], later: Callable[..., object]) -> None:
        self.kind, self.path, self.uid = kind, path, account
        self.names = frozenset(names)
        self.id = f"oanda-{next(_ids):06d}"
        self.silent = self.ended = self.writing = False
        self._later = later
        self._out: deque[bytes] = deque()
        self._waiting = 0
        self._news = asyncio.Event()

    @property
    def topics(self) -> Iterable[str]:
        """What it hears, as faults name it."""
        return (self.kind, *(f"{self.kind}.{name}" for name in sorted(self.names)))

    @property
    def outstanding(self) -> int:
        """Lines that are not written yet; none while the client is behind with its reading: it is not waited for."""
        return 0 if self.ended or self.writing else len(self._out)

    def send(self, travel: Sequence[tuple[float, bytes]]) -> None:
        """Let these go out, each after so many seconds."""
        for delay_s, payload in travel:
            if delay_s > 0:
                self._later(delay_s, self._put, payload)
            else:
                self._put(payload)

    def _put(self, payload: bytes) -> None:
        if self.silent or self.ended:
            return
        self._out.append(payload)
        self._waiting += len(payload)
        if self._waiting > PILE_LIMIT:
            self.end()
        self._news.set()

    def end(self) -> None:
        """No more lines."""
        self.ended = True
        self._news.set()

    async def take(self) -> bytes:
        """All that waits, at least one line; b"" when the connection is to end (what came before a cut is out)."""
        while not self._out and not self.ended:
            self._news.clear()
            await self._news.wait()
        found: list[bytes] = []
        while self._out:
            if self._out[0] == CUT:
                if not found:
                    self.end()
                    return b""
                break
            found.append(self._out.popleft())
        self._waiting -= sum(map(len, found))
        return b"".join(found)


class Streams:
    """All connections of both kinds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.lines: set[Line] = set()
        self.filter: Filter = pass_on
        self._beat_s = 0.0

    @property
    def outstanding(self) -> int:
        """Lines that are not written yet."""
        return sum(one.outstanding for one in self.lines)

    def wants(self, kind: str) -> bool:
        """Whether anybody listens."""
        return any(one.kind == kind for one in self.lines)

    def join(self, line: Line, now: int, *, snapshot: bool) -> None:
        """A new connection: the prices as they are (or a heartbeat) at once."""
        self.lines.add(line)
        if line.kind == PRICING and snapshot:
            for name in sorted(line.names):
                if name in self._desk.quotes:
                    self._say([line], "data", f"{PRICING}.{name}", _line(rows.price(self._desk, name)))
        self._say([line], "pong", f"{line.kind}.HEARTBEAT", self._heartbeat(line.kind, now))

    def price(self, name: str) -> None:
        """A pair has a new price."""
        listeners = [one for one in self.lines if name in one.names]
        if listeners:
            self._say(listeners, "data", f"{PRICING}.{name}", _line(rows.price(self._desk, name)))

    def told(self, news: list[Row]) -> None:
        """Transactions happened."""
        listeners = [one for one in self.lines if one.kind == TRANSACTIONS]
        for row in news if listeners else ():
            self._say(listeners, "data", f"{TRANSACTIONS}.{row['type']}", _line(row))

    def beat(self, now: int) -> None:
        """A heartbeat on every connection."""
        for kind in (PRICING, TRANSACTIONS):
            listeners = [one for one in self.lines if one.kind == kind]
            if listeners:
                self._say(listeners, "pong", f"{kind}.HEARTBEAT", self._heartbeat(kind, now))

    def pulse(self, wall_s: float, now: int) -> None:
        """Called as time passes: the heartbeats of the wall clock."""
        if wall_s - self._beat_s >= HEARTBEAT_S:
            self._beat_s = wall_s
            self.beat(now)

    def _heartbeat(self, kind: str, now: int) -> bytes:
        more = {"lastTransactionID": self._desk.last_id} if kind == TRANSACTIONS else {}
        return _line({"type": "HEARTBEAT", **more, "time": stamp(now)})

    def _say(self, listeners: list[Line], kind: str, topic: str, payload: bytes) -> None:
        travel = self.filter(kind, topic, payload, self._desk.state.account_id)
        for one in listeners:
            one.send(travel)

    def close(self) -> None:
        """End all of them."""
        for one in self.lines:
            one.end()


def _line(row: Row) -> bytes:
    return msgspec.json.encode(row) + b"\n"
