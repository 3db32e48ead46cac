"""Ticks are round, in range and apart; dates are named once and where they change."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.telemetry.pictures import pixels
from telemetry.axes import DAY, HOUR, TICK, Panel, number_ticks, padded, round_step, time_ticks, wrapped
from telemetry.canvas import GREY, INK, Canvas
from telemetry.typeface import text_width

MARCH = 1_741_046_400_000
"""2025-03-04 00:00 UTC."""


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 8))
def test_number_ticks_are_within_the_range_and_few(low: float, span: float, most: int) -> None:
    high = low + span
    if not high > low or (high - low) < abs(low) * 1e-9:
        return
    found = number_ticks(low, high, most)
    step = round_step(high - low, most)
    assert len(found) <= most + 1
    assert all(low - step * 1e-6 <= tick.value <= high + step * 1e-6 for tick in found)


def test_number_ticks_are_round_and_written_alike() -> None:
    assert [tick.text for tick in number_ticks(970, 1_130, 4)] == ["1,000", "1,050", "1,100"]
    assert [tick.text for tick in number_ticks(-0.4, 0.4, 4, " %")] == ["−0.4 %", "−0.2 %", "0.0 %", "0.2 %", "0.4 %"]
    assert [tick.text for tick in number_ticks(0, 1.08, least=1.0)] == ["0", "1"]


def test_a_range_is_never_empty() -> None:
    assert padded([5.0]) == (4.95, 5.05)
    assert padded([0.0]) == (-1e-9, 1e-9)
    low, high = padded([2.0, 4.0], 0.1, zero=True)
    assert low == pytest.approx(-0.4) and high == pytest.approx(4.4)


def test_days_are_named_with_their_year_once() -> None:
    found = time_ticks(MARCH, MARCH + 8 * DAY)
    assert [(tick.text, tick.below) for tick in found] == [("5 Mar", "2025"), ("7 Mar", ""), ("9 Mar", ""), ("11 Mar", "")]


def test_hours_are_named_with_their_day_where_it_changes() -> None:
    found = time_ticks(MARCH + 20 * HOUR, MARCH + 30 * HOUR)
    assert [(tick.text, tick.below) for tick in found] == [
        ("20:00", "4 Mar 2025"),
        ("22:00", ""),
        ("00:00", "5 Mar 2025"),
        ("02:00", ""),
        ("04:00", ""),
        ("06:00", ""),
    ]


@pytest.mark.parametrize("days", [30, 90, 200, 400, 1_500, 8_000])
def test_long_times_have_few_ticks_in_order(days: int) -> None:
    found = time_ticks(MARCH, MARCH + days * DAY)
    assert 1 <= len(found) <= 8
    assert [tick.value for tick in found] == sorted({tick.value for tick in found})
    assert found[0].below.isdigit()


@given(st.integers(0, 400 * DAY), st.integers(1, 4_000))
def test_no_two_labels_touch_and_none_leaves_the_picture(start: int, hours: int) -> None:
    class Noting(Canvas):
        def text(self, x: float, y: float, text: str, size: int, colour: object = INK, align: float = 0.0, *, up: bool = False) -> None:
            if size == TICK and not up:
                wide = text_width(text, size)
                written.append((y, x - wide * align, x + wide * (1 - align)))

    written: list[tuple[float, float, float]] = []
    canvas = Noting(600, 200)
    low, high = MARCH + start, MARCH + start + hours * HOUR
    Panel(canvas, (60, 10, 590, 90), (float(low), float(high)), (0.0, 1.0)).across(time_ticks(low, high), "time, UTC")
    written.sort()
    assert all(left >= 0 and right <= 600 for _, left, right in written)
    assert all(a[2] < b[1] for a, b in pairwise(written) if a[0] == b[0])


def test_values_land_on_their_pixels() -> None:
    canvas = Canvas(300, 300)
    panel = Panel(canvas, (100, 20, 280, 220), (0.0, 10.0), (0.0, 2.0))
    assert (panel.x(5.0), panel.y(0.0), panel.y(2.0)) == (190.0, 220.0, 20.0)
    panel.up(number_ticks(0.0, 2.0, 4), "share")
    panel.frame()
    panel.across(number_ticks(0.0, 10.0, 5), "R")
    found = pixels(canvas.png())
    assert tuple(found[120, 100]) == INK and (found[:, :45] == INK).all(axis=2).any()
    assert GREY not in {tuple(pixel) for pixel in found[:, 280:].reshape(-1, 3)}


def test_words_are_wrapped_between_words() -> None:
    assert wrapped("one two three", 20, text_width("one two", 20) + 1) == ["one two", "three"]
    assert wrapped("unbreakable", 20, 10.0) == ["unbreakable"]
    assert wrapped("", 20, 100.0) == []
