from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from risk.holding import BY_HALT, BY_TIME, BY_WEEKEND, NOT_YET, bar_closed, bars_closed, due
from risk.weekend import WEEKLY
from self_test.fakes.books import Books, books
from state.books import FLAT
from state.intents import ExitReason
from state.runtime import REASONS


def ask(table: Books, ts: int, first: int = 0) -> tuple[int, int]:
    i, why = due(table.pos, table.inst, table.acct, table.limits, ts, first)
    return int(i), int(why)


def test_the_first_row_that_is_over_its_time_and_not_closing_yet() -> None:
    table = books()
    for i in (0, 1, 2):
        table.hold(i, 50)
        table.pos[i]["opened_ts"], table.pos[i]["max_hold_ms"] = 1_000 * i, 5_000
    assert ask(table, 4_999) == (-1, NOT_YET)
    assert ask(table, 5_000) == (0, BY_TIME)
    assert ask(table, 7_000, 1) == (1, BY_TIME)
    table.pos[1]["closing"] = 4
    assert ask(table, 7_000, 1) == (2, BY_TIME)
    assert ask(table, 7_000, 3) == (-1, NOT_YET)


def test_a_halted_account_holds_nothing_any_longer() -> None:
    table = books()
    table.hold(1, 50)
    table.pos[1]["opened_ts"], table.pos[1]["max_hold_ms"] = 0, 10**12
    assert ask(table, 1) == (-1, NOT_YET)
    table.acct[0]["halted"] = 1
    assert ask(table, 1) == (1, BY_HALT)


def test_a_close_that_was_just_refused_waits_and_comes_again() -> None:
    table = books()
    table.hold(1, 50)
    table.pos[1]["opened_ts"], table.pos[1]["max_hold_ms"], table.pos[1]["close_after"] = 0, 5, 20
    assert ask(table, 19) == (-1, NOT_YET)
    assert ask(table, 20) == (1, BY_TIME)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_halt_comes_before_weekend_before_time_and_nothing_flat_is_closed(held: bool, halted: bool, week: bool, over: bool) -> None:
    table = books()
    if held:
        table.hold(0, 50)
    table.acct[0]["halted"] = halted
    table.pos[0]["opened_ts"], table.pos[0]["max_hold_ms"] = 10**10, 0 if over else 10**12
    table.inst[0]["session"], table.inst[0]["open_ts"], table.inst[0]["close_ts"] = WEEKLY, 10**9, 10**10 + 60_000 if week else 10**11
    why = BY_HALT if halted else BY_WEEKEND if week else BY_TIME if over else NOT_YET
    assert ask(table, 10**10) == ((0, why) if held and why else (-1, NOT_YET))
    assert (table.pos[0]["status"] != FLAT) == held


def test_the_codes_are_those_of_the_reasons() -> None:
    found = [REASONS[code - 1] for code in (BY_TIME, BY_HALT, BY_WEEKEND)]
    assert found == [ExitReason.MAX_HOLD, ExitReason.HALT, ExitReason.WEEKEND]


def test_a_bar_of_a_market_without_a_session_only_trails() -> None:
    table = books()
    table.hold(0, 50)
    row = table.pos[0]
    row["atr"], row["trail_k"] = 50.0, 12.0
    assert bar_closed(table.pos, table.inst, table.rules, table.limits, 0, 10**9, 11_000, 9_990, 10_900) == 1
    assert int(row["stop"]) == 11_000 - 600
    assert bar_closed(table.pos, table.inst, table.rules, table.limits, 0, 10**9, 10_950, 10_900, 10_900) == 0


def test_bars_that_come_together_stop_at_each_stop_that_moved() -> None:
    alone, together = books(), books()
    for table in (alone, together):
        for i in (0, 1, 2):
            table.hold(i, 50)
            row = table.pos[i]
            row["side"], row["stop"], row["initial_stop"], row["extreme"], row["atr"], row["trail_k"] = 1, 900, 900, 1_000, 10.0, 4.0
            row["risk"] = 100
        table.pos[1]["stop"] = 959  # a tick from where it would trail to: not worth a request
    bars = [(0, 60_000, 1_200, 1_100, 1_190, 0), (1, 60_000, 1_000, 990, 995, 993), (2, 60_000, 1_300, 1_200, 1_290, 1_280)]
    moved = []
    for i, ts, high, low, close, mark in bars:
        if bar_closed(alone.pos, alone.inst, alone.rules, alone.limits, i, ts, high, low, close):
            moved.append(i)
        alone.pos[i]["mark"] = mark or close
    told, found, n = np.array(bars, np.int64).ravel(), [], -1
    while (n := bars_closed(together.pos, together.inst, together.rules, together.limits, told, n + 1)) >= 0:
        found.append(n)
    assert found == moved == [0, 2]
    assert together.pos.tobytes() == alone.pos.tobytes()
    assert bars_closed(together.pos, together.inst, together.rules, together.limits, np.zeros(0, np.int64), 0) == -1
