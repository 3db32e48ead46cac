"""Which stretch of time a report is about, and which reports are due. Pure; days and weeks (Monday to Sunday) in UTC, by venue time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

DAY_MS = 86_400_000
WEEK_DAYS = 7
MOST_MISSED_DAYS = 7
MOST_MISSED_WEEKS = 5
"""So many missed reports are made up for; older days are in the weekly reports, everything is in the ledger."""


class Kind(StrEnum):
    """What a report covers."""

    DAILY = "daily"
    WEEKLY = "weekly"
    STAGE = "stage"
    """Everything from the first row on."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """[from_ts, until_ts), ms UTC."""

    kind: Kind
    from_ts: int
    until_ts: int
    name: str
    """Of the report's folder: `daily-2025-03-04`, `weekly-2025-W10`, `stage-2025-03-09`."""
    complete: bool
    """False: it is not over."""

    @property
    def days(self) -> range:
        """The UTC days, counted from 1970-01-01, that lie wholly in it."""
        return range(-(-self.from_ts // DAY_MS), self.until_ts // DAY_MS)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The newest scheduled reports that were made: the day, and the Monday of the week, counted from 1970-01-01."""

    day: int
    week: int


def monday_of(day: int) -> int:
    """The Monday of a day's week; 1970-01-01 was a Thursday."""
    return day - (day + 3) % WEEK_DAYS


def _length(kind: Kind) -> int:
    return WEEK_DAYS if kind is Kind.WEEKLY else 1


def named(kind: Kind, day: int) -> str:
    """The name of the report that begins on `day`."""
    date = _date(day * DAY_MS)
    year, week, _ = date.isocalendar()
    return f"weekly-{year}-W{week:02}" if kind is Kind.WEEKLY else f"{kind}-{date:%Y-%m-%d}"


def beginning(kind: Kind, day: int, now: int) -> Period:
    """The day or week that begins on `day`, up to `now` when that lies within."""
    first, end = day * DAY_MS, (day + _length(kind)) * DAY_MS
    return Period(kind=kind, from_ts=first, until_ts=min(end, max(now + 1, first)), name=named(kind, day), complete=end <= now)


def chosen(kind: Kind, now: int, first_ts: int, day: int | None = None) -> Period:
    """The period that is asked for: the one with `day` in it, else the newest that is over, else the one that is not.

    `first_ts`: of the first row there is.
    """
    today = now // DAY_MS
    if kind is Kind.STAGE:
        return Period(kind=kind, from_ts=first_ts, until_ts=now + 1, name=named(kind, today), complete=True)
    align = monday_of if kind is Kind.WEEKLY else int
    if day is not None:
        return beginning(kind, align(day), now)
    newest = beginning(kind, align(today) - _length(kind), now)
    return newest if newest.until_ts > first_ts else beginning(kind, align(today), now)


def first_done(now: int) -> Done:
    """Where a new schedule begins: nothing that was over before it is due."""
    today = now // DAY_MS
    return Done(day=today - 1, week=monday_of(today) - WEEK_DAYS)


def due(done: Done, now: int) -> list[Period]:
    """Reports to make at `now`, oldest first: each day and week that is over and was not reported, as far back as it is made up for."""
    today = now // DAY_MS
    days = range(max(done.day + 1, today - MOST_MISSED_DAYS), today)
    monday = monday_of(today)
    weeks = range(max(done.week + WEEK_DAYS, monday - MOST_MISSED_WEEKS * WEEK_DAYS), monday, WEEK_DAYS)
    found = [beginning(Kind.DAILY, day, now) for day in days] + [beginning(Kind.WEEKLY, week, now) for week in weeks]
    return sorted(found, key=lambda period: (period.until_ts, period.kind))


def made(done: Done, period: Period) -> Done:
    """What is done once `period` has been reported."""
    day = period.from_ts // DAY_MS
    if period.kind is Kind.DAILY:
        return Done(day=max(done.day, day), week=done.week)
    return Done(day=done.day, week=max(done.week, day))


def _date(ts: int) -> datetime:
    return datetime.fromtimestamp(ts / 1000, UTC)


def day_text(ts: int) -> str:
    """The UTC day of a time, as `2025-03-04`."""
    return f"{_date(ts):%Y-%m-%d}"


def day_number(text: str) -> int:
    """`2025-03-04` as days since 1970-01-01; ValueError for anything else."""
    return (datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1)
