from __future__ import annotations

from modules.ui.about import about
from modules.ui.commands import VOCABULARY, parse


def test_help_has_every_command_or_one() -> None:
    assert len(about(parse("help")).lines) == len(VOCABULARY)
    assert about(parse("help close")).lines == ["close SYMBOL [ACCOUNT]: close a position at market"]
    assert set(about(parse("version")).data) == {"version", "python"}
