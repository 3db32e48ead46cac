from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from risk.caps import capped, check
from risk.currency_caps import account_gross
from risk.rules import Rule
from risk.sizing import notional, steps_for
from self_test.fakes.books import Books, books
from self_test.risk.test_gate import INTENT, book
from state.booking import gross_of
from state.books import OPEN, PENDING
from strategy.base import C1
from utils.fixed import MONEY_SCALE

NOTIONAL = st.floats(0, 400)
WIDE = 1e9 * MONEY_SCALE


def wait(table: Books, i: int, worth: float) -> None:
    """An entry of about `worth` is in flight on row `i`, beside what is held there."""
    row = table.pos[i]
    if row["status"] != OPEN:
        row["status"] = PENDING
    row["reference"], row["side"] = 10_000, 1
    row["working"] = round(worth * MONEY_SCALE / (10_000 * int(table.inst[i]["unit"])))


def filled(held: list[float], waiting: list[float]) -> Books:
    table = books(balance=1_000)
    for i, (have, more) in enumerate(zip(held, waiting, strict=True)):
        if have:
            table.hold(i, have)
        if more:
            wait(table, i, more)
    return table


@given(st.lists(NOTIONAL, min_size=3, max_size=3), st.lists(NOTIONAL, min_size=3, max_size=3), st.booleans(), st.floats(0.001, 0.08))
def test_with_what_is_held_and_in_flight_no_entry_passes_a_cap(
    held: list[float], waiting: list[float], canary: bool, distance: float
) -> None:
    table = filled([0.0, *held[1:]], [0.0, *waiting[1:]])
    table.acct[0]["canary"] = int(canary)
    equity = 1_000 * MONEY_SCALE
    before = account_gross(table.pos, table.inst, 0)
    _, allowed = notional(table.pos, table.inst, table.acct, table.limits, 0, 1, distance, 0.002, 1e12, 1.0, 0)
    steps = steps_for(table.inst, 0, allowed, 10_000, 9_900)
    value = steps * 10_000 * int(table.inst[0]["unit"])
    assert value <= (0.02 if canary else 0.05) * equity and (value == 0 or before + value <= 0.30 * equity)
    wait(table, 0, value / MONEY_SCALE)
    assert gross_of(table.pos, table.inst, 0) <= 0.15 * equity
    assert account_gross(table.pos, table.inst, 0) == before + value


@given(st.lists(NOTIONAL, min_size=3, max_size=3), st.lists(NOTIONAL, min_size=3, max_size=3), st.integers(0, 2), st.floats(0, 50))
def test_an_order_in_flight_counts_like_a_position_of_its_size(held: list[float], waiting: list[float], at: int, more: float) -> None:
    one, other = filled(held, waiting), filled(held, waiting)
    steps = round(more * MONEY_SCALE / (10_000 * int(one.inst[at]["unit"])))
    for row, field in ((one.pos[at], "working"), (other.pos[at], "steps")):
        row["status"], row["reference"], row["mark"] = OPEN, 10_000, 10_000
        row[field] += steps
    for i in range(3):
        assert capped(one.pos, one.inst, one.acct, one.limits, i, 1, 0, WIDE) == capped(
            other.pos, other.inst, other.acct, other.limits, i, 1, 0, WIDE
        )


@given(st.lists(NOTIONAL, min_size=3, max_size=3), st.integers(0, 2), st.floats(0, 300), st.floats(0, 1e13))
def test_the_more_is_at_work_the_less_there_is_room(waiting: list[float], at: int, more: float, loss_bound: float) -> None:
    table = filled([0.0] * 3, waiting)
    _, room = capped(table.pos, table.inst, table.acct, table.limits, 0, 1, 0, loss_bound)
    assert room <= min(loss_bound, 0.15 * 1_000 * MONEY_SCALE - gross_of(table.pos, table.inst, 0))
    wait(table, at, waiting[at] + more)
    assert capped(table.pos, table.inst, table.acct, table.limits, 0, 1, 0, loss_bound)[1] <= room


@given(st.lists(NOTIONAL, min_size=3, max_size=3), st.integers(1, 10_000))
def test_what_is_sized_within_the_caps_passes_the_last_look_and_one_step_more_does_not(waiting: list[float], more: int) -> None:
    table = filled([0.0] * 3, [0.0, *waiting[1:]])
    _, room = capped(table.pos, table.inst, table.acct, table.limits, 0, 1, 0, WIDE)
    unit = int(table.inst[0]["unit"]) * INTENT.reference
    steps = int(room // unit)
    intent = msgspec.structs.replace(INTENT, steps=max(steps, 0))
    if steps > 0:
        assert check(intent, book(table)) is Rule.OK
    assert check(msgspec.structs.replace(intent, steps=intent.steps + more), book(table)) in {Rule.PAIR_LIMIT, Rule.PORTFOLIO_LIMIT}


def test_only_the_accounts_own_pairs_count() -> None:
    table = books()
    table.hold(0, 100)
    table.hold(1, 50)
    assert account_gross(table.pos, table.inst, 0) == 150 * MONEY_SCALE
    table.inst[1]["account"] = 7
    assert account_gross(table.pos, table.inst, 0) == 100 * MONEY_SCALE


def test_a_canarys_share_is_its_styles() -> None:
    table = books()
    table.acct[0]["canary"][1] = 1
    rooms = [capped(table.pos, table.inst, table.acct, table.limits, 0, 1, style, WIDE)[1] / MONEY_SCALE for style in (0, 1)]
    assert rooms == [50, 20]
    assert int(table.rules[C1]["style"]) == 0
