"""Interactive Brokers as a `Venue`: one account's options on currency futures, bought with stop and target, sold back, never written.

Every order bears our client id in its reference; the venue's id is its permanent number. An order is sent once. What is said about it
before it is acknowledged decides: an error with its number, or an end without a fill, is an explicit no (`Rejected`); a gateway that goes,
or says nothing in time, leaves it `Unknown`, and it is asked for by its reference among open orders, ended orders and executions. Nothing
sent is `Transient`. Children that are refused take their parent with them: an entry whose stop the venue will not have is no entry.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import structlog

from modules.exchange import ibkr_codes as codes
from modules.exchange import ibkr_rows as rows
from modules.exchange.ibkr_contracts import CmeOption, contracts_of
from modules.exchange.ibkr_gateway import IbkrGateway
from modules.exchange.ibkr_orders import STOP, TARGET, UNPROTECTED, Wire, bracket, closing, entry_of, group_of, legs
from modules.exchange.ibkr_reads import IbkrReads
from modules.exchange.ibkr_reads import option as option_at
from modules.exchange.ibkr_size import affordable
from modules.exchange.reports import (
    ZERO,
    OrderKind,
)
from modules.ports import BAD_GRID, BARRED, BELOW_MINIMUM, DUPLICATE_ID, NO_SUCH_ORDER, NOTHING_TO_REDUCE, Barred, Ticket, World, free
from utils.clock import Clock
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Urgency

REMEMBERED = 2_000
"""Client ids sent, of which a repeat is looked up."""
_log = structlog.get_logger(__name__)


class IbkrVenue(IbkrReads):
    """`modules.ports.Venue` and `CashList` for one account behind `gateway`. `venue_now`: the time that rows bear, ms."""

    def __init__(self, gateway: IbkrGateway, clock: Clock, *, venue_now: Callable[[], int] | None = None) -> None:
        super().__init__(gateway, clock, venue_now=venue_now)
        self._unsure: dict[str, None] = {}

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        """See `Venue.create`. The library keeps the gateway's pace itself (45 messages a second), so `urgency` decides nothing here."""
        option = option_at(ticket.key)
        wires: tuple[Wire, ...]
        if ticket.side > 0:
            wires = bracket(ticket, option)
            await self._can_pay(option, wires[0])
        else:
            closing(ticket, option, "")  # refused here before anything is asked
            wires = (closing(ticket, option, await self._group_of(option, contracts_of(option, ticket.qty))),)
        if ticket.link_id in self._unsure and await self.order(ticket.key, link_id=ticket.link_id) is not None:
            raise Rejected(f"{ticket.link_id} was sent before", code=DUPLICATE_ID)
        contract = await self.contract(option)
        await self.gateway.ready()
        if not self.gateway.up:
            raise Transient(f"{ticket.link_id}: the gateway has lost Interactive Brokers; nothing was sent")
        if reason := barred():
            raise Rejected(f"{ticket.link_id}: {reason}", code=BARRED)
        self._unsure[ticket.link_id] = None
        if len(self._unsure) > REMEMBERED:
            del self._unsure[next(iter(self._unsure))]
        self.wish(ticket.key, ticket.stop, ticket.target)
        try:
            trades = self.gateway.place_all(contract, wires)
        except ConnectionError as error:  # a bracket without its last order is held back by the gateway and never works
            self._unsure.pop(ticket.link_id, None)
            raise Transient(f"{ticket.link_id}: {error}; nothing was sent") from error
        try:
            return await self._taken(ticket.link_id, trades)
        except Rejected:
            self._unsure.pop(ticket.link_id, None)
            raise

    async def _taken(self, link_id: str, trades: list[Any]) -> str:
        """The venue's id of an order once it and its children are taken; see above for what else there is."""
        parent, limit_s = trades[0], self.gateway.limits.order_s
        said = await self.gateway.until(lambda: self._said(parent), limit_s)
        if said is None:
            raise Unknown(f"{link_id}: the gateway took it in and said nothing of it")
        if isinstance(said, Rejected):
            if parent.orderStatus.status == "Inactive":  # it could come to life again
                self._take_back(parent)
            raise said
        for child in trades[1:]:
            heard = await self.gateway.until(lambda child=child: self._said(child, child=True), limit_s)  # type: ignore[misc]
            if heard is None and not self.gateway.up:
                raise Unknown(f"{link_id}: the gateway went before its children were acknowledged")
            if heard is None or isinstance(heard, Rejected):
                await self._without_child(link_id, parent, heard or Rejected("it was not acknowledged", code=UNPROTECTED))
                break
        return str(parent.order.permId or parent.orderStatus.permId)

    async def _without_child(self, link_id: str, parent: Any, why: Rejected) -> None:
        """Take back an entry whose stop or target the venue refused; Rejected when that worked. What filled meanwhile is protected anew."""
        self._take_back(parent)
        gone = await self.gateway.until(
            lambda: parent.orderStatus.status if parent.orderStatus.status in {*rows.GONE, "Filled"} else None, self.gateway.limits.order_s
        )
        if gone is None:
            raise Unknown(f"{link_id}: its protection was refused ({why}) and it could not be taken back")
        if not rows.filled_of(parent):
            raise Rejected(f"{link_id}: its protection was refused, so it was taken back: {why}", code=why.code)
        _log.warning("an entry filled while its protection was refused", link_id=link_id, reason=str(why))

    def _take_back(self, trade: Any) -> None:
        try:
            self.gateway.cancel(trade)
        except ConnectionError:
            _log.warning("an order could not be taken back: the gateway is gone", link_id=trade.order.orderRef)

    def _said(self, trade: Any, *, child: bool = False) -> bool | Rejected | None:
        """True when an order was taken, the no when it was refused, None while neither is known."""
        status, (error, words) = trade.orderStatus.status, self.gateway.error_of(trade)
        taken = bool(trade.order.permId or trade.orderStatus.permId)
        if rows.filled_of(trade):
            return True
        if status in rows.GONE and not (child and not error):  # a child that goes without an error was filled out of its group
            return Rejected(f"{trade.order.orderRef}: {words or status}", code=codes.code_of(error, words) if error else status)
        if error in codes.NEW_ORDER_NO and not taken:
            return Rejected(f"{trade.order.orderRef}: {words}", code=codes.code_of(error, words))
        return True if taken and status in {"PreSubmitted", "Submitted", "Filled", "PendingCancel", "Cancelled"} else None

    async def _can_pay(self, option: CmeOption, entry: Wire) -> None:
        """Rejected, with the figures, when the premium is more than one position may lose."""
        wallet = rows.equity_usd(await self.gateway.summary())
        found = affordable(option.product, entry.limit or ZERO, wallet)
        if entry.contracts > found.contracts:
            more = f"{entry.contracts} contracts are more than the {found.contracts} that {found.budget_usd:,.2f} USD can buy"
            raise Rejected(f"{entry.ref}: {found.refusal or more}", code=BELOW_MINIMUM)

    async def _group_of(self, option: CmeOption, contracts: int) -> str:
        """The group of what protects the position. Rejected when so much is not held: a sale may never write an option."""
        held = next((one for one in await self.positions() if one.key == option.key), None)
        if held is None or held.side < 0 or held.size < contracts * option.product.units:
            raise Rejected(f"{option.symbol}: {contracts} contracts are not held", code=NOTHING_TO_REDUCE)
        return next((trade.order.ocaGroup for trade in await self.protecting(option)), "")

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
        """See `Venue.amend`: a protective order moves in place; others are not changed here."""
        option = option_at(key)
        trade = next((one for one in await self.protecting(option) if str(one.order.permId) == venue_id), None)
        if trade is None:
            raise Rejected(f"{venue_id} is no protective order of ours that waits", code=NO_SUCH_ORDER)
        is_stop = rows.kind_of(trade.order) is OrderKind.STOP_LOSS
        level = trigger or (stop if is_stop else target)
        contracts = None if qty is None else contracts_of(option, qty)
        if contracts == 0:
            raise Rejected(f"{qty} is no whole number of contracts", code=BAD_GRID)
        self.wish(key, level if is_stop else None, None if is_stop else level)
        await self._move(option, trade, level, contracts)

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        """See `Venue.cancel`."""
        trade = await self.open_trade(venue_id, link_id)
        try:
            self.gateway.cancel(trade)
        except ConnectionError as error:
            raise Transient(f"{link_id or venue_id}: {error}") from error

        def ended() -> str | None:
            error, _ = self.gateway.error_of(trade)
            if error in codes.TABLE and codes.TABLE[error] == NO_SUCH_ORDER:
                return NO_SUCH_ORDER
            status = str(trade.orderStatus.status)
            return status if status in {*rows.GONE, "Filled"} else None

        match await self.gateway.until(ended, self.gateway.limits.order_s):
            case None:
                raise Unknown(f"{link_id or venue_id}: whether it was taken back is not known")
            case "Filled" | "no_such_order":
                raise Rejected(f"{link_id or venue_id} could not be taken back any more", code=NO_SUCH_ORDER)

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        """See `Venue.set_stops`: legs that differ move in place, one that is missing is made beside the other; 0 leaves a leg alone."""
        option = option_at(key)
        held = next((one for one in await self.positions() if one.key == key and one.side > 0), None)
        if held is None:
            raise Rejected(f"nothing is held in {key}", code=NOTHING_TO_REDUCE)
        contracts = contracts_of(option, held.size)
        self.wish(key, stop, target)
        standing = {rows.kind_of(one.order): one for one in await self.protecting(option)}
        # While an entry may still fill, its children are as large as it is, and the venue itself sizes them by what it fills.
        entering = any(one.side > 0 and one.key == key for one in await self.open_orders())
        group = next((one.order.ocaGroup for one in standing.values() if one.order.ocaGroup), "")
        entry = next((entry_of(one.order.orderRef) for one in standing.values() if entry_of(one.order.orderRef)), "")
        ref = entry or f"{self.prefix}{option.symbol}"
        stop, target = (level and found for level, found in zip((stop, target), legs(option, stop, target), strict=True))
        missing = []
        for kind, level in ((OrderKind.STOP_LOSS, stop), (OrderKind.TAKE_PROFIT, target)):
            if not level:
                continue
            if kind in standing:
                await self._move(option, standing[kind], level, None if entering else contracts)
                continue
            is_stop = kind is OrderKind.STOP_LOSS
            missing.append(
                Wire(
                    action="SELL",
                    contracts=contracts,
                    kind="STP" if is_stop else "LMT",
                    ref=ref + (STOP if is_stop else TARGET),
                    trigger=level if is_stop else None,
                    limit=None if is_stop else level,
                    oca=group or group_of(ref),
                )
            )
        for wire in missing:  # each for itself: none is the other's parent
            try:
                trade = self.gateway.place_all(await self.contract(option), (wire,))[0]
            except ConnectionError as error:
                raise Transient(f"{wire.ref}: {error}") from error
            await self._taken(wire.ref, [trade])

    async def _move(self, option: CmeOption, trade: Any, level: Decimal | None, contracts: int | None) -> None:
        """Change a leg in place where it differs. Its level and size are asked for again when nobody confirms."""
        is_stop = rows.kind_of(trade.order) is OrderKind.STOP_LOSS
        before = (trade.order.auxPrice if is_stop else trade.order.lmtPrice, trade.order.totalQuantity)
        after = (before[0] if not level else float(legs(option, level, level)[0 if is_stop else 1]), float(contracts or before[1]))
        if before == after:
            return
        venue_id, ref = str(trade.order.permId), trade.order.orderRef
        try:
            self.gateway.change(trade, limit=None if is_stop else after[0], trigger=after[0] if is_stop else None, contracts=int(after[1]))
        except ConnectionError as error:
            raise Transient(f"{ref}: {error}") from error
        # The library notes what we asked for, not what stands; so the gateway is asked what stands, and a warning is a no.
        for one in await self.asked_open():
            if str(one.order.permId) == venue_id:
                now = (one.order.auxPrice if is_stop else one.order.lmtPrice, one.order.totalQuantity)
                code, words = self.gateway.error_of(trade)
                if code and now != after:
                    raise Rejected(f"{ref}: {words}", code=codes.code_of(code, words))
                if now != after:
                    raise Unknown(f"{ref}: whether it moved is not known")
                return
        raise Rejected(f"{ref} is gone", code=NO_SUCH_ORDER)
