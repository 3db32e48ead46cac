"""Bybit v5 public REST: questions about the market, answered in state nouns, with a bounded retry and the venue's IP limit kept.

Everything here only reads, so everything may be asked again. `Transient` means that the tries are used up, `Rejected` carries the
venue's own code, `Banned` (HTTP 403) that the address is shut out: that is told to the throttle, which signed requests share, and
comes from there too. Clock and chance are arguments.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import aiohttp
import msgspec

from marketdata import bybit_rows as rows
from marketdata.candles import closed_within, floor_start, merge_candles, page_windows
from marketdata.intervals import interval_name
from marketdata.items import BookUpdate, Ticker
from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle, FundingRate
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Rejected, Transient
from utils.frames import FrameError
from utils.throttle import Banned, Limit, Throttle, Urgency

BAN_S = 600.0
IP_SCOPE = "bybit.ip"
"""The scope of everything that leaves from this address, signed or not."""
IP_LIMIT = Limit(calls=400, window_s=5.0)
"""The venue bans an address at 600 requests in 5 s over everything; the rest is left for other programs and for people."""

KLINE_LIMIT = 1000
FUNDING_LIMIT = 200
INSTRUMENT_LIMIT = 1000
TRANSIENT_CODES = frozenset({10000, 10006, 10016, 10018, 170007, 170146, 170147, 170222})
"""Overload, timeouts and rate limits; every other code is the venue's explicit no."""


class RestLimits(msgspec.Struct, frozen=True):
    """Bounds of one question."""

    timeout_s: float = 10.0
    tries: int = 4
    backoff: Backoff = Backoff(base_s=0.3, cap_s=5.0)


