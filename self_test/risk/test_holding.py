from __future__ import annotations

from risk.holding import due
from self_test.fakes.books import books


def test_the_first_row_that_is_over_its_time_and_not_closing_yet() -> None:
    table = books()
    for i in (0, 1, 2):
        table.hold(i, 50)
        table.pos[i]["opened_ts"], table.pos[i]["max_hold_ms"] = 1_000 * i, 5_000
    pos, inst, acct = table.pos, table.inst, table.acct
    assert due(pos, inst, acct, 4_999, 0) == -1
    assert due(pos, inst, acct, 5_000, 0) == 0
    assert due(pos, inst, acct, 7_000, 1) == 1
    pos[1]["closing"] = 4
    assert due(pos, inst, acct, 7_000, 1) == 2
    assert due(pos, inst, acct, 7_000, 3) == -1


def test_a_halted_account_holds_nothing_any_longer() -> None:
    table = books()
    table.hold(1, 50)
    table.pos[1]["opened_ts"], table.pos[1]["max_hold_ms"] = 0, 10**12
    assert due(table.pos, table.inst, table.acct, 1, 0) == -1
    table.acct[0]["halted"] = 1
    assert due(table.pos, table.inst, table.acct, 1, 0) == 1


def test_a_close_that_was_just_refused_waits_and_comes_again() -> None:
    table = books()
    table.hold(1, 50)
    table.pos[1]["opened_ts"], table.pos[1]["max_hold_ms"], table.pos[1]["close_after"] = 0, 5, 20
    assert due(table.pos, table.inst, table.acct, 19, 0) == -1
    assert due(table.pos, table.inst, table.acct, 20, 0) == 1
