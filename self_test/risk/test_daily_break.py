from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from risk.admission import standing
from risk.daily_break import resting
from risk.facts import Facts, Health
from risk.gate import refusal
from risk.rules import Rule
from self_test.fakes.books import books
from self_test.risk.test_gate import book
from strategy.base import C1

MINUTE = 60_000
TIMES = st.integers(1, 10**13)


@given(TIMES, TIMES, TIMES)
def test_it_rests_from_the_first_moment_to_before_the_last(one: int, other: int, ts: int) -> None:
    table = books()
    row = table.inst[0]
    row["rest_ts"], row["rest_until"] = sorted((one, other))
    inside = min(one, other) <= ts < max(one, other)
    assert resting(table.inst, 0, ts) == inside
    found = standing(table.pos, table.inst, table.acct, table.rules, table.limits, 0, C1, 1, ts)
    assert found == (Rule.DAILY_BREAK if inside else Rule.OK)


@given(TIMES)
def test_a_market_without_a_session_never_rests(ts: int) -> None:
    assert not resting(books().inst, 0, ts)


def test_the_refusal_says_for_how_long() -> None:
    table = books()
    table.inst[0]["rest_until"] = 20 * MINUTE
    facts = Facts(book=book(table), health=Health(), instrument=table.instruments[0], ts=8 * MINUTE)
    assert refusal(Rule.DAILY_BREAK, facts).reason.endswith("(for 12 more minutes)")
