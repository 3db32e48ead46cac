"""The page: what is wrapped fits, legends go side by side as far as they fit, and the file says nothing but the picture."""

from __future__ import annotations

from matplotlib.dates import num2date
from matplotlib.lines import Line2D

from self_test.telemetry.pictures import faults, pixels, words
from telemetry.sheet import HEIGHT, LABEL, MARGIN, TICK, WIDTH, Sheet, days, number, png


def test_lines_are_as_wide_as_the_page_allows_and_break_between_words() -> None:
    sheet = Sheet("T", "s")
    text = "the quick brown fox jumps over the lazy dog " * 8
    lines = sheet.wrapped(text, LABEL, WIDTH - 2 * MARGIN).split("\n")
    assert " ".join(lines).split() == text.split() and len(lines) > 3
    drawn = [sheet.figure.text(0, 0, line, size=LABEL).get_window_extent().width for line in lines]
    assert max(drawn) <= WIDTH - 2 * MARGIN and min(drawn[:-1]) > 0.8 * (WIDTH - 2 * MARGIN)
    assert sheet.wrapped("", TICK, 100) == "" and sheet.wrapped("unbreakable", TICK, 200) == "unbreakable"


def test_a_word_wider_than_the_page_is_broken_and_what_does_not_fit_is_cut_off() -> None:
    """A path in a reason once left no room for the plot under it."""
    path = "/var/lib/bot/" + "a-long-name/" * 40
    sheet = Sheet("T", path)
    whole = sheet.wrapped(path, LABEL, WIDTH - 2 * MARGIN, 99).split("\n")
    drawn = [sheet.figure.text(0, 0, line, size=LABEL).get_window_extent().width for line in whole]
    assert "".join(whole) == path and len(whole) > 4 and max(drawn) <= WIDTH - 2 * MARGIN
    cut = sheet.wrapped(path, LABEL, WIDTH - 2 * MARGIN, 3).split("\n")
    assert len(cut) == 3 and cut[:2] == whole[:2] and cut[2].endswith(" …")
    assert sheet.wrapped("wide", TICK, 1).split("\n") == ["w", "i", "d", "e"], "and it ends"


def test_a_long_heading_and_a_long_legend_leave_the_frames_less() -> None:
    short, long = Sheet("T", "s"), Sheet("a title of many words " * 4, "and what it is about " * 12)
    short.legend([(Line2D([], []), "one"), (Line2D([], []), "two")])
    long.legend([(Line2D([], []), f"a sign of the {n}. kind") for n in range(7)])
    tops = []
    for sheet in (short, long):
        sheet.frames()
        assert faults(sheet.figure) == []
        tops.append(sheet.figure.axes[0].get_window_extent().y1)
    assert HEIGHT * 0.8 < tops[0] < HEIGHT and tops[1] < tops[0] - 200


def test_a_legend_too_wide_for_any_line_is_one_column() -> None:
    sheet = Sheet("T", "s")
    sheet.legend([(Line2D([], []), "wide " * 40), (Line2D([], []), "wider " * 40)])
    assert len(sheet.figure.legends) == 1 and len([text for text in words(sheet.figure) if text.startswith("wide")]) == 2


def test_figures_of_a_scale() -> None:
    assert [number(value) for value in (0.1 + 0.2, -1_234_567.5, 0.00025, 3.0)] == ["0.3", "−1,234,567.5", "0.00025", "3"]


def test_times_are_utc_to_the_millisecond() -> None:
    (moment,) = num2date(days([1_741_046_400_123]))
    assert moment.isoformat(timespec="milliseconds") == "2025-03-04T00:00:00.123+00:00"


def test_the_file_is_a_picture_and_nothing_else() -> None:
    picture = png(Sheet("T", "s").figure)
    assert pixels(picture).shape == (HEIGHT, WIDTH, 3) and b"tEXt" not in picture
