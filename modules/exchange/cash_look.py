"""The venue's list of cash movements, read by cursor: what is new in it is told before the reading that would judge the balance.

It is asked for when the wallet shows what the book does not explain, and every few minutes; never longer than a moment, because a
reading waits for it. What cannot be read explains nothing: then the reading is judged as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from decimal import ROUND_FLOOR, Decimal

from modules.exchange.convert import money_up
from modules.exchange.reports import CashReport
from modules.ports import CashList
from state.accounts import Account
from state.messages import AccountEvent, CashMoved, FundingPaid
from state.transfers import OVERLAP_MS, CashLog
from utils.clock import SECOND, Clock
from utils.errors import Rejected, Transient
from utils.fixed import money_units
from utils.outage import Outages

MOVEMENTS = "cash movements"
"""What is out while their list cannot be read."""

EVERY_S = 300.0
"""Transport time between two looks at a wallet that agrees: keeps short what has to be read."""
PATIENCE_S = 1.5
"""Transport time that a reading waits for the list."""
GRID = Decimal(1).scaleb(-10)


class CashLook:
    """The list of one account's wallet. `differs` says whether a balance of the quote coin is other than the book explains."""

    def __init__(
        self,
        account: Account,
        venue: CashList,
        emit: Callable[[list[AccountEvent]], None],
        clock: Clock,
        venue_now: Callable[[], int],
        differs: Callable[[Decimal], bool],
        *,
        told: CashLog | None = None,
        sharing: tuple[Account, ...] = (),
        own_deposits: bool = False,
        traded: Container[str] = (),
    ) -> None:
        """`told`: what was told in earlier lives; `sharing`: the bot's other accounts in the wallet; `own_deposits`: as `CashMoved.own`.

        `traded`: keys of the instruments whose funding is the bot's.
        """
        self._account, self._venue, self._emit, self._clock, self._now = account, venue, emit, clock, venue_now
        self._differs, self.sharing, self._own = differs, sharing, own_deposits
        self._traded = traded
        self._outages = Outages(account=str(account))
        self._seen: dict[str, int] = {} if told is None else dict(told.seen)
        self._since = 0 if told is None else told.since
        self.cursor = 0 if told is None else told.cursor
        """Every row before this venue time (ms) has been told; 0 until the venue's time is known."""
        self._looked_ns = clock.monotonic_ns()

    async def news(self, cash: Decimal) -> bool:
        """Look where it is due, seen a wallet of `cash`; True when rows were told that this `cash` may not contain yet."""
        if not self.cursor:
            self.cursor = self._since = self._now()
        if not self._differs(cash) and self._clock.monotonic_ns() - self._looked_ns < EVERY_S * SECOND:
            return False
        before = self._now()
        try:
            async with asyncio.timeout(PATIENCE_S):
                rows = await self._venue.movements(max(self._since, self.cursor - OVERLAP_MS))
        except (Rejected, Transient, TimeoutError) as error:
            self._outages.begin(MOVEMENTS, str(error) or "no answer in time")
            return False
        self._outages.over(MOVEMENTS)
        self._looked_ns = self._clock.monotonic_ns()
        ours = [row for row in rows if not row.key or row.key in self._traded]
        fresh = [row for row in ours if row.ts > self._since and row.ref not in self._seen]
        self._seen |= {row.ref: row.ts for row in fresh}
        self._emit([self._event(row) for row in fresh])
        self.cursor = max(self.cursor, before)
        self._seen = {ref: ts for ref, ts in self._seen.items() if ts >= self.cursor - 2 * OVERLAP_MS}
        return bool(fresh)

    def _event(self, row: CashReport) -> AccountEvent:
        if row.key:
            return FundingPaid(row.ts, self._account, row.key, money_up(-row.amount), row.ref)
        units = money_units(row.amount.quantize(GRID, rounding=ROUND_FLOOR))
        return CashMoved(row.ts, self._account, units, row.kind, row.ref, self._own and units > 0, self.sharing)
