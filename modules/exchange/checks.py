"""What has to be true of an account beside its figures: our clock, the key's rights, the venue's filters.

Each check asks the venue and puts its finding into the account's causes; it raises what asking raises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from modules.exchange import listings, rights
from modules.exchange.causes import CLOCK, FILTERS, NOT_TRADING, RIGHTS, Causes
from modules.ports import Venue
from state.accounts import Account
from state.instruments import Instrument
from utils.errors import Transient
from utils.frames import FrameError

OFFSET_MS = 1_000
"""A clock that moved by more against the venue's is told of."""

Listing = Callable[[], Awaitable[Mapping[str, Instrument]]]
"""Fetches instruments anew, by key: all of ours that are listed still, or FrameError, Transient."""


class Checks:
    """The checks of one account. `instruments`: the filters that the bot goes by; without a `listing` they are not checked."""

    def __init__(
        self,
        account: Account,
        venue: Venue,
        causes: Causes,
        instruments: Mapping[str, Instrument],
        listing: Listing | None,
        *,
        may_withdraw: bool,
    ) -> None:
        self._account = account
        self._venue = venue
        self._causes = causes
        self._instruments = instruments
        self._listing = listing
        self._may_withdraw = may_withdraw
        self._offset_ms = 0

    async def unfit(self) -> str:
        """Why the key is not fit to trade with; empty when it is."""
        found = rights.faults(await self._venue.rights(), self._account.domain, may_withdraw=self._may_withdraw)
        return rights.hold_reason(self._account, found) if found else ""

    async def key(self) -> None:
        """The key's rights."""
        self._causes.be(RIGHTS, await self.unfit())

    async def clock(self) -> None:
        """Sign by the venue's clock; a jump is told, and over once a second look agrees."""
        offset = await self._venue.sync_clock()
        if abs(offset - self._offset_ms) > OFFSET_MS:
            self._offset_ms = offset
            self._causes.down(CLOCK, f"this machine's clock is {offset} ms off the venue's; requests are signed by the venue's")
            if abs(await self._venue.sync_clock() - offset) > OFFSET_MS:
                return
        self._causes.up(CLOCK)

    async def filters(self) -> None:
        """What the venue lists, against what we go by."""
        if self._listing is None:
            return
        try:
            shown = await self._listing()
        except FrameError as error:
            raise Transient(f"the listing cannot be understood: {error}") from error
        changes = "; ".join(listings.changed(self._instruments, shown))
        self._causes.be(FILTERS, changes and f"the venue changed its filters, a restart takes them over: {changes}")
        closed = ", ".join(listings.not_trading(self._instruments, shown))
        self._causes.be(NOT_TRADING, closed and f"paused or delisted: {closed}")
