from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.cost_gate import too_costly
from self_test.fakes.books import books
from strategy.base import C1, C3, DEMO

PART = st.floats(1e-6, 1.0)


@given(st.sampled_from((C1, C3, DEMO)), PART, PART, PART)
def test_a_dearer_trade_is_refused_whenever_a_cheaper_one_is(s: int, distance: float, one: float, other: float) -> None:
    rules = books().rules
    assert too_costly(rules, s, distance, min(one, other)) <= too_costly(rules, s, distance, max(one, other))


@given(st.sampled_from((C1, C3)), PART, PART, PART)
def test_a_farther_stop_bears_whatever_a_nearer_one_bears(s: int, cost: float, one: float, other: float) -> None:
    rules = books().rules
    assert too_costly(rules, s, max(one, other), cost) <= too_costly(rules, s, min(one, other), cost)


@given(st.sampled_from((C1, C3)), PART, PART)
def test_it_is_the_share_of_the_stop_against_the_strategys_limit(s: int, distance: float, cost: float) -> None:
    limit = {C1: 0.15, C3: 0.20}[s]
    assert too_costly(books().rules, s, distance, cost) == (cost / distance > limit)


@pytest.mark.parametrize("s, cost, expected", [(C1, 0.0, True), (DEMO, 0.0, True), (C1, 0.001, True)])
def test_a_stop_at_no_distance_bears_nothing(s: int, cost: float, expected: bool) -> None:
    assert too_costly(books().rules, s, 0.0, cost) is expected


def test_the_demo_is_not_asked() -> None:
    assert not too_costly(books().rules, DEMO, 0.01, 0.5)
