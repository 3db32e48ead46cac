"""Bank holidays fall where the published calendars have them."""

from __future__ import annotations

from datetime import date

import pytest

from forex.options_holidays import easter, holidays
from utils.errors import Refusal


def test_easter_of_known_years() -> None:
    assert [easter(year) for year in (2008, 2011, 2024, 2025, 2038)] == [
        date(2008, 3, 23),
        date(2011, 4, 24),
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2038, 4, 25),
    ]


@pytest.mark.parametrize(
    ("currency", "day", "shut"),
    [
        ("USD", date(2025, 1, 20), True),  # Martin Luther King
        ("USD", date(2021, 6, 18), False),  # Juneteenth only from 2022 on
        ("USD", date(2022, 6, 20), True),  # ... and from its Sunday to the Monday
        ("USD", date(2026, 7, 3), False),  # 4 July 2026 is a Saturday: banks do not move it
        ("EUR", date(2025, 4, 18), True),  # Good Friday
        ("EUR", date(2025, 4, 21), True),  # Easter Monday
        ("EUR", date(2025, 5, 8), False),  # of some countries, not of TARGET
        ("JPY", date(2020, 7, 24), True),  # Olympic Sports Day
        ("JPY", date(2020, 10, 12), False),  # ... which October then did not have
        ("JPY", date(2025, 5, 6), True),  # substitute: Greenery Day was a Sunday, Children's Day a Monday
        ("JPY", date(2026, 9, 22), True),  # between two holidays
        ("JPY", date(2024, 12, 31), True),  # the banks' own
        ("CAD", date(2022, 12, 27), True),  # Christmas on a Sunday and Boxing Day move both
        ("CAD", date(2020, 9, 30), False),
        ("CAD", date(2021, 9, 30), True),
    ],
)
def test_days_that_are_and_are_not(currency: str, day: date, shut: bool) -> None:
    assert (day in holidays(currency, day.year)) is shut


def test_a_currency_without_a_table_is_refused() -> None:
    with pytest.raises(Refusal, match="no holidays of TRY"):
        holidays("TRY", 2025)
