"""Private connections without sockets and with a clock that is moved by hand; an exchange that only says what it is told to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import msgspec

from modules.simulator.credentials import Credentials, Key, sign
from modules.simulator.order_types import PrivateEvent, Topic
from modules.simulator.private_hub import Line, PrivateHub
from self_test.modules.simulator import toy

WALL = 1_700_000_000_000
KEY, SECRET, UID = "k", "s3cr3t", "7"
OTHER_KEY, OTHER_SECRET, OTHER_UID = "k2", "another", "8"


def keyring() -> Credentials:
    """Two accounts with a key each, the first with a second one that expires."""
    return Credentials(
        [
            Key(api_key=KEY, secret=SECRET, uid=UID),
            Key(api_key="old", secret=SECRET, uid=UID, expires_ms=WALL),
            Key(api_key=OTHER_KEY, secret=OTHER_SECRET, uid=OTHER_UID),
        ]
    )


def auth(api_key: str = KEY, secret: str = SECRET, expires: int | str = WALL + 10_000) -> dict[str, Any]:
    """A request to sign in."""
    return {"op": "auth", "args": [api_key, expires, sign(secret, f"GET/realtime{expires}".encode())]}


def event(topic: Topic, category: str = "linear", ts: int = 1, **row: Any) -> PrivateEvent:
    """Something that happened."""
    return PrivateEvent(topic, category, ts, row)


def fill(exec_id: str, category: str = "linear", exec_type: str = "Trade", ts: int = 1) -> PrivateEvent:
    """An execution with the fields that execution.fast needs, and one more."""
    row: dict[str, Any] = {
        name: name for name in ("symbol", "execPrice", "execQty", "orderId", "orderLinkId", "side", "execTime", "execFee")
    }
    row |= {"category": category, "execId": exec_id, "execType": exec_type, "isMaker": True, "seq": 4}
    return PrivateEvent("execution", category, ts, row)


class Mouth:
    """Stands for the exchange as far as streams see it."""

    def __init__(self) -> None:
        self._said: dict[str, list[PrivateEvent]] = {}

    def say(self, *events: PrivateEvent, uid: str = UID) -> None:
        """Let something have happened."""
        self._said.setdefault(uid, []).extend(events)

    def waiting(self) -> list[str]:
        return list(self._said)

    def drain(self, uid: str) -> list[PrivateEvent]:
        return self._said.pop(uid, [])


class Answered(msgspec.Struct):
    """What an order desk answers."""

    code: int = 0
    message: str = "OK"
    result: dict[str, Any] = {}
    ext: dict[str, Any] = {}
    headers: dict[str, str] = {}


class Clerk:
    """Takes every order, remembers it, and lets the mouth speak of it; a symbol "NO" is refused."""

    def __init__(self, mouth: Mouth | None = None) -> None:
        self.taken: list[tuple[str, str, dict[str, Any]]] = []
        self._mouth = mouth

    def order(self, key: Key, path: str, body: dict[str, Any]) -> Answered:
        self.taken.append((key.uid, path, body))
        if body.get("symbol") == "NO":
            return Answered(10001, "Not supported symbols")
        order_id = f"o{len(self.taken)}"
        if self._mouth is not None:
            self._mouth.say(event("order", "linear", orderId=order_id), uid=key.uid)
        limits = {"X-Bapi-Limit": "10", "X-Bapi-Limit-Status": str(10 - len(self.taken)), "X-Bapi-Limit-Reset-Timestamp": str(WALL)}
        return Answered(result={"orderId": order_id, "orderLinkId": ""}, headers=limits | {"Other": "1"})


class Timers:
    """A clock moved by hand, with timers."""

    def __init__(self) -> None:
        self.now = 100.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def now_s(self) -> float:
        return self.now

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._count += 1
        self._due.append((self.now + seconds, self._count, call))

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is due happen at its instant."""
        end = self.now + seconds
        while self._due and min(self._due)[0] <= end:
            due = min(self._due, key=lambda one: one[:2])
            self._due.remove(due)
            self.now = due[0]
            due[2]()
        self.now = end


class Ear:
    """A connection on a Wire whose messages can be read as objects."""

    def __init__(self, hub: PrivateHub, timers: Timers, path: str = "/v5/private") -> None:
        self.wire = toy.Wire()
        self.timers = timers
        self.line = Line(path, cast(asyncio.WriteTransport, self.wire), hub, timers.now_s, timers.later)
        hub.lines.add(self.line)

    def now(self) -> list[dict[str, Any]]:
        """What has arrived without waiting."""
        self.line.flush()
        data, self.wire.written = self.wire.written, b""
        return [msgspec.json.decode(one) for one in toy.unframe(data)]

    def take(self) -> list[dict[str, Any]]:
        """What arrives within a second."""
        self.timers.advance(1.0)
        return self.now()

    def say(self, handle: Callable[[Line, bytes], None], *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """Send without waiting in between; what arrives within a second."""
        for request in requests:
            self.line.arrived(json.dumps(request).encode(), handle)
        return self.take()
