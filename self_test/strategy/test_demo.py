from __future__ import annotations

import pytest

from strategy.base import LONG, SHORT
from strategy.demo import demo_due, demo_side


@pytest.mark.parametrize(
    "now, last, idle, due",
    [(100_000, None, True, True), (100_000, 40_000, True, True), (99_999, 40_000, True, False), (100_000, None, False, False)],
)
def test_every_minute_while_idle(now: int, last: int | None, idle: bool, due: bool) -> None:
    assert demo_due(now, last, idle) is due


def test_spot_is_long_and_perps_alternate() -> None:
    assert [demo_side(k, long_only=True) for k in range(3)] == [LONG, LONG, LONG]
    assert [demo_side(k, long_only=False) for k in range(3)] == [LONG, SHORT, LONG]
