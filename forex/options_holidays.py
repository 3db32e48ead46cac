"""Bank holidays of the currencies that options settle in, by rule: the days on which a currency cannot be paid. Pure.

USD: the Federal Reserve's (a holiday on a Saturday is not moved). EUR: TARGET's. JPY: the law's national holidays with their substitutes,
and the banks' own 2 and 3 January and 31 December. CAD: the federal and bank ones. Days that a parliament declares once (a coronation, an
enthronement) are known from 2020 on; before that the rules of today are used. A currency without a table is refused, not guessed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from datetime import date, timedelta

from utils.errors import Refusal

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
DAY = timedelta(days=1)

_JAPAN_MOVED = {
    2020: {date(2020, 7, 23), date(2020, 7, 24), date(2020, 8, 10)},
    2021: {date(2021, 7, 22), date(2021, 7, 23), date(2021, 8, 8)},
}
"""Marine, Sports and Mountain Day in the years of the Tokyo Olympics."""


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


def nth(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th `weekday` of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday_on_or_before(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _after_sunday(day: date) -> date:
    return day + DAY if day.weekday() == SUNDAY else day


def _after_weekend(day: date) -> date:
    return day + timedelta(days=7 - day.weekday()) if day.weekday() >= SATURDAY else day


def _usd(year: int) -> set[date]:
    fixed = [date(year, 1, 1), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    if year >= 2022:
        fixed.append(date(year, 6, 19))  # Juneteenth: law of 2021, the Federal Reserve closes from 2022 on
    return {
        *(_after_sunday(day) for day in fixed),
        nth(year, 1, MONDAY, 3),
        nth(year, 2, MONDAY, 3),
        _last_monday_on_or_before(date(year, 5, 31)),
        nth(year, 9, MONDAY, 1),
        nth(year, 10, MONDAY, 2),
        nth(year, 11, THURSDAY, 4),
    }


def _eur(year: int) -> set[date]:
    sunday = easter(year)
    return {date(year, 1, 1), sunday - 2 * DAY, sunday + DAY, date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}


def _cad(year: int) -> set[date]:
    found = {
        _after_weekend(date(year, 1, 1)),
        nth(year, 2, MONDAY, 3),
        easter(year) - 2 * DAY,
        _last_monday_on_or_before(date(year, 5, 24)),
        _after_weekend(date(year, 7, 1)),
        nth(year, 8, MONDAY, 1),
        nth(year, 9, MONDAY, 1),
        nth(year, 10, MONDAY, 2),
        _after_weekend(date(year, 11, 11)),
    }
    if year >= 2021:
        found.add(_after_weekend(date(year, 9, 30)))  # Truth and Reconciliation
    christmas = _after_weekend(date(year, 12, 25))
    boxing = _after_weekend(date(year, 12, 26))
    return found | {christmas, boxing + DAY if boxing == christmas else boxing}


def _equinox(year: int, base: float) -> int:
    """Day of the month of an equinox in Japan, 1980 to 2099 (the National Observatory's approximation)."""
    return math.floor(base + 0.242194 * (year - 1980)) - (year - 1980) // 4


def _jpy(year: int) -> set[date]:
    moved = _JAPAN_MOVED.get(year, {nth(year, 7, MONDAY, 3), nth(year, 10, MONDAY, 2), date(year, 8, 11)})
    national = moved | {
        date(year, 1, 1),
        nth(year, 1, MONDAY, 2),
        date(year, 2, 11),
        date(year, 2, 23),
        date(year, 3, _equinox(year, 20.8431)),
        date(year, 4, 29),
        *(date(year, 5, day) for day in (3, 4, 5)),
        nth(year, 9, MONDAY, 3),
        date(year, 9, _equinox(year, 23.2488)),
        date(year, 11, 3),
        date(year, 11, 23),
    }
    substitutes = set()
    for day in national:
        if day.weekday() == SUNDAY:
            free = day + DAY
            while free in national:
                free += DAY
            substitutes.add(free)
    between = {day + DAY for day in national if day + 2 * DAY in national and (day + DAY).weekday() != SUNDAY}
    return national | substitutes | between | {date(year, 1, 2), date(year, 1, 3), date(year, 12, 31)}


_RULES: dict[str, Callable[[int], set[date]]] = {"USD": _usd, "EUR": _eur, "JPY": _jpy, "CAD": _cad}


@functools.lru_cache(maxsize=256)
def holidays(currency: str, year: int) -> frozenset[date]:
    """The bank holidays of a currency in a year, weekends among them or not; Refusal where there is no table for it."""
    if currency not in _RULES:
        raise Refusal(f"no holidays of {currency} are known: options settle in {', '.join(_RULES)}")
    return frozenset(_RULES[currency](year))
