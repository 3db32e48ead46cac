"""What the program is made of: its dependencies told from those of tests, and no answer of a database never taken for a good one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy import supply
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


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins of both tools: a bill of one package, and a database that finds nothing wrong."""
    (tmp_path / "bill.json").write_text(json.dumps({"components": [component("MIT")]}))
    tool(tmp_path, "cyclonedx-py", f'cp "{tmp_path}/bill.json" "$5"')  # environment, two switches, -o, the file
    tool(tmp_path, "pip-audit", """echo '{"dependencies": [{"name": "ccxt", "version": "1", "vulns": []}], "fixes": []}'""")
    monkeypatch.setattr(supply, "TOOLS", tmp_path)
    return tmp_path


def component(licence: str) -> dict[str, Any]:
    return {"bom-ref": "ccxt==1", "name": "ccxt", "version": "1", "licenses": [{"license": {"id": licence}}]}


def tool(folder: Path, name: str, does: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)


def ran(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    return supply.main(["--folder", str(folder / "out")]), capsys.readouterr().out


def test_all_well(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = ran(tools, capsys)
    assert (
        code == 0
        and "1 packages, 1 of them the program's" in said
        and "licences: 1 allowed, 0 not" in said
        and "vulnerabilities: 0 known" in said
    )
    assert json.loads((tools / "out" / "sbom.cdx.json").read_text())["components"][0]["scope"] == "required"
    assert "| ccxt | 1 | MIT | the program | allowed |" in (tools / "out" / "licences.md").read_text()


def test_a_forbidden_licence_and_a_known_vulnerability_fail_it(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tools / "bill.json").write_text(json.dumps({"components": [component("AGPL-3.0-only")]}))
    code, said = ran(tools, capsys)
    assert code == 1 and "licence: ccxt 1: AGPL-3.0-only is forbidden" in said
    (tools / "bill.json").write_text(json.dumps({"components": [component("MIT")]}))
    row = {"name": "ccxt", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
    tool(tools, "pip-audit", f"echo '{json.dumps({'dependencies': [row]})}'; exit 1")
    code, said = ran(tools, capsys)
    assert code == 1 and "vulnerability: ccxt 1: PYSEC-1, mended in 2" in said


def test_an_unreachable_database_is_told_and_is_no_verdict(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool(tools, "pip-audit", "echo 'ConnectionError: no such host' >&2; exit 1")
    code, said = ran(tools, capsys)
    assert code == 0 and "vulnerabilities: NOT LOOKED AT" in said and "known" not in said


def test_a_database_that_does_not_answer_is_given_up(
    tools: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "pip-audit", "exec tail -f /dev/null")
    monkeypatch.setattr(supply, "DATABASE_S", 0.2)
    code, said = ran(tools, capsys)
    assert code == 0 and "vulnerabilities: NOT LOOKED AT" in said


def test_a_bill_that_cannot_be_made_is_the_end(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool(tools, "cyclonedx-py", "echo 'no such interpreter' >&2; exit 2")
    with pytest.raises(SystemExit, match="cyclonedx-py failed: no such interpreter"):
        supply.main(["--folder", str(tools / "out")])


def test_what_bandit_leaves_out_is_what_the_page_says_and_the_rest_is_scanned() -> None:
    settings = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]
    assert settings["bandit"] == {"skips": ["B311", "B404"]}
    check = (REPO / "Makefile").read_text()
    for folder in settings["coverage"]["run"]["source"]:
        assert f" {folder}" in check.partition("--configfile pyproject.toml")[2].partition("\n\n")[0], f"bandit does not look at {folder}"
