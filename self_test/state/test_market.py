from __future__ import annotations

import pytest

from state.market import Quote


@pytest.mark.parametrize(
    "bid, ask, crossed", [(100, 101, False), (100, 100, True), (101, 100, True), (0, 5, True), (-1, 5, True), (1, 2, False)]
)
def test_a_book_no_venue_can_show_is_crossed(bid: int, ask: int, crossed: bool) -> None:
    assert Quote("CRYPTO:AAAUSDT", 0, bid, ask, 1, 1).crossed == crossed
