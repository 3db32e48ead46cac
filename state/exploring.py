"""Exploration with real money in one domain: whether a person has switched it on, and what its closed trades have made, day by day."""

from __future__ import annotations

import msgspec

DAY_MS = 86_400_000
MONTH_DAYS = 30


class LiveTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One domain's. What was lost stays counted when it is switched off and on again."""

    on: bool = False
    since_ts: int = 0
    """When it was last switched, venue ms."""
    days: dict[int, int] = {}
    """UTC day (days since 1970) -> net result of the explored live trades that were closed on it, money units; of the last 30 days."""

    def lost(self, ts: int, days: int) -> int:
        """What they have lost in the last `days` UTC days, that of `ts` included (money units); never below 0."""
        first = ts // DAY_MS - days + 1
        return max(0, -sum(net for day, net in self.days.items() if day >= first))

    def booked(self, ts: int, net: int) -> LiveTrial:
        """With one more closed trade; days that no budget looks at any more are dropped."""
        today = ts // DAY_MS
        days = {day: units for day, units in self.days.items() if day > today - MONTH_DAYS}
        return msgspec.structs.replace(self, days=days | {today: days.get(today, 0) + net})
