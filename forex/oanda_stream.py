"""One of OANDA's streams (HTTP, one JSON object a line) as endless typed items, in which losing it and getting it back are items too.

Up comes when the venue opens the stream, Down when it is lost or silent: both streams send a heartbeat every five seconds, so silence is
death. A consumer never sees an exception for a fault of the network, of the token or of a line. Everything here runs on transport time;
the watchdog's time stands still while the consumer is busy.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

import aiohttp
import msgspec

from forex import oanda_parse as parse
from forex.oanda_parse import Beat, Priced
from forex.oanda_rest import authorised
from state.instruments import Instrument
from utils.backoff import Backoff
from utils.clock import Clock
from utils.frames import Down, FrameError, Malformed, Up
from utils.reconnect import Lost, Reconnecting

LONGEST = 1 << 20
"""Bytes of one line."""
T = TypeVar("T")


class StreamLimits(msgspec.Struct, frozen=True):
    """Patience, in seconds of transport time."""

    open_s: float = 10.0
    silent_s: float = 15.0
    """Without a line, not even a heartbeat, for this long the stream is dead."""
    stable_s: float = 30.0
    """A connection that held this long ends a row of failures."""
    backoff: Backoff = Backoff(base_s=1.0, cap_s=60.0)


class LineStream(Generic[T]):
    """One stream; `read` makes an item of a line, None = nothing. Read `items()` in one place; close it with `contextlib.aclosing`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        params: Mapping[str, str],
        read: Callable[[bytes], T | None],
        clock: Clock,
        rng: random.Random,
        limits: StreamLimits | None = None,
    ) -> None:
        self._session, self._url, self._params, self._read = session, url, dict(params), read
        self._headers = authorised(token)
        self._clock = clock
        self._limits = limits or StreamLimits()
        self._line = Reconnecting(clock, rng, self._limits.backoff, self._limits.stable_s, (aiohttp.ClientError, OSError), self._why)

    def items(self) -> AsyncGenerator[T | Up | Down | Malformed, None]:
        """Everything the stream says, for ever."""
        return self._line.items(self._connection, Up, Down)

    async def _connection(self) -> AsyncGenerator[T | Up | Malformed, None]:
        """The life of one connection; ends only by an exception."""
        timeout = aiohttp.ClientTimeout(total=None, connect=self._limits.open_s)
        async with asyncio.timeout(self._limits.open_s):
            response = await self._session.get(
                self._url, params=self._params, headers=self._headers, timeout=timeout, allow_redirects=False
            )
        try:
            if response.status != 200:
                said = parse.fault(await self._chunk(response.content, self._line.now_s()))
                raise Lost(f"HTTP {response.status} {said.code} {said.message}".rstrip())
            yield Up(self._clock.now_ms())
            rest, heard = b"", self._line.now_s()
            while True:
                *lines, rest = (rest + await self._chunk(response.content, heard)).split(b"\n")
                heard = self._line.now_s()
                if len(rest) > LONGEST:
                    raise Lost("a line without an end")
                for item in self._items(lines):
                    yield item
        finally:
            response.close()

    async def _chunk(self, content: aiohttp.StreamReader, heard: float) -> bytes:
        left = self._limits.silent_s - (self._line.now_s() - heard)
        try:
            async with asyncio.timeout(max(0.0, left)):
                chunk = await content.readany()
        except TimeoutError as error:
            raise Lost(f"silent for {self._limits.silent_s:g} s") from error
        if not chunk:
            raise Lost("the venue ended the stream")
        return chunk

    def _items(self, lines: Sequence[bytes]) -> Iterator[T | Malformed]:
        for line in lines:
            if not line.strip():
                continue
            try:
                item = self._read(line)
            except FrameError as error:
                yield Malformed(self._clock.now_ms(), error.topic, str(error))
                continue
            if item is not None:
                yield item

    def _why(self, error: Exception) -> tuple[str, float]:
        if isinstance(error, TimeoutError):
            return f"no connection within {self._limits.open_s:g} s", 0.0
        return f"{type(error).__name__}: {error}", 0.0


def pricing_stream(
    session: aiohttp.ClientSession,
    stream_url: str,
    token: str,
    account_id: str,
    instruments: Sequence[Instrument],
    clock: Clock,
    rng: random.Random,
    limits: StreamLimits | None = None,
) -> LineStream[Priced | Beat]:
    """Prices of `instruments`, beginning with where each stands. `stream_url`: the streaming host."""
    known = parse.by_name(instruments)
    url = f"{stream_url.rstrip('/')}/v3/accounts/{account_id}/pricing/stream"
    asked = {"instruments": ",".join(known), "snapshot": "true"}
    return LineStream(session, url, token, asked, partial(parse.price_line, known=known), clock, rng, limits)
