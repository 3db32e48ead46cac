"""How panels flow into Grafana's columns, and what of a panel becomes which field."""

from __future__ import annotations

import pytest

from deploy.dashboards.grammar import SOURCE, Page, Panel, Query, Row, Shape, dashboard, placed


def panel(title: str, width: int, height: int = 8, shape: Shape = Shape.LINES, *queries: Query) -> Panel:
    found = queries or (Query("up", "{{job}}"),)
    return Panel(title=title, text="", queries=found, unit="s", width=width, height=height, shape=shape)


def page(*rows: Row) -> Page:
    return Page("p", "P", "", rows)


def test_panels_break_where_the_next_does_not_fit() -> None:
    found = page(Row("one", (panel("a", 16, 4), panel("b", 8, 6), panel("c", 9))), Row("two", (panel("d", 24),)))
    at = {one.title: tuple(place.values()) for one, place in placed(found)}
    assert at == {
        "one": (0, 0, 24, 1),
        "a": (0, 1, 16, 4),
        "b": (16, 1, 8, 6),
        "c": (0, 7, 9, 8),
        "two": (0, 15, 24, 1),
        "d": (0, 16, 24, 8),
    }


@pytest.mark.parametrize("width", [0, 25])
def test_a_panel_that_fits_nowhere_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"wide is {width} columns"):
        dashboard(page(Row("r", (panel("wide", width),))))


def test_ids_are_given_in_reading_order() -> None:
    found = dashboard(page(Row("one", (panel("a", 8),)), Row("two", (panel("b", 8),))))
    assert [(one["id"], one["title"], one["type"]) for one in found["panels"]] == [
        (1, "one", "row"),
        (2, "a", "timeseries"),
        (3, "two", "row"),
        (4, "b", "timeseries"),
    ]
    assert found["uid"] == "trading-bot-p"


@pytest.mark.parametrize("shape", list(Shape))
def test_figures_of_now_are_asked_once_and_lines_over_time(shape: Shape) -> None:
    one = dashboard(page(Row("r", (panel("a", 8, 8, shape),))))["panels"][1]
    (target,) = one["targets"]
    assert target["instant"] is (shape in {Shape.STAT, Shape.BARS, Shape.TABLE}) is not target["range"]
    assert target["datasource"] == one["datasource"] == SOURCE and one["options"]
    assert ("custom" in one["fieldConfig"]["defaults"]) is (shape is Shape.LINES)


def test_a_table_names_its_columns_by_the_queries() -> None:
    two = dashboard(page(Row("r", (panel("a", 8, 8, Shape.TABLE, Query("x", "value"), Query("y", "bound")),))))["panels"][1]
    organize = two["transformations"][1]["options"]
    assert organize["renameByName"] == {"Value #A": "value", "Value #B": "bound"} and "Value #A" not in organize["excludeByName"]
    labels = dashboard(page(Row("r", (panel("a", 8, 8, Shape.TABLE, Query("x", "")),))))["panels"][1]
    assert labels["transformations"][1]["options"]["excludeByName"]["Value"] is True


def test_steps_words_and_limits_become_fields() -> None:
    one = Panel(
        title="a",
        text="t",
        queries=(Query("up", ""),),
        unit="s",
        shape=Shape.STAT,
        steps=((None, "green"), (2, "red")),
        words=((0, "no", "red"),),
        decimals=1,
        least=0,
    )
    found = dashboard(page(Row("r", (one,))))["panels"][1]["fieldConfig"]["defaults"]
    assert found["thresholds"]["steps"] == [{"value": None, "color": "green"}, {"value": 2, "color": "red"}]
    assert found["mappings"] == [{"type": "value", "options": {"0": {"text": "no", "color": "red", "index": 0}}}]
    assert (found["decimals"], found["min"]) == (1, 0)
