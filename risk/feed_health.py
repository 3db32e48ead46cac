"""Feed health: an entry needs a live feed, an account in order with its venue, a recent bar, a fresh quote and a usual spread.

Source: definitions, "Guardrails".
"""

from __future__ import annotations

from risk.facts import MINUTE_MS, Facts, Health, Told
from risk.rules import Rule

BAR_GRACE_MS = 30_000
"""The newest closed bar may be one confirm bar and this much old (venue time)."""


def check(health: Health) -> Rule:
    """The first thing that is wrong with what the bot sees of the market and of the account; OK when nothing is."""
    if not health.feed_up:
        return Rule.FEED_DOWN
    if health.account_held:
        return Rule.ACCOUNT_HELD
    if health.bar_age_ms > health.confirm_ms + BAR_GRACE_MS:
        return Rule.STALE_BAR
    if not health.quote_needed:
        return Rule.OK
    quote = health.quote
    if quote is None or quote.crossed:
        return Rule.STALE_QUOTE
    if health.spread_median > 0 and quote.ask - quote.bid > health.max_spread_ratio * health.spread_median:
        return Rule.WIDE_SPREAD
    return Rule.OK


def _spread(facts: Facts) -> str:
    health = facts.health
    now = health.quote.ask - health.quote.bid if health.quote is not None else 0
    return f"{now} ticks, median {health.spread_median:.1f}, limit {health.max_spread_ratio:g} times that"


TOLD = {
    Rule.FEED_DOWN: Told("the market feed is down", lambda facts: facts.health.feed_reason),
    Rule.ACCOUNT_HELD: Told("the account is not in order with its venue; entries return when it is", lambda facts: facts.health.held_by),
    Rule.STALE_BAR: Told("the last closed bar is too old", lambda facts: f"closed {facts.health.bar_age_ms / MINUTE_MS:.1f} minutes ago"),
    Rule.STALE_QUOTE: Told("the last quote is too old"),
    Rule.WIDE_SPREAD: Told("the spread is far above its median", _spread),
}
