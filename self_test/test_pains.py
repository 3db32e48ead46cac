"""The table of `docs/pains.md` says what is: every test it names exists, and every pain that must have a scenario or contract has one."""

from __future__ import annotations

import re

import pytest

from self_test.conftest import REPO

PAGE = REPO / "docs" / "pains.md"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`((?:self_test|bench)/[\w/]+\.py)::(\w+)`")
WHOLE = ("self_test/scenarios/", "self_test/contracts/")
MUST = frozenset({*range(1, 22), 29, 31, 32, 33, 36, 38, 39, 41, 43, 44, 46, 49, 50})
"""Pains of live trading: each shown by its whole behaviour."""


def rows() -> dict[int, str]:
    """Last cell of each row, by the pain's number."""
    return {int(found[1]): found[4] for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def defined(path: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", (REPO / path).read_text(encoding="utf-8"), re.MULTILINE))


def test_every_pain_has_its_row() -> None:
    assert sorted(rows()) == list(range(1, 51))


@pytest.mark.parametrize("pain", range(1, 51))
def test_every_named_test_is_there(pain: int) -> None:
    for path, name in NAMED.findall(rows()[pain]):
        assert (REPO / path).is_file(), path
        assert name in defined(path), f"{path} has no {name}"


@pytest.mark.parametrize("pain", sorted(MUST))
def test_every_pain_of_live_crypto_is_shown_whole(pain: int) -> None:
    named = [name for path, name in NAMED.findall(rows()[pain]) if path.startswith(WHOLE)]
    assert any(name.startswith(f"test_pain_{pain:02}_") for name in named), f"pain {pain} names no test of its own in {' or '.join(WHOLE)}"


def test_every_test_of_a_pain_is_told() -> None:
    """Whoever writes one puts it into the table."""
    told = {name for cell in rows().values() for _, name in NAMED.findall(cell)}
    here = {name for place in WHOLE for path in (REPO / place).glob("test_*.py") for name in defined(path.relative_to(REPO).as_posix())}
    assert {name for name in here if re.match(r"test_pain_\d\d_", name)} - told == set()
