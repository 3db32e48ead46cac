"""The form of a snapshot, and the steps that lead one from every released version to it: whoever opens a state folder asks here.

To change the form add a row to `MIGRATIONS`: the number of the form it leads from, and what makes a snapshot of it one of the next.
Nothing else has to know; `self_test/releases/` holds a state of every released version to it.
"""

from __future__ import annotations

from pathlib import Path

from state.chain import Chain
from state.store import Migration, StateStore

FIRST = 1
"""The form of 0.1.0."""
MIGRATIONS: dict[int, Migration] = {}
"""Form -> what leads a snapshot of it to the next one."""


def schema() -> int:
    """The form that this program writes."""
    return FIRST + len(MIGRATIONS)


def snapshots(folder: Path) -> StateStore:
    """The snapshots of `folder`, of whatever form."""
    return StateStore(folder, schema(), MIGRATIONS)


def open_chain(folder: Path) -> Chain:
    """The durable state of `folder`; Refusal as `Chain.open`."""
    return Chain.open(folder, schema(), MIGRATIONS)
