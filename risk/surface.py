"""Surface: an option is entered only while a volatility surface prices it that is no older than a trading day; exits never wait for one.

Source: the mission's stage 4; how age is counted is in `forex/options_surface.py`, who looks is the engine.
"""

from __future__ import annotations

from risk.facts import MINUTE_MS, Facts, Health, Told
from risk.rules import Rule

HOUR_MS = 60 * MINUTE_MS


def check(health: Health) -> Rule:
    """What is wrong with the surface that the entry would be priced with; OK where nothing is, or none is needed."""
    if health.surface_missing:
        return Rule.NO_SURFACE
    return Rule.STALE_SURFACE if health.surface_age_ms > health.surface_limit_ms else Rule.OK


def _figure(facts: Facts) -> str:
    health = facts.health
    return f"quoted {health.surface_age_ms / HOUR_MS:.1f} hours of trading ago, limit {health.surface_limit_ms / HOUR_MS:g}"


TOLD = {
    Rule.NO_SURFACE: Told("no volatility surface prices this option; it is entered again when one is quoted for its pair and expiry"),
    Rule.STALE_SURFACE: Told("the volatility surface is too old; entries return with the next one that is quoted", _figure),
}
