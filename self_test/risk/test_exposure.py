from __future__ import annotations

from decimal import Decimal

import pytest

from risk.exposure import gross, utilisation
from self_test.fakes.books import books
from state.books import PENDING
from utils.fixed import MONEY_SCALE


def test_open_and_waiting_notional_per_pair_and_in_all() -> None:
    table = books()
    table.hold(0, 50)
    table.hold(1, 100)
    table.pos[1]["status"], table.pos[1]["working"], table.pos[1]["steps"] = PENDING, table.pos[1]["steps"], 0
    assert gross(table.pos, table.inst, 0) == {0: Decimal(50), 1: Decimal(100)}
    assert gross(table.pos, table.inst, 1) == {}
    assert utilisation(table.pos, table.inst, table.acct, 0) == pytest.approx(0.15)


@pytest.mark.parametrize("equity", [0, -5])
def test_no_equity_is_no_utilisation(equity: int) -> None:
    table = books()
    table.hold(0, 50)
    table.acct[0]["equity"] = equity * MONEY_SCALE
    assert utilisation(table.pos, table.inst, table.acct, 0) == 0.0
