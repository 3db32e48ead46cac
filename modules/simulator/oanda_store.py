"""How the simulated OANDA account survives its own death: a small snapshot, rewritten with every change, and a log of its transactions.

Both are with the system before the request that changed something is answered. What stands in the log beyond the snapshot was never
answered and is forgotten. Prices are not kept: the market makes them again.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from modules.simulator.oanda_types import Row, State
from utils.errors import Refusal
from utils.files import atomic_write

SCHEMA = 1
NAME = "oanda.json"
LOG = "oanda-transactions.jsonl"


class Kept(msgspec.Struct, kw_only=True):
    """The content of the snapshot."""

    schema: int = SCHEMA
    token: str
    state: State


class OandaStore:
    """The two files in a venue folder; one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log: int | None = None
        self._written = 0
        """Id of the newest transaction in the log."""

    def load(self) -> tuple[Kept, list[Row]] | None:
        """Snapshot and transactions, None in an empty folder; Refusal when they are damaged or not ours (they are left as they are)."""
        file, log = self._folder / NAME, self._folder / LOG
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=Kept)
            lines = log.read_bytes().splitlines() if log.exists() else []
            rows: list[Row] = [msgspec.json.decode(one) for one in lines[: kept.state.last_id]]
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, OSError) as error:
            raise Refusal(f"{file} cannot be read as the state of a simulator: {error}") from error
        if kept.schema != SCHEMA:
            raise Refusal(f"{file} has schema {kept.schema}, this program reads {SCHEMA}")
        if len(rows) != kept.state.last_id:
            raise Refusal(f"{log} holds {len(rows)} transactions, {file} speaks of {kept.state.last_id}")
        if len(lines) > len(rows):
            atomic_write(log, b"".join(one + b"\n" for one in lines[: len(rows)]), mode=0o600)
        self._written = kept.state.last_id
        return kept, rows

    def save(self, kept: Kept, rows: list[Row]) -> None:
        """Append what is new, then replace the snapshot; Refusal when the folder cannot be written. `rows`: all, oldest first."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._log is None:
                self._log = os.open(self._folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            new = rows[len(rows) - (kept.state.last_id - self._written) :] if kept.state.last_id > self._written else []
            if new:
                os.write(self._log, b"".join(msgspec.json.encode(one) + b"\n" for one in new))
                self._written = kept.state.last_id
            draft = self._folder / f"{NAME}.draft"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.json.encode(kept))
            draft.replace(self._folder / NAME)
        except OSError as error:
            raise Refusal(f"the state folder {self._folder} cannot be written: {error}") from error

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            os.close(self._log)
            self._log = None
