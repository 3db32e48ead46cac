"""When the foreign exchange market trades: from Sunday 17:00 to Friday 17:00 in New York, with a rest around 17:00 each day. Pure.

New York's summer time is the market's: in UTC everything here moves by an hour twice a year. Holidays are not known here. Source:
definitions, "Domains, instruments, timeframes".
"""

from __future__ import annotations

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


def _opening_day(ts: int) -> date:
    """The Sunday whose opening is the last one at or before `ts`."""
    day = datetime.fromtimestamp(ts // 1000, UTC).astimezone(NEW_YORK).date()
    sunday = day - timedelta(days=(day.weekday() + 1) % 7)
    return sunday if _at(sunday, TURN) <= ts else sunday - timedelta(days=7)


def _rests(sunday: date) -> Iterator[tuple[int, int]]:
    """The daily breaks of the session that opens on `sunday`."""
    yield _at(sunday, TURN), _at(sunday, REST_UNTIL)
    for days in range(1, 5):
        day = sunday + timedelta(days=days)
        yield _at(day, REST_FROM), _at(day, REST_UNTIL)
    friday = sunday + timedelta(days=5)
    yield _at(friday, REST_FROM), _at(friday, TURN)


def hours(ts: int) -> Hours:
    """Session and rest at `ts` (ms UTC)."""
    sunday = _opening_day(ts)
    opens, closes = _at(sunday, TURN), _at(sunday + timedelta(days=5), TURN)
    if ts >= closes:
        return Hours(ts, opens, closes, closes, _at(sunday + timedelta(days=7), TURN))
    rest_ts, rest_until = next(rest for rest in _rests(sunday) if ts < rest[1])
    return Hours(ts, opens, closes, rest_ts, rest_until)


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
