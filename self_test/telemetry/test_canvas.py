"""Shapes land where they are asked for, with smooth edges; the file is a PNG that anybody reads."""

from __future__ import annotations

import pytest

from self_test.telemetry.pictures import count, pixels
from telemetry.canvas import BLUE, INK, RED, WHITE, Canvas


def test_an_empty_picture_is_white() -> None:
    found = pixels(Canvas(7, 5).png())
    assert found.shape == (5, 7, 3) and (found == 255).all()


def test_a_rectangle_covers_its_pixels_and_parts_of_pixels() -> None:
    canvas = Canvas(10, 10)
    canvas.rect(7, 6, 2, 2.5, BLUE)
    found = pixels(canvas.png())
    assert count(canvas.png(), BLUE) == 5 * 3
    assert tuple(found[2, 3]) == (128, 185, 217)  # half covered
    assert tuple(found[6, 3]) == WHITE and tuple(found[4, 7]) == WHITE


def test_what_falls_outside_is_cut_off() -> None:
    canvas = Canvas(10, 10)
    canvas.rect(-5, -5, 3, 3, RED)
    canvas.rect(50, 50, 60, 60, RED)
    canvas.line([(-50, -50), (-20, -30)], RED)
    canvas.line([(5, 5)], RED)
    canvas.text(-500, 5, "gone", 12, RED)
    canvas.dot(20, 20, 2, RED)
    assert count(canvas.png(), RED) == 9


def test_a_line_is_as_wide_as_asked_and_dashes_leave_gaps() -> None:
    whole, dashed = Canvas(100, 20), Canvas(100, 20)
    whole.line([(10, 10), (90, 10)], INK, 4)
    dashed.line([(10, 10), (90, 10)], INK, 4, dash=10)
    assert count(whole.png(), INK) == pytest.approx(80 * 4, rel=0.1)
    assert count(dashed.png(), INK) == pytest.approx(40 * 4 + 4 * 9, rel=0.2)
    still = Canvas(20, 20)
    still.line([(5, 5), (5, 5)], INK, 4, dash=5)
    assert count(still.png(), INK) > 0


def test_polygons_and_text_leave_ink_where_they_are() -> None:
    canvas = Canvas(200, 200)
    canvas.polygon([(10, 10), (30, 10), (10, 30)], BLUE)
    assert count(canvas.png(), BLUE) == pytest.approx(200, rel=0.15)
    canvas.text(190, 100, "right", 20, RED, align=1.0)
    canvas.text(100, 150, "up", 20, INK, align=0.5, up=True)
    found = pixels(canvas.png())
    red, ink = (found == RED).all(axis=2), (found == INK).all(axis=2)
    assert red[:, 190:].sum() == 0 and red[85:115, 130:190].sum() == red.sum() > 0
    assert ink.sum() > 0 and ink[120:185, 85:115].sum() == ink.sum()


def test_the_same_drawing_gives_the_same_bytes() -> None:
    def draw() -> bytes:
        canvas = Canvas(50, 50)
        canvas.text(5, 20, "12", 20)
        return canvas.png()

    assert draw() == draw()
