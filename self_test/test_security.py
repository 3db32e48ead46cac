"""`docs/security.md` promises what is: every test it names is there, every claim has one, and a promise about the whole code holds."""

from __future__ import annotations

import re

import pytest

from self_test.conftest import REPO
from self_test.test_layout import name_of, source_files
from self_test.test_pains import NAMED, defined

PAGE = (REPO / "docs" / "security.md").read_text(encoding="utf-8")
CLAIMS = [row.strip("|").split(" | ") for row in re.findall(r"^\|.*`self_test/.*\|$", PAGE, re.MULTILINE)]
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


def test_certificates_are_always_checked() -> None:
    assert UNCHECKED.search("ClientSession(ssl=False)") and UNCHECKED.search("httpx.get(url, verify = False)")
    assert [name_of(path) for path in source_files() if UNCHECKED.search(path.read_text(encoding="utf-8"))] == []
