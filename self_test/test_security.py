"""`docs/security.md` promises what is: every test it names is there, every claim has one, and a promise about the whole code holds."""

from __future__ import annotations

import re

import pytest

from self_test.conftest import REPO
from self_test.test_layout import FLOORS, name_of, source_files
from self_test.test_pains import NAMED, defined

PAGE = (REPO / "docs" / "security.md").read_text(encoding="utf-8")
CLAIMS = [row.strip("|").split(" | ") for row in re.findall(r"^\|.*`self_test/.*\|$", PAGE, re.MULTILINE)]
EXCEPTION = re.compile(r"# (?:noqa: [A-Z0-9, ]+\d  )?(?!noqa)[^#]*[a-z]{3}[^#]*  # nosec B\d+(?:, B\d+)*$")
UNCHECKED = re.compile(r"ssl\s*=\s*False|verify\s*=\s*False|verify_ssl|CERT_NONE|check_hostname\s*=\s*False|_create_unverified_context")


@pytest.mark.parametrize("path, name", NAMED.findall(PAGE))
def test_every_test_that_is_named_is_there(path: str, name: str) -> None:
    assert (REPO / path).is_file(), path
    assert name in defined(path), f"{path} has no {name}"


def test_every_claim_of_a_table_names_a_test() -> None:
    assert len(CLAIMS) >= 20
    tables = [part for part in PAGE.split("\n\n") if part.startswith("| claim | shown by |")]
    for row in [row for part in tables for row in part.splitlines()[2:]]:
        assert NAMED.search(row.rpartition(" | ")[2]), row


@pytest.mark.parametrize(
    "line, fine",
    [
        ("run(x)  # noqa: S603  our own words  # nosec B603", True),
        ("run(x)  # our own words  # nosec B603, B607", True),
        ("run(x)  # noqa: S603  # nosec B603", False),
        ("run(x)  # nosec B603", False),
        ("run(x)  # our own words  # nosec", False),
        ("run(x)  # noqa: S603  # nosec B603  our own words", False),
    ],
)
def test_an_exception_without_rule_or_reason_is_seen(line: str, fine: bool) -> None:
    assert bool(EXCEPTION.search(line)) is fine


def test_every_exception_for_bandit_has_its_rule_and_its_reason() -> None:
    """bandit takes every word behind its own for a rule, so the reason stands before."""
    folders = (*FLOORS, "bench", "deploy")
    code = [path for folder in folders for path in (REPO / folder).rglob("*.py")]
    lines = [(name_of(path), line) for path in code for line in path.read_text(encoding="utf-8").splitlines() if "# nosec" in line]
    assert len(lines) > 10 and [one for one in lines if not EXCEPTION.search(one[1])] == []


def test_certificates_are_always_checked() -> None:
    assert UNCHECKED.search("ClientSession(ssl=False)") and UNCHECKED.search("httpx.get(url, verify = False)")
    assert [name_of(path) for path in source_files() if UNCHECKED.search(path.read_text(encoding="utf-8"))] == []
