"""What the program says of itself, in any state and without one: its commands and its version."""

from __future__ import annotations

import sys

from modules.ui.commands import VOCABULARY, Wanted
from modules.ui.operator import Answer
from modules.version import VERSION


def about(wanted: Wanted) -> Answer:
    """`help` and `version`, which need nothing."""
    if wanted.name == "version":
        python = sys.version.split()[0]
        return Answer(title=f"trading bot {VERSION}", lines=(f"Python {python}",), data={"version": VERSION, "python": python})
    name = wanted.args.get("command")
    rows = [VOCABULARY[name]] if name else list(VOCABULARY.values())
    return Answer(title="Commands", lines=[f"{one.usage}: {one.help}" for one in rows], data={one.usage: one.help for one in rows})
