from __future__ import annotations

import pytest

from risk.facts import Facts, Health
from risk.gate import refusal
from risk.rules import Rule
from risk.surface import check
from self_test.fakes.books import books
from self_test.risk.test_gate import NOW, book

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    "health, rule",
    [
        (Health(), Rule.OK),  # everything that is no option
        (Health(surface_age_ms=DAY_MS, surface_limit_ms=DAY_MS), Rule.OK),
        (Health(surface_age_ms=DAY_MS + 1, surface_limit_ms=DAY_MS), Rule.STALE_SURFACE),
        (Health(surface_missing=True), Rule.NO_SURFACE),
        (Health(surface_missing=True, surface_age_ms=2 * DAY_MS, surface_limit_ms=DAY_MS), Rule.NO_SURFACE),
    ],
)
def test_an_option_needs_a_surface_that_is_no_older_than_its_limit(health: Health, rule: Rule) -> None:
    assert check(health) is rule


def test_a_refusal_says_how_old_it_is_and_what_ends_it() -> None:
    health = Health(surface_age_ms=int(1.5 * DAY_MS), surface_limit_ms=DAY_MS)
    facts = Facts(book=book(books()), health=health, instrument=books().instruments[0], ts=NOW)
    reason = refusal(Rule.STALE_SURFACE, facts).reason
    assert "36.0 hours of trading ago, limit 24" in reason and "entries return with the next one" in reason
    assert "entered again when one is quoted" in refusal(Rule.NO_SURFACE, facts).reason
