"""One account on Bybit v5 as a `Venue`: ccxt's REST client carries and signs, everything that can go wrong is judged in bybit_calls.

ccxt is imported when the first venue is made: it takes seconds and most runs need none. Only its transport is used (implicit methods,
no markets, no rate limiter, no retries, no error mapping), so a request is exactly what bybit_bodies says.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import msgspec
import structlog

from modules.exchange import bybit_account as rows
from modules.exchange import bybit_bodies as bodies
from modules.exchange.bybit_calls import BybitCalls, CallLimits, NoAnswer, NotSent, Params, Reply, SigningClock, Wire, scope_of
from modules.exchange.bybit_cash import LOG, movement
from modules.exchange.bybit_codes import PARAMETER
from modules.exchange.bybit_lists import BybitLists, only_row, understood
from modules.exchange.bybit_setup import ACCOUNT_INFO, PerpetualSetup
from modules.exchange.reports import CashReport, ExecutionReport, KeyRights, OrderReport, PositionReport, WalletReport
from modules.ports import BAD_PRICE, NO_SUCH_ORDER, NOTHING_TO_REDUCE, Barred, Ticket, World, free
from state.accounts import Domain
from utils.clock import Clock
from utils.errors import Invariant, Rejected, Unknown
from utils.frames import FrameError
from utils.throttle import Throttle, Urgency

_log = structlog.get_logger(__name__)
WEEK_MS = 7 * 86_400_000
KEPT_MS = 104 * WEEK_MS
"""The venue keeps executions for two years."""
LATE_MS = 60_000
"""How much later than we think it may be at the venue."""


class _Ids(msgspec.Struct, rename="camel"):
    order_id: str


class _Ticker(msgspec.Struct, rename="camel"):
    last_price: str


@cache
def load() -> Any:
    """The Bybit client of ccxt; call it off the event loop before the first venue is made, it takes a while.

    The package imports a hundred exchanges when it is imported (seconds without bytecode, four fifths of them never used), so its two
    `__init__` stand aside while the one exchange and what it builds on are loaded. Later imports find the package as it is.
    """
    names = ("ccxt", "ccxt.async_support")
    found = None if "ccxt" in sys.modules else find_spec("ccxt")
    if found is not None and found.submodule_search_locations:
        for name in names:
            sys.modules[name] = stand_in = ModuleType(name)
            stand_in.__path__ = [str(Path(place, *name.split(".")[1:])) for place in found.submodule_search_locations]
        try:
            errors = vars(import_module("ccxt.base.errors"))
            for name in names:
                vars(sys.modules[name]).update({word: value for word, value in errors.items() if not word.startswith("_")})
            vars(sys.modules["ccxt"])["Exchange"] = import_module("ccxt.base.exchange").Exchange
            return import_module("ccxt.async_support.bybit").bybit
        except ImportError:
            _log.warning("ccxt is built otherwise than expected: importing all of it")
        finally:
            for name in names:
                sys.modules.pop(name, None)
    return import_module("ccxt.async_support").bybit


class BybitVenue:
    """`modules.ports.Venue` for one account of one domain; orders and positions of other domains on the same account are not seen.

    `venue_now`: the venue's time as far as it is known, ms, for rows (a simulated market has its own; default: the signing clock).
    `by_mark`: stops and targets of perpetuals trigger by the mark price, not the last.
    What the venue says and cannot be understood is `Transient` when reading (nothing is known, least of all "flat") and logged.
    """

    def __init__(
        self,
        base_http: str,
        api_key: str,
        api_secret: str,
        domain: Domain,
        throttle: Throttle,
        clock: Clock,
        rng: random.Random,
        *,
        quote: str = rows.QUOTE,
        leverage: int = 1,
        by_mark: bool = False,
        venue_now: Callable[[], int] | None = None,
        scope: str = "",
        timeout_s: float = 10.0,
        limits: CallLimits | None = None,
    ) -> None:
        self._domain = domain
        self._quote = quote
        self._by = bodies.MARK if by_mark else bodies.LAST
        self._signing = SigningClock(clock)
        self._venue_now = venue_now or self._signing.now_ms
        self._wire = CcxtWire(base_http, api_key, api_secret, self._signing, timeout_s)
        self._calls = BybitCalls(self._wire, domain, throttle, scope or scope_of(api_key), clock, self._signing, rng, limits)
        self._category = {"category": rows.CATEGORY[domain]}
        self._lists = BybitLists(self._calls)
        self._setup = PerpetualSetup(self._calls, self._lists, leverage)

    def venue_ms(self) -> int:
        """The venue's wall clock as last read, ms: what its private stream is signed with, too."""
        return self._signing.now_ms()

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        """See `Venue.create`."""
        conditional = ticket.trigger is not None and self._domain is Domain.PERPS
        body = bodies.create(ticket, await self._last(ticket.key, urgency) if conditional else None, self._by)
        said = await self._calls.write("/v5/order/create", body, urgency, barred)
        try:
            return rows.shaped(said.result, _Ids, "order/create").order_id
        except FrameError as error:
            raise Unknown(f"{ticket.link_id}: the venue took it and named no order ({error})") from error

    async def amend(
        self,
        key: str,
        venue_id: str,
        *,
        stop: Decimal | None = None,
        target: Decimal | None = None,
        trigger: Decimal | None = None,
        qty: Decimal | None = None,
    ) -> None:
        """See `Venue.amend`."""
        await self._calls.write("/v5/order/amend", bodies.amend(key, venue_id, stop, target, trigger, qty), Urgency.PROTECTIVE)

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        """See `Venue.cancel`."""
        body = bodies.cancel(key, world, venue_id, link_id)
        # An exit order is taken back to sell what it binds: a ban must not keep a close waiting.
        urgency = Urgency.CANCEL if world is World.PLAIN else Urgency.PROTECTIVE
        try:
            await self._calls.write("/v5/order/cancel", body, urgency)
        except Rejected as error:
            if error.code != NO_SUCH_ORDER or world is not World.PROTECTIVE or self._domain is not Domain.CRYPTO:
                raise
            # gone, or a bracket that has to be named: the venue's documents do not say
            try:
                await self._calls.write("/v5/order/cancel", body | {"orderFilter": bodies.BRACKET}, urgency)
            except Rejected:
                raise error from None

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        """See `Venue.set_stops`. Rejected: NOTHING_TO_REDUCE without a position, BAD_PRICE on the wrong side of the market."""
        try:
            await self._calls.write("/v5/position/trading-stop", bodies.set_stops(key, stop, target, self._by), Urgency.PROTECTIVE)
        except Rejected as error:
            if error.code == PARAMETER and "zero position" in str(error):
                raise Rejected(str(error), code=NOTHING_TO_REDUCE) from error
            if error.code == PARAMETER and "base_price" in str(error):
                raise Rejected(str(error), code=BAD_PRICE) from error
            raise

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        """See `Venue.order`."""
        asked = bodies.where(key) | ({"orderId": venue_id} if venue_id else {"orderLinkId": link_id})
        for path in ("/v5/order/realtime", "/v5/order/history"):
            for found in await self._lists.every(path, asked, lambda row: rows.order(row, self._domain), Urgency.CANCEL):
                if found.venue_id == venue_id if venue_id else found.link_id == link_id:
                    return found
        return None

    async def open_orders(self) -> list[OrderReport]:
        """See `Venue.open_orders`."""
        if self._domain is Domain.PERPS:
            asked = [{"settleCoin": self._quote}]
        else:
            asked = [{"orderFilter": world} for world in bodies.SPOT_WORLDS]
        found: dict[str, OrderReport] = {}
        for more in asked:
            page = await self._lists.every(
                "/v5/order/realtime", {**self._category, **more, "openOnly": 0}, lambda row: rows.order(row, self._domain), Urgency.ACCOUNT
            )
            found |= {one.venue_id: one for one in page if not one.status.final}
        return list(found.values())

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        """See `Venue.executions`; 0 = everything that the venue keeps."""
        return await self._windows(self._category, since_ms or max(0, self._venue_now() - KEPT_MS), Urgency.ACCOUNT)

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        """See `Venue.executions_of`; without a time the venue looks back seven days."""
        start = since_ms or self._venue_now() - WEEK_MS
        found = await self._windows({**bodies.where(key), "orderId": venue_id}, start, Urgency.CANCEL)
        return [one for one in found if one.venue_id == venue_id]

    async def movements(self, since_ms: int) -> list[CashReport]:
        """See `CashList.movements`."""
        asked = {"accountType": "UNIFIED", "currency": self._quote}
        found: dict[str, CashReport] = {}
        for window in self._weeks(since_ms):
            page = await self._lists.every(LOG, {**asked, **window}, movement, Urgency.ACCOUNT)
            found |= {one.ref: one for one in reversed(page) if one is not None and one.coin == self._quote and self._mine(one)}
        return sorted(found.values(), key=lambda one: one.ts)

    def _mine(self, one: CashReport) -> bool:
        """Transfers are the wallet's; a settlement belongs to the perpetuals, also where both domains share the wallet."""
        return not one.key or self._domain is Domain.PERPS

    async def positions(self) -> list[PositionReport]:
        """See `Venue.positions`."""
        if self._domain is not Domain.PERPS:
            return []
        return await self._positions({"settleCoin": self._quote})

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        """See `Venue.wallet`."""
        said = await self._calls.read("/v5/account/wallet-balance", {"accountType": "UNIFIED"}, urgency)
        return understood(lambda: rows.wallet(only_row(said.result, "wallet-balance"), self._venue_now() or said.ts, self._quote))

    async def rights(self) -> KeyRights:
        """See `Venue.rights`."""
        key = await self._calls.read("/v5/user/query-api", {}, Urgency.ACCOUNT)
        info = await self._calls.read(ACCOUNT_INFO, {}, Urgency.ACCOUNT)
        return understood(lambda: rows.rights(key.result, info.result))

    async def fee_rates(self) -> dict[str, tuple[int, int]]:
        """What the account pays on each instrument of the domain: key -> (taker, maker) in ppm, rounded up, a rebate as 0.

        Raises as reading does (`Venue`).
        """
        said = await self._calls.read("/v5/account/fee-rate", dict(self._category), Urgency.ACCOUNT)
        return understood(lambda: rows.fee_rates(said.result, self._domain))

    async def prepare(self, key: str) -> None:
        """See `Venue.prepare`: isolated margin for the account, one-way mode and the leverage for the symbol."""
        if self._domain is not Domain.PERPS:
            return
        await self._setup.prepare(key)

    async def sync_clock(self) -> int:
        """See `Venue.sync_clock`."""
        return await self._calls.sync_clock()

    async def close(self) -> None:
        """See `Venue.close`."""
        await self._wire.close()

    async def _positions(self, asked: Params) -> list[PositionReport]:
        return await self._lists.every("/v5/position/list", {**self._category, **asked}, rows.position, Urgency.ACCOUNT)

    async def _windows(self, asked: Params, start: int, urgency: Urgency) -> list[ExecutionReport]:
        """Executions from `start` (venue ms) up to now, oldest first, each once; the venue answers for a week at a time."""
        found: dict[str, ExecutionReport] = {}
        for window in self._weeks(start):
            page = await self._lists.every(
                "/v5/execution/list", {**asked, **window}, lambda row: rows.execution(row, self._domain, self._quote), urgency
            )
            found |= {one.exec_id: one for one in reversed(page)}
        return sorted(found.values(), key=lambda one: one.ts)

    def _weeks(self, start: int) -> Iterator[Params]:
        """Times to ask for, one after the other, until now."""
        while True:
            end = start + WEEK_MS - 1
            yield {"startTime": start, "endTime": end}
            start = end + 1
            if start > self._venue_now() + LATE_MS:
                return

    async def _last(self, key: str, urgency: Urgency) -> Decimal:
        said = await self._calls.read("/v5/market/tickers", bodies.where(key), urgency)
        return understood(lambda: _last_price(said.result))


