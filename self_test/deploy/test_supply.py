"""What the program is made of: its dependencies told from those of tests, and no answer of a database never taken for a good one."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from deploy.supply import REPO, judge, named_in, pinned, reached, scoped, vulnerabilities

BILL: dict[str, Any] = {
    "components": [
        {"bom-ref": f"{name}==1", "name": name, "version": "1+cpu", "licenses": [{"license": {"id": licence}}]}
        for name, licence in (("Needs_One", "MIT"), ("one", "Apache-2.0"), ("linter", "GPL-3.0-only"), ("round", "MIT"))
    ],
}
ASKS = {
    "needs-one": ["one[fast]>=1 ; python_version > '3'", "linter ; extra == 'dev'", "windows ; sys_platform == 'win32'"],
    "one": ["round", "quick ; extra == 'fast'", "slow ; extra == 'slow'"],
    "round": ["one", "missing"],
    **{key: [] for key in ("quick", "slow", "linter", "windows")},
}


def test_requirements_are_read_without_options_and_comments() -> None:
    text = "# head\n-c constraints.txt\nccxt>=4.5.90  # why\npython_telegram-bot[rate-limiter]\n\ntorch==2.13.0\n"
    assert [(one.name, one.extras) for one in named_in(text)] == [
        ("ccxt", set()),
        ("python_telegram-bot", {"rate-limiter"}),
        ("torch", set()),
    ]


def test_what_the_program_needs_is_followed_to_its_end_with_the_extras_that_were_asked_for() -> None:
    assert reached(named_in("Needs_One"), lambda name: ASKS.get(name.lower().replace("_", "-"))) == {"needs-one", "one", "round", "quick"}
    scopes = {one["name"]: one["scope"] for one in scoped(BILL, {"needs-one", "one", "round"})["components"]}
    assert scopes == {"Needs_One": "required", "one": "required", "round": "required", "linter": "excluded"}


def test_the_programs_own_are_told_from_the_tests() -> None:
    needed = reached(named_in((REPO / "requirements.txt").read_text()))
    assert {"ccxt", "msgspec", "python-telegram-bot", "aiolimiter", "typing-extensions"} <= needed
    assert not needed & {"pytest", "mypy", "hypothesis", "bandit", "psycopg"}


def test_each_component_is_judged() -> None:
    wrong = {one.name: one.wrong for one in judge(scoped(BILL, {"needs-one", "one", "round"}))}
    assert wrong == {"Needs_One": "", "one": "", "round": "", "linter": "GPL-3.0-only is forbidden"}


def test_a_database_is_asked_for_versions_it_can_know() -> None:
    assert pinned(BILL).splitlines()[0] == "Needs_One==1"


def test_vulnerabilities_are_told_with_their_remedy() -> None:
    row = {"name": "one", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}, {"id": "PYSEC-2", "fix_versions": []}]}
    answer = json.dumps({"dependencies": [row, {"name": "two", "version": "1", "vulns": []}], "fixes": []}) + "\n"
    assert vulnerabilities(answer) == ["one 1: PYSEC-1, mended in 2", "one 1: PYSEC-2, mended in no version yet"]
    assert vulnerabilities(json.dumps({"dependencies": [], "fixes": []})) == []


def test_a_database_that_did_not_answer_said_nothing_good() -> None:
    assert vulnerabilities("") is None and vulnerabilities("ConnectionError: api.osv.dev") is None


def test_what_bandit_leaves_out_is_what_the_page_says_and_the_rest_is_scanned() -> None:
    settings = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]
    assert settings["bandit"] == {"skips": ["B311", "B404"]}
    check = (REPO / "Makefile").read_text()
    for folder in settings["coverage"]["run"]["source"]:
        assert f" {folder}" in check.partition("--configfile pyproject.toml")[2].partition("\n\n")[0], f"bandit does not look at {folder}"
