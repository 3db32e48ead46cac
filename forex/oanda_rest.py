"""OANDA v20 over request and answer: the wire both readers and orders use, and its questions about the market with a bounded retry.

One session keeps connections alive and opens few (`open_session`); one token goes to one host and into no message. What only reads is asked
again after 429, 5xx, a timeout or a reset; what writes is sent once, and whoever sends it judges what became of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec

from forex import oanda_parse as parse
from forex.oanda_parse import Priced, Terms
from state.instruments import Instrument
from state.market import Candle
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Rejected, Transient
from utils.throttle import Limit, Throttle, Urgency

SCOPE = "oanda.rest"
LIMIT = Limit(calls=100, window_s=1.0)
"""Of every 120 requests a second that the venue takes from an address."""
CONNECT_SCOPE = "oanda.connect"
CONNECT_LIMIT = Limit(calls=2, window_s=1.1)
"""New connections of an address, streams included."""
CONNECTIONS = 4
"""Kept alive to one host."""
BUSY_S = 1.0
"""Nobody asks for so long after a 429."""
CANDLES = 5000
"""The largest page."""
AGAIN = frozenset({429, 500, 502, 503, 504})


class RestLimits(msgspec.Struct, frozen=True):
    """Bounds of one request."""

    timeout_s: float = 10.0
    connect_s: float = 5.0
    tries: int = 4
    backoff: Backoff = Backoff(base_s=0.3, cap_s=5.0)


class NotSent(Exception):
    """There was no connection, so nothing was sent."""


class NoAnswer(Exception):
    """It was sent, or may have been, and no whole answer came."""


class Reply(msgspec.Struct, frozen=True):
    """What came back. `date` is the venue's wall clock as the header says it, `request_id` its name for the request."""

    status: int
    body: bytes
    date: str = ""
    request_id: str = ""


def open_session(throttle: Throttle) -> aiohttp.ClientSession:
    """A session that opens no more connections than the venue allows; whoever opens it closes it."""
    throttle.add(CONNECT_SCOPE, CONNECT_LIMIT)

    async def connecting(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: aiohttp.TraceConnectionCreateStartParams
    ) -> None:
        await throttle.acquire(CONNECT_SCOPE, Urgency.PROTECTIVE)  # the request that wants it has had its turn by urgency already

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(connecting)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS), trace_configs=[trace])


def authorised(token: str) -> dict[str, str]:
    """The headers of every request and stream."""
    return {"Authorization": f"Bearer {token}", "Accept-Datetime-Format": "RFC3339"}