class CcxtWire(Wire):
    """ccxt's client pointed at one host and nothing else: it signs (with our clock), sends and decodes."""

    def __init__(self, base_http: str, api_key: str, api_secret: str, signing: SigningClock, timeout_s: float) -> None:
        base = base_http.rstrip("/")
        self._client = _client(signing)(
            {"apiKey": api_key, "secret": api_secret, "enableRateLimit": False, "timeout": round(timeout_s * 1000), "timeout_on_exit": 0}
        )
        # every address it knows, and no other set that a switch could bring in
        self._client.urls = {**self._client.urls, "api": _everywhere(self._client.urls["api"], base), "test": {}, "demotrading": {}}
        for api in ("public", "private"):
            url = self._client.sign("v5/market/time", [api])["url"]
            if not url.startswith(f"{base}/v5/"):
                raise Invariant(f"ccxt would send to {url}, not to {base}")

    async def send(self, method: str, path: str, params: Params) -> Reply:
        """See `Wire.send`."""
        from ccxt.base.errors import BaseError  # noqa: PLC0415 - see the module's first lines; the client has imported it by now

        api = "public" if path.startswith("/v5/market/") else "private"
        call = getattr(self._client, f"{api}_{method.lower()}{path.replace('/', '_').replace('-', '_')}")
        try:
            await call(params)
        except _Heard as heard:
            return heard.reply
        except BaseError as error:
            cause = error.__cause__
            text = f"{type(cause or error).__name__} {cause or error}"
            if isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
                raise NotSent(text) from error
            raise NoAnswer(text) from error
        raise Invariant(f"ccxt answered {path} without showing the answer")

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()


class _Heard(Exception):
    """The whole answer, on its way around ccxt's own reading of it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def _client(signing: SigningClock) -> Any:
    """The client class of ccxt with our clock, and without its opinion on answers."""

    class Client(load()):  # type: ignore[misc, unused-ignore]
        def nonce(self) -> int:
            return signing.now_ms()

        def handle_errors(
            self, code: int, reason: str, url: str, method: str, headers: Mapping[str, str], body: str, response: Any, *_: Any
        ) -> None:
            raise _Heard(Reply(code, {name.lower(): value for name, value in headers.items()}, response))

    return Client


def _everywhere(urls: Any, base: str) -> Any:
    if isinstance(urls, Mapping):
        return {name: _everywhere(inner, base) for name, inner in urls.items()}
    return base


def _last_price(result: Any) -> Decimal:
    where = "tickers"
    return rows.number(rows.shaped(only_row(result, where), _Ticker, where).last_price, where, "lastPrice")
