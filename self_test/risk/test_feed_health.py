from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from risk.facts import Health
from risk.feed_health import check
from risk.rules import Rule
from state.market import Quote

M5 = 300_000
QUOTE = Quote("CRYPTO:AAAUSDT", 1, 9_999, 10_001, 50, 50)
FINE = Health(quote=QUOTE, quote_needed=True, spread_median=2.0, confirm_ms=M5, bar_age_ms=0)
TICKS = st.integers(1, 100_000)
AGES = st.integers(0, 3 * M5)


@given(TICKS, TICKS, st.floats(0, 1_000), st.floats(1, 10))
def test_a_quote_is_judged_the_same_from_both_sides(bid: int, ask: int, median: float, ratio: float) -> None:
    """Seen in the mirror (prices counted down from 100,001) bid and ask change places; nothing else may change."""
    health = msgspec.structs.replace(FINE, spread_median=median, max_spread_ratio=ratio, quote=Quote("k", 1, bid, ask, 5, 5))
    mirrored = msgspec.structs.replace(health, quote=Quote("k", 1, 100_001 - ask, 100_001 - bid, 5, 5))
    assert check(health) is check(mirrored)


@given(TICKS, TICKS, TICKS, st.floats(0, 1_000))
def test_a_wider_spread_is_refused_whenever_a_narrower_one_is(bid: int, one: int, other: int, median: float) -> None:
    found = [
        check(msgspec.structs.replace(FINE, spread_median=median, quote=Quote("k", 1, bid, bid + spread, 5, 5))) is Rule.OK
        for spread in sorted((one, other))
    ]
    assert found[0] >= found[1]


@given(AGES, AGES)
@example(0, M5 + 30_000)
@example(0, M5 + 30_001)
def test_an_older_bar_is_refused_whenever_a_newer_one_is(one: int, other: int) -> None:
    found = [check(msgspec.structs.replace(FINE, bar_age_ms=age)) for age in sorted((one, other))]
    assert (found[0] is Rule.OK) >= (found[1] is Rule.OK)
    assert (found[1] is Rule.OK) == (max(one, other) <= M5 + 30_000)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_every_one_of_the_conditions_is_needed(up: bool, held: bool, late: bool, quoted: bool, wide: bool) -> None:
    """The market is judged the same in whatever order things fail: all well, or not."""
    quote = Quote("k", 1, 9_990, 10_010, 5, 5) if wide else QUOTE
    health = msgspec.structs.replace(
        FINE, feed_up=up, account_held=held, bar_age_ms=M5 + 30_001 if late else 0, quote=quote if quoted else None
    )
    assert (check(health) is Rule.OK) == (up and not held and not late and quoted and not wide)


@pytest.mark.parametrize("health", [{"quote": None}, {"quote": Quote("k", 1, 9_000, 11_000, 5, 5)}])
def test_over_bars_there_are_no_quotes_to_judge(health: dict[str, Quote | None]) -> None:
    assert check(msgspec.structs.replace(FINE, quote_needed=False, **health)) is Rule.OK
