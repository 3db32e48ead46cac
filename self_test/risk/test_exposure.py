from __future__ import annotations

from risk.exposure import account_gross
from self_test.fakes.books import books
from state.books import PENDING
from utils.fixed import MONEY_SCALE


def test_open_and_waiting_notional_of_an_account_count_together() -> None:
    table = books()
    table.hold(0, 50)
    table.hold(1, 100)
    table.pos[1]["status"], table.pos[1]["working"], table.pos[1]["steps"] = PENDING, table.pos[1]["steps"], 0
    assert account_gross(table.pos, table.inst, 0) == 150 * MONEY_SCALE
    assert account_gross(table.pos, table.inst, 1) == 0
