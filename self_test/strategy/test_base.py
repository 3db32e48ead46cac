from __future__ import annotations

import pytest

from strategy.base import C1, C2, C3, C4, LONG, NONE, SHORT, beyond, side_of


@pytest.mark.parametrize(
    "side, price, past", [(LONG, 101.0, True), (LONG, 100.0, False), (SHORT, 99.0, True), (SHORT, 100.0, False), (SHORT, 101.0, False)]
)
def test_beyond_is_strict(side: int, price: float, past: bool) -> None:
    assert beyond(side, price, 100.0) is past


def test_a_code_holds_two_bits_a_strategy() -> None:
    code = LONG << 2 * C1 | SHORT << 2 * C3 | LONG << 2 * C4
    assert [side_of(code, s) for s in (C1, C2, C3, C4)] == [LONG, NONE, SHORT, LONG]
