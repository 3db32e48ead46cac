"""What keeps an account from entering, told once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from state.accounts import Account
from state.messages import AccountDown, AccountEvent, AccountUp
from utils.outage import Outages

RECONCILE = "reconcile"
"""The venue's figures have not been read (at start: in force until they have), or not at rest for long."""
STREAM = "stream"
"""The private stream is lost."""
VENUE = "venue"
"""The venue does not answer, or refuses to be read."""
KEYS = "keys"
"""The venue refuses the key."""
RIGHTS = "rights"
"""The key may not do what trading needs, or may do more than it should."""
BANNED = "banned"
"""The venue has shut us out for a time."""
CLOCK = "clock"
"""Our clock jumped against the venue's and has not settled."""
FILTERS = "filters"
"""The venue changed its filters."""
NOT_TRADING = "not_trading"
"""An instrument of ours is paused or delisted."""


class Causes:
    """The causes in force for one account. `venue_now` stamps the events (ms)."""

    def __init__(
        self,
        account: Account,
        emit: Callable[[list[AccountEvent]], None],
        venue_now: Callable[[], int],
        standing: Iterable[str] = (),
    ) -> None:
        """`standing`: causes that the engine was told of by somebody else and that are ended here."""
        self._account = account
        self._emit = emit
        self._venue_now = venue_now
        self._reasons = dict.fromkeys(standing, "")
        self._outages = Outages(account=str(account))

    def down(self, cause: str, reason: str) -> bool:
        """`cause` is in force; True when that is news. A standing cause is not told again, whatever the reason."""
        if cause in self._reasons:
            return False
        self._reasons[cause] = reason
        self._outages.begin(cause, reason)
        self._emit([AccountDown(ts=self._venue_now(), account=self._account, cause=cause, reason=reason)])
        return True

    def up(self, cause: str) -> bool:
        """`cause` is gone; True when it was in force."""
        if cause not in self._reasons:
            return False
        del self._reasons[cause]
        self._outages.over(cause)
        self._emit([AccountUp(ts=self._venue_now(), account=self._account, cause=cause)])
        return True

    def be(self, cause: str, reason: str) -> None:
        """`cause` is in force for `reason`, or gone when that is empty."""
        if reason:
            self.down(cause, reason)
        else:
            self.up(cause)

    def __contains__(self, cause: str) -> bool:
        return cause in self._reasons
