from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from risk.holding import BY_TIME, due
from risk.max_hold import over
from self_test.fakes.books import books


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_once_over_it_stays_over(opened: int, most: int, one: int, other: int) -> None:
    table = books()
    table.hold(0, 50)
    table.pos[0]["opened_ts"], table.pos[0]["max_hold_ms"] = opened, most
    found = [over(table.pos, 0, opened + held) for held in sorted((one, other))]
    assert found == [held >= most for held in sorted((one, other))]


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=30), st.integers(1, 20_000))
def test_it_is_asked_for_exactly_once(steps: list[int], most: int) -> None:
    table, ts, asked = books(), 0, 0
    table.hold(0, 50)
    table.pos[0]["max_hold_ms"] = most
    for step in steps:
        ts += step
        i, why = due(table.pos, table.inst, table.acct, table.limits, ts, 0)
        if i >= 0:
            assert (i, why) == (0, BY_TIME) and ts >= most
            asked += 1
            table.pos[0]["closing"] = why
    assert asked == (ts >= most)
