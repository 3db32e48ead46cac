from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from self_test.strategy import fx_reference
from strategy.clocks import HOUR_MS, day_number, in_rollover, in_trading_hours, london_ms, new_york_ms, year_of

DAY_MS = 86_400_000


def shown(ts: int, zone: ZoneInfo) -> int:
    """What the clock of `zone` shows, as if it were UTC."""
    return int(datetime.fromtimestamp(ts // 1000, UTC).astimezone(zone).replace(tzinfo=UTC).timestamp()) * 1000 + ts % 1000


@pytest.mark.parametrize("year", range(2010, 2041))
def test_both_clocks_show_what_the_time_zone_database_says(year: int) -> None:
    first = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000
    for ts in range(first, first + 366 * DAY_MS, 7 * HOUR_MS):
        assert new_york_ms(ts) == shown(ts, fx_reference.NEW_YORK), ts
        assert london_ms(ts) == shown(ts, fx_reference.LONDON), ts


@pytest.mark.parametrize("clock, zone", [(new_york_ms, fx_reference.NEW_YORK), (london_ms, fx_reference.LONDON)])
def test_each_change_is_right_to_the_millisecond(clock: Callable[[int], int], zone: ZoneInfo) -> None:
    start, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 for year in (2010, 2041))
    hours = np.arange(start, end, HOUR_MS)
    changes = [ts for ts in hours.tolist() if shown(ts, zone) - ts != shown(ts - 1, zone) - (ts - 1)]
    assert len(changes) == 62
    for ts in changes:
        assert (clock(ts), clock(ts - 1)) == (shown(ts, zone), shown(ts - 1, zone))


def test_days_and_years_are_those_of_the_calendar() -> None:
    for ordinal in range(date(1999, 12, 25).toordinal(), date(2041, 3, 5).toordinal(), 13):
        day = date.fromordinal(ordinal)
        number = ordinal - date(1970, 1, 1).toordinal()
        assert day_number(day.year, day.month, day.day) == number
        assert year_of(number * DAY_MS) == year_of((number + 1) * DAY_MS - 1) == day.year
    for year in range(2000, 2041):
        first = day_number(year, 1, 1) * DAY_MS
        assert (year_of(first - 1), year_of(first)) == (year - 1, year)


@pytest.mark.parametrize(
    "at, turning, working",
    [
        ("2025-03-07T22:00", True, False),  # New York 17:00 in winter
        ("2025-03-10T21:00", True, False),  # and in summer, London still in winter
        ("2025-03-10T22:00", True, False),
        ("2025-03-10T22:01", False, False),
        ("2025-03-10T20:59", False, True),
        ("2025-03-10T07:59", False, False),
        ("2025-03-10T08:00", False, True),  # London opens at 08:00 UTC until the end of March
        ("2025-03-31T07:00", False, True),  # and an hour earlier from then on
        ("2025-03-29T12:00", False, False),  # a Saturday
    ],
)
def test_hours_of_the_market(at: str, turning: bool, working: bool) -> None:
    ts = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 1000
    assert (in_rollover(ts), in_trading_hours(ts)) == (turning, working)
    assert fx_reference.working(ts) is working
