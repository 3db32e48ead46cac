"""Candle starts on the UTC grid, weeks on Monday, months by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modules.simulator import intervals


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("interval", "inside", "start", "after"),
    [
        ("1", "2025-03-04T08:07:30", "2025-03-04T08:07", "2025-03-04T08:08"),
        ("5", "2025-03-04T08:07:30", "2025-03-04T08:05", "2025-03-04T08:10"),
        ("240", "2025-03-04T09:00", "2025-03-04T08:00", "2025-03-04T12:00"),
        ("720", "2025-03-04T11:59", "2025-03-04T00:00", "2025-03-04T12:00"),
        ("D", "2025-03-04T23:59", "2025-03-04", "2025-03-05"),
        ("W", "2025-03-04T08:00", "2025-03-03", "2025-03-10"),
        ("W", "2025-03-03T00:00", "2025-03-03", "2025-03-10"),
        ("M", "2025-12-31T23:59", "2025-12-01", "2026-01-01"),
        ("M", "2024-02-29T12:00", "2024-02-01", "2024-03-01"),
    ],
)
def test_a_candle_contains_its_times(interval: str, inside: str, start: str, after: str) -> None:
    assert intervals.floor_start(ms(inside), interval) == ms(start)
    assert intervals.shift(ms(start), interval, 1) == ms(after)
    assert intervals.shift(ms(after), interval, -1) == ms(start)


def test_every_name_of_the_venue_is_there() -> None:
    assert intervals.INTERVALS == ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M")
    assert intervals.span("M") == 28 * intervals.DAY
    with pytest.raises(KeyError):
        intervals.span("7")
