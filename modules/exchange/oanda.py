"""One account on OANDA v20 as a `Venue` and `CashList`: what each order and question says, on the wire of forex/oanda_rest.

An entry is a market order, all or nothing, with the worst price it may pay, its stop and its target in one request: the venue makes the
legs in the moment of the fill and binds them to the trade. What exists is read from one snapshot, what happened from the numbered
transactions. The venue refuses a repeated client id only while the first order is open: one that may have been sent is looked up first.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from forex import oanda_parse as parse
from forex.oanda_parse import wire_name
from forex.oanda_rest import OandaRest, RestLimits, open_session
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda_calls import OandaCalls, killed
from modules.exchange.oanda_codes import code_of
from modules.exchange.oanda_log import OandaLog
from modules.exchange.oanda_rows import Order, Snapshot, Summary, Trade
from modules.exchange.reports import (
    CashReport,
    ExecutionReport,
    KeyRights,
    OrderKind,
    OrderReport,
    PositionReport,
    WalletReport,
)
from modules.ports import BAD_PRICE, DUPLICATE_ID, NO_SUCH_ORDER, NOT_TRADING, NOTHING_TO_REDUCE, Barred, Ticket, World, free
from state.instruments import split_key
from utils.clock import Clock
from utils.errors import Rejected, Transient, Unknown
from utils.fixed import plain
from utils.throttle import Throttle, Urgency

HOME = "USD"
"""The account's currency: everything is booked in it."""
TAG = "bot"
"""Written on the trades of every bot of this kind; which of them are this one's is told by how their client ids begin."""
FOREIGN_TRADE = "foreign_trade"
"""A close would take another's trade, which is older, in place of ours."""
DATE_STEP_MS = 2_000
"""The venue tells its clock in whole seconds."""
REMEMBERED = 2_000
"""Client ids sent, of which a repeat is looked up."""
WEEK_MS = 7 * 86_400_000
LEG_NAMES = {OrderKind.STOP_LOSS: "stopLoss", OrderKind.TAKE_PROFIT: "takeProfit"}


class _Account(msgspec.Struct):
    account: Summary


class _Whole(msgspec.Struct):
    account: Snapshot


class _Order(msgspec.Struct):
    order: Order


