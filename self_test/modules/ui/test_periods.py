"""Days and weeks in UTC; what is due, what is missed, and that nothing is made twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.ui.periods import DAY_MS, Done, Kind, chosen, day_number, day_text, due, first_done, made, monday_of

TUESDAY = day_number("2025-03-04")
HOUR = DAY_MS // 24


def names(done: Done, now: int) -> list[str]:
    return [period.name for period in due(done, now)]


def test_days_have_dates_and_weeks_begin_on_monday() -> None:
    assert day_number("1970-01-01") == 0 and day_text(TUESDAY * DAY_MS + HOUR) == "2025-03-04"
    assert day_text(monday_of(TUESDAY) * DAY_MS) == "2025-03-03"
    assert monday_of(monday_of(TUESDAY)) == monday_of(TUESDAY)
    with pytest.raises(ValueError):
        day_number("4.3.2025")


def test_on_demand_it_is_the_newest_that_is_over() -> None:
    now = TUESDAY * DAY_MS + 8 * HOUR
    long_ago = (TUESDAY - 30) * DAY_MS
    assert chosen(Kind.DAILY, now, long_ago).name == "daily-2025-03-03"
    assert chosen(Kind.WEEKLY, now, long_ago).name == "weekly-2025-W09"
    stage = chosen(Kind.STAGE, now, long_ago)
    assert (stage.from_ts, stage.until_ts, stage.name) == (long_ago, now + 1, "stage-2025-03-04")


def test_a_first_day_that_is_not_over_is_told_as_such() -> None:
    now = TUESDAY * DAY_MS + 8 * HOUR
    today = chosen(Kind.DAILY, now, now - HOUR)
    assert (today.name, today.complete, today.until_ts) == ("daily-2025-03-04", False, now + 1)
    assert list(today.days) == []
    week = chosen(Kind.WEEKLY, now, now - HOUR)
    assert (week.name, week.complete, list(week.days)) == ("weekly-2025-W10", False, [TUESDAY - 1])


def test_a_day_can_be_named_and_so_can_its_week() -> None:
    now = (TUESDAY + 100) * DAY_MS
    assert chosen(Kind.DAILY, now, 0, TUESDAY).name == "daily-2025-03-04"
    week = chosen(Kind.WEEKLY, now, 0, TUESDAY)
    assert (week.name, week.complete, len(week.days)) == ("weekly-2025-W10", True, 7)
    assert chosen(Kind.DAILY, TUESDAY * DAY_MS, 0, TUESDAY + 5).from_ts > TUESDAY * DAY_MS


def test_a_new_schedule_owes_nothing_and_then_each_day_and_week() -> None:
    done = first_done(TUESDAY * DAY_MS + HOUR)
    assert names(done, TUESDAY * DAY_MS + 23 * HOUR) == []
    assert names(done, (TUESDAY + 1) * DAY_MS) == ["daily-2025-03-04"]
    assert names(done, (TUESDAY + 6) * DAY_MS) == [*(f"daily-2025-03-0{k}" for k in range(4, 10)), "weekly-2025-W10"]


def test_what_was_missed_for_long_is_made_up_for_in_weeks() -> None:
    done = first_done(TUESDAY * DAY_MS)
    found = due(done, (TUESDAY + 365) * DAY_MS)
    assert [sum(period.kind is kind for period in found) for kind in (Kind.DAILY, Kind.WEEKLY)] == [7, 5]
    assert all(period.complete for period in found)
    assert [period.until_ts for period in found] == sorted(period.until_ts for period in found)


@given(st.lists(st.integers(1, 4 * DAY_MS), max_size=40))
def test_each_is_made_once_whenever_it_is_looked(steps: list[int]) -> None:
    now = TUESDAY * DAY_MS + HOUR
    done, seen = first_done(now), []
    for step in steps:
        now += step
        for period in due(done, now):
            assert period.until_ts <= now
            seen.append(period.name)
            done = made(done, period)
        assert due(done, now) == []
        assert due(done, now - step) == [], "a clock that went back owes nothing"
    assert len(seen) == len(set(seen))
    if max(steps, default=0) <= DAY_MS:
        assert sum(name.startswith("daily") for name in seen) == now // DAY_MS - TUESDAY
