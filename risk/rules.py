"""Every reason for which an entry is refused, by number for the kernels and by name for people."""

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

    @property
    def label(self) -> str:
        """The rule as written in reports: lower case."""
        return self.name.lower()


REMEDY = {
    Rule.HALTED: "the account is halted until a person resumes it",
    Rule.DRAWDOWN: "drawdown stop reached; entries stay off until a reset",
    Rule.DAILY_LOSS: "today's loss limit is used up; entries return at 00:00 UTC",
    Rule.COOLDOWN: "pausing after a run of losses",
    Rule.POSITION_OPEN: "there is already a position or an order on it",
    Rule.SIDE_NOT_ALLOWED: "this account cannot be short",
    Rule.STOP_TOO_WIDE: "the stop would be farther away than the cap",
    Rule.COST_TOO_HIGH: "fees, spread and slippage are too large against the stop distance",
    Rule.PAIR_LIMIT: "the pair's share of equity is used up",
    Rule.PORTFOLIO_LIMIT: "the portfolio's share of equity is used up",
    Rule.THIN_MARKET: "too large for what usually trades in five minutes",
    Rule.NO_BALANCE: "not enough free balance",
    Rule.BELOW_MIN_ORDER: "smaller than the venue accepts, at entry or at the stop",
    Rule.PAUSED: "entries are paused by the operator",
    Rule.FEED_DOWN: "the market feed is down",
    Rule.STALE_QUOTE: "the last quote is too old",
    Rule.STALE_BAR: "the last closed bar is too old",
    Rule.WIDE_SPREAD: "the spread is far above its median",
    Rule.NOT_ALLOWED_HERE: "this strategy does not trade this account",
    Rule.ACCOUNT_HELD: "the account is not in order with its venue; entries return when it is",
    Rule.BAD_PLAN: "stop and target do not lie on the right sides of the price",
}
"""What a refusal means, in one clause."""
