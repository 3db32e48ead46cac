from __future__ import annotations

from forex.sessions import hours
from modules.engine.hours import Hours
from self_test.fakes.books import books
from state.books import Rows

TUESDAY, HOUR = 1_741_046_400_000, 3_600_000
NAMES = ("open_ts", "close_ts", "rest_ts", "rest_until")


def said(inst: Rows, i: int) -> list[int]:
    return [int(inst[i][name]) for name in NAMES]


def wanted(ts: int) -> list[int]:
    now = hours(ts)
    return [now.open_ts, now.close_ts, now.rest_ts, now.rest_until]


def test_only_rows_with_a_session_are_kept_and_always_as_the_calendar_says() -> None:
    inst = books().inst
    inst[1]["session"] = 1
    keeper = Hours(inst)
    for k in range(400):
        ts = TUESDAY + k * HOUR // 2
        keeper.turn(inst, ts)
        assert said(inst, 1) == wanted(ts)
        assert said(inst, 0) == said(inst, 2) == [0, 0, 0, 0]


def test_a_time_before_what_it_knows_is_asked_for_anew() -> None:
    inst = books().inst
    inst["session"] = 2
    keeper = Hours(inst)
    keeper.turn(inst, TUESDAY + 300 * HOUR)
    keeper.turn(inst, TUESDAY)
    assert said(inst, 0) == wanted(TUESDAY)


def test_where_nothing_has_a_session_nothing_is_written() -> None:
    inst = books().inst
    Hours(inst).turn(inst, TUESDAY)
    assert not any(inst[name].any() for name in NAMES)
