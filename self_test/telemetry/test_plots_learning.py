from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from self_test.telemetry.pictures import faults, words
from telemetry import plots_learning as plots
from telemetry.plots_learning import Bin

DAY = 86_400_000
T0 = 1_741_132_800_000
BINS = (Bin(40, -0.1, -0.3, -0.6, 0.0), Bin(41, 0.05, 0.1, -0.2, 0.4), Bin(2, 0.2, 0.1, None, None))


def said(figure: Figure) -> str:
    """Everything that is written on a page, which can be read."""
    figure.canvas.draw()
    assert not faults(figure)
    return "\n".join([*words(figure), *(text.get_text() for legend in figure.legends for text in legend.get_texts())])


def test_parts_of_a_bar_add_up_and_are_told_as_numbers() -> None:
    figure = plots.draw_parts("Taken", "here", ("taken", "skipped"), [("trend", (3, 1_000)), ("chop", (0, 0))], "candidates")
    (frame,) = figure.axes
    assert sum(bar.get_width() for bar in frame.patches if isinstance(bar, Rectangle)) == 1_003
    told = said(figure)
    assert "3, 1,000" in told and "trend" in told and "chop" not in told and "candidates" in told
    assert len({bar.get_hatch() for bar in frame.patches}) == 2, "parts differ by more than colour"


def test_a_calibration_shows_bins_bounds_and_the_diagonal() -> None:
    figure = plots.draw_calibration("Calibration", "here", BINS)
    (frame,) = figure.axes
    assert "predicted by the policy, u in R" in said(figure) and "41" in said(figure)
    points = [line for line in frame.lines if line.get_marker() == "o"]
    assert np.asarray(points[0].get_xydata()).tolist() == [[-0.1, -0.3], [0.05, 0.1], [0.2, 0.1]]
    low, high = frame.get_ylim()
    assert low < -0.6 and high > 0.4, "no bound is cut off"


def test_curves_are_told_apart_by_line_style_too() -> None:
    figure = plots.draw_curves(
        "Curve", "here", [("ours", [(T0, 0.0), (T0 + DAY, 1.0)]), ("flat", [(T0, 0.0), (T0 + DAY, 0.0)])], "sum of R"
    )
    (frame,) = figure.axes
    assert len({line.get_linestyle() for line in frame.lines}) == 2
    assert "sum of R" in said(figure) and "time, UTC" in said(figure)


def test_the_history_shows_who_decided_and_what_changed() -> None:
    figure = plots.draw_history("Who", "here", [(T0, T0 + DAY, 0), (T0 + DAY, T0 + 3 * DAY, 1)], [(T0 + DAY, True), (T0 + 2 * DAY, False)])
    (frame,) = figure.axes
    assert [float(np.asarray(line.get_ydata())[0]) for line in frame.lines] == [0.0, 1.0, 2.35, 2.35]
    assert {line.get_marker() for line in frame.lines} >= {"^", "v"}


@pytest.mark.parametrize(
    "figure, why",
    [
        (plots.draw_parts("T", "s", ("a",), [("x", (0,))], "n"), "nothing has been decided yet"),
        (plots.draw_calibration("T", "s", ()), "no learned policy has predicted"),
        (plots.draw_curves("T", "s", [("a", [(T0, 1.0)])], "R"), "no decision has a known outcome"),
        (plots.draw_history("T", "s", (), ()), "nothing has been decided yet"),
    ],
)
def test_nothing_is_said_and_not_drawn(figure: Figure, why: str) -> None:
    assert not figure.axes and why in said(figure)


def test_pictures_have_the_size_of_a_phone_and_come_out_alike() -> None:
    one = plots.calibration("Calibration", "here", BINS)
    assert one == plots.calibration("Calibration", "here", BINS)
    for data in (
        one,
        plots.parts("T", "s", ("a", "b"), [("x", (1, 2))], "n"),
        plots.curves("T", "s", [("a", [(T0, 0.0), (T0 + DAY, 1.0)])], "R"),
        plots.history("T", "s", [(T0, T0 + DAY, 2)], ()),
    ):
        assert Image.open(io.BytesIO(data)).size == (1080, 1350)
