"""What `status --json` shows, whether a running engine or a stored snapshot answers."""

from __future__ import annotations

import msgspec

from state.runtime import AccountView, Readable, RuntimeState, account_view


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The bot in one object (the command line's contract): amounts as decimal strings, `time` in ms UTC venue time."""

    env: str
    stage: int
    live: bool
    """True when the running daemon answered."""
    halted: bool
    """True when any account is."""
    time: int
    accounts: dict[str, AccountView]


def status_of(state: RuntimeState, env: str) -> Status:
    """A running engine's state."""
    accounts = {str(account): account_view(state, a) for a, account in enumerate(state.accounts)}
    return Status(env=env, stage=state.stage, live=True, halted=bool(state.halted), time=state.ts, accounts=accounts)


def status_of_snapshot(stored: Readable, env: str) -> Status:
    """The readable part of a snapshot, with no daemon there to ask."""
    return Status(env=env, stage=stored.stage, live=False, halted=bool(stored.halted), time=stored.ts, accounts=stored.accounts)
