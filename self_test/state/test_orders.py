from __future__ import annotations

import pytest

from self_test.fakes.books import SPOT
from state.orders import FINAL, TRANSITIONS, Order, OrderState
from utils.errors import Invariant

S = OrderState
TABLE = {
    # from: to NEW, IN_FLIGHT, OPEN, PARTIAL, FILLED, CANCELLED, REJECTED, UNKNOWN
    S.NEW: "-x------",
    S.IN_FLIGHT: "--xxxxxx",
    S.OPEN: "---xxx-x",
    S.PARTIAL: "---xxx-x",
    S.FILLED: "--------",
    S.CANCELLED: "--------",
    S.REJECTED: "--------",
    S.UNKNOWN: "--xxxxx-",
}


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("after", list(S))
def test_every_pair_is_allowed_or_an_invariant(before: OrderState, after: OrderState) -> None:
    order = Order(order_id="x", account=SPOT, key="CRYPTO:AAAUSDT", entry=True, steps=10, filled=3, state=before)
    if TABLE[before][list(S).index(after)] == "x":
        moved = order.to(after)
        assert (moved.state, moved.filled) == (after, 3)
        assert order.to(after, 7).filled == 7
    else:
        with pytest.raises(Invariant, match=f"{before} cannot become {after}"):
            order.to(after)


def test_final_states_are_those_that_nothing_follows() -> None:
    assert {S.FILLED, S.CANCELLED, S.REJECTED} == FINAL
    assert set(TRANSITIONS) == set(S)
    for state in S:
        assert Order(order_id="x", account=SPOT, key="k", entry=True, steps=1, state=state).done == (state in FINAL)
