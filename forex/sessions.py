"""When the foreign exchange market trades: from Sunday 17:00 to Friday 17:00 in New York, with a rest around 17:00 each day. Pure.

New York's summer time is the market's: in UTC everything here moves by an hour twice a year. On two days it does not trade: Christmas and
New Year, each from 17:00 of the day before; their eves end early. Around them brokers differ by some hours from year to year: the table
has the earliest end that is usual, and bars that come all the same are taken. Source: definitions, "Domains, instruments, timeframes".
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

NEW_YORK = ZoneInfo("America/New_York")
TURN = time(17, 0)
"""The week opens and closes, and each day turns, at this time of New York."""
REST_FROM, REST_UNTIL = time(16, 55), time(17, 15)
"""No entries between these; on Sunday from the opening on, on Friday until the close."""

HOLIDAYS = ((12, 25), (1, 1))
"""Month and day of trading days that are none: each begins at 17:00 New York of the day before."""
EVE_ENDS = time(13, 0)
"""On the day before a holiday the market ends at this time of New York."""

Ints = npt.NDArray[np.int64]


class Hours(msgspec.Struct, frozen=True):
    """What holds at a time (ms UTC) and until `rest_until`."""

    since: int
    """The time it was asked for."""
    open_ts: int
    close_ts: int
    """Ends of the session that runs, or of the last one while the market is shut."""
    rest_ts: int
    rest_until: int
    """The present or next time without entries: a daily break, or the weekend while the market is shut."""


UNKNOWN = Hours(0, 0, 0, 0, 0)


def _at(day: date, moment: time) -> int:
    return int(datetime.combine(day, moment, NEW_YORK).timestamp()) * 1000


@functools.lru_cache(maxsize=64)
def _shut(around: date) -> tuple[tuple[int, int], ...]:
    """Weekends and holidays some three weeks around a day, [from, until) in ms UTC, ascending and apart."""
    friday = around - timedelta(days=(around.weekday() - 4) % 7 + 14)
    found = [(_at(friday + timedelta(days=7 * n), TURN), _at(friday + timedelta(days=7 * n + 2), TURN)) for n in range(6)]
    first, last = friday, friday + timedelta(days=37)
    holidays = [date(year, month, day) for year in (first.year, last.year, last.year + 1) for month, day in HOLIDAYS]
    for day in dict.fromkeys(holidays):
        if first < day < last:
            eve = day - timedelta(days=1)
            # An eve on a Saturday or Sunday has nothing to end.
            found.append((_at(eve, EVE_ENDS if eve.weekday() < 5 else TURN), _at(day, TURN)))
    merged: list[tuple[int, int]] = []
    for begin, until in sorted(found):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], until)
        else:
            merged.append((begin, until))
    return tuple(merged)


def _day(ts: int) -> date:
    return datetime.fromtimestamp(ts // 1000, UTC).astimezone(NEW_YORK).date()


def _rests(opens: int, closes: int) -> Iterator[tuple[int, int]]:
    """The daily breaks of the session between `opens` and `closes`; one that its end cuts off is the last."""
    day = _day(opens)
    while (begin := _at(day, REST_FROM)) < closes:
        until = _at(day, REST_UNTIL)
        if until > opens:
            yield max(begin, opens), min(until, closes)
        day += timedelta(days=1)


def hours(ts: int) -> Hours:
    """Session and rest at `ts` (ms UTC)."""
    shut = _shut(_day(ts))
    n = next(n for n, (_, until) in enumerate(shut) if ts < until)
    begin, until = shut[n]
    opens = shut[n - 1][1]
    if ts >= begin:
        return Hours(ts, opens, begin, begin, until)
    rest_ts, rest_until = next((rest for rest in _rests(opens, begin) if ts < rest[1]), (begin, until))
    return Hours(ts, opens, begin, rest_ts, rest_until)


def open_ms(begin: int, end: int) -> int:
    """For how long the market trades between two times (ms UTC); 0 where `end` is not later."""
    total, ts = 0, begin
    while ts < end:
        now = hours(ts)
        if ts < now.close_ts:
            total += min(end, now.close_ts) - ts
            ts = now.close_ts
        else:
            ts = now.rest_until
    return total


def is_open(ts: int) -> bool:
    """Whether the market trades at `ts` (ms UTC)."""
    return ts < hours(ts).close_ts


def next_close_ts(ts: int) -> int:
    """The first weekly close after `ts` (both ms UTC)."""
    now = hours(ts)
    return now.close_ts if ts < now.close_ts else hours(now.rest_until).close_ts


def table(times: Ints) -> Ints:
    """`open_ts, close_ts, rest_ts, rest_until` at each of `times` (ascending, ms UTC), shape (n, 4)."""
    found = np.zeros((len(times), 4), np.int64)
    k = 0
    while k < len(times):
        now = hours(int(times[k]))
        until = int(np.searchsorted(times, now.rest_until))
        found[k:until] = now.open_ts, now.close_ts, now.rest_ts, now.rest_until
        k = until
    return found