class OandaWire:
    """Carries one request to one host, with the token, within the venue's budget."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: str,
        throttle: Throttle,
        limits: RestLimits | None = None,
    ) -> None:
        self._session, self._base_url, self._throttle = session, base_url.rstrip("/"), throttle
        self._headers = authorised(token)
        self.limits = limits or RestLimits()
        throttle.add(SCOPE, LIMIT)

    async def room(self, urgency: Urgency) -> None:
        """Return when one more request may leave."""
        await self._throttle.acquire(SCOPE, urgency)

    async def send(self, method: str, path: str, params: Mapping[str, str] | None = None, body: Any = None) -> Reply:
        """The answer, whatever its status; NotSent or NoAnswer. The caller has waited for `room`."""
        timeout = aiohttp.ClientTimeout(total=self.limits.timeout_s, connect=self.limits.connect_s)
        data = None if body is None else msgspec.json.encode(body)
        headers = self._headers if data is None else {**self._headers, "Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, self._base_url + path, params=params, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(f"{type(error).__name__}") from error
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {self.limits.timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"{type(error).__name__} {error}") from error
        if response.status == 429:
            self._throttle.hold(SCOPE, BUSY_S)
        return Reply(response.status, raw, response.headers.get("Date", ""), response.headers.get("RequestID", ""))


class OandaRest:
    """Questions to one account's market. The session belongs to the caller.

    Raises Transient, Rejected (its code: the venue's, else the HTTP status), and FrameError for what cannot be understood.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: str,
        account_id: str,
        throttle: Throttle,
        clock: Clock,
        rng: random.Random,
        limits: RestLimits | None = None,
    ) -> None:
        self.wire = OandaWire(session, base_url, token, throttle, limits)
        self.account = f"/v3/accounts/{account_id}"
        self._clock, self._rng = clock, rng

    async def terms(self, symbols: Sequence[str] | None = None) -> list[Terms]:
        """The account's pairs with their terms, all or `symbols` in that order. Rejected when one is unknown."""
        found = {one.instrument.symbol: one for one in parse.instruments((await self.get(f"{self.account}/instruments")).body)}
        if symbols is None:
            return list(found.values())
        for symbol in symbols:
            if symbol not in found:
                raise Rejected(f"unknown symbol {symbol} at OANDA", code="symbol")
        return [found[symbol] for symbol in symbols]

    async def instruments(self, symbols: Sequence[str] | None = None) -> list[Instrument]:
        """As `terms`, the instruments alone."""
        return [one.instrument for one in await self.terms(symbols)]

    async def candles(
        self,
        instrument: Instrument,
        timeframe_ms: int,
        start_ms: int,
        end_ms: int,
        price: str = "B",
        on_page: Callable[[int], None] | None = None,
        urgency: Urgency = Urgency.MARKET,
    ) -> list[Candle]:
        """Complete candles that start at or after `start_ms` and have closed by `end_ms` (at most the venue's now), ascending and unique.

        `price`: B, M or A. Times in which nothing traded have none. `on_page` is told the number of candles of each page.
        """
        path = f"/v3/instruments/{parse.wire_name(instrument.symbol)}/candles"
        found: dict[int, Candle] = {}
        start = start_ms + -start_ms % timeframe_ms
        while start + timeframe_ms <= end_ms:
            # never more than a page lies between here and the end, so a short window asks for few
            count = min(CANDLES, (end_ms - start) // timeframe_ms + 1)
            asked = {
                "granularity": parse.GRANULARITY[timeframe_ms],
                "price": price,
                "from": parse.rfc3339(start),
                "count": str(count),
            }
            page = parse.candles((await self.get(path, asked, urgency)).body, instrument, price)
            if on_page is not None:
                on_page(len(page))
            found |= {one.ts: one for one, complete in page if complete and start <= one.ts and one.ts + timeframe_ms <= end_ms}
            last = max((one.ts for one, _ in page), default=None)
            if last is None or last < start or len(page) < count:
                break
            start = last + timeframe_ms
        return [found[ts] for ts in sorted(found)]

    async def prices(self, instruments: Sequence[Instrument], urgency: Urgency = Urgency.MARKET) -> list[Priced]:
        """The current price of each of `instruments` that has one."""
        known = parse.by_name(instruments)
        return parse.prices((await self.get(f"{self.account}/pricing", {"instruments": ",".join(known)}, urgency)).body, known)

    async def get(self, path: str, params: Mapping[str, str] | None = None, urgency: Urgency = Urgency.MARKET) -> Reply:
        """A good answer to a question, asked again where that may help. Transient, or Rejected with the venue's code or the HTTP status."""
        failures = 0
        while True:
            await self.wire.room(urgency)
            try:
                reply = await self.wire.send("GET", path, params)
                if reply.status == 200:
                    return reply
                why = f"HTTP {reply.status}"
            except (NotSent, NoAnswer) as error:
                reply, why = None, str(error)
            if reply is not None and reply.status not in AGAIN:
                said = parse.fault(reply.body)
                raise Rejected(f"{path}: {why} {said.code} {said.message}".rstrip(), code=said.code or reply.status)
            failures += 1
            if failures >= self.wire.limits.tries:
                raise Transient(f"{path}: {why}")
            await self._clock.sleep(self.wire.limits.backoff.delay_s(failures, self._rng))
