"""Every page of Grafana: ids are unique, nothing overlaps, the data source is the provisioned one, and what is asked for exists."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml

from deploy.dashboards.__main__ import FOLDER
from deploy.dashboards.pages import PAGES, file_of
from self_test.deploy.watchers import GROUPED, rules, selectors, series_names
from telemetry.metric_table import TABLE, Kind

PROVISIONING = FOLDER.parent / "provisioning"
UNITS = {"none", "short", "s", "percentunit", "bytes", "ops"}
SHARED = {"job", "instance", "le", "alertname", "alertstate", "severity"}
every_page = pytest.mark.parametrize(
    "page", [json.loads((FOLDER / file_of(page)).read_text()) for page in PAGES], ids=lambda one: one["uid"]
)


def panels(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in page["panels"] if one["type"] != "row"]


def source() -> dict[str, Any]:
    found = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text(encoding="utf-8"))
    (one,) = found["datasources"]
    assert found["apiVersion"] == 1
    return dict(one)


def test_the_pages_are_those_that_were_asked_for() -> None:
    assert [page.name for page in PAGES] == [
        *("overview", "crypto", "perps", "forex", "options"),
        *("execution", "risk", "learning", "system"),
    ]
    assert len({page.title for page in PAGES}) == len(PAGES)


@every_page
def test_ids_and_titles(page: dict[str, Any]) -> None:
    ids = [one["id"] for one in page["panels"]]
    assert len(set(ids)) == len(ids) and 0 < len(page["uid"]) <= 40
    for row in itertools.groupby(page["panels"], key=lambda one: one["type"] == "row"):
        titles = [one["title"] for one in row[1]]
        assert len(set(titles)) == len(titles), "two pictures under one heading have the same name"
    for one in panels(page):
        assert re.fullmatch(r"[A-Z][\w ,:%-]{2,34}", one["title"]) and one["description"].endswith((".", "%", "`")), one["title"]


@every_page
def test_nothing_overlaps_or_leaves_the_screen(page: dict[str, Any]) -> None:
    cells: set[tuple[int, int]] = set()
    for one in page["panels"]:
        at = one["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert own and not own & cells and at["x"] + at["w"] <= 24
        cells |= own


@every_page
def test_every_panel_asks_the_provisioned_source_in_a_unit(page: dict[str, Any]) -> None:
    wanted = {"type": source()["type"], "uid": source()["uid"]}
    for one in panels(page):
        assert one["datasource"] == wanted and one["targets"]
        assert all(target["datasource"] == wanted and target["expr"] for target in one["targets"])
        assert len({target["refId"] for target in one["targets"]}) == len(one["targets"])
        assert one["fieldConfig"]["defaults"]["unit"] in UNITS


@every_page
def test_every_metric_and_label_exists(page: dict[str, Any]) -> None:
    known = series_names()
    about = {word for row in TABLE if row.kind is Kind.INFO for word in re.findall(r"[a-z]+", row.text)}
    for one in panels(page):
        for target in one["targets"]:
            read = [name for name, _ in selectors(target["expr"])]
            assert read and set(read) <= known.keys(), target["expr"]
            labels = {label for name in read for label in known[name]} | SHARED | about
            grouped = {label for found in GROUPED.findall(target["expr"]) for label in found.split(", ") if label}
            chosen = {label for _, text in selectors(target["expr"]) for label in re.findall(r"(\w+)=", text)}
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert grouped | chosen | shown <= labels, target["expr"]


def test_a_difference_has_the_sign_of_its_title() -> None:
    told = {row.name: row.text.partition(" less ")[2] for row in TABLE}
    found = [panel for page in PAGES for row in page.rows for panel in row.panels if " less " in panel.title]
    assert len(found) == 2
    for panel in found:
        assert panel.title.partition(" less ")[2][:7] in told[panel.queries[0].expr], panel.title


def test_what_happens_a_few_times_a_day_is_asked_over_a_long_while() -> None:
    rare = ("bot_order_latency_seconds", "bot_unprotected_seconds", "bot_trade_result_ratio", "bot_training_seconds")
    found = [query.expr for page in PAGES for row in page.rows for panel in row.panels for query in panel.queries]
    asked = [expr for expr in found if any(name in expr for name in rare)]
    assert len(asked) > 8 and not [expr for expr in asked if "$__rate_interval" in expr]


def test_what_is_recorded_is_shown_or_told() -> None:
    text = " ".join(path.read_text() for path in FOLDER.glob("*.json"))
    text += " ".join(rule["expr"] for rule in rules() if "alert" in rule)
    assert [rule["record"] for rule in rules() if "record" in rule and rule["record"] not in text] == []


def test_every_metric_of_ours_is_looked_at_somewhere() -> None:
    text = " ".join(path.read_text() for path in FOLDER.glob("*.json"))
    text += " ".join(rule["expr"] for rule in rules() if "record" in rule)
    assert [row.name for row in TABLE if row.name not in text] == []


def test_grafana_finds_files_and_source() -> None:
    found = yaml.safe_load((PROVISIONING / "dashboards" / "trading-bot.yml").read_text(encoding="utf-8"))
    (provider,) = found["providers"]
    assert (found["apiVersion"], provider["type"], provider["allowUiUpdates"]) == (1, "file", False)
    assert provider["options"] == {"path": "${DASHBOARDS}"} and source()["url"] == "${PROMETHEUS_URL}"
