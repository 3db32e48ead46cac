from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.stop_cap import too_wide
from self_test.fakes.books import books
from strategy.base import C1, C3


@given(st.sampled_from((C1, C3)), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_stop_is_refused_whenever_a_nearer_one_is(s: int, one: float, other: float) -> None:
    rules = books().rules
    assert too_wide(rules, s, min(one, other)) <= too_wide(rules, s, max(one, other))


@pytest.mark.parametrize("s, cap", [(C1, 0.08), (C3, 0.03)])
def test_exactly_the_cap_is_allowed(s: int, cap: float) -> None:
    rules = books().rules
    assert not too_wide(rules, s, cap) and too_wide(rules, s, cap + 1e-9)