class BybitRest:
    """Public market data of one Bybit host. The session belongs to the caller, who closes it; `throttle` knows `IP_SCOPE`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        throttle: Throttle,
        clock: Clock,
        rng: random.Random,
        limits: RestLimits | None = None,
    ) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._throttle = throttle
        self._clock = clock
        self._rng = rng
        self._limits = limits or RestLimits()

    async def server_time_ms(self) -> int:
        """The venue's clock, ms UTC (a simulator that runs fast answers with the wall clock; see `newest_start`)."""
        return rows.parse_time((await self._get("/v5/market/time", {})).result)

    async def instruments(self, domain: Domain, symbols: Sequence[str] | None = None) -> list[Instrument]:
        """The domain's instruments, all or `symbols` in that order. Rejected when one is unknown, FrameError when its row is broken."""
        found: dict[str, Instrument] = {}
        refused: dict[str, FrameError] = {}
        seen = {""}
        cursor = ""
        while True:
            params = {"category": rows.CATEGORY[domain], "limit": str(INSTRUMENT_LIMIT)} | ({"cursor": cursor} if cursor else {})
            page = rows.parse_instruments((await self._get("/v5/market/instruments-info", params)).result, domain)
            found |= {instrument.symbol: instrument for instrument in page.instruments}
            refused |= page.refused
            cursor = page.cursor
            if cursor in seen:
                break
            seen.add(cursor)
        if symbols is None:
            return list(found.values())
        for symbol in symbols:
            if symbol in refused:
                raise refused[symbol]
            if symbol not in found:
                raise Rejected(f"unknown symbol {symbol} in {rows.CATEGORY[domain]}", code="symbol")
        return [found[symbol] for symbol in symbols]

    async def klines(
        self,
        instrument: Instrument,
        timeframe_ms: int,
        start_ms: int,
        end_ms: int,
        on_page: Callable[[int], None] | None = None,
        urgency: Urgency = Urgency.MARKET,
    ) -> list[Candle]:
        """Candles that start at or after `start_ms` and have closed by `end_ms` (at most the venue's now), ascending and unique.

        `on_page` is told the number of candles of each page as it arrives.
        """
        pages = []
        last_closed = floor_start(end_ms, timeframe_ms)
        for first, last in page_windows(start_ms, last_closed, timeframe_ms, KLINE_LIMIT):
            window = {"start": str(first), "end": str(last), "limit": str(KLINE_LIMIT)}
            page = await self._klines(instrument, timeframe_ms, window, urgency)
            if on_page is not None:
                on_page(len(page))
            pages.append(closed_within(page, timeframe_ms, start_ms, end_ms))
        return merge_candles(pages)

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int | None:
        """Start of the newest candle, the one that still runs: the venue's time by its own data. None without any candle."""
        page = await self._klines(instrument, timeframe_ms, {"limit": "1"})
        return max((candle.ts for candle in page), default=None)

    async def tickers(self, domain: Domain, instruments: Sequence[Instrument]) -> list[Ticker]:
        """The current ticker of each of `instruments` (all of `domain`) that has one."""
        answer = await self._get("/v5/market/tickers", {"category": rows.CATEGORY[domain]})
        return rows.parse_tickers(answer.result, {instrument.symbol: instrument for instrument in instruments}, answer.time)

    async def orderbook(self, instrument: Instrument, depth: int) -> BookUpdate:
        """The book as a snapshot."""
        params = {"category": rows.CATEGORY[instrument.domain], "symbol": instrument.symbol, "limit": str(depth)}
        return rows.parse_book((await self._get("/v5/market/orderbook", params)).result, instrument)

    async def funding_history(self, instrument: Instrument, start_ms: int, end_ms: int) -> list[FundingRate]:
        """Settlements in [start, end], ascending and unique. Both times are always sent: `startTime` alone is an error there."""
        found: dict[int, FundingRate] = {}
        end = end_ms
        while end >= start_ms:
            params = {
                "category": rows.CATEGORY[instrument.domain],
                "symbol": instrument.symbol,
                "startTime": str(start_ms),
                "endTime": str(end),
                "limit": str(FUNDING_LIMIT),
            }
            page = rows.parse_funding((await self._get("/v5/market/funding/history", params)).result, instrument)
            found |= {rate.ts: rate for rate in page if start_ms <= rate.ts <= end_ms}
            oldest = min((rate.ts for rate in page), default=start_ms)
            if len(page) < FUNDING_LIMIT or oldest > end:
                break
            end = oldest - 1
        return [found[ts] for ts in sorted(found)]

    async def mark_open(self, instrument: Instrument, timeframe_ms: int, ts: int) -> int | None:
        """Mark price (ticks) at which the bar opened that starts at `ts`; None when the venue has no such bar (yet)."""
        params = {
            "category": rows.CATEGORY[instrument.domain],
            "symbol": instrument.symbol,
            "interval": interval_name(timeframe_ms),
            "start": str(ts),
            "end": str(ts),
            "limit": "1",
        }
        return rows.parse_mark_open((await self._get("/v5/market/mark-price-kline", params)).result, instrument, ts)

    async def _klines(
        self, instrument: Instrument, timeframe_ms: int, more: Mapping[str, str], urgency: Urgency = Urgency.MARKET
    ) -> list[Candle]:
        params = {
            "category": rows.CATEGORY[instrument.domain],
            "symbol": instrument.symbol,
            "interval": interval_name(timeframe_ms),
            **more,
        }
        return rows.parse_klines((await self._get("/v5/market/kline", params, urgency)).result, instrument)

    async def _get(self, path: str, params: Mapping[str, str], urgency: Urgency = Urgency.MARKET) -> rows.Envelope:
        failures = 0
        while True:
            try:
                return await self._once(path, params, urgency)
            except Banned:
                raise
            except Transient:
                failures += 1
                if failures >= self._limits.tries:
                    raise
                await self._clock.sleep(self._limits.backoff.delay_s(failures, self._rng))

    async def _once(self, path: str, params: Mapping[str, str], urgency: Urgency) -> rows.Envelope:
        await self._throttle.acquire(IP_SCOPE, urgency)
        timeout = aiohttp.ClientTimeout(total=self._limits.timeout_s)
        try:
            async with self._session.get(self._base_url + path, params=params, timeout=timeout) as response:
                status, body = response.status, await response.read()
        except TimeoutError as error:
            raise Transient(f"{path}: no answer within {self._limits.timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Transient(f"{path}: {type(error).__name__} {error}") from error
        if status == 403:
            self._throttle.ban(IP_SCOPE, BAN_S)
            raise Banned(IP_SCOPE, BAN_S)
        if status == 429 or status >= 500:
            raise Transient(f"{path}: HTTP {status}")
        try:
            envelope = rows.parse_envelope(body, path)
        except FrameError as error:
            if status != 200:
                raise Rejected(f"{path}: HTTP {status}", code=status) from error
            raise Transient(f"{path}: unreadable answer ({error})") from error
        if envelope.ret_code in TRANSIENT_CODES:
            raise Transient(f"{path}: {envelope.ret_code} {envelope.ret_msg}")
        if envelope.ret_code != 0:
            raise Rejected(f"{path}: {envelope.ret_code} {envelope.ret_msg} ({dict(params)})", code=envelope.ret_code)
        return envelope