class OandaVenue:
    """`modules.ports.Venue` for one account. It opens its own session: make it where an event loop runs.

    `venue_now`: the venue's time as far as it is known, ms, for rows (a simulated market has its own; default: the wall clock).
    """

    def __init__(
        self,
        base_http: str,
        token: str,
        account_id: str,
        throttle: Throttle,
        clock: Clock,
        rng: random.Random,
        *,
        venue_now: Callable[[], int] | None = None,
        limits: RestLimits | None = None,
    ) -> None:
        self._clock, self._venue_now = clock, venue_now or clock.now_ms
        self.session = open_session(throttle)
        self.account_id = account_id
        self.rest = OandaRest(self.session, base_http, token, account_id, throttle, clock, rng, limits)
        self._calls = OandaCalls(self.rest)
        self.log = OandaLog(self._calls)
        self.prefix = ""
        """How the client ids of this bot begin. Empty, while nobody told it: every trade with the tag counts as ours."""
        self._unsure: dict[str, None] = {}
        """Client ids that were sent, or may have been."""

    def venue_ms(self) -> int:
        """The venue's wall clock as far as it matters: no request is signed with it."""
        return self._clock.now_ms()

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        """See `Venue.create`. What the venue takes and kills at once is `Rejected`, too."""
        if ticket.link_id in self._unsure and await self.order(ticket.key, link_id=ticket.link_id) is not None:
            raise Rejected(f"{ticket.link_id} was sent before", code=DUPLICATE_ID)
        if _closes(ticket):
            await self._not_anothers(ticket)
        self._unsure[ticket.link_id] = None
        if len(self._unsure) > REMEMBERED:
            del self._unsure[next(iter(self._unsure))]
        method, path, body = _closing(ticket) if _closes(ticket) else ("POST", "/orders", {"order": _body(ticket)})
        try:
            did = await self._calls.write(method, path, body, urgency, barred)
        except (Rejected, Transient):
            self._unsure.pop(ticket.link_id, None)
            raise
        made = next((one for one in did.values() if one.type in rows.MADE), None)
        if made is None:
            raise Unknown(f"{ticket.link_id}: the venue took it and named no order")
        if (dead := killed(did)) is not None:
            raise Rejected(f"{ticket.link_id}: {dead.reason}", code=code_of(dead.reason))
        return made.id

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
        """See `Venue.amend`: a leg of a trade moves, which gives it another id; other orders are not changed here."""
        row = await self._order(venue_id, Urgency.PROTECTIVE)
        kind = None if row is None else rows.ORDER_KINDS.get(row.type)
        if row is None or row.state != "PENDING" or kind not in LEG_NAMES:
            raise Rejected(f"{venue_id} is no protective order that waits", code=NO_SUCH_ORDER)
        trade = next((one for one in (await self._snapshot(Urgency.PROTECTIVE)).trades if one.id == row.trade_id), None)
        if trade is None or not self._ours(trade):
            raise Rejected(f"{venue_id} protects no trade of ours", code=NO_SUCH_ORDER)
        level = trigger or (stop if kind is OrderKind.STOP_LOSS else target)
        if level is not None and level != row.price:
            await self._put_legs(row.trade_id, {kind: level})

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        """See `Venue.cancel`."""
        urgency = Urgency.CANCEL if world is World.PLAIN else Urgency.PROTECTIVE
        try:
            await self._calls.write("PUT", f"/orders/{venue_id or f'@{link_id}'}/cancel", None, urgency)
        except Rejected as no:
            if no.code == 404:
                raise Rejected(str(no), code=NO_SUCH_ORDER) from no
            raise

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        """See `Venue.set_stops`: on each of our trades the legs that differ, and only those; a level of 0 leaves its leg alone."""
        found = await self._snapshot(Urgency.PROTECTIVE)
        trades = [one for one in found.trades if parse.key_of(one.instrument) == key and self._ours(one)]
        if not trades:
            raise Rejected(f"no trade of ours stands in {key}", code=NOTHING_TO_REDUCE)
        standing = {(one.trade_id, rows.ORDER_KINDS.get(one.type)): one.price for one in found.orders if one.trade_id}
        for trade in trades:
            wanted = {OrderKind.STOP_LOSS: stop, OrderKind.TAKE_PROFIT: target}
            differs = {kind: level for kind, level in wanted.items() if level and standing.get((trade.id, kind)) != level}
            if differs:
                await self._put_legs(trade.id, differs)

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        """See `Venue.order`: by its id, else by the transaction that made it."""
        row = await self._order(venue_id or f"@{link_id}", Urgency.CANCEL)
        if row is None and link_id and (made := await self.log.made_by(link_id)) is not None:
            row = await self._order(made.id, Urgency.CANCEL)
        if row is None:
            return None
        number = row.filling or row.cancelling
        end = await self.log.one(number, Urgency.CANCEL) if number else None
        filled = None if end is None or end.type != rows.FILL or end.units is None else abs(end.units)
        return rows.order(row, {}, key=key, filled=filled, reason="" if end is None or row.filling else end.reason)

    async def open_orders(self) -> list[OrderReport]:
        """See `Venue.open_orders`."""
        return rows.orders(await self._snapshot(Urgency.ACCOUNT))

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        """See `Venue.executions`."""
        return [report for one in await self.log.since(since_ms) for report in rows.executions(one, HOME)]

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        """See `Venue.executions_of`."""
        found = await self.log.since(since_ms or max(0, self._venue_now() - WEEK_MS), Urgency.CANCEL)
        return [report for one in found if one.order_id == venue_id for report in rows.executions(one, HOME) if report.venue_id == venue_id]

    async def movements(self, since_ms: int) -> list[CashReport]:
        """See `CashList.movements`: transfers; financing is told with the executions."""
        found = (rows.movement(one, HOME) for one in await self.log.since(since_ms))
        return [one for one in found if one is not None]

    async def positions(self) -> list[PositionReport]:
        """See `Venue.positions`."""
        return rows.positions(await self._snapshot(Urgency.ACCOUNT))

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        """See `Venue.wallet`."""
        return rows.wallet(await self._summary(urgency), self._venue_now())

    async def rights(self) -> KeyRights:
        """See `Venue.rights`. A token may do everything but withdraw; what may be unfit is the account."""
        account = await self._summary(Urgency.ACCOUNT)
        unfit = []
        if account.currency != HOME:
            unfit.append(f"its account is kept in {account.currency}, not in {HOME}")
        if account.hedging:
            unfit.append("its account keeps long and short trades of one pair side by side (hedging), which cannot be changed")
        if account.guaranteed == "REQUIRED":
            unfit.append("its account takes guaranteed stops only")
        return KeyRights(account_id=account.id, read_only=False, spot=False, derivatives=False, withdraw=False, unfit=tuple(unfit))

    async def fee_rates(self) -> dict[str, tuple[int, int]]:
        """The venue takes its share in the spread; what it charges beside that comes with each fill."""
        return {}

    async def prepare(self, key: str) -> None:
        """See `Venue.prepare`: the account nets, and trades the pair. Nothing can be set."""
        if (await self._summary(Urgency.ENTRY)).hedging:
            raise Rejected("the account keeps long and short trades side by side and stays so", code="position_mode")
        symbol = split_key(key)[1]
        if not await self._calls.read("/instruments", {"instruments": wire_name(symbol)}, Urgency.ENTRY, parse.instruments):
            raise Rejected(f"the account does not trade {symbol}", code=NOT_TRADING)

    async def sync_clock(self) -> int:
        """See `Venue.sync_clock`: nothing is signed with the time, so only a clock that is plainly wrong counts."""
        before = self._clock.now_ms()
        said = await self._calls.date()
        if not said:
            return 0
        offset = int(parsedate_to_datetime(said).timestamp() * 1000) - (before + self._clock.now_ms()) // 2
        return 0 if abs(offset) <= DATE_STEP_MS else offset

    async def close(self) -> None:
        """See `Venue.close`."""
        await self.session.close()

    async def snapshot(self) -> Snapshot:
        """The whole account at one moment: what the stream of transactions starts from."""
        return await self._snapshot(Urgency.ACCOUNT)

    async def _snapshot(self, urgency: Urgency) -> Snapshot:
        return (await self._calls.read("", {}, urgency, lambda raw: parse.decode(raw, _Whole, "account"))).account

    async def _summary(self, urgency: Urgency) -> Summary:
        return (await self._calls.read("/summary", {}, urgency, lambda raw: parse.decode(raw, _Account, "summary"))).account

    async def _order(self, spec: str, urgency: Urgency) -> Order | None:
        """The order with this id, or client id behind an @; None when the venue does not know it."""
        try:
            return (await self._calls.read(f"/orders/{spec}", {}, urgency, lambda raw: parse.decode(raw, _Order, "order"))).order
        except Rejected as no:
            if no.code in {404, NO_SUCH_ORDER}:
                return None
            raise

    def _ours(self, trade: Trade) -> bool:
        return trade.ext.tag == TAG and trade.ext.id.startswith(self.prefix)

    async def _not_anothers(self, ticket: Ticket) -> None:
        """Rejected when closing so much of a position would reach a trade that is not ours: the venue takes the oldest first.

        A trade can be closed by its own number, too, but such a close bears no client id: what became of it could not be proved.
        """
        found = (one for one in (await self._snapshot(Urgency.PROTECTIVE)).trades if parse.key_of(one.instrument) == ticket.key)
        left = ticket.qty
        for trade in sorted((one for one in found if one.units * ticket.side < 0), key=lambda one: int(one.id)):
            if left > 0 and not self._ours(trade):
                raise Rejected(f"trade {trade.id} in {ticket.key} is not ours and would be closed first", code=FOREIGN_TRADE)
            left -= abs(trade.units)

    async def _put_legs(self, trade_id: str, legs: dict[OrderKind, Decimal]) -> None:
        """Make or move legs of a trade; a leg that is not named stays as it is."""
        body = {LEG_NAMES[kind]: {"price": plain(level), "timeInForce": "GTC"} for kind, level in legs.items()}
        try:
            did = await self._calls.write("PUT", f"/trades/{trade_id}/orders", body, Urgency.PROTECTIVE)
        except Rejected as no:
            if no.code in {404, NO_SUCH_ORDER}:
                raise Rejected(str(no), code=NOTHING_TO_REDUCE) from no
            raise
        dead = next((one for name, one in did.items() if name.endswith("CreatedCancelTransaction")), None)
        if dead is not None:
            raise Rejected(f"a leg of trade {trade_id} was made and killed: {dead.reason}", code=BAD_PRICE)


