"""The outside world as the orchestration sees it: Protocols owned by their consumer, implemented by adapters and by honest fakes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from modules.exchange.reports import AccountItem, CashReport, ExecutionReport, KeyRights, OrderReport, PositionReport, WalletReport
from utils.throttle import Urgency


class World(StrEnum):
    """In which of the venue's order books an order lives; it must be named to cancel it."""

    PLAIN = "plain"
    PROTECTIVE = "protective"
    """Spot protective orders (`tpslOrder` and the bracket)."""
    CONDITIONAL = "conditional"


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One order to create; quantities in base units, prices in quote, both on the instrument's grid."""

    key: str
    link_id: str
    side: int
    """+1 buy, -1 sell."""
    qty: Decimal
    price: Decimal | None = None
    """Limit price; None = market."""
    immediate: bool = True
    """IOC; False = rests until cancelled."""
    reduce_only: bool = False
    stop: Decimal | None = None
    """Attached protection (limit orders on spot, any on perpetuals)."""
    target: Decimal | None = None
    trigger: Decimal | None = None
    """Makes it conditional (`world` says of which sort)."""
    world: World = World.PLAIN
    contract: str = ""
    """The option that an entry on a slot of options buys, by its symbol."""


Barred = Callable[[], str]
"""Why an order may not leave any more; empty = it may."""


def free() -> str:
    """Nothing bars it."""
    return ""


class Venue(Protocol):
    """One account on one venue, over request and answer.

    Every method raises `Transient` when the request surely had no effect, `Rejected` (with the venue's code) for an explicit no, `Unknown`
    when nobody can say. Reading never raises `Unknown`.
    """

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        """Send an order; returns the venue's id. Accepted is not filled. A repeated link id is `Rejected` with `DUPLICATE_ID`.

        `barred` is asked in the last moment, after every wait for budget: its reason raises `Rejected` with `BARRED`, and nothing was sent.
        """
        ...

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
        """Change an open order in place; what is None stays. "Not modified" is success."""
        ...

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        """Take an order back. `Rejected` with `NO_SUCH_ORDER` when it is gone already: ask what became of it."""
        ...

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        """Position-level stop and target of a perpetual, whole position. "Not modified" is success."""
        ...

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        """What became of an order, asked of open orders, then history; None = on neither, which is no proof of absence."""
        ...

    async def open_orders(self) -> list[OrderReport]:
        """Every open order of the account, in every world."""
        ...

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        """Every execution from `since_ms` (venue time) on, oldest first, paged to the end."""
        ...

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        """The executions of one order from `since_ms` (venue time, when it was made) on, oldest first; 0 = of the last seven days."""
        ...

    async def positions(self) -> list[PositionReport]:
        """Open perpetual positions; empty on spot."""
        ...

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        """The wallet as it stands."""
        ...

    async def rights(self) -> KeyRights:
        """What the key may do."""
        ...

    async def prepare(self, key: str) -> None:
        """Before the first order on an instrument: position mode and leverage read, set and verified (perpetuals), nothing on spot.

        `Rejected` when the venue will not have it, which keeps the instrument from being entered.
        """
        ...

    async def sync_clock(self) -> int:
        """Read the venue's clock, correct signing by it, return our offset in ms."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class CashList(Protocol):
    """What moved an account's cash otherwise than by an order."""

    async def movements(self, since_ms: int) -> list[CashReport]:
        """Every such row of the quote coin from `since_ms` (venue time) on, oldest first, paged to the end. Raises as a `Venue`."""
        ...


class AccountStream(Protocol):
    """The private stream of one account."""

    def items(self) -> AsyncGenerator[AccountItem, None]:
        """Everything it says, for ever; losing it and getting it back are items."""
        ...


BARRED = "barred"
"""`Rejected.code` of our own last look before an order leaves: it was not sent."""
DUPLICATE_ID = "duplicate_id"
"""`Rejected.code` for a client id that the venue has seen: the earlier send succeeded."""
NO_SUCH_ORDER = "no_such_order"
"""`Rejected.code` when an order to change or cancel is gone (or never was)."""
NOTHING_TO_REDUCE = "nothing_to_reduce"
"""`Rejected.code` of a closing order when the position is gone already."""
NO_FUNDS = "no_funds"
BELOW_MINIMUM = "below_minimum"
BAD_KEY = "bad_key"
"""Key unknown, revoked, expired, or without the right."""
NOT_TRADING = "not_trading"
"""The instrument is delisted, paused, or closed to us."""
BAD_PRICE = "bad_price"
"""Trigger or limit on the wrong side of the market, or outside the venue's band."""
BAD_GRID = "bad_grid"
"""Price or size off the venue's grid: its filters have changed."""
