"""Letters have the right size, holes, and widths that add up; unknown ones are drawn all the same."""

from __future__ import annotations

import numpy as np
import pytest

from telemetry.typeface import advance, fill, glyph, text_mask, text_width

SQUARE = np.array([(2.0, 2.0), (6.5, 2.0), (6.5, 5.0), (2.0, 5.0)])


def test_coverage_of_a_rectangle_is_its_area_whichever_way_it_turns() -> None:
    for outline in (SQUARE, SQUARE[::-1]):
        mask = fill([outline], 8, 10)
        assert mask.sum() == pytest.approx(4.5 * 3.0, rel=1e-6)
        assert mask[3, 4] == 1.0 and mask[3, 6] == pytest.approx(0.5) and mask[0, 0] == 0.0


def test_a_hole_is_a_contour_that_turns_the_other_way() -> None:
    hole = np.array([(3.0, 3.0), (5.0, 3.0), (5.0, 4.0), (3.0, 4.0)])
    assert fill([SQUARE, hole[::-1]], 8, 10).sum() == pytest.approx(13.5 - 2.0, rel=1e-6)


def test_what_lies_outside_the_box_is_cut_off() -> None:
    wide = np.array([(-5.0, 1.0), (50.0, 1.0), (50.0, 2.0), (-5.0, 2.0)])
    assert fill([wide], 4, 10)[1].tolist() == [1.0] * 10


def test_letters_look_like_letters() -> None:
    letter = glyph("o", 40)
    assert letter is not None
    middle = letter[(40 - 11), :]
    inside = np.flatnonzero(middle > 0.5)
    assert len(inside) < inside[-1] - inside[0], "an o has a hole"
    assert glyph(" ", 40) is None
    assert glyph("☃", 40) is glyph("?", 40) or np.array_equal(glyph("☃", 40), glyph("?", 40))  # type: ignore[arg-type]


def test_every_letter_that_reports_use_is_there() -> None:
    used = "".join(chr(code) for code in range(32, 127)) + "−·×≥≤≈–—…±→"
    assert [
        letter for letter in used if letter != "?" and advance(letter, 20) == advance("?", 20) and glyph(letter, 20) is glyph("?", 20)
    ] == []


def test_a_line_of_text_is_as_wide_as_its_letters() -> None:
    assert text_width("ab", 30) == pytest.approx(advance("a", 30) + advance("b", 30))
    mask = text_mask("ab c", 30)
    assert mask.shape == (39, int(text_width("ab c", 30)) + 3) and mask.max() == 1.0
    assert text_mask("", 30).sum() == 0.0
