"""What exploring with real money has lost, by UTC day."""

from __future__ import annotations

import pytest

from state.exploring import DAY_MS, LiveTrial

TODAY = 20_000


@pytest.mark.parametrize(
    ("days", "today", "month"),
    [
        ({}, 0, 0),
        ({TODAY: -5}, 5, 5),
        ({TODAY: 5, TODAY - 1: -7}, 0, 2),
        ({TODAY: 5}, 0, 0),
        ({TODAY - 29: -3, TODAY: -1}, 1, 4),
        ({TODAY - 30: -3, TODAY: -1}, 1, 1),
    ],
)
def test_what_was_lost_is_counted_in_whole_days(days: dict[int, int], today: int, month: int) -> None:
    trial = LiveTrial(days=days)
    for ts in (TODAY * DAY_MS, (TODAY + 1) * DAY_MS - 1):
        assert (trial.lost(ts, 1), trial.lost(ts, 30)) == (today, month)


def test_a_trade_is_booked_on_its_day_and_what_nobody_looks_at_is_dropped() -> None:
    trial = LiveTrial(on=True, days={TODAY - 30: -9, TODAY - 29: -1})
    found = trial.booked(TODAY * DAY_MS + 5, -2).booked(TODAY * DAY_MS + 9, 3)
    assert found == LiveTrial(on=True, days={TODAY - 29: -1, TODAY: 1})
