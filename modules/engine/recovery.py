"""Start-up is recovery: the newest snapshot, the journal after it, the ledger brought up to both. A first start is the empty case.

Replaying applies each journalled event to the restored engine and compares its commands, byte for byte, with those recorded: a
difference means that the program changed what it decides, which is said and then lived with (what was done was done).
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from modules.engine.core import Engine
from state.chain import Chain
from state.ledger import Ledger, Ref, RowKind
from state.messages import Command, Record, decode_commands, decode_event, encode_commands
from state.runtime import BLOBS, RuntimeState, freeze, thaw
from state.store import Blob, Snapshot
from utils.errors import ExitCode, Refusal

SCHEMA = 1
"""Version of the snapshot's form; raise it with a migration."""


def snapshot_of(state: RuntimeState, seq: int) -> Snapshot:
    """The state after journal entry `seq`, ready to be stored (arrays are copied: the engine goes on)."""
    readable, arrays = freeze(state)
    blobs = {name: Blob(layout(array), array.tobytes()) for name, array in arrays.items()}
    return Snapshot(schema=SCHEMA, seq=seq, ts=state.ts, state=msgspec.Raw(readable), blobs=blobs)


def layout(array: Any) -> str:
    """Type and shape of an array as text; a reader with other rows can tell."""
    return f"{array.shape}|{np.lib.format.dtype_to_descr(array.dtype)}"


def restore(snapshot: Snapshot, like: RuntimeState) -> RuntimeState:
    """The state of a snapshot; `like` is an empty state of today's program, whose row layouts must be the same.

    Refusal (NO_STATE_CHAIN) when the rows were written with another layout and no migration exists.
    """
    arrays: dict[str, Any] = {}
    for name in BLOBS:
        blob, model = snapshot.blobs[name], getattr(like, name)
        expected = layout(model).partition("|")[2]
        if blob.dtype.partition("|")[2] != expected:
            raise Refusal(
                f"the stored rows '{name}' have another layout than this version of the program; restore that version, or start anew "
                "with another --state-dir",
                ExitCode.NO_STATE_CHAIN,
            )
        shape = tuple(int(size) for size in blob.dtype.partition("|")[0].strip("()").split(",") if size.strip())
        arrays[name] = np.frombuffer(blob.data, dtype=model.dtype).reshape(shape).copy()
    return thaw(bytes(snapshot.state), arrays)


def write_rows(ledger: Ledger, seq: int, commands: list[Command]) -> int:
    """Append the ledger rows among `commands` of journal entry `seq`; returns how many were new."""
    new = 0
    for index, command in enumerate(commands):
        if isinstance(command, Record):
            new += ledger.append(RowKind(command.kind), Ref(seq, index), msgspec.json.encode(command.row))
    return new


class Replayed(msgspec.Struct, frozen=True):
    """What replaying the journal tail did."""

    events: int
    rows: int
    differing: int
    """Events whose commands now would be others than those recorded."""


def replay_tail(engine: Engine, chain: Chain, after_seq: int) -> Replayed:
    """Bring the engine from its snapshot to the end of the journal, and the ledger with it.

    The ledger gets the rows that were recorded, not those a changed program would write.
    """
    events = rows = differing = 0
    for seq, event, commands in chain.journal.entries(after_seq):
        again = encode_commands(engine.process(decode_event(event)))
        differing += again != commands
        rows += write_rows(chain.ledger, seq, decode_commands(commands))
        events += 1
    return Replayed(events, rows, differing)
