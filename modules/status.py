"""The answer to `status` and `positions`, from a running engine or from what it left on disk, in the published JSON form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from modules.engine.recovery import SCHEMA, restore
from state.journal import read_journal
from state.messages import decode_event
from state.runtime import RuntimeState, account_view
from state.store import StateStore
from utils.errors import Refusal


def status_of(state: RuntimeState, env: str, *, live: bool) -> dict[str, Any]:
    """The status document; money, prices and quantities as decimal strings, times in ms UTC venue time."""
    accounts = {str(account): msgspec.to_builtins(account_view(state, a)) for a, account in enumerate(state.accounts)}
    return {
        "env": env,
        "stage": state.stage,
        "live": live,
        "halted": any(view["halted"] is not None for view in accounts.values()),
        "time": state.ts,
        "accounts": accounts,
    }


def positions_of(status: dict[str, Any]) -> dict[str, Any]:
    """Only the open positions, by account."""
    return {account: view["open_positions"] for account, view in status["accounts"].items()}


def stored_state(folder: Path) -> RuntimeState:
    """The state of `folder` as recovery would find it, changing nothing on disk; Refusal (2) when there is none."""
    loaded = StateStore(folder, SCHEMA).peek() if folder.is_dir() else None
    if loaded is None or loaded.snapshot is None:
        raise Refusal(f"no state in {folder}; start the bot there first, or name another --env or --state-dir")
    engine = restore(loaded.snapshot)
    for _, event, _ in read_journal(folder / "journal", loaded.snapshot.seq):
        engine.process(decode_event(event))
    return engine.state
