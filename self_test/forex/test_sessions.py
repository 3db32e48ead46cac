from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forex.sessions import NEW_YORK, hours, is_open, next_close_ts, open_ms, table

MINUTE, HOUR = 60_000, 3_600_000
TIMES = st.integers(1_262_304_000_000, 1_893_456_000_000)
"""2010 to 2030."""


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    "asked, closes",
    [
        ("2025-01-08T12:00", "2025-01-10T22:00"),  # winter: 22:00 UTC
        ("2025-03-07T21:59", "2025-03-07T22:00"),  # the Friday before summer time
        ("2025-03-07T22:00", "2025-03-14T21:00"),  # from the close on the next one is asked for: summer, 21:00 UTC
        ("2025-03-10T00:00", "2025-03-14T21:00"),
        ("2025-10-31T20:00", "2025-10-31T21:00"),  # London has changed by then, New York has not
        ("2025-11-03T00:00", "2025-11-07T22:00"),
    ],
)
def test_the_week_closes_on_friday_at_17_in_new_york(asked: str, closes: str) -> None:
    assert next_close_ts(utc(asked)) == utc(closes)


@pytest.mark.parametrize(
    "at, expected",
    [
        ("2025-03-07T21:59:59", True),
        ("2025-03-07T22:00", False),
        ("2025-03-08T12:00", False),
        ("2025-03-09T20:59:59", False),
        ("2025-03-09T21:00", True),  # summer time began that morning: an hour earlier in UTC than a week before
        ("2025-11-02T21:00", False),
        ("2025-11-02T22:00", True),
    ],
)
def test_the_week_opens_on_sunday_at_17_in_new_york(at: str, expected: bool) -> None:
    assert is_open(utc(at)) is expected


def holiday(local: datetime) -> bool:
    """Christmas and New Year, each from 17:00 of the day before; their eves from 13:00 on where they are weekdays."""
    turned = local + timedelta(hours=7)  # the trading day's own date, midnight at 17:00
    eve = (local.month, local.day) in {(12, 24), (12, 31)} and local.weekday() < 5 and local.hour >= 13
    return (turned.month, turned.day) in {(12, 25), (1, 1)} or eve


@given(TIMES)
def test_open_means_between_sunday_17_and_friday_17_of_new_york(ts: int) -> None:
    local = datetime.fromtimestamp(ts // 1000, UTC).astimezone(NEW_YORK)
    day, before_turn = local.weekday(), local.hour < 17
    shut = day == 5 or (day == 4 and not before_turn) or (day == 6 and before_turn)
    assert is_open(ts) is not (shut or holiday(local))
    closes = datetime.fromtimestamp(next_close_ts(ts) // 1000, UTC).astimezone(NEW_YORK)
    weekly = (closes.weekday(), closes.hour, closes.minute, closes.second) == (4, 17, 0, 0)
    assert weekly or ((closes.month, closes.day) in {(12, 24), (12, 31)} and closes.hour in {13, 17})
    assert 0 < next_close_ts(ts) - ts <= 8 * 24 * HOUR


@given(TIMES)
def test_entries_rest_from_16_55_to_17_15_of_each_day_and_over_the_weekend(ts: int) -> None:
    local = datetime.fromtimestamp(ts // 1000, UTC).astimezone(NEW_YORK)
    now = hours(ts)
    minutes = local.hour * 60 + local.minute
    expected = not is_open(ts) or 16 * 60 + 55 <= minutes < 17 * 60 + 15
    assert (now.rest_ts <= ts < now.rest_until) is expected
    assert now.open_ts <= ts < now.rest_until


@given(TIMES, st.floats(0, 1, exclude_max=True))
def test_what_is_said_holds_until_it_says(ts: int, part: float) -> None:
    now = hours(ts)
    later = ts + int((now.rest_until - ts) * part)
    then = hours(later)
    assert (then.open_ts, then.close_ts, then.rest_ts, then.rest_until) == (now.open_ts, now.close_ts, now.rest_ts, now.rest_until)
    assert hours(now.rest_until).rest_until > now.rest_until


@given(TIMES, st.integers(1, 400), st.integers(1, 600))
def test_the_table_says_the_same_as_each_question(start: int, n: int, minutes: int) -> None:
    times = start + MINUTE * minutes * np.arange(n, dtype=np.int64)
    found = table(times)
    for k in {0, n // 3, n // 2, n - 1}:
        now = hours(int(times[k]))
        assert found[k].tolist() == [now.open_ts, now.close_ts, now.rest_ts, now.rest_until]


def test_a_week_is_168_hours_but_for_two() -> None:
    weeks, ts = [], utc("2025-01-03T00:00")
    while ts < utc("2025-12-05T00:00"):
        following = next_close_ts(ts)
        weeks.append(next_close_ts(following) - following)
        ts = following
    assert sorted(weeks) == [167 * HOUR] + [168 * HOUR] * (len(weeks) - 2) + [169 * HOUR]


@pytest.mark.parametrize(
    "at, expected",
    [
        ("2025-12-24T17:59", True),  # the eve ends at 13:00 New York
        ("2025-12-24T18:00", False),
        ("2025-12-25T21:59", False),
        ("2025-12-25T22:00", True),  # the trading day of the 26th
        ("2025-12-31T18:00", False),
        ("2026-01-01T21:59", False),
        ("2026-01-01T22:00", True),
        ("2021-12-24T18:00", False),  # a Friday: the eve runs into the weekend
        ("2021-12-26T22:00", True),
        ("2017-12-24T22:00", False),  # a Sunday: the week begins a day late
        ("2017-12-25T22:00", True),
        ("2020-12-25T22:00", False),  # a Friday that is none
        ("2020-12-27T22:00", True),
    ],
)
def test_christmas_and_new_year_are_no_trading_days(at: str, expected: bool) -> None:
    assert is_open(utc(at)) is expected


def test_a_holiday_ends_a_session_like_a_weekend() -> None:
    before = hours(utc("2025-12-24T12:00"))
    assert (before.open_ts, before.close_ts) == (utc("2025-12-21T22:00"), utc("2025-12-24T18:00"))
    assert (before.rest_ts, before.rest_until) == (utc("2025-12-24T18:00"), utc("2025-12-25T22:00"))
    after = hours(utc("2025-12-25T22:00"))
    assert (after.open_ts, after.close_ts, after.rest_until) == (
        utc("2025-12-25T22:00"),
        utc("2025-12-26T22:00"),
        utc("2025-12-25T22:15"),
    )


@given(TIMES, st.integers(0, 20 * 24))
def test_open_time_is_counted_without_weekends_and_holidays(begin: int, quarters: int) -> None:
    begin = begin // (15 * MINUTE) * (15 * MINUTE)
    end = begin + quarters * 15 * MINUTE
    assert open_ms(begin, end) == 15 * MINUTE * sum(is_open(ts) for ts in range(begin, end, 15 * MINUTE))
    assert open_ms(end, begin) == 0
