"""A made-up ledger on disk, where commands look for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from state.ledger import Ledger, Ref, RowKind


def store(state_dir: Path, rows: Sequence[tuple[str, bytes]], env: str = "simulated") -> Path:
    """Write the rows in order of time; returns the folder of the environment."""
    place = state_dir / env
    (place / "ledger").mkdir(parents=True)
    (state_dir / "last_env").write_text(env)
    ledger, _ = Ledger.open(place / "ledger", durable=False)

    def when(row: tuple[str, bytes]) -> int:
        values: dict[str, Any] = msgspec.json.decode(row[1])
        return int(values.get("exit_ts", values.get("ts", 0)))

    for number, (kind, text) in enumerate(sorted(rows, key=when), 1):
        ledger.append(RowKind(kind), Ref(number, 0), text)
    ledger.close()
    return place
