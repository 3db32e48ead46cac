"""The connection to a gateway (TWS or IB Gateway), and the only file that knows the client library `ib_async`.

The library is optional and lives in an environment of its own (requirements-ibkr.txt), so it is imported when the first connection is made.
Each connection is a new object of the library: what an old one still says reaches nobody. Questions go one at a time, because the library
files their answers under one name, and end in an answer or `Transient`. Orders are written at once and never repeated here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from modules.environment import IbkrPlace
from modules.exchange import ibkr_codes as codes
from modules.exchange.ibkr_contracts import EXCHANGE, QUOTE, CmeOption
from modules.exchange.ibkr_orders import REDUCE_TOGETHER, Wire
from modules.ports import BAD_KEY, NOT_TRADING
from utils.errors import Rejected, Transient

T = TypeVar("T")
REMEDY = (
    "the client library ib_async is not installed: it needs an environment of its own, which `make setup-ibkr` makes "
    "(`pip install -r requirements-ibkr.txt` beside what the bot runs on; docs/ibkr.md)"
)
TAGS = "NetLiquidation,TotalCashValue,AvailableFunds"
REMEMBERED = 1_000
"""Orders of which the last error is kept."""
LOST_LINE = "the gateway closed the connection"
_log = structlog.get_logger(__name__)


class GatewayLimits(msgspec.Struct, frozen=True):
    """Seconds for which a connection, an answer, and the acknowledgement of an order are waited for."""

    connect_s: float = 10.0
    answer_s: float = 15.0
    order_s: float = 10.0
    beat_s: float = 20.0
    """So often the gateway is asked for the time: a half-open connection says nothing."""


class Heard(msgspec.Struct, frozen=True):
    """News of the gateway: `up` None for an order or a fill (`trade`, `fill`), else the link's state."""

    trade: Any = None
    fill: Any = None
    up: bool | None = None
    reason: str = ""


def library() -> Any:
    """The client library. Rejected, with how to get it: without it nobody here can speak to the gateway."""
    try:
        import ib_async  # noqa: PLC0415  optional, and only this function imports it
    except ImportError:
        raise Rejected(REMEDY, code=BAD_KEY) from None
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)  # it writes account ids and whole orders; what matters is told here
    return ib_async


def masked(account: str) -> str:
    """An account's id as people may see it: its last three characters."""
    return f"…{account[-3:]}" if account else "no account"


