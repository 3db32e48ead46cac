from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from risk.breakers import DAY_STOPPED, ROLLED, mark
from risk.daily_loss import DAY_MS, rolled, stopped
from self_test.fakes.books import Books, books
from utils.fixed import MONEY_SCALE

NOON = 20_000 * DAY_MS + DAY_MS // 2
EQUITY = st.integers(1, 3_000 * MONEY_SCALE)


def at(table: Books, equity: float, ts: int = NOON) -> int:
    table.acct[0]["cash"] = round(equity * MONEY_SCALE)
    return mark(table.pos, table.inst, table.acct, table.limits, 0, ts)


def opened(balance: float = 1_000) -> Books:
    table = books(balance=balance)
    table.acct[0]["day"] = NOON // DAY_MS
    return table


@given(EQUITY, EQUITY, EQUITY)
def test_a_larger_loss_stops_whenever_a_smaller_one_does(start: int, one: int, other: int) -> None:
    said = []
    for equity in (max(one, other), min(one, other)):
        table = books()
        table.acct[0]["day_start"] = start
        said.append(stopped(table.acct, table.limits, 0, equity))
    assert said[0] <= said[1]


@given(st.lists(st.tuples(EQUITY, st.integers(0, DAY_MS)), min_size=1, max_size=40))
def test_it_is_told_once_a_day_and_holds_until_the_day_ends(path: list[tuple[int, int]]) -> None:
    table, ts, told, stands = opened(), NOON, set[int](), False
    for equity, later in path:
        ts += later
        if rolled(table.acct, 0, equity, ts):
            stands = False
            assert int(table.acct[0]["day_start"]) == equity
        if stopped(table.acct, table.limits, 0, equity):
            assert ts // DAY_MS not in told
            told.add(ts // DAY_MS)
            stands = True
        assert bool(table.acct[0]["day_stopped"]) == stands
        assert int(table.acct[0]["day"]) == ts // DAY_MS


def test_daily_loss_stops_entries_until_midnight_utc() -> None:
    table = opened()
    assert at(table, 970.01) == 0
    assert at(table, 970) & DAY_STOPPED
    midnight = (NOON // DAY_MS + 1) * DAY_MS
    # A recovery does not lift it, and it is told once.
    assert at(table, 1_000, midnight - 1) == 0
    assert int(table.acct[0]["day_stopped"]) == 1
    assert at(table, 960, midnight) == ROLLED
    assert int(table.acct[0]["day_stopped"]) == 0
    assert int(table.acct[0]["day_start"]) == 960 * MONEY_SCALE
    assert at(table, 931.3, midnight + 1) == 0
    assert at(table, 931.2, midnight + 2) & DAY_STOPPED
