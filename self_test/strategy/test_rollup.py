from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from self_test.strategy.series import M5, M15, MIDNIGHT, feed, generate, rolled
from state.rows import DAY_MS
from strategy.market import new_market
from strategy.rollup import is_pause, is_weekend

HOUR = 3_600_000


def test_primary_bars_are_the_whole_buckets_and_only_by_their_last_part() -> None:
    bars = generate(600, 1)
    expected = rolled(bars, 3)
    _, seen = feed(bars, watch=("primary_ts", "primary_high", "primary_low", "primary_close", "primary_bars"))
    for name, column in (("ts", expected.ts), ("high", expected.h), ("low", expected.l), ("close", expected.c)):
        assert np.array_equal(seen[f"primary_{name}"][2::3], column), name
    assert np.array_equal(seen["primary_bars"], np.arange(1, 601) // 3)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_bucket_that_misses_any_part_never_closes(lost: int) -> None:
    bars = generate(30, 2)
    _, seen = feed(bars.without(12 + lost, 13 + lost), watch=("primary_ts",))
    closed = sorted(set(seen["primary_ts"][2:].tolist()))
    assert closed == [MIDNIGHT + M15 * k for k in range(10) if k != 4]


def test_a_start_in_the_middle_of_a_bucket_waits_for_the_next() -> None:
    bars = generate(30, 3).cut(1, 30)
    _, seen = feed(bars, watch=("primary_ts", "primary_bars"))
    assert np.flatnonzero(np.diff(seen["primary_bars"], prepend=0))[0] == 4
    assert seen["primary_ts"][4] == MIDNIGHT + M15


@pytest.mark.parametrize("first, days", [(0, 25), (1, 24), (288, 24)])
def test_days_count_only_when_whole(first: int, days: int) -> None:
    bars = generate(288 * 25, 4).cut(first, 288 * 25)
    rows = new_market(1, M5, M15)
    feed(bars, rows)
    assert rows["day_count"][0] == days


@pytest.mark.parametrize("lost", [0, 1, 150, 287])
def test_a_day_with_a_hole_is_dropped(lost: int) -> None:
    bars = generate(288 * 5, 5)
    rows = new_market(1, M5, M15)
    feed(bars.without(288 * 2 + lost, 288 * 2 + lost + 1), rows)
    assert rows["day_count"][0] == 4


def test_daily_trend_is_the_last_close_against_its_twenty_day_mean() -> None:
    bars = generate(288 * 45, 6)
    _, seen = feed(bars, watch=("daily_sign",))
    closes = bars.c[287::288].astype(float)
    for day in range(45):
        expected = 0.0 if day < 19 else np.sign(closes[day] - closes[day - 19 : day + 1].mean())
        assert seen["daily_sign"][288 * day + 287] == expected, "known at midnight, when the day's last bar closes"
        assert (seen["daily_sign"][288 * (day + 1) : 288 * (day + 1) + 287] == expected).all()
    assert set(seen["daily_sign"]) == {-1, 0, 1}


@pytest.mark.parametrize(
    "pause, end_of_week, start_of_week, expected",
    [
        ("winter", 4 * DAY_MS + 22 * HOUR, 6 * DAY_MS + 22 * HOUR, True),
        ("summer", 4 * DAY_MS + 21 * HOUR, 6 * DAY_MS + 21 * HOUR, True),
        ("a late start", 4 * DAY_MS + 21 * HOUR, 7 * DAY_MS + 12 * HOUR, True),
        ("an hour on Tuesday", DAY_MS + 10 * HOUR, DAY_MS + 11 * HOUR, False),
        ("Saturday morning", 5 * DAY_MS + 8 * HOUR, 5 * DAY_MS + 11 * HOUR, False),
        ("five days", 3 * DAY_MS, 8 * DAY_MS, False),
    ],
)
def test_what_a_weekend_is(pause: str, end_of_week: int, start_of_week: int, expected: bool) -> None:
    assert is_weekend(MIDNIGHT + end_of_week, MIDNIGHT + start_of_week) is expected, pause


@pytest.mark.parametrize(
    "begin, end, expected",
    [
        ("2025-12-24T22:00", "2025-12-25T22:00", True),
        ("2025-12-31T18:00", "2026-01-01T22:00", True),
        ("2026-01-01T12:00", "2026-01-01T12:15", True),
        ("2026-01-01T12:15", "2026-01-01T22:00", False),
        ("2025-12-24T12:00", "2025-12-25T12:00", False),
        ("2020-12-24T19:00", "2020-12-27T22:00", True),
        ("2025-12-22T12:00", "2025-12-26T12:00", False),  # four days are no holiday
        ("2025-03-07T22:00", "2025-03-09T21:00", True),
        ("2025-03-05T22:00", "2025-03-06T21:00", False),
    ],
)
def test_a_pause_is_a_weekend_or_a_holiday(begin: str, end: str, expected: bool) -> None:
    first, last = (int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000 for text in (begin, end))
    assert is_pause(first, last) is expected
