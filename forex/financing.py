"""Financing of currency pairs (swap): when a day's is due, and how many days it counts. Pure.

What is held at 17:00 in New York is rolled to the next value date and earns or pays the difference of two interest rates for the days in
between: units x price x yearly rate / 365 x days (`state.booking.funding_of`). A spot trade is settled two banking days later, so the
weekend counts on Wednesday; a dollar against Canada's is settled in one, so it counts on Thursday. A venue that says its own days is
believed. Holidays of the two currencies shift days in practice; only a venue's own booking knows that. Source: oanda_v20, 5 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from forex.sessions import NEW_YORK, TURN
from state.instruments import Instrument

Ints = npt.NDArray[np.int64]
TWO_DAYS = (1, 1, 3, 1, 1, 0, 0)
"""Days charged at the turn of Monday to Sunday where a trade is settled in two banking days."""
ONE_DAY = (1, 1, 1, 3, 1, 0, 0)
QUICK = frozenset({frozenset({"USD", "CAD"})})
"""Pairs that are settled in one."""


def days_of(instrument: Instrument) -> tuple[int, ...]:
    """Days charged at the turn of each day of the week, Monday first: the venue's own, else by the pair's settlement."""
    if instrument.financing is not None and instrument.financing.days:
        return instrument.financing.days
    return ONE_DAY if frozenset({instrument.base, instrument.quote}) in QUICK else TWO_DAYS


def _turn(day: date) -> int:
    return int(datetime.combine(day, TURN, NEW_YORK).timestamp()) * 1000


def next_turn(after: int, days: Sequence[int]) -> tuple[int, int]:
    """The first time (ms UTC) after `after` at which anything is charged, and for how many days; `days` must not be all 0."""
    day = datetime.fromtimestamp(after // 1000, UTC).astimezone(NEW_YORK).date()
    while (found := _turn(day)) <= after or not days[day.weekday()]:
        day += timedelta(days=1)
    return found, days[day.weekday()]


def turns(after: int, until: int, days: Sequence[int]) -> tuple[Ints, Ints]:
    """Every time in (after, until] (ms UTC) at which something is charged, and for how many days."""
    times, counts = list[int](), list[int]()
    if any(days):
        at, count = next_turn(after, days)
        while at <= until:
            times.append(at)
            counts.append(count)
            at, count = next_turn(at, days)
    return np.array(times, np.int64), np.array(counts, np.int64)