class IbkrGateway:
    """One client of one gateway. `ears`: called with all news, in the order of the wire."""

    def __init__(self, place: IbkrPlace, limits: GatewayLimits | None = None) -> None:
        self.place, self.limits = place, limits or GatewayLimits()
        self.ears: list[Callable[[Heard], None]] = []
        self._ib: Any = None
        self._upstream = True
        self._dial, self._turn = asyncio.Lock(), asyncio.Lock()
        self._pulse = asyncio.Event()
        self._errors: dict[int, tuple[int, str]] = {}
        """Order number -> the last error that came with it."""

    @property
    def up(self) -> bool:
        """The gateway answers, and it has Interactive Brokers behind it."""
        return self._upstream and self._ib is not None and self._ib.isConnected()

    # --- the connection ---------------------------------------------------------------------------------------------------------------

    async def ready(self) -> Any:
        """The library's object, connected. Transient when nobody is there, Rejected when this client is refused."""
        async with self._dial:
            if self._ib is not None and self._ib.isConnected():
                return self._ib
            lib = library()
            ib = lib.IB()
            ib.RaiseRequestErrors = True
            refused: list[tuple[int, str]] = []
            ib.errorEvent += lambda _req, number, words, _contract: refused.append((number, words))
            try:
                # Only our own open orders are fetched: that makes the gateway tell this connection what becomes of them.
                await ib.connectAsync(
                    self.place.host,
                    self.place.port,
                    clientId=self.place.client_id,
                    timeout=self.limits.connect_s,
                    account=self.place.account,
                    fetchFields=lib.StartupFetch.ORDERS_OPEN,
                )
            except (OSError, TimeoutError, ValueError) as error:
                self._refuse(refused)
                raise Transient(
                    f"the gateway at {self.place.host}:{self.place.port} does not answer: {str(error) or type(error).__name__}"
                ) from error
            self._ib, self._upstream = ib, True
            ib.orderStatusEvent += lambda trade: self._hear(ib, Heard(trade=trade))
            ib.openOrderEvent += lambda trade: self._hear(ib, Heard(trade=trade))
            ib.commissionReportEvent += lambda trade, fill, _report: self._hear(ib, Heard(trade=trade, fill=fill))
            ib.errorEvent += lambda req, number, words, _contract: self._error(ib, req, number, words)
            ib.disconnectedEvent += lambda: self._hear(ib, Heard(up=False, reason=LOST_LINE))
            _log.info("connected to the gateway", host=self.place.host, port=self.place.port, account=masked(self.place.account))
            self._hear(ib, Heard(up=True))
            return ib

    @staticmethod
    def _refuse(told: Sequence[tuple[int, str]]) -> None:
        for number, words in told:
            if number in codes.REFUSED_CLIENT:
                raise Rejected(f"the gateway refuses this client ({number}): {words}", code=BAD_KEY)

    def close(self) -> None:
        """Release the connection."""
        ib, self._ib = self._ib, None
        if ib is not None:
            ib.disconnect()

    def drop(self, reason: str) -> None:
        """Give up a connection that answers no more."""
        if self._ib is not None and self._ib.isConnected():
            ib = self._ib
            self._hear(ib, Heard(up=False, reason=reason))
            self.close()

    def _hear(self, ib: Any, news: Heard) -> None:
        if ib is not self._ib:
            return
        for ear in self.ears:
            ear(news)
        self.stir()

    def _error(self, ib: Any, req: int, number: int, words: str) -> None:
        if ib is not self._ib:
            return
        if number in codes.LOST and self._upstream:
            self._upstream = False
            self._hear(ib, Heard(up=False, reason=f"the gateway has lost Interactive Brokers ({number})"))
        elif number in codes.RESTORED and not self._upstream:
            self._upstream = True
            self._hear(ib, Heard(up=True))
        elif req != -1:
            self._errors[req] = (number, words)
            if len(self._errors) > REMEMBERED:
                del self._errors[next(iter(self._errors))]
            self.stir()

    def stir(self) -> None:
        """Wake whoever waits for something to happen."""
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def until(self, found: Callable[[], T | None], limit_s: float) -> T | None:
        """What `found` says once it says something; None when the time is up or the connection is gone."""
        try:
            async with asyncio.timeout(limit_s):
                while (value := found()) is None:
                    if self._ib is None or not self._ib.isConnected():
                        return None
                    await self._pulse.wait()
                return value
        except TimeoutError:
            return found()

    # --- questions --------------------------------------------------------------------------------------------------------------------

    async def ask(self, what: str, make: Callable[[Any], Awaitable[T]]) -> T:
        """The answer to a question. Transient when there is none, Rejected when it is a no."""
        async with self._turn:
            ib = await self.ready()
            try:
                async with asyncio.timeout(self.limits.answer_s):
                    return await make(ib)
            except (ConnectionError, TimeoutError) as error:
                raise Transient(f"{what}: the gateway gave no answer: {str(error) or type(error).__name__}") from error
            except library().RequestError as no:
                raise Rejected(f"{what}: {no.message} ({no.code})", code=codes.code_of(no.code, no.message)) from no

    async def beat(self) -> None:
        """Ask for the time; a gateway that does not answer is dropped."""
        try:
            await self.ask("time", lambda ib: ib.reqCurrentTimeAsync())
        except (Transient, Rejected) as error:
            self.drop(str(error))

    async def summary(self) -> dict[str, tuple[str, str]]:
        """Tag -> (value, currency) of the account."""

        async def read(ib: Any) -> dict[str, tuple[str, str]]:
            number = ib.client.getReqId()
            ib.wrapper.acctSummary.clear()
            answer = ib.wrapper.startReq(number)
            ib.client.reqAccountSummary(number, "All", TAGS)
            try:
                await answer
            finally:
                ib.client.cancelAccountSummary(number)  # else it is a subscription, of which two are allowed
            rows = ib.wrapper.acctSummary.values()
            return {row.tag: (row.value, row.currency) for row in rows if row.account == self.place.account}

        return await self.ask("account summary", read)

    async def fills(self) -> list[Any]:
        """Every execution that the gateway keeps, each with its commission as soon as that is told."""

        async def read(ib: Any) -> list[Any]:
            await ib.reqExecutionsAsync()
            return list(ib.fills())  # the answer's own rows never learn their commission

        return await self.ask("executions", read)

    async def contract(self, option: CmeOption) -> tuple[Any, float]:
        """The contract with the gateway's number for it, and its smallest price difference. Rejected when it is not one that it lists."""
        lib = library()
        asked = lib.FuturesOption(
            option.product.symbol,
            f"{option.expiry:%Y%m%d}",
            float(option.strike),
            option.right,
            EXCHANGE,
            multiplier=str(option.product.units),
            currency=QUOTE,
            tradingClass=option.trading_class,
        )
        try:
            rows = await self.ask(option.symbol, lambda ib: ib.reqContractDetailsAsync(asked))
        except Rejected as no:
            raise Rejected(str(no), code=NOT_TRADING) from no
        fit = [row for row in rows if row.contract.secType == "FOP" and row.contract.multiplier == str(option.product.units)]
        if len(fit) != 1:
            names = ", ".join(row.contract.tradingClass for row in fit)
            raise Rejected(f"{option.symbol}: the gateway lists {len(fit)} such contracts {names}".rstrip(), code=NOT_TRADING)
        return fit[0].contract, fit[0].minTick

    async def quote(self, contract: Any) -> tuple[float, float]:
        """(bid, ask) of a contract as they stand. Transient when one of them is missing."""
        tickers = await self.ask("quote", lambda ib: ib.reqTickersAsync(contract))
        bid, ask = tickers[0].bid, tickers[0].ask
        if not 0 < bid <= ask:
            raise Transient(f"no two-sided quote of {contract.localSymbol}: bid {bid}, ask {ask}")
        return bid, ask

    # --- orders -----------------------------------------------------------------------------------------------------------------------

    def place_all(self, contract: Any, wires: Sequence[Wire]) -> list[Any]:
        """Write orders, the first the parent of the others; their trades. Nothing is awaited. ConnectionError when the line is gone."""
        ib, lib = self._ib, library()
        if ib is None or not ib.isConnected():
            raise ConnectionError(LOST_LINE)
        trades: list[Any] = []
        for wire in wires:
            order = lib.Order(
                orderId=ib.client.getReqId(),
                parentId=trades[0].order.orderId if trades else 0,
                action=wire.action,
                totalQuantity=wire.contracts,
                orderType=wire.kind,
                tif=wire.tif,
                ocaGroup=wire.oca,
                ocaType=REDUCE_TOGETHER if wire.oca else 0,
                orderRef=wire.ref,
                account=self.place.account,
                transmit=wire.transmit,
                openClose="O" if wire.opens else "C",
                outsideRth=True,  # else a stop sleeps outside the exchange's day session
            )
            if wire.limit is not None:
                order.lmtPrice = float(wire.limit)
            if wire.trigger is not None:
                order.auxPrice = float(wire.trigger)
            trades.append(ib.placeOrder(contract, order))
        return trades

    def change(self, trade: Any, *, limit: float | None = None, trigger: float | None = None, contracts: int | None = None) -> None:
        """Write a change of an open order of this client. ConnectionError when the line is gone."""
        self._errors.pop(trade.order.orderId, None)
        if limit is not None:
            trade.order.lmtPrice = limit
        if trigger is not None:
            trade.order.auxPrice = trigger
        if contracts is not None:
            trade.order.totalQuantity = contracts
        trade.order.transmit = True
        self._ib.placeOrder(trade.contract, trade.order)

    def cancel(self, trade: Any) -> None:
        """Write a cancel. ConnectionError when the line is gone."""
        self._errors.pop(trade.order.orderId, None)
        self._ib.cancelOrder(trade.order)

    def error_of(self, trade: Any) -> tuple[int, str]:
        """The last error number and words that came with an order; (0, "") when none did."""
        return self._errors.get(trade.order.orderId, (0, ""))
