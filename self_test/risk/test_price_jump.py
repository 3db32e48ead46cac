from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from risk.price_jump import jumped

MOVES = st.floats(0.0, 1_000.0)


@given(MOVES, MOVES, st.floats(0.1, 100.0))
def test_a_farther_move_is_refused_whenever_a_nearer_one_is(one: float, other: float, limit: float) -> None:
    near, far = sorted((one, other))
    assert jumped(far, limit) >= jumped(near, limit)
    assert not jumped(limit, limit) and jumped(limit * 1.01, limit)


@given(MOVES)
def test_without_a_limit_nothing_is_refused(move: float) -> None:
    assert not jumped(move, 0.0)
