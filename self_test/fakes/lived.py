"""A state folder as a run over a made-up market would leave it: ledger, candles, settlements."""

from __future__ import annotations

from pathlib import Path

import msgspec

from modules.engine.grid import Grid
from modules.engine.replay import events_of, run_engine
from modules.learning.candles import CandleStore, Place
from modules.settings import BotConfig
from state.ledger import Ledger, Ref, RowKind
from state.messages import Command, Event, Record, encode_row


def lived(folder: Path, grid: Grid, config: BotConfig, chosen: frozenset[int]) -> Place:
    """Replay the market through the engine and keep what a run keeps."""
    ledger, _ = Ledger.open(folder / "ledger")
    seq = 0

    def keep(_event: Event, commands: list[Command]) -> None:
        nonlocal seq
        seq += 1
        for index, one in enumerate(commands):
            if isinstance(one, Record):
                ledger.append(RowKind(one.kind), Ref(seq, index), encode_row(one.row))

    run_engine(grid, config, chosen, sink=keep)
    ledger.close()
    store = CandleStore(folder, dict.fromkeys(grid.instruments, grid.confirm_ms))
    for bars in events_of(grid):
        store.observe(0, bars, [])
    store.flush()
    return Place(folder=str(folder), instruments=grid.instruments, config=config.model_dump_json())


def frozen(place: Place) -> bytes:
    """As the trainer's process is told."""
    return msgspec.json.encode(place)
