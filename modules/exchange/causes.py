"""What keeps an account from entering, told once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from state.accounts import Account
from state.messages import AccountDown, AccountEvent, AccountUp


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

    def down(self, cause: str, reason: str) -> bool:
        """`cause` is in force; True when that is news. A standing cause is not told again, whatever the reason."""
        if cause in self._reasons:
            return False
        self._reasons[cause] = reason
        self._emit([AccountDown(ts=self._venue_now(), account=self._account, cause=cause, reason=reason)])
        return True

    def up(self, cause: str) -> bool:
        """`cause` is gone; True when it was in force."""
        if cause not in self._reasons:
            return False
        del self._reasons[cause]
        self._emit([AccountUp(ts=self._venue_now(), account=self._account, cause=cause)])
        return True

    def __contains__(self, cause: str) -> bool:
        return cause in self._reasons
