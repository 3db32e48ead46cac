"""What the clocks of New York and London show, for kernels: their summer times by the rules that hold since 2007 and 1996.

New York: from the second Sunday of March, 02:00 of its standard time, to the first Sunday of November, 02:00 of its summer time. London:
from the last Sunday of March to that of October, both at 01:00 UTC.
"""

from __future__ import annotations

from state.rows import DAY_MS
from utils.kernel import kernel

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
_ERA_DAYS = 146_097
"""Days of 400 years."""
_EPOCH_SHIFT = 719_468
"""Days from 0000-03-01 to 1970-01-01."""
_SUNDAY = 3
"""1970-01-04, day 3, was one."""
MARCH, OCTOBER, NOVEMBER = 3, 10, 11
SUMMER_MS = HOUR_MS


@kernel
def day_number(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms")."""
    y = year - 1 if month < MARCH else year
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * _ERA_DAYS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH_SHIFT


@kernel
def year_of(ts: int) -> int:
    """The year (UTC) of a time in ms."""
    z = ts // DAY_MS + _EPOCH_SHIFT
    era = z // _ERA_DAYS
    of_era = z - era * _ERA_DAYS
    years = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    return years + era * 400 + (1 if (5 * of_year + 2) // 153 >= 10 else 0)


@kernel
def _sunday(day: int) -> int:
    """The first Sunday at or after a day number."""
    return day + (_SUNDAY - day) % 7


@kernel
def new_york_ms(ts: int) -> int:
    """What the clock of New York shows at `ts`, as if it were UTC (both ms)."""
    year = year_of(ts)
    begins = (_sunday(day_number(year, MARCH, 1)) + 7) * DAY_MS + 7 * HOUR_MS
    ends = _sunday(day_number(year, NOVEMBER, 1)) * DAY_MS + 6 * HOUR_MS
    return ts - 5 * HOUR_MS + (SUMMER_MS if begins <= ts < ends else 0)


@kernel
def london_ms(ts: int) -> int:
    """What the clock of London shows at `ts`, as if it were UTC (both ms)."""
    year = year_of(ts)
    begins = (_sunday(day_number(year, MARCH + 1, 1)) - 7) * DAY_MS + HOUR_MS
    ends = (_sunday(day_number(year, OCTOBER + 1, 1)) - 7) * DAY_MS + HOUR_MS
    return ts + (SUMMER_MS if begins <= ts < ends else 0)


@kernel
def spans_holiday(begin: int, end: int) -> bool:
    """Whether noon (UTC) of a 25 December or 1 January lies between two times less than a year apart: days without trading."""
    year = year_of(end)
    for day in (day_number(year - 1, 12, 25), day_number(year, 1, 1), day_number(year, 12, 25)):
        if begin <= day * DAY_MS + DAY_MS // 2 < end:
            return True
    return False


@kernel
def in_rollover(ts: int) -> bool:
    """Whether `ts` lies in the hour in which the day turns, 17:00 to 18:00 New York, both ends with it.

    A bar that closes at 17:00 would be confirmed inside that hour, one that closes at 18:00 was made in it.
    """
    inside = new_york_ms(ts) % DAY_MS - 17 * HOUR_MS
    return 0 <= inside <= HOUR_MS


@kernel
def in_trading_hours(ts: int) -> bool:
    """Whether `ts` lies in the hours of London or New York: 08:00 to 17:00 of either's own clock, on its weekdays; the end is out."""
    return _at_work(london_ms(ts)) or _at_work(new_york_ms(ts))


@kernel
def _at_work(local: int) -> bool:
    weekday = (local // DAY_MS + 3) % 7
    return weekday < 5 and 8 * HOUR_MS <= local % DAY_MS < 17 * HOUR_MS
