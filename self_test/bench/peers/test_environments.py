from __future__ import annotations

import sys

import pytest

from bench.peers import environments
from bench.peers.environments import Missing, reason


@pytest.mark.parametrize(
    "told, said",
    [
        (
            "WARNING: a\nERROR: no wheel for this\nERROR: No matching distribution found for x\n[notice] pip",
            "ERROR: No matching distribution found for x",
        ),
        ("Traceback\n  File x\nModuleNotFoundError: No module named 'y'\n", "ModuleNotFoundError: No module named 'y'"),
        ("WARNING: only that\n\n", ""),
        ("", ""),
    ],
)
def test_the_reason_is_what_the_complaint_ends_with(told: str, said: str) -> None:
    assert reason(told) == said


def test_a_command_that_fails_is_a_reason() -> None:
    with pytest.raises(Missing, match="it cannot be"):
        environments._run([sys.executable, "-c", "import sys; sys.exit('it cannot be')"])
