"""Venue time on a wall clock that the test moves."""

from __future__ import annotations

import pytest

from modules.simulator.clock import VenueClock


def test_it_runs_at_its_speed_and_never_past_the_end() -> None:
    clock = VenueClock(1_000_000, 100.0, end_ms=1_030_000, wall_ms=0.0)
    assert clock.target(100.0) == 1_010_000
    clock.publish(1_010_000)
    clock.publish(clock.target(300.0))
    assert clock.now_ms == 1_030_000 and clock.ended


def test_a_border_that_fell_behind_catches_up_a_quarter_second_only() -> None:
    clock = VenueClock(0, 1000.0, wall_ms=0.0)
    assert clock.target(200.0) == 200_000
    assert clock.target(5_000.0) == 250_000
    clock.publish(250_000)
    assert clock.target(5_000.0) == 250_000
    assert clock.target(5_010.0) == 260_000


def test_at_speed_one_nothing_is_given_up() -> None:
    clock = VenueClock(0, 1.0, wall_ms=0.0)
    assert clock.target(60_000.0) == 60_000


def test_held_time_stands_and_goes_on_from_there() -> None:
    clock = VenueClock(0, 10.0, wall_ms=0.0)
    clock.publish(clock.target(10.0))
    clock.hold()
    assert clock.target(9_999.0) == 100
    assert clock.achieved() is None
    clock.go_on(10_000.0)
    assert clock.target(10_010.0) == 200


def test_speed_can_change() -> None:
    clock = VenueClock(0, 10.0, wall_ms=0.0)
    clock.publish(clock.target(10.0))
    clock.set_speed(50.0, 10.0)
    assert clock.target(20.0) == 600
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="speed"):
            clock.set_speed(wrong, 10.0)


def test_achieved_speed_is_measured_over_the_last_seconds() -> None:
    clock = VenueClock(0, 1000.0, wall_ms=0.0)
    assert clock.achieved() is None
    for tick in range(1, 2000):
        wall = tick * 10.0
        clock.publish(clock.now_ms + (10_000 if wall <= 10_000 else 5_000))
        clock.note(wall)
    assert clock.achieved() == pytest.approx(500.0, rel=0.02)
