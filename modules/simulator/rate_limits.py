"""How often anyone may ask: a rolling second per account and endpoint, and a rolling five seconds per address (bybit_v5 §10).

Refused requests are not counted. All times are wall time in ms.
"""

from __future__ import annotations

from collections import deque

import msgspec

WINDOW_MS = 1000
SOONEST_MS = 100
"""A reset that is told lies at least so far ahead: clients subtract their own clock from it on arrival and die of a negative wait."""
IP_LIMIT = 600
IP_WINDOW_MS = 5000
BAN_MS = 600_000
MOST_ADDRESSES = 10_000


class Grant(msgspec.Struct, frozen=True):
    """What is left of a budget after a request; `granted` < asked means that the rest is over the limit."""

    limit: int
    left: int
    reset_ms: int
    """When something is free again if exceeded, else now."""
    granted: int

    def headers(self) -> dict[str, str]:
        """The X-Bapi-Limit headers."""
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class RateLimits:
    """Budgets of accounts and addresses. `scale` multiplies the budgets of accounts; `ip_limit` 0 = addresses are not counted."""

    def __init__(self, *, scale: int = 1, ip_limit: int = IP_LIMIT) -> None:
        self._scale = scale
        self._ip_limit = ip_limit
        self._spent: dict[tuple[str, str], deque[int]] = {}
        self._visits: dict[str, deque[int]] = {}
        self._banned: dict[str, int] = {}

    def take(self, uid: str, budget: str, per_second: int, wall_ms: int, count: int = 1) -> Grant:
        """Spend up to `count` of a budget, e.g. ("7", "/v5/order/create linear", 10)."""
        limit = per_second * self._scale
        spent = self._spent.setdefault((uid, budget), deque())
        while spent and not wall_ms - WINDOW_MS < spent[0] <= wall_ms:  # what lies ahead was counted before the clock went back
            spent.popleft()
        granted = min(count, limit - len(spent))
        spent.extend([wall_ms] * granted)
        free = spent[0] + WINDOW_MS if granted < count and spent else wall_ms
        reset = wall_ms if granted == count else max(free, wall_ms + SOONEST_MS)
        return Grant(limit, limit - len(spent), reset, granted)

    def visit(self, address: str, wall_ms: int) -> bool:
        """Count a request of an address; False while it is banned (ten minutes from the request that was too much)."""
        if not self._ip_limit:
            return True
        if self._banned.get(address, 0) > wall_ms:
            return False
        self._banned.pop(address, None)
        visits = self._visits.setdefault(address, deque())
        while visits and not wall_ms - IP_WINDOW_MS < visits[0] <= wall_ms:
            visits.popleft()
        if len(visits) >= self._ip_limit:
            self._banned[address] = wall_ms + BAN_MS
            del self._visits[address]
            return False
        visits.append(wall_ms)
        if len(self._visits) > MOST_ADDRESSES:
            self._visits = {name: seen for name, seen in self._visits.items() if seen and seen[-1] > wall_ms - IP_WINDOW_MS}
        return True
