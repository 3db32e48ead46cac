"""Bybit's private socket as an `AccountStream`: orders, executions, positions and the wallet of one account, for ever.

Losing the venue and getting it back are items (`Link`), told once each; no fault of the network, of the key or of a row is an exception
here. There is no replay on the other side, so whoever reads this reconciles after every Link up. A row that cannot be understood ends
the connection too: what it said is then repaired by that reconcile, and it is logged. Everything runs on transport time; the watchdog's
time stands still while the consumer is busy.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import msgspec
import structlog
from websockets.asyncio.client import connect

from marketdata.bybit_ws import LOSSES, StreamLimits, receive, why_lost
from modules.exchange import bybit_account as rows
from modules.exchange.reports import AccountItem, Link
from state.accounts import Domain
from utils.clock import Clock
from utils.frames import FrameError, field_of
from utils.reconnect import Lost, Reconnecting

TOPICS = ("order", "execution", "position", "wallet")
EXPIRES_MS = 10_000
"""How far ahead a login is dated: one second, as clients do, is refused by a slow line."""

LIMITS = StreamLimits(open_s=5.0, ack_s=3.0)
"""A socket that opens and never answers is given up soon: until the stream is up nobody may enter, after a start as after a loss."""

_PING = '{"op":"ping"}'
_log = structlog.get_logger(__name__)


class _Frame(msgspec.Struct):
    """Data (with a topic), or the answer to a request (with an op)."""

    topic: str = ""
    data: list[Any] = []
    made: int = msgspec.field(name="creationTime", default=0)
    op: str = ""
    success: bool = True
    reason: str = msgspec.field(name="ret_msg", default="")


_decode = msgspec.json.Decoder(_Frame).decode
_encode = msgspec.json.encode


class BybitAccountStream:
    """One account's private channel. Read `items()` in one place; close it with `contextlib.aclosing`.

    `url`: the whole address (`wss://…/v5/private`). `venue_ms`: the venue's clock as we know it (`BybitVenue.venue_ms`), to sign with.
    Rows of other domains on the same account are left out.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        api_secret: str,
        domain: Domain,
        clock: Clock,
        venue_ms: Callable[[], int],
        rng: random.Random,
        *,
        quote: str = rows.QUOTE,
        limits: StreamLimits | None = None,
    ) -> None:
        self._url = url
        self._key = api_key
        self._secret = api_secret
        self._domain = domain
        self._quote = quote
        self._clock = clock
        self._venue_ms = venue_ms
        self._limits = limits or LIMITS
        self._line = Reconnecting(clock, rng, self._limits.backoff, self._limits.stable_s, (FrameError, *LOSSES), self._why)

    def items(self) -> AsyncGenerator[AccountItem, None]:
        """See `modules.ports.AccountStream`."""
        return self._line.items(self._connection, Link, lambda ts, reason: Link(up=False, ts=ts, reason=reason))

    async def _connection(self) -> AsyncGenerator[AccountItem, None]:
        """The life of one socket: login, subscription, Link up, data; ends only by an exception."""
        limits = self._limits
        async with connect(
            self._url, open_timeout=limits.open_s, close_timeout=limits.close_s, compression=None, proxy=None, max_size=2**23
        ) as socket:
            await socket.send(self._login())
            heard = asked = pinged = self._line.now_s()
            waits_for = "auth"
            held: list[AccountItem] = []  # data may overtake the acknowledgement; they are told after Link up
            while True:
                raw = await receive(socket, limits.check_s)
                now = self._line.now_s()
                if raw is not None:
                    heard = now
                    frame = _frame(raw)
                    for item in self._read(frame):
                        if waits_for:
                            held.append(item)
                        else:
                            yield item
                    if waits_for and frame.op == waits_for:
                        if not frame.success:
                            raise Lost(f"{waits_for} refused: {frame.reason}")
                        if waits_for == "auth":
                            waits_for, asked = "subscribe", now
                            await socket.send(_encode({"op": "subscribe", "req_id": "1", "args": TOPICS}).decode())
                        else:
                            waits_for = ""
                            yield Link(up=True, ts=self._clock.now_ms())
                            for item in held:
                                yield item
                            held.clear()
                if waits_for and now - asked > limits.ack_s:
                    raise Lost(f"no answer to {waits_for} within {limits.ack_s:g} s")
                if now - heard > limits.silent_s:
                    raise Lost(f"silent for {limits.silent_s:g} s")
                if now - pinged >= limits.ping_s:
                    pinged = now
                    await socket.send(_PING)

    def _read(self, frame: _Frame) -> Iterator[AccountItem]:
        """The rows of a data frame that are this domain's."""
        for row in frame.data:
            match frame.topic:
                case "wallet":
                    wallet = rows.wallet_told(row, frame.made, self._quote)
                    if wallet is not None:
                        yield wallet
                case "order" if rows.is_ours(row, self._domain, "order"):
                    yield rows.order(row, self._domain)
                case "execution" if rows.is_ours(row, self._domain, "execution"):
                    yield rows.execution(row, self._domain, self._quote)
                case "position" if rows.is_ours(row, self._domain, "position"):
                    yield rows.position(row, self._domain)

    def _login(self) -> str:
        """Signed anew at every attempt."""
        expires = self._venue_ms() + EXPIRES_MS
        signature = hmac.new(self._secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        return _encode({"op": "auth", "args": [self._key, expires, signature]}).decode()

    def _why(self, error: Exception) -> tuple[str, float]:
        if not isinstance(error, FrameError):
            return why_lost(error, self._limits)
        _log.warning("a frame of the account stream cannot be understood", topic=error.topic, field=error.field, reason=str(error))
        return str(error), 0.0


def _frame(raw: bytes) -> _Frame:
    try:
        return _decode(raw)
    except msgspec.MsgspecError as error:
        raise FrameError("account stream", field_of(error), str(error)) from error
