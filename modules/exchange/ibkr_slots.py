"""The slots of the engine on the contracts of the exchange: `OPTIONS:EURUSD` holds one listed option at a time, in whole contracts.

The engine sizes in hundreds of base units and names the contract with its entry; the exchange sells 125,000 at once. A size below one
contract is refused with the figure that would do, one above goes down to whole contracts and the rest is cancelled. What is closed, moved
or told of is found by what the account holds. The yen is not bought here: its premium is quoted in dollars per yen there and in yen per
dollar here, so no level of one stands on the other.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal
from typing import TypeVar

import msgspec

from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_contracts import INVERTED, PRODUCTS, CmeOption, listed, option_of, snapped
from modules.exchange.ibkr_size import affordable
from modules.exchange.ibkr_stream import BACKOFF, IbkrAccountStream
from modules.exchange.reports import AccountItem, CashReport, ExecutionReport, KeyRights, OrderReport, PositionReport, WalletReport
from modules.ports import BELOW_MINIMUM, NOT_TRADING, NOTHING_TO_REDUCE, Barred, Ticket, World, free
from state.accounts import Domain
from state.instruments import split_key
from state.options import OptionContract
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Refusal, Rejected
from utils.throttle import Urgency

SEVERAL = "several_contracts"
"""More than one option is held in a slot: which of them is meant nobody can tell."""
R = TypeVar("R", OrderReport, ExecutionReport, PositionReport)


def slot_of(key: str) -> str:
    """The slot that an option belongs to; a key of no slot stays."""
    pair = split_key(key)[1].partition("-")[0]
    return f"{Domain.OPTIONS}:{pair}" if pair in PRODUCTS and pair not in INVERTED.values() else key


def chosen(symbol: str) -> CmeOption:
    """The listed option that a contract of the engine's is. Rejected where there is none."""
    try:
        contract = OptionContract.parse(symbol)
        strike = Decimal(contract.strike).scaleb(-contract.digits)
        found = listed(contract.pair, contract.right.name[0], strike, contract.expiry_day)
    except Refusal as error:
        raise Rejected(str(error), code=NOT_TRADING) from error
    if contract.pair in INVERTED:
        raise Rejected(
            f"{symbol}: options on {contract.pair} are not bought live, because their premium is not in its currency", code=NOT_TRADING
        )
    if found.strike != strike:
        raise Rejected(f"{symbol}: the exchange lists {found.strike}, not {strike}", code=NOT_TRADING)
    return found


def told(report: R) -> R:
    """A report under the key of its slot."""
    return msgspec.structs.replace(report, key=slot_of(report.key))


class IbkrSlots:
    """`modules.ports.Venue` and `CashList` over the contracts that `venue` trades."""

    def __init__(self, venue: IbkrVenue) -> None:
        self.venue = venue

    @property
    def prefix(self) -> str:
        """How the client ids of this bot begin."""
        return self.venue.prefix

    @prefix.setter
    def prefix(self, prefix: str) -> None:
        self.venue.prefix = prefix

    def venue_ms(self) -> int:
        """See `IbkrVenue.venue_ms`."""
        return self.venue.venue_ms()

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        """See `Venue.create`."""
        if ticket.side < 0:
            held = await self._held(ticket.key)
            return await self.venue.create(msgspec.structs.replace(ticket, key=held.key), urgency, barred)
        option = chosen(ticket.contract)
        units = option.product.units
        contracts = int(ticket.qty // units)
        if not contracts:
            raise Rejected(f"{ticket.link_id}: {await self._too_small(option, ticket)}", code=BELOW_MINIMUM)
        return await self.venue.create(msgspec.structs.replace(ticket, key=option.key, qty=Decimal(contracts * units)), urgency, barred)

    async def _too_small(self, option: CmeOption, ticket: Ticket) -> str:
        product = option.product
        limit = snapped(product, ticket.price or Decimal(0), up=False)
        found = affordable(product, limit, await self.venue.equity_usd())
        return found.refusal or f"a size of {ticket.qty:,} {product.symbol} is less than one contract of {product.units:,}"

    async def _held(self, key: str) -> CmeOption:
        """The option that a slot holds. Rejected when it holds none, or several."""
        found = [one.key for one in await self.venue.positions() if slot_of(one.key) == key]
        if not found:
            raise Rejected(f"nothing is held in {key}", code=NOTHING_TO_REDUCE)
        if len(found) > 1:
            raise Rejected(f"{key} holds {', '.join(found)}", code=SEVERAL)
        return option_of(found[0])

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
        await self.venue.amend((await self._held(key)).key, venue_id, stop=stop, target=target, trigger=trigger, qty=qty)

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        """See `Venue.cancel`."""
        await self.venue.cancel(key, world, venue_id=venue_id, link_id=link_id)

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        """See `Venue.set_stops`."""
        await self.venue.set_stops((await self._held(key)).key, stop, target)

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        """See `Venue.order`."""
        found = await self.venue.order(key, link_id=link_id, venue_id=venue_id)
        return None if found is None else told(found)

    async def open_orders(self) -> list[OrderReport]:
        """See `Venue.open_orders`."""
        return [told(one) for one in await self.venue.open_orders()]

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        """See `Venue.executions`."""
        return [told(one) for one in await self.venue.executions(since_ms)]

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        """See `Venue.executions_of`."""
        return [told(one) for one in await self.venue.executions_of(key, venue_id, since_ms)]

    async def movements(self, since_ms: int) -> list[CashReport]:
        """See `IbkrVenue.movements`."""
        return await self.venue.movements(since_ms)

    async def positions(self) -> list[PositionReport]:
        """See `Venue.positions`."""
        return [told(one) for one in await self.venue.positions()]

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        """See `Venue.wallet`."""
        return await self.venue.wallet(urgency)

    async def rights(self) -> KeyRights:
        """See `Venue.rights`."""
        return await self.venue.rights()

    async def fee_rates(self) -> dict[str, tuple[int, int]]:
        """See `IbkrVenue.fee_rates`."""
        return await self.venue.fee_rates()

    async def prepare(self, key: str) -> None:
        """See `Venue.prepare`: a slot is no contract yet; the one that is bought is looked up before it is sent."""

    async def sync_clock(self) -> int:
        """See `Venue.sync_clock`."""
        return await self.venue.sync_clock()

    async def close(self) -> None:
        """See `Venue.close`."""
        await self.venue.close()


class IbkrSlotStream:
    """`modules.ports.AccountStream` of `slots`' account."""

    def __init__(self, slots: IbkrSlots, clock: Clock, rng: random.Random, backoff: Backoff = BACKOFF) -> None:
        self._stream = IbkrAccountStream(slots.venue, clock, rng, backoff)

    async def items(self) -> AsyncGenerator[AccountItem, None]:
        """See `AccountStream.items`."""
        async with aclosing(self._stream.items()) as items:
            async for item in items:
                match item:
                    case OrderReport():
                        yield told(item)
                    case ExecutionReport():
                        yield told(item)
                    case _:
                        yield item
