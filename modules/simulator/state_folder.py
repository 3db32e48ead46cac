"""What the simulated venue remembers across its own death: which market it is, and up to where time was given out.

Venue time is saved before it is lived: the stored `venue_ms` is a border that the next frames may reach. After a crash time goes on from
there, so it never runs backwards for a client that saw more than was saved; what lies between was an outage.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from utils.errors import Refusal
from utils.files import atomic_write

SCHEMA = 1
NAME = "clock.json"


class Stored(msgspec.Struct, kw_only=True):
    """The content of the file."""

    schema: int = SCHEMA
    market: str
    seed: int
    start_ms: int
    venue_ms: int
    symbols: tuple[str, ...] = ()
    """Listed so far; empty = all there are."""


def load(folder: Path) -> Stored | None:
    """What is stored, None in an empty folder; Refusal when the file is not ours or damaged (it is left where it is)."""
    file = folder / NAME
    try:
        stored = msgspec.json.decode(file.read_bytes(), type=Stored)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, OSError) as error:
        raise Refusal(f"{file} cannot be read as the state of a simulator: {error}") from error
    if stored.schema != SCHEMA:
        raise Refusal(f"{file} has schema {stored.schema}, this program reads {SCHEMA}")
    return stored


def save(folder: Path, stored: Stored, *, durable: bool = True) -> None:
    """Write by temporary file and replace; `durable` also waits for the disk (a killed process needs no fsync, a power cut does)."""
    file = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if durable:
            atomic_write(file, msgspec.json.encode(stored))
        else:
            draft = file.with_suffix(".draft")
            draft.write_bytes(msgspec.json.encode(stored))
            draft.replace(file)
    except OSError as error:
        raise Refusal(f"the state folder {folder} cannot be written: {error}") from error


def check_same(stored: Stored, *, market: str | None, seed: int | None, start_ms: int | None) -> None:
    """Refusal naming the first option that asks for another venue than the stored one; options not given agree with anything."""
    asked = (("--market", market, stored.market), ("--seed", seed, stored.seed), ("--from", start_ms, stored.start_ms))
    for name, value, kept in asked:
        if value is not None and value != kept:
            raise Refusal(
                f"{name}: this state directory holds a venue with {kept}, not {value}; use another directory or leave the option out"
            )
