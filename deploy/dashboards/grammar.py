"""The nouns of a dashboard (a page, its rows, their panels, their queries) and how they become the JSON that Grafana reads.

Panels flow from left to right in Grafana's 24 columns and break where the next one does not fit, so nobody counts coordinates. Ids are
given in reading order. Field names are Grafana's dashboard schema, version 39 (Grafana 10.4 and later).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

COLUMNS = 24
SCHEMA = 39
ALERTS = 'ALERTS{alertstate="firing",severity!="none"}'
"""What somebody is told of: all but Watchdog, which always fires."""
SOURCE = {"type": "prometheus", "uid": "prometheus"}
"""The data source of `deploy/grafana/provisioning`."""
PREFIX = "trading-bot"
GOOD, WARN, BAD, CALM = "green", "orange", "red", "blue"


class Shape(StrEnum):
    """What Grafana calls the kinds of panel that are used here."""

    STAT = "stat"
    LINES = "timeseries"
    BARS = "bargauge"
    TABLE = "table"
    STATES = "state-timeline"


class Query(msgspec.Struct, frozen=True):
    """PromQL, and how its series are called (`{{account}}` is a label's value); in a table the name of its column."""

    expr: str
    legend: str


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One picture. `steps`: (from this value on, colour), the first from None; `words`: a value shown as a text in a colour."""

    title: str
    text: str
    """What it says, for whoever points at the i in its corner."""
    queries: tuple[Query, ...]
    unit: str
    shape: Shape = Shape.LINES
    width: int = 8
    height: int = 8
    steps: tuple[tuple[float | None, str], ...] = ()
    words: tuple[tuple[float, str, str], ...] = ()
    decimals: int | None = None
    least: float | None = None
    stacked: bool = False


class Row(msgspec.Struct, frozen=True):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


class Page(msgspec.Struct, frozen=True):
    """One dashboard; `name` is its file and the end of its uid."""

    name: str
    title: str
    text: str
    rows: tuple[Row, ...]


def placed(page: Page) -> Iterator[tuple[Row | Panel, dict[str, int]]]:
    """Headings and panels in reading order, each with its `gridPos`; ValueError for a panel wider than the screen."""
    y = 0
    for row in page.rows:
        yield row, {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            if not 0 < panel.width <= COLUMNS:
                raise ValueError(f"{page.name}: {panel.title} is {panel.width} columns wide, of {COLUMNS}")
            if x + panel.width > COLUMNS:
                y, x, tallest = y + tallest, 0, 0
            yield panel, {"x": x, "y": y, "w": panel.width, "h": panel.height}
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def dashboard(page: Page) -> dict[str, Any]:
    """The page as Grafana's JSON."""
    return {
        "uid": f"{PREFIX}-{page.name}",
        "title": page.title,
        "description": page.text,
        "tags": [PREFIX],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": []},
        "annotations": {"list": [_alerts()]},
        "links": [_links()],
        "panels": [
            _heading(n, one, at) if isinstance(one, Row) else _panel(n, one, at) for n, (one, at) in enumerate(placed(page), start=1)
        ],
    }


def _alerts() -> dict[str, Any]:
    """Every picture shows when an alert began."""
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": BAD,
        "target": {"refId": "Anno", "expr": ALERTS, "interval": "30s"},
        "titleFormat": "{{alertname}}",
        "textFormat": "{{account}} {{feed}}",
    }


def _links() -> dict[str, Any]:
    """A menu of the other pages, which keeps the span of time."""
    return {
        "title": "Trading bot",
        "type": "dashboards",
        "tags": [PREFIX],
        "asDropdown": True,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _heading(number: int, row: Row, at: dict[str, int]) -> dict[str, Any]:
    return {"id": number, "type": "row", "title": row.title, "gridPos": at, "collapsed": False, "panels": []}


def _panel(number: int, panel: Panel, at: dict[str, int]) -> dict[str, Any]:
    now = panel.shape in {Shape.STAT, Shape.BARS, Shape.TABLE}
    table = panel.shape is Shape.TABLE
    return {
        "id": number,
        "type": str(panel.shape),
        "title": panel.title,
        "description": panel.text,
        "gridPos": at,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel.shape),
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "instant": now,
                "range": not now,
                "format": "table" if table else "time_series",
                "editorMode": "code",
            }
            for n, query in enumerate(panel.queries)
        ],
        **({"transformations": _columns(panel)} if table else {}),
    }


def _columns(panel: Panel) -> list[dict[str, Any]]:
    """One line for each set of labels; a query's legend names its column, and one without a legend is there for its labels alone."""
    one = len(panel.queries) == 1
    values = {"Value" if one else f"Value #{chr(ord('A') + n)}": query.legend for n, query in enumerate(panel.queries)}
    hidden = dict.fromkeys((*UNSHOWN, *(name for name, legend in values.items() if not legend)), True)
    names = {name: legend for name, legend in values.items() if legend}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": {"excludeByName": hidden, "renameByName": names}}]


UNSHOWN = ("Time", "__name__", "instance", "job", "alertstate")
"""Columns that are the same in every line of a table."""


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = panel.steps or ((None, CALM),)
    found: dict[str, Any] = {
        "unit": panel.unit,
        "color": {"mode": "palette-classic" if panel.shape is Shape.LINES else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]},
        "mappings": [
            {"type": "value", "options": {f"{value:g}": {"text": text, "color": color, "index": n}}}
            for n, (value, text, color) in enumerate(panel.words)
        ],
    }
    if panel.decimals is not None:
        found["decimals"] = panel.decimals
    if panel.least is not None:
        found["min"] = panel.least
    if panel.shape is Shape.LINES:
        found["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
        }
    return found


def _options(shape: Shape) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match shape:
        case Shape.STAT:
            return {"reduceOptions": last, "colorMode": "background", "graphMode": "none", "textMode": "auto", "justifyMode": "auto"}
        case Shape.BARS:
            return {"reduceOptions": last, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True}
        case Shape.TABLE:
            return {"showHeader": True, "cellHeight": "sm"}
        case Shape.STATES:
            return {"mergeValues": True, "showValue": "auto", "rowHeight": 0.8, "legend": {"displayMode": "list", "placement": "bottom"}}
        case Shape.LINES:
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
