"""Every reason for which an entry is refused, by number for the kernels and by name for people; its words stand beside its rule."""

from __future__ import annotations

from enum import IntEnum


class Rule(IntEnum):
    """0 is no objection; the names are what status, logs and metrics show."""

    OK = 0
    HALTED = 1
    DRAWDOWN = 2
    DAILY_LOSS = 3
    COOLDOWN = 4
    POSITION_OPEN = 5
    SIDE_NOT_ALLOWED = 6
    STOP_TOO_WIDE = 7
    COST_TOO_HIGH = 8
    PAIR_LIMIT = 9
    PORTFOLIO_LIMIT = 10
    THIN_MARKET = 11
    NO_BALANCE = 12
    BELOW_MIN_ORDER = 13
    PAUSED = 15
    FEED_DOWN = 16
    STALE_QUOTE = 17
    STALE_BAR = 18
    WIDE_SPREAD = 19
    NOT_ALLOWED_HERE = 20
    BAD_PLAN = 21
    ACCOUNT_HELD = 22
    WEEKEND = 23
    DAILY_BREAK = 24
    POLICY_SKIP = 25
    NO_OBSERVATION = 26
    SENTIMENT = 27
    PRICE_JUMP = 28
    LIQUIDATION_NEAR = 29
    NO_CONVERSION = 30
    PAIR_GROSS = 31
    ACCOUNT_GROSS = 32
    CURRENCY_LIMIT = 33
    SWITCHED_OFF = 34
    NO_SURFACE = 35
    STALE_SURFACE = 36

    @property
    def label(self) -> str:
        """The rule as written in reports: lower case."""
        return self.name.lower()
