"""One of OANDA's streams (HTTP, one JSON object a line) as endless typed items, in which losing it and getting it back are items too.

Up comes when the venue opens the stream, Down when it is lost or silent: both streams send a heartbeat every five seconds, so silence is
death. A consumer never sees an exception for a fault of the network, of the token or of a line. Everything here runs on transport time;
the watchdog's time stands still while the consumer is busy.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Generic, TypeVar

import aiohttp
import msgspec

from forex import oanda_parse as parse
from forex.oanda_parse import Beat, Priced
from forex.oanda_rest import authorised
from state.instruments import Instrument
from utils.backoff import Backoff
from utils.clock import SECOND, Clock
from utils.frames import Down, FrameError, Malformed, Up

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


class _Lost(Exception):
    """The connection is of no more use."""


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
        self._clock, self._rng = clock, rng
        self._limits = limits or StreamLimits()
        self._consumer_ns = 0

    async def items(self) -> AsyncGenerator[T | Up | Down | Malformed, None]:
        """Everything the stream says, for ever."""
        failures = 0
        told_down = False
        while True:
            up_at: float | None = None
            try:
                async with aclosing(self._connection()) as connection:
                    async for item in connection:
                        if isinstance(item, Up):
                            up_at, told_down = self._now_s(), False
                        before = self._clock.monotonic_ns()
                        yield item
                        self._consumer_ns += self._clock.monotonic_ns() - before
            except _Lost as error:
                reason = str(error)
            except TimeoutError:
                reason = f"no connection within {self._limits.open_s:g} s"
            except (aiohttp.ClientError, OSError) as error:
                reason = f"{type(error).__name__}: {error}"
            if up_at is not None and self._now_s() - up_at >= self._limits.stable_s:
                failures = 0
            failures += 1
            if not told_down:
                told_down = True
                yield Down(self._clock.now_ms(), reason)
            await self._clock.sleep(self._limits.backoff.delay_s(failures, self._rng))

    async def _connection(self) -> AsyncGenerator[T | Up | Malformed, None]:
        """The life of one connection; ends only by an exception."""
        timeout = aiohttp.ClientTimeout(total=None, connect=self._limits.open_s)
        async with asyncio.timeout(self._limits.open_s):
            response = await self._session.get(
                self._url, params=self._params, headers=self._headers, timeout=timeout, allow_redirects=False
            )
        try:
            if response.status != 200:
                said = parse.fault(await self._chunk(response.content, self._now_s()))
                raise _Lost(f"HTTP {response.status} {said.code} {said.message}".rstrip())
            yield Up(self._clock.now_ms())
            rest, heard = b"", self._now_s()
            while True:
                *lines, rest = (rest + await self._chunk(response.content, heard)).split(b"\n")
                heard = self._now_s()
                if len(rest) > LONGEST:
                    raise _Lost("a line without an end")
                for item in self._items(lines):
                    yield item
        finally:
            response.close()

    async def _chunk(self, content: aiohttp.StreamReader, heard: float) -> bytes:
        left = self._limits.silent_s - (self._now_s() - heard)
        try:
            async with asyncio.timeout(max(0.0, left)):
                chunk = await content.readany()
        except TimeoutError as error:
            raise _Lost(f"silent for {self._limits.silent_s:g} s") from error
        if not chunk:
            raise _Lost("the venue ended the stream")
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

    def _now_s(self) -> float:
        return (self._clock.monotonic_ns() - self._consumer_ns) / SECOND


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