def _closes(ticket: Ticket) -> bool:
    """A close at market, of what is held and no more."""
    return ticket.reduce_only and ticket.price is None and ticket.trigger is None


def _closing(ticket: Ticket) -> tuple[str, str, dict[str, Any]]:
    """The request that closes so much of a position: it can only shrink it, the oldest trade first, and a repeat finds nothing to close."""
    side, other = ("short", "long") if ticket.side > 0 else ("long", "short")
    name = wire_name(split_key(ticket.key)[1])
    mark = {"id": ticket.link_id, "tag": TAG}
    return (
        "PUT",
        f"/positions/{name}/close",
        {f"{side}Units": plain(ticket.qty), f"{side}ClientExtensions": mark, f"{other}Units": "NONE"},
    )


def _body(ticket: Ticket) -> dict[str, Any]:
    """An order as the venue wants it; prices and units as they are on its grid."""
    mark = {"id": ticket.link_id, "tag": TAG}
    body: dict[str, Any] = {
        "instrument": wire_name(split_key(ticket.key)[1]),
        "units": plain(ticket.side * ticket.qty),
        "positionFill": "REDUCE_ONLY" if ticket.reduce_only else "DEFAULT",
        "clientExtensions": mark,
        "tradeClientExtensions": mark,
    }
    if ticket.trigger is not None:
        body |= {"type": "MARKET_IF_TOUCHED", "timeInForce": "GTC", "price": plain(ticket.trigger)}
    elif ticket.price is not None and not ticket.immediate:
        body |= {"type": "LIMIT", "timeInForce": "GTC", "price": plain(ticket.price)}
    else:
        body |= {"type": "MARKET", "timeInForce": "FOK"}
        if ticket.price is not None:
            body["priceBound"] = plain(ticket.price)
    for name, level in (("stopLossOnFill", ticket.stop), ("takeProfitOnFill", ticket.target)):
        if level is not None:
            body[name] = {"price": plain(level), "timeInForce": "GTC"}
    return body
