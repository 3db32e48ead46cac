"""Who is logged in, and how often one may try: pure rules over sessions and failed log-ins. Times are transport time in ms, arguments.

A session is 256 random bits in the browser and their hash here; its second secret, the CSRF token, is written into every form. Both are
compared in constant time. Failed log-ins cost time: per address after the fifth, doubling up to 15 minutes, and for everybody together
after the thirtieth within a minute, so that neither one address nor a thousand of them can guess on.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable

import msgspec

HOUR_MS = 3_600_000
IDLE_MS = 12 * HOUR_MS
LONGEST_MS = 7 * 24 * HOUR_MS
MOST_SESSIONS = 16
FREE_TRIES = 5
FIRST_WAIT_MS, LONGEST_WAIT_MS = 2_000, 15 * 60_000
FORGET_MS = HOUR_MS
"""An address that has not failed for so long starts afresh."""
TOGETHER, TOGETHER_MS = 30, 60_000
MOST_ADDRESSES = 1_000


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ; an empty secret equals nothing."""
    one, two = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted))
    return hmac.compare_digest(one, two) and wanted != ""


class Session(msgspec.Struct, frozen=True):
    """Somebody who has logged in."""

    person: str
    """What a two-step confirm is bound to: names the session, opens nothing."""
    csrf: str
    born_ts: int
    seen_ts: int


class Sessions:
    """Those logged in, the longest unseen forgotten first when there are too many."""

    def __init__(self) -> None:
        self._by_hash: dict[bytes, Session] = {}

    def open(self, secret: str, csrf: str, ts: int) -> Session:
        """A new session for the browser that is given `secret`."""
        name = _hashed(secret)
        found = self._by_hash[name] = Session(person=name.hex()[:12], csrf=csrf, born_ts=ts, seen_ts=ts)
        while len(self._by_hash) > MOST_SESSIONS:
            del self._by_hash[min(self._by_hash, key=lambda one: self._by_hash[one].seen_ts)]
        return found

    def find(self, secret: str, ts: int) -> Session | None:
        """The session of a cookie, seen now; None for none, one left alone for 12 h, or one older than a week."""
        if not secret:
            return None
        name = _hashed(secret)
        found = self._by_hash.get(name)
        if found is None:
            return None
        if not (0 <= ts - found.seen_ts < IDLE_MS and ts - found.born_ts < LONGEST_MS):
            del self._by_hash[name]
            return None
        found = self._by_hash[name] = msgspec.structs.replace(found, seen_ts=ts)
        return found

    def close(self, secret: str) -> None:
        """Log out; nothing happens to whoever was not logged in."""
        self._by_hash.pop(_hashed(secret), None)

    def __len__(self) -> int:
        return len(self._by_hash)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Tries:
    """Failed log-ins: how long an address has to wait, how many there were, and who is told of them."""

    def __init__(self, tell: Callable[[str, int], None] = lambda _address, _count: None) -> None:
        """`tell` hears of the first of a burst and, while it lasts, every hour: an address and how many there were since it last heard."""
        self.wrong = 0
        """Wrong tokens so far, for metrics."""
        self._tell, self._told_ts, self._untold = tell, -FORGET_MS, 0
        self._failed: dict[str, tuple[int, int]] = {}
        """Address -> (failures, time of the last one)."""
        self._together: deque[int] = deque(maxlen=TOGETHER)

    def wait_ms(self, address: str, ts: int) -> int:
        """How long `address` has to wait before a try is looked at; 0: not at all."""
        failures, last = self._failed.get(address, (0, 0))
        own = 0
        if failures >= FREE_TRIES and ts - last < FORGET_MS:
            own = last + min(FIRST_WAIT_MS << min(failures - FREE_TRIES, 20), LONGEST_WAIT_MS) - ts
        full = len(self._together) == TOGETHER
        everybody = self._together[0] + TOGETHER_MS - ts if full else 0
        return max(0, own, everybody)

    def failed(self, address: str, ts: int) -> None:
        """`address` gave a wrong token."""
        failures, last = self._failed.pop(address, (0, 0))
        self._failed[address] = (1 if ts - last >= FORGET_MS else failures + 1, ts)
        while len(self._failed) > MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        self._together.append(ts)
        self.wrong += 1
        self._untold += 1
        if not 0 <= ts - self._told_ts < FORGET_MS:
            self._tell(address, self._untold)
            self._told_ts, self._untold = ts, 0

    def succeeded(self, address: str) -> None:
        """`address` knew the token: its failures are forgotten."""
        self._failed.pop(address, None)
