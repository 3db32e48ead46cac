"""Alerts: understood by Prometheus, unit-tested, in the runbook, about series that exist, at the limits of the bot's own rules."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from config import CONFIG
from risk.drawdown import HALF, HALT, NO_ENTRIES
from self_test.conftest import REPO
from self_test.deploy.watchers import GROUPED, PROMETHEUS_FOLDER, PROMTOOL, alerts, needs_promtool, rules, selectors, series_names

RUNBOOK = (REPO / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
ALWAYS = "Watchdog"
"""Fires whatever is; who misses it is told."""
ASKED_FOR = {
    *("UnprotectedPosition", "Halted", "DrawdownHalfSize", "DrawdownNoEntries", "DrawdownLimit", "FeedStale", "ReconcileDifference"),
    *("LoopLag", "NoHeartbeat", "ThrottleBan", "DiskLow", "Demotion", ALWAYS),
}
BY_MONEY = '{{ if match "/LIVE$" $labels.account }}critical{{ else }}warning{{ end }}'
every_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
every_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *words], cwd=PROMETHEUS_FOLDER, capture_output=True, text=True, timeout=60, check=False)


@needs_promtool
@pytest.mark.parametrize(
    "words", [("check", "config", "prometheus.yml"), ("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")]
)
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    done = promtool(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_asked_for_is_there_once() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert set(names) >= ASKED_FOR and len(set(names)) == len(names)


@every_rule
def test_a_rule_reads_what_exists(rule: dict[str, Any]) -> None:
    known, read = series_names(), [name for name, _ in selectors(rule["expr"])]
    assert set(read) <= known.keys() and (read or rule.get("alert") == ALWAYS)
    labels = {label for name in read for label in known[name]} | {"instance", "job", "le"}
    assert {label for found in GROUPED.findall(rule["expr"]) for label in found.split(", ") if label} <= labels
    told = re.findall(r"\$labels\.(\w+)", str(rule.get("annotations", {})))
    assert set(told) <= labels


@every_alert
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    name = alert["alert"]
    assert alert["labels"]["severity"] in ({"none"} if name == ALWAYS else {"critical", "warning", BY_MONEY})
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
    section = SECTIONS[name]
    assert "**Means.** " in section and "**Do now.** " in section
    assert re.search(r"^```\npython main\.py \w+", section, re.MULTILINE), "a command to begin with"


def test_the_runbook_has_no_section_too_many() -> None:
    assert SECTIONS.keys() == {alert["alert"] for alert in alerts()}


@every_alert
def test_an_alert_is_tested_both_ways(alert: dict[str, Any]) -> None:
    found = yaml.safe_load((PROMETHEUS_FOLDER / "rules_test.yml").read_text(encoding="utf-8"))
    cases = [case for test in found["tests"] for case in test["alert_rule_test"] if case["alertname"] == alert["alert"]]
    assert any(case["exp_alerts"] for case in cases) and any(not case["exp_alerts"] for case in cases) != (alert["alert"] == ALWAYS)
    assert found["evaluation_interval"] == "10s", "the unit tests look as often as prometheus.yml does"


@pytest.mark.parametrize(
    "name, share, level",
    [
        ("DrawdownHalfSize", CONFIG.risk.half_drawdown, HALF),
        ("DrawdownNoEntries", CONFIG.risk.stop_drawdown, NO_ENTRIES),
        ("DrawdownLimit", CONFIG.risk.max_drawdown, HALT),
    ],
)
def test_the_steps_are_those_of_the_risk_rules(name: str, share: float, level: int) -> None:
    (alert,) = (alert for alert in alerts() if alert["alert"] == name)
    assert alert["expr"] == f"bot_drawdown_ratio >= {share:.2f} or (bot_drawdown_ratio and bot_drawdown_level >= {level})"
